// Everything that hangs from one session: its grants with their refresh-token families, the revocations that name them, the apps
// that are told of its end, and how far the guards of APIs have come with it.
import { Prisma } from '../../prisma/client/client.ts'
import { type GrantNode, readGrants } from '../grants/grant-tree.ts'
import type { LogoutNotification, LogoutNotifications } from '../logout-notifications/logout-notifications.ts'
import type { Database } from '../storage/postgres.ts'
import { coversTokensOf, type LiveRevocation, type RevocationName, readLiveRevocations } from '../tokens/live-revocations.ts'
import type { Acknowledgements, KnownListener } from '../tokens/revocation-acknowledgements.ts'

/** A guard, and whether it refuses what was ended here. */
export interface GuardNode extends KnownListener {
  readonly applied: boolean
}

/** The tree. */
export interface SessionTree {
  readonly grants: readonly GrantNode[]
  /** The latest first. */
  readonly revocations: readonly LiveRevocation[]
  readonly notifications: readonly LogoutNotification[]
  /** Empty where nothing was revoked. */
  readonly guards: readonly GuardNode[]
}

/** What is read at most of a session that has more of something than anyone would look through. */
const MOST = 200

/** Makes the reader. */
export function createSessionTrees(deps: {
  readonly db: Database
  readonly notifications: Pick<LogoutNotifications, 'list'>
  readonly acknowledgements: Pick<Acknowledgements, 'list'>
  /** The longest life that any access token can have. */
  readonly accessTokenLifeSeconds: () => number
}): (sessionId: string) => Promise<SessionTree> {
  const { db } = deps
  return async (sessionId) => {
    const which = Prisma.sql`WHERE g.session_id = ${sessionId} ORDER BY g.created_at DESC, g.id LIMIT ${MOST}`
    const [grants, notifications] = await Promise.all([
      readGrants(db, which, deps.accessTokenLifeSeconds()),
      deps.notifications.list({ sessionId, limit: MOST }),
    ])
    const revocations = (await readLiveRevocations(db, { names: namesOf(sessionId, grants), limit: MOST })).filter(
      // An account or a client may have been given tokens since.
      (entry) => entry.before === undefined || grants.some(({ createdAt }) => coversTokensOf(entry, createdAt)),
    )
    const newest = revocations[0]?.sequence
    const listeners = newest === undefined ? [] : await deps.acknowledgements.list()
    const guards = listeners.map((listener) => ({ ...listener, applied: listener.sequence >= (newest ?? 0) }))
    return { grants, revocations, notifications, guards }
  }
}

/** By what tokens of the session are named; where very many end at once, by their account or their client. */
function namesOf(sessionId: string, grants: readonly GrantNode[]): RevocationName[] {
  const names = new Map<string, RevocationName>()
  const add = (kind: RevocationName['kind'], value: string) => void names.set(`${kind} ${value}`, { kind, value })
  add('sid', sessionId)
  for (const { id, account, client } of grants) {
    add('grant_id', id)
    add('sub', account.id)
    add('client_id', client.id)
  }
  return [...names.values()]
}
