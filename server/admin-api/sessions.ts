// Sessions over the whole installation: looked for, looked at, ended one by one or many at once.
import { z } from 'zod'
import { ACCESS } from '../../config/access.ts'
import { isNetwork } from '../../config/network.ts'
import type { Cursors } from '../http/cursors.ts'
import { HttpProblem } from '../http/problems.ts'
import type { BulkEnds } from '../revocation-jobs/bulk-ends.ts'
import type { RevocationJobs } from '../revocation-jobs/revocation-jobs.ts'
import type { SessionEvents } from '../sessions/session-events.ts'
import type { SessionFilter } from '../sessions/session-filter.ts'
import type { SessionPreview } from '../sessions/session-preview.ts'
import type { SessionItem, SessionSearch } from '../sessions/session-search.ts'
import { bulkRoute, previewExtent } from './bulk.ts'
import { revocationJobRoutes } from './revocation-jobs.ts'
import { type ApiRoute, route } from './route.ts'
import { type ShowTree, sessionTreeShape } from './session-tree.ts'
import {
  ended,
  flagAsked,
  moment,
  momentAsked,
  name,
  notFound,
  ownerShape,
  pageOf,
  paging,
  readPage,
  reason,
  secondsAsked,
  showOwner,
  wholeNumber,
} from './shapes.ts'

/** What the routes call. */
export interface SessionRoutesDeps {
  readonly cursors: Cursors
  readonly search: SessionSearch
  readonly events: Pick<SessionEvents, 'revoke'>
  readonly jobs: Pick<RevocationJobs, 'find' | 'list'>
  readonly ends: BulkEnds<SessionFilter, SessionPreview>
  readonly tree: ShowTree
  /** The id of the account that an id or an e-mail address names, as long as there is one. */
  readonly accountIdOf: (name: string) => Promise<string | undefined>
  /** The id of the account that had something, by its id or e-mail address; an id is taken as it is. */
  readonly ownerIdOf: (name: string) => Promise<string | undefined>
}

const filters = {
  account: name.optional().meta({ description: 'An account, by its id or e-mail address.' }),
  client: name.optional().meta({ description: 'A client that was signed in to, by its client_id.' }),
  ip: z
    .string()
    .max(60)
    .refine(isNetwork, 'it must be an address such as 192.0.2.7, or a network such as 192.0.2.0/24')
    .optional()
    .meta({ description: 'An address, or a network as CIDR.' }),
  method: name.optional().meta({ description: 'How the person signed in: an RFC 8176 `amr` value such as `pwd`.' }),
  active: flagAsked.optional().meta({ description: 'Whether the session is live.' }),
  state: z.enum(['live', 'ended', 'expired'], 'it must be live, ended or expired').optional(),
  since: momentAsked.optional().meta({ description: 'Started at that time or later.' }),
  before: momentAsked.optional().meta({ description: 'Started before that time.' }),
  idle: secondsAsked.optional().meta({ description: 'Not used for so many seconds.' }),
  administrators: flagAsked.optional().meta({ description: 'Of accounts with a role.' }),
  more_than: wholeNumber(1, 1000).optional().meta({ description: 'Of accounts with more live sessions than this.' }),
  new_device: flagAsked.optional().meta({ description: 'From a device that the account had no session on before.' }),
  not_kept_in: name.optional().meta({ description: 'Not said to stay in this session audit, by its id.' }),
}

/** As a JSON body has them: the same names, and values that are what they are. */
const bodyFilters = {
  ...filters,
  active: z.boolean('it must be true or false').optional(),
  administrators: z.boolean('it must be true or false').optional(),
  new_device: z.boolean('it must be true or false').optional(),
  idle: z.int('it must be a whole number').min(0).max(3_153_600_000).optional(),
  more_than: z.int('it must be a whole number').min(1).max(1000).optional(),
}

export const sessionShape = z
  .object({
    id: z.string().meta({ example: 'ses_9QxJ…' }),
    account: ownerShape,
    device: z.string().meta({ example: 'Chrome on Windows' }),
    user_agent: z.string().nullable(),
    address: z.string().nullable(),
    methods: z.array(z.string()),
    clients: z.array(z.object({ client_id: z.string(), name: z.string() })),
    started_at: moment,
    last_active_at: moment,
    expires_at: moment,
    state: z.enum(['live', 'ended', 'expired']),
    ended_at: moment.nullable(),
    end_reason: z.string().nullable(),
  })
  .meta({ id: 'Session' })

const previewShape = z
  .object({
    dry_run: z.literal(true),
    sessions: z.int(),
    ...previewExtent,
    accounts: z.int(),
    grants: z.int(),
    refresh_families: z.int(),
    logout_notifications: z.int(),
    people: z.array(z.object({ id: z.string(), email: z.string(), sessions: z.int() })),
    clients: z.array(z.object({ id: z.string(), name: z.string(), sessions: z.int() })),
  })
  .meta({ id: 'SessionPreview' })

