// What administrators do to sessions, as every surface calls it: each is one transaction with its audit events, and answers what it
// ended.
import { recordAudits } from '../audit/audit.ts'
import { type Change, eventOf } from '../audit/change.ts'
import type { Ended, Ending, Endings } from '../tokens/ending.ts'
import { endLiveSessions, type SessionEnd } from './session-ends.ts'

/**
 * The events. A session that is over already is not ended once more, not counted, and nobody is told of it; what may still live of it
 * ends, is counted, and only then is the session written down.
 */
export interface SessionEvents {
  /** Ends sessions, whosever they are. */
  revoke(sessionIds: readonly string[], change: Change): Promise<Ended>
  /** The same, as a part of an end in progress. */
  revokeWithin(ending: Ending, sessionIds: readonly string[], change: Change): Promise<void>
}

/** Makes them. `keepOffline`: refresh tokens with `offline_access` outlive a session that was revoked. */
export function createSessionEvents({
  endings,
  keepOffline,
}: {
  readonly endings: Endings
  readonly keepOffline: boolean
}): SessionEvents {
  const how: SessionEnd = keepOffline ? 'signed_out' : 'revoked'

  async function revokeWithin(ending: Ending, sessionIds: readonly string[], change: Change): Promise<void> {
    const ended = await endLiveSessions(ending, sessionIds, how)
    if (ended.length === 0) return
    const events = ended.map(({ id, accountId }) => eventOf('session.revoked', change, { accountId, sessionId: id }))
    await recordAudits(ending.tx, events)
  }

  return {
    revoke: (sessionIds, change) => endings.run('session_revoked', (ending) => revokeWithin(ending, sessionIds, change)),
    revokeWithin,
  }
}
