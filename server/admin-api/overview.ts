// How the server fares, by the admin API: what the first page of the console tells, in one answer.
import { z } from 'zod'
import { ACCESS } from '../../config/access.ts'
import type { SecretAges } from '../clients/secret-ages.ts'
import type { EventBucket, EventCounts } from '../overview/event-counts.ts'
import type { Figure } from '../overview/figures.ts'
import type { DutyNow, LookOver, Overview } from '../overview/overview.ts'
import { type ApiRoute, route } from './route.ts'
import { moment } from './shapes.ts'

/** What the route calls. */
export interface OverviewRoutesDeps {
  readonly overview: LookOver
}

const bucket = z
  .object({
    at: moment,
    succeeded: z.int(),
    failed: z.int(),
    reused: z.int().meta({ description: 'Refresh tokens and authorization codes that came twice.' }),
  })
  .meta({ id: 'EventBucket' })

const figure = z
  .object({ count: z.int(), as_of: moment })
  .nullable()
  .meta({ id: 'Figure', description: 'A number, and when it was counted. Null: not yet, or the caller may not see it.' })

const dutyShape = z
  .object({
    name: z.string(),
    question: z.string(),
    state: z.enum(['done', 'due', 'overdue']),
    due_at: moment.nullable().meta({ description: 'When it is due, or has been since.' }),
    says: z.string(),
    todo: z.string().nullable(),
    href: z.string().meta({ description: 'The page of the console on which it is done.' }),
  })
  .meta({ id: 'Duty' })

const overviewShape = z
  .object({
    at: moment,
    sign_ins: z
      .object({
        as_of: moment.nullable().meta({ description: 'What happened before is counted. Null: nothing is yet.' }),
        hours: z.array(bucket).meta({ description: 'The last 24, the earliest first; the last one is not over yet.' }),
        days: z.array(bucket).meta({ description: 'The last 7 (UTC), the earliest first; the last one is not over yet.' }),
      })
      .nullable(),
    active_sessions: figure,
    active_grants: figure,
    locked_accounts: figure,
    signing_keys: z
      .array(
        z.object({
          kid: z.string(),
          alg: z.string(),
          status: z.enum(['announced', 'signing']),
          signing_since: moment.nullable(),
          due_at: moment.nullable().meta({ description: 'When it should be replaced.' }),
        }),
      )
      .nullable(),
    client_secrets: z
      .object({
        clients: z
          .int()
          .meta({ description: 'That have one. Of each the newest counts; up to 5,000 are looked at, the oldest first.' }),
        under_30_days: z.int(),
        under_60_days: z.int(),
        under_90_days: z.int(),
        older: z.int(),
        oldest_at: moment.nullable(),
      })
      .nullable(),
    duties: z.array(dutyShape).meta({ description: 'What is overdue first, then what is due.' }),
  })
  .meta({ id: 'Overview' })

/** Makes the route. */
export function overviewRoutes({ overview }: OverviewRoutesDeps): ApiRoute[] {
  return [
    route({
      method: 'get',
      path: '/overview',
      name: 'getOverview',
      tag: 'Overview',
      summary: 'How the server fares, and what is to be done',
      description:
        'A part is null for callers who lack the scope or the role of what it tells: `audit:read` for sign-ins, `grants:read`, `accounts:read`, `keys:read`, `clients:read`; duties are those that the caller may look at. Sign-ins and locked accounts are counted every ten seconds, sessions and grants every half minute, or every ten minutes where there are very many.',
      access: ACCESS.overview.read,
      outcomes: { 200: { description: 'The overview.', schema: overviewShape } },
      async handle({ may }) {
        return { body: show(await overview(may)) }
      },
    }),
  ]
}

function show({ now, events, sessions, grants, accounts, keys, secrets, duties }: Overview) {
  return {
    at: now,
    sign_ins: events === undefined ? null : showEvents(events),
    active_sessions: showFigure(sessions?.live),
    active_grants: showFigure(grants?.live),
    locked_accounts: showFigure(accounts?.locked),
    signing_keys:
      keys?.map(({ kid, alg, status, signingSince, due }) => ({
        ...{ kid, alg, status, signing_since: signingSince ?? null },
        due_at: due?.what === 'rotate' ? due.at : null,
      })) ?? null,
    client_secrets: secrets === undefined ? null : showSecrets(secrets),
    duties: duties.map(showDuty),
  }
}

function showEvents({ asOf, hours, days }: EventCounts) {
  const showBucket = ({ at, signedIn, failed, reused }: EventBucket) => ({ at, succeeded: signedIn, failed, reused })
  return { as_of: asOf ?? null, hours: hours.map(showBucket), days: days.map(showBucket) }
}

function showFigure(counted: Figure | undefined) {
  return counted === undefined ? null : { count: counted.count, as_of: counted.asOf }
}

function showSecrets({ clients, underMonth, underTwoMonths, underThreeMonths, older, oldest }: SecretAges) {
  const ages = { under_30_days: underMonth, under_60_days: underTwoMonths, under_90_days: underThreeMonths, older }
  return { clients, ...ages, oldest_at: oldest?.at ?? null }
}

function showDuty({ name, question, state, at, says, todo, href }: DutyNow) {
  return { name, question, state, due_at: at ?? null, says, todo: todo ?? null, href }
}
