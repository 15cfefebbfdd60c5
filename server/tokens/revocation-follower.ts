// Follows the revocation list in PostgreSQL, so that this process can tell others of it. It is woken by PostgreSQL, by Redis and by
// this process's own revocations, and looks by itself every second: a message that is lost leaves no silent gap.
import { together } from '../storage/gathering.ts'
import type { Database } from '../storage/postgres.ts'
import { createRevocationLog, type RevocationLog } from './revocation-log.ts'
import { momentOf, readRevocations, type WrittenRevocation } from './revocations.ts'

/** What happened to the list. */
export type RevocationNews =
  | {
      readonly what: 'added'
      readonly entries: readonly WrittenRevocation[]
      /** Those of them whose commit took so long that it must be covered what was authorised meanwhile. */
      readonly late: readonly WrittenRevocation[]
    }
  /** The database was put back to an earlier state: what was told before cannot be gone on from. */
  | {
      readonly what: 'put_back'
      /** Entries up to this number were known, and are not what the database has. */
      readonly knownUpTo: number
    }

/** Follows the list. */
export interface RevocationFollower {
  readonly log: RevocationLog
  /** Reads what is new; when it is done, all is known that was committed before the call. @throws StorageUnavailable */
  catchUp(): Promise<void>
  /** The same for whoever does not wait: a failure is made good by the next look. */
  wake(): void
  /** Has someone told of what is new. Gives what ends that. */
  subscribe(listener: (news: RevocationNews) => void): () => void
  /** PostgreSQL's time, in seconds since the epoch, as of the last look and the time since. */
  databaseNow(): number
  /** PostgreSQL's time at the last look after which all was known, in seconds since the epoch; undefined when there was none yet. */
  lookedAt(): number | undefined
  /** The highest number that was ever seen here: a database that has come less far was put back. */
  highestSeen(): number
}

/** Entries that are read at a time. */
const MOST_AT_ONCE = 2000

/** Dropping what is over goes through all entries, so it is not done at each look. */
const FORGET_EVERY_SECONDS = 10

/** Makes the follower; its log is empty until it has caught up. */
export function createRevocationFollower({ db }: { readonly db: Database }): RevocationFollower {
  const log = createRevocationLog()
  const listeners = new Set<(news: RevocationNews) => void>()
  // Monotonic, so that a host whose clock is set does not matter.
  let read = { databaseNow: 0, at: performance.now() }
  let looked: number | undefined
  let forgotAt = 0
  let highest = 0
  const databaseNow = () => read.databaseNow + (performance.now() - read.at) / 1000
  const tell = (news: RevocationNews) => {
    for (const listener of listeners) listener(news)
  }

  async function readAll(): Promise<void> {
    for (;;) {
      const known = log.newest
      const lookedBefore = looked
      const { sequence, entries, newest, now, isAnother } = await readRevocations(db, log.sequence, MOST_AT_ONCE, known)
      read = { databaseNow: now, at: performance.now() }
      if (newest < log.sequence || isAnother) {
        const knownUpTo = log.sequence
        log.clear()
        looked = undefined
        tell({ what: 'put_back', knownUpTo })
        continue
      }
      log.append(entries, sequence)
      if (sequence >= newest) looked = now
      highest = Math.max(highest, sequence)
      if (entries.length > 0) tell({ what: 'added', entries, late: entries.filter((entry) => isLate(entry, lookedBefore, now)) })
      if (Math.abs(now - forgotAt) >= FORGET_EVERY_SECONDS) {
        log.forget(now)
        forgotAt = now
      }
      if (sequence >= newest) return
    }
  }

  const catchUp = together(readAll)

  return {
    log,
    catchUp,
    wake: () => void catchUp().catch(() => undefined),
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    databaseNow,
    lookedAt: () => looked,
    highestSeen: () => highest,
  }
}

/**
 * Whether the commit of an entry was after the moment that it names, as far as this process can tell: it had looked after that moment
 * and did not find it.
 * @param looked when this process looked before and knew all, by PostgreSQL's clock, in seconds since the epoch
 * @param now when it looked and found the entry
 */
function isLate({ before, at }: WrittenRevocation, looked: number | undefined, now: number): boolean {
  if (before === undefined || looked === undefined) return false
  const moment = momentOf(at)
  return looked >= moment && now >= moment + 1
}
