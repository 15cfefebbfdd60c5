// Grants over the whole installation: who lets which client do what. Looked for, looked at, ended one by one or many at once.
import { z } from 'zod'
import { ACCESS } from '../../config/access.ts'
import type { GrantDetail } from '../grants/grant-detail.ts'
import type { GrantEvents } from '../grants/grant-events.ts'
import type { GrantFilter } from '../grants/grant-filter.ts'
import type { GrantPreview } from '../grants/grant-preview.ts'
import type { GrantPlace, GrantSearch } from '../grants/grant-search.ts'
import type { Cursors } from '../http/cursors.ts'
import { HttpProblem } from '../http/problems.ts'
import type { BulkEnds } from '../revocation-jobs/bulk-ends.ts'
import type { SessionSearch } from '../sessions/session-search.ts'
import { bulkRoute, previewExtent } from './bulk.ts'
import { type ApiRoute, route } from './route.ts'
import {
  grantShape,
  guardShape,
  notificationShape,
  revocationShape,
  showGrant,
  showGuard,
  showNotification,
  showRevocation,
} from './session-tree.ts'
import { sessionShape, showSession } from './sessions.ts'
import { ended, flagAsked, momentAsked, name, notFound, pageOf, paging, reason, secondsAsked } from './shapes.ts'

/** What the routes call. */
export interface GrantRoutesDeps {
  readonly cursors: Cursors
  readonly search: GrantSearch
  readonly events: Pick<GrantEvents, 'revokeMany'>
  readonly ends: BulkEnds<GrantFilter, GrantPreview>
  readonly detail: (grantId: string) => Promise<GrantDetail | undefined>
  readonly session: SessionSearch['find']
  /** The id of the account that an id or an e-mail address names, as long as there is one. */
  readonly accountIdOf: (name: string) => Promise<string | undefined>
  /** The id of the account that had something, by its id or e-mail address; an id is taken as it is. */
  readonly ownerIdOf: (name: string) => Promise<string | undefined>
}

const filters = {
  account: name.optional().meta({ description: 'An account, by its id or e-mail address.' }),
  client: name.optional().meta({ description: 'A client, by its client_id.' }),
  session: name.optional().meta({ description: 'The session in which it was given, by its id.' }),
  scope: name.optional().meta({ description: 'A scope that it reaches, of OpenID Connect or of any API.' }),
  resource: name.optional().meta({ description: 'An API that it reaches, by its identifier.' }),
  active: flagAsked.optional().meta({ description: 'Whether the grant is live.' }),
  state: z.enum(['live', 'ended', 'expired'], 'it must be live, ended or expired').optional(),
  since: momentAsked.optional().meta({ description: 'Given at that time or later.' }),
  before: momentAsked.optional().meta({ description: 'Given before that time.' }),
  idle: secondsAsked.optional().meta({ description: 'Not refreshed for so many seconds.' }),
  not_kept_in: name
    .optional()
    .meta({ description: 'Neither it nor a refresh token of it was said to stay in this session audit, by its id.' }),
}

/** As a JSON body has them. */
const bodyFilters = {
  ...filters,
  active: z.boolean('it must be true or false').optional(),
  idle: z.int('it must be a whole number').min(0).max(3_153_600_000).optional(),
}

const grantDetailShape = grantShape
  .extend({
    session: sessionShape.nullable(),
    revocations: z.array(revocationShape),
    logout_notifications: z.array(notificationShape),
    guards: z.array(guardShape),
  })
  .meta({ id: 'GrantDetail' })

export const grantPreviewShape = z
  .object({
    dry_run: z.literal(true),
    grants: z.int(),
    ...previewExtent,
    accounts: z.int(),
    refresh_families: z.int(),
    logout_notifications: z.int(),
    people: z.array(z.object({ id: z.string(), email: z.string(), grants: z.int() })),
    clients: z.array(z.object({ id: z.string(), name: z.string(), grants: z.int() })),
  })
  .meta({ id: 'GrantPreview' })

const id = z.strictObject({ id: name })

