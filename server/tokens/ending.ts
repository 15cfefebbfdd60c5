// Ending things: one transaction in which sessions, grants, families and tokens end together with the revocation
// entries that tell of it. What ends what is decided by the callers; here is what an end consists of.
import { storeFailure, TransactionLost } from '../storage/errors.ts'
import { type Database, LONG_TRANSACTION_MS, type Transaction } from '../storage/postgres.ts'
import { isOutrun, type RevocationEntry, writeRevocations } from './revocations.ts'

/** What a revocation ended, as every door that revokes answers it. */
export interface Ended {
  readonly sessions: number
  readonly grants: number
  readonly refresh_families: number
  readonly logout_notifications: number
  /** The number of the last revocation entry; whoever has applied entries up to it knows of this end. */
  readonly sequence: number
}

/** An end in progress: what has been counted and must still be written. */
export interface Ending {
  readonly tx: Transaction
  /** A word for the record: `signed_out`, `refresh_token_reused` … */
  readonly cause: string
  readonly counts: { sessions: number; grants: number; refreshFamilies: number; logoutNotifications: number }
  readonly entries: RevocationEntry[]
}

/** Told of entries after their transaction has committed, and waited for before the end is answered; must not fail. */
export type Announce = (entries: readonly RevocationEntry[]) => void | Promise<void>

/** Runs ends, each as one transaction. */
export interface Endings {
  /**
   * Runs `work` in a transaction, writes the entries it collected last of all, commits, and tells the neighbours. A transaction that
   * lost to another one is tried again: `work` may run more than once, and changes nothing but what belongs to the transaction.
   */
  run(cause: string, work: (ending: Ending) => Promise<void>): Promise<Ended>
  /**
   * The same, but of several calls with one key at the same moment only the first does it, and all get its answer: whoever
   * sends a spent token fifty times at once must not keep fifty connections waiting for one row.
   */
  runOnce(key: string, cause: string, work: (ending: Ending) => Promise<void>): Promise<Ended>
  /** The same inside a transaction that the caller has open and will commit. */
  within(tx: Transaction, cause: string, work: (ending: Ending) => Promise<void>): Promise<Ended>
  /**
   * Asks what an end asks before it does anything, for whoever only wants to know what would come of it: a preview must not say yes to
   * what is refused. `check` is the very check of the end, takes its locks as the end does, and writes nothing.
   */
  rehearse<Result>(check: (tx: Transaction) => Promise<Result>): Promise<Result>
}

/** Makes the runner. `accessTokenLifeSeconds` is the longest life of access tokens that this process issues. */
export function createEndings(deps: {
  readonly db: Database
  readonly accessTokenLifeSeconds: () => number
  readonly announce: Announce
  /** Told of each end that found something to end. */
  readonly ended?: (cause: string) => void
  /** Told of each end that apps are to hear of: when it is committed, or that its caller will soon commit it. */
  readonly appsWait?: (commit: 'done' | 'soon') => void
}): Endings {
  async function within(tx: Transaction, cause: string, work: (ending: Ending) => Promise<void>) {
    const counts = { sessions: 0, grants: 0, refreshFamilies: 0, logoutNotifications: 0 }
    const ending: Ending = { tx, cause, counts, entries: [] }
    await work(ending)
    const sequence = await writeRevocations(tx, ending.entries, { lifeSeconds: deps.accessTokenLifeSeconds(), reason: cause })
    const ended: Ended = {
      sessions: ending.counts.sessions,
      grants: ending.counts.grants,
      refresh_families: ending.counts.refreshFamilies,
      logout_notifications: ending.counts.logoutNotifications,
      sequence,
    }
    return { ended, entries: ending.entries }
  }
  async function run(cause: string, work: (ending: Ending) => Promise<void>): Promise<Ended> {
    const { ended, entries } = await untilWon(() =>
      // Most take some milliseconds. Each statement has its own end, and a large end takes many of them.
      deps.db.$transaction((tx) => within(tx, cause, work), { timeout: LONG_TRANSACTION_MS }),
    )
    const sequence = await coverMeanwhile(cause, ended.sequence, entries)
    if (entries.length > 0) {
      await deps.announce(entries)
      deps.ended?.(cause)
    }
    if (ended.logout_notifications > 0) deps.appsWait?.('done')
    return { ...ended, sequence }
  }
  /**
   * Tokens are authorised by the state of before until the commit is done. Where that took longer than until the moment which the
   * entries name, they are written once more, with a moment that comes after it. @returns the number of the last entry
   */
  async function coverMeanwhile(cause: string, sequence: number, entries: readonly RevocationEntry[]): Promise<number> {
    const bounded = entries.filter(({ issuedUntilNow }) => issuedUntilNow)
    if (bounded.length === 0 || !(await isOutrun(deps.db, sequence, entries.length))) return sequence
    return deps.db.$transaction((tx) =>
      writeRevocations(tx, bounded, { lifeSeconds: deps.accessTokenLifeSeconds(), reason: cause }),
    )
  }
  const running = new Map<string, Promise<Ended>>()
  return {
    run,
    runOnce(key, cause, work) {
      const known = running.get(key)
      if (known !== undefined) return known
      const ended = run(cause, work).finally(() => running.delete(key))
      running.set(key, ended)
      return ended
    },
    async within(tx, cause, work) {
      const { ended, entries } = await within(tx, cause, work)
      if (entries.length > 0) deps.ended?.(cause)
      if (ended.logout_notifications > 0) deps.appsWait?.('soon')
      return ended
    },
    rehearse: (check) => untilWon(() => deps.db.$transaction(check)),
  }
}

/** Ends take their locks in one order, so that this is rare; what is lost twice more is lost for another reason. */
const MOST_TRIES = 3

/** Nothing of a transaction that lost has happened, so whoever wants something ended need not be told of it. */
async function untilWon<Result>(transaction: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await transaction()
    } catch (error) {
      if (tries === MOST_TRIES || !(storeFailure(error) instanceof TransactionLost)) throw error
    }
  }
}
