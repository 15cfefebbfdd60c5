// Notices that PostgreSQL was put back to an earlier state: from a backup, or by a failover that lost its last moments. Such a
// database has forgotten what was revoked since. How far its revocations have come, and which was the last, is remembered outside of
// it, in Redis and in each process; when it falls behind, everything ends. So it does when it has gone on from there and is not behind
// any more, but a number that was known is another entry's now. A Redis that has forgotten too is no alarm: then only the operator
// knows.
import type { Log } from '../http/log.ts'
import type { EndEverythingRequest } from '../sessions/end-everything.ts'
import { StorageUnavailable } from '../storage/errors.ts'
import type { LiveStore } from '../storage/live-store.ts'
import type { Database } from '../storage/postgres.ts'
import {
  isAnother,
  type NumberedRevocation,
  nextStretch,
  type RevocationProgress,
  selectProgress,
} from '../tokens/revocations.ts'

/** Looks for it. */
export interface RestoreWatch {
  /** Compares, ends everything if it must, and remembers. @throws StorageUnavailable when PostgreSQL does not answer */
  check(): Promise<void>
  /** The same where it is proved already: entries up to this number were known, and are not what the database has. */
  putBack(knownUpTo: number): Promise<void>
}

const MARK = 'RevocationProgress'
/** From the last revocation, or the last start of a process. */
const REMEMBERED_SECONDS = 30 * 86_400

/** The process itself remembers at every check; Redis, which others write to as well, is asked now and then. */
export const CHECKS_PER_RECALL = 30

/** Makes it. `endEverything` tells whether there was a need when it came to it. */
export function createRestoreWatch(deps: {
  readonly db: Database
  readonly live: Pick<LiveStore, 'find' | 'put'>
  readonly log: Log
  readonly endEverything: (request: EndEverythingRequest) => Promise<object | undefined>
  /** How far this process has followed the revocations: it may know more than was noted at the last check. */
  readonly highestSeen: () => number
}): RestoreWatch {
  const { db, live, log } = deps
  let known: RevocationProgress | undefined
  let checks = 0
  let noted = -1
  /** Kept until everything has ended. */
  let proved: number | undefined

  /** What others have noted; an entry that is another one's now is a proof, and counts as far as whatever comes after it. */
  async function recall(lineage: string): Promise<number> {
    const mark = await unlessAway(live.find(MARK, lineage))
    const entry = entryOf(mark?.newest)
    if (entry !== undefined && (await isAnother(db, entry))) proved = Math.max(proved ?? 0, entry.sequence)
    return typeof mark?.sequence === 'number' ? mark.sequence : 0
  }

  async function check(): Promise<void> {
    const before = known ?? (await selectProgress(db))
    // What is remembered is read before the database is: another process may remember more at any moment after.
    const first = checks === 0
    const recalled = checks % CHECKS_PER_RECALL === 0 ? await recall(before.lineage) : noted
    checks += 1
    const proof = proved
    // Of several processes that have a proof the first ends everything: the numbers go on in another stretch then.
    const provedBelow = proof === undefined ? 0 : nextStretch(proof)
    const mark = Math.max(before.sequence, recalled, deps.highestSeen(), provedBelow)
    let now = await selectProgress(db)
    if (now.lineage === before.lineage && now.sequence < mark) {
      log.error({ remembered: mark, found: now.sequence }, 'PostgreSQL was put back to an earlier state: everything ends')
      const ended = await deps.endEverything({ cause: 'database_restored', ifBehind: mark })
      if (ended !== undefined) log.error({ ended }, 'everything has ended; people must sign in again')
      now = await selectProgress(db)
    }
    known = now
    if (proved === proof) proved = undefined
    // A process that starts puts off that it is forgotten; and a Redis that was emptied is told again.
    if (!first && recalled >= now.sequence) return
    await unlessAway(
      live.put({
        model: MARK,
        id: now.lineage,
        payload: { sequence: now.sequence, ...(now.newest === undefined ? {} : { newest: now.newest }) },
        ttlSeconds: REMEMBERED_SECONDS,
      }),
    )
    noted = now.sequence
  }

  return {
    check,
    async putBack(knownUpTo) {
      proved = Math.max(proved ?? 0, knownUpTo)
      await check()
    },
  }
}

/** The entry of a mark; an earlier version noted none. */
function entryOf(newest: unknown): NumberedRevocation | undefined {
  const { sequence, kind, value } = newest instanceof Object ? (newest as Partial<NumberedRevocation>) : {}
  return sequence === undefined || kind === undefined || value === undefined ? undefined : { sequence, kind, value }
}

/** Without Redis there is what the process itself remembers. */
async function unlessAway<Answer>(asked: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await asked
  } catch (error) {
    if (error instanceof StorageUnavailable) return undefined
    throw error
  }
}
