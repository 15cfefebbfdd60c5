// One grant with everything around it: what hangs from it, the revocations that touch its tokens, whether its app was told of its
// end, and how far the guards of APIs have come with it.
import type { LogoutNotification, LogoutNotifications } from '../logout-notifications/logout-notifications.ts'
import type { Database } from '../storage/postgres.ts'
import { coversTokensOf, type LiveRevocation, readLiveRevocations } from '../tokens/live-revocations.ts'
import type { Acknowledgements, KnownListener } from '../tokens/revocation-acknowledgements.ts'
import type { GrantSearch } from './grant-search.ts'
import type { GrantNode } from './grant-tree.ts'

/** A grant, looked at. */
export interface GrantDetail {
  readonly grant: GrantNode
  /** The latest first: of the grant itself, its session, its account and its client. */
  readonly revocations: readonly LiveRevocation[]
  readonly notifications: readonly LogoutNotification[]
  /** Guards, and whether they refuse what was ended here; empty where nothing was. */
  readonly guards: readonly (KnownListener & { readonly applied: boolean })[]
}

const MOST = 200

/** Makes the reader; undefined when there is no such grant. */
export function createGrantDetails(deps: {
  readonly db: Database
  readonly search: Pick<GrantSearch, 'find'>
  readonly notifications: Pick<LogoutNotifications, 'list'>
  readonly acknowledgements: Pick<Acknowledgements, 'list'>
}): (grantId: string) => Promise<GrantDetail | undefined> {
  return async (grantId) => {
    const grant = await deps.search.find(grantId)
    if (grant === undefined) return undefined
    const [named, told] = await Promise.all([
      readLiveRevocations(deps.db, { names: namesOf(grant), limit: MOST }),
      grant.sessionId === undefined
        ? []
        : deps.notifications.list({ sessionId: grant.sessionId, clientId: grant.client.id, limit: MOST }),
    ])
    const revocations = named.filter((entry) => coversTokensOf(entry, grant.createdAt))
    // Of the session's end, or of this grant's; not of another grant that the app had in the same session.
    const notifications = told.filter((notification) => [undefined, grantId].includes(notification.grantId))
    const newest = revocations[0]?.sequence
    const listeners = newest === undefined ? [] : await deps.acknowledgements.list()
    const guards = listeners.map((listener) => ({ ...listener, applied: listener.sequence >= (newest ?? 0) }))
    return { grant, revocations, notifications, guards }
  }
}

function namesOf({ id, sessionId, account, client }: GrantNode) {
  return [
    { kind: 'grant_id' as const, value: id },
    ...(sessionId === undefined ? [] : [{ kind: 'sid' as const, value: sessionId }]),
    { kind: 'sub' as const, value: account.id },
    { kind: 'client_id' as const, value: client.id },
  ]
}