const id = z.strictObject({ id: name })

/** Makes the routes. */
export function sessionRoutes(deps: SessionRoutesDeps): ApiRoute[] {
  const bulk = bulkRoute({
    noun: 'sessions',
    name: 'revokeSessions',
    tag: 'Sessions',
    access: ACCESS.sessions.revoke,
    filters: z.strictObject(bodyFilters),
    goesToJob: 'finds more',
    previewShape,
    ends: deps.ends,
    filterOf: (asked) => filterOf(asked, deps.accountIdOf),
  })
  return [listRoute(deps), getRoute(deps), deleteRoute(deps), bulk, ...revocationJobRoutes(deps)]
}

function listRoute({ search, cursors, ownerIdOf }: SessionRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/sessions',
    name: 'listSessions',
    tag: 'Sessions',
    summary: 'List sessions, the latest first',
    access: ACCESS.sessions.read,
    query: z.strictObject({ ...filters, ...paging }),
    outcomes: { 200: { description: 'A page.', schema: pageOf(sessionShape) } },
    async handle({ query: { limit, cursor, ...asked } }) {
      const filter = await filterOf(asked, ownerIdOf)
      if (filter === undefined) return { body: { items: [], next_cursor: null } }
      const body = await readPage<SessionItem>({
        cursors,
        list: `sessions ${JSON.stringify(filter)}`,
        limit,
        cursor,
        read: (most, after) => search.page({ filter, limit: most, ...(after === undefined ? {} : { after: placeOf(after) }) }),
        placeOf: ({ startedAt, id: last }) => [startedAt.getTime(), last],
        show: showSession,
      })
      return { body }
    },
  })
}

function placeOf([at, last]: readonly (string | number)[]): Pick<SessionItem, 'id' | 'startedAt'> {
  return { startedAt: new Date(Number(at)), id: String(last) }
}

function getRoute({ search, tree }: SessionRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/sessions/:id',
    name: 'getSession',
    tag: 'Sessions',
    summary: 'A session with everything that hangs from it',
    description: 'A part is null for callers who could not ask for it by itself.',
    access: ACCESS.sessions.read,
    params: id,
    outcomes: { 200: { description: 'The session.', schema: sessionShape.extend(sessionTreeShape).meta({ id: 'SessionTree' }) } },
    async handle({ params, may }) {
      const session = await search.find(params.id)
      if (session === undefined) throw notFound('session')
      return { body: { ...showSession(session), ...(await tree(params.id, may)) } }
    },
  })
}

function deleteRoute({ search, events }: SessionRoutesDeps): ApiRoute {
  return route({
    method: 'delete',
    path: '/sessions/:id',
    name: 'revokeSession',
    tag: 'Sessions',
    summary: 'End a session with everything that hangs from it',
    description: 'One that is over already is not ended once more; the counts say what still hung from it.',
    access: ACCESS.sessions.revoke,
    params: id,
    body: z.strictObject({ reason }),
    bodyOptional: true,
    outcomes: { 200: { description: 'What was ended.', schema: ended } },
    async handle({ params, body, change }) {
      if ((await search.find(params.id)) === undefined) throw notFound('session')
      return { body: await events.revoke([params.id], change(body.reason)) }
    },
  })
}

type SessionsAsked = z.output<z.ZodObject<typeof filters>>

/** Undefined when it asks for an account that `accountIdOf` does not know. */
async function filterOf(asked: SessionsAsked, accountIdOf: SessionRoutesDeps['accountIdOf']): Promise<SessionFilter | undefined> {
  const {
    account,
    client,
    ip,
    active,
    more_than: moreThan,
    new_device: newDevice,
    not_kept_in: notKeptIn,
    idle,
    state,
    ...rest
  } = asked
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
    address: ip,
    idleSeconds: idle,
    moreThan,
    newDevice,
    notKeptIn,
    state: active === undefined ? state : active ? 'live' : undefined,
    over: active === false ? true : undefined,
  }
  return Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined))
}

export function showSession(item: SessionItem): z.input<typeof sessionShape> {
  const { id: sessionId, account, device, userAgent, address, methods, clients, startedAt, lastUsedAt, expiresAt, state } = item
  return {
    id: sessionId,
    account: showOwner(account),
    device,
    user_agent: userAgent ?? null,
    address: address ?? null,
    methods: [...methods],
    clients: clients.map(({ clientId, name: called }) => ({ client_id: clientId, name: called })),
    started_at: startedAt.toISOString(),
    last_active_at: lastUsedAt.toISOString(),
    expires_at: expiresAt.toISOString(),
    state,
    ended_at: item.endedAt?.toISOString() ?? null,
    end_reason: item.endReason ?? null,
  }
}