/** Makes the routes. */
export function grantRoutes(deps: GrantRoutesDeps): ApiRoute[] {
  const bulk = bulkRoute({
    noun: 'grants',
    name: 'revokeGrants',
    tag: 'Grants',
    access: ACCESS.grants.revoke,
    filters: z.strictObject(bodyFilters),
    goesToJob: 'finds more, or asks for `idle`',
    previewShape: grantPreviewShape,
    ends: deps.ends,
    filterOf: (asked) => filterOf(asked, deps.accountIdOf),
  })
  return [listRoute(deps), getRoute(deps), deleteRoute(deps), bulk]
}

function listRoute({ search, cursors, ownerIdOf }: GrantRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/grants',
    name: 'listGrants',
    tag: 'Grants',
    summary: 'List grants, the latest first',
    description: 'By `idle` a page may be short, or empty, and there are more: `next_cursor` says so.',
    access: ACCESS.grants.read,
    query: z.strictObject({ ...filters, ...paging }),
    outcomes: { 200: { description: 'A page.', schema: pageOf(grantShape) } },
    async handle({ query: { limit, cursor, ...asked } }) {
      const filter = await filterOf(asked, ownerIdOf)
      if (filter === undefined) return { body: { items: [], next_cursor: null } }
      const list = `grants ${JSON.stringify(filter)}`
      const after = cursor === undefined ? undefined : placeOf(cursors.read(list, cursor))
      const { grants, next } = await search.page({ filter, limit, ...(after === undefined ? {} : { after }) })
      const nextCursor = next === undefined ? null : cursors.write(list, [next.createdAt.getTime(), next.id])
      return { body: { items: grants.map(showGrant), next_cursor: nextCursor } }
    },
  })
}

function placeOf([at, last]: readonly (string | number)[]): GrantPlace {
  return { createdAt: new Date(Number(at)), id: String(last) }
}

function getRoute({ detail, session }: GrantRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/grants/:id',
    name: 'getGrant',
    tag: 'Grants',
    summary: 'A grant with everything that hangs from it, and its session',
    access: ACCESS.grants.read,
    params: id,
    outcomes: { 200: { description: 'The grant.', schema: grantDetailShape } },
    async handle({ params }) {
      const found = await detail(params.id)
      if (found === undefined) throw notFound('grant')
      const { grant, revocations, notifications, guards } = found
      const bornIn = grant.sessionId === undefined ? undefined : await session(grant.sessionId)
      return {
        body: {
          ...showGrant(grant),
          session: bornIn === undefined ? null : showSession(bornIn),
          revocations: revocations.map(showRevocation),
          logout_notifications: notifications.map(showNotification),
          guards: guards.map(showGuard),
        },
      }
    },
  })
}

function deleteRoute({ search, events }: GrantRoutesDeps): ApiRoute {
  return route({
    method: 'delete',
    path: '/grants/:id',
    name: 'revokeGrant',
    tag: 'Grants',
    summary: 'End a grant with everything that hangs from it, and tell its app',
    description: 'One that is over already is not ended once more; the counts say what still hung from it.',
    access: ACCESS.grants.revoke,
    params: id,
    body: z.strictObject({ reason }),
    bodyOptional: true,
    outcomes: { 200: { description: 'What was ended.', schema: ended } },
    async handle({ params, body, change }) {
      if ((await search.find(params.id)) === undefined) throw notFound('grant')
      return { body: await events.revokeMany([params.id], change(body.reason)) }
    },
  })
}

type GrantsAsked = z.output<z.ZodObject<typeof filters>>

/** Undefined when it asks for an account that `accountIdOf` does not know. */
async function filterOf(asked: GrantsAsked, accountIdOf: GrantRoutesDeps['accountIdOf']): Promise<GrantFilter | undefined> {
  const { account, client, session, active, idle, state, ...rest } = asked
  const accountId = account === undefined ? undefined : await accountIdOf(account)
  if (account !== undefined && accountId === undefined) return undefined
  if (state !== undefined && active !== undefined) {
    throw new HttpProblem(400, 'Not what was expected', '`active` and `state` say the same: use one of them.', {
      type: 'invalid-request',
    })
  }
  const wanted = {
    ...rest,
    accountId,
    clientId: client,
    sessionId: session,
    idleSeconds: idle,
    state: active === undefined ? state : active ? 'live' : undefined,
    over: active === false ? true : undefined,
  }
  return Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined))
}
