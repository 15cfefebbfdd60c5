// All live revocations at once: at the start, after a long gap, and whenever the server's count does not fit what is known.
import type { Feed } from './feed.ts'
import type { Knowledge } from './knowledge.ts'
import type { GuardLog } from './log.ts'

/** The snapshots. */
export interface Snapshots {
  /** Whether one is needed before anything else can be believed. */
  readonly wanted: boolean
  want(): void
  /** Takes one. @throws FeedUnavailable */
  take(): Promise<void>
}

/** After so long without word, what was missed is taken as a whole. */
const LONG_GAP_MS = 60_000

/** Without a feed there is nothing to take one from. */
export function createSnapshots(feed: Feed | undefined, knowledge: Knowledge, log: GuardLog): Snapshots {
  let wanted = feed !== undefined
  return {
    get wanted() {
      return wanted || (feed !== undefined && knowledge.staleForMs() > LONG_GAP_MS)
    },
    want() {
      wanted = feed !== undefined
    },
    async take() {
      if (feed === undefined) return
      const known = knowledge.sequence
      const backwards = knowledge.rebase(await feed.read(), known)
      wanted = false
      if (backwards) log({ level: 'warn', message: putBack(known, knowledge.sequence) })
    },
  }
}

function putBack(from: number | undefined, to: number | undefined): string {
  return [
    `the server's revocations went back from ${from} to ${to}: its database was put back to an earlier state.`,
    'All were taken again, and those known before stay in force.',
    'See on the server that everything was ended after the restore.',
  ].join(' ')
}
