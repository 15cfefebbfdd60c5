// Ends of what was named, or of all that a filter finds: what every surface calls for more than one. What is little ends while the
// caller waits; what is much ends in the background, by a job. Only what is live ends, whatever else a filter asks for: of one that asks
// for what is over, nothing. What is named and over already is not ended once more, and what still hangs from it is.
import type { Change } from '../audit/change.ts'
import type { Patience } from '../storage/slices.ts'
import type { Ended } from '../tokens/ending.ts'
import type { JobNoun, RevocationJob, RevocationJobs } from './revocation-jobs.ts'

/** Which ones. */
export type Which<Filter> = { readonly ids: readonly string[] } | { readonly filter: Filter }

/** What came of an end. */
export type BulkEnd = { readonly ended: Ended } | { readonly job: RevocationJob }

/** Ends of one noun. */
export interface BulkEnds<Filter, Preview> {
  /** What would end: counts, no further than MOST_PREVIEWED or than there is time, and names. */
  preview(which: Which<Filter>): Promise<Preview>
  end(which: Which<Filter>, change: Change): Promise<BulkEnd>
}

/** As many end while the caller waits; beyond that a job does it. */
export const MOST_ENDED_AT_ONCE = 200

/** A preview counts no further. */
export const MOST_PREVIEWED = 10_000

/** Nor what hangs on them for longer: whoever looks at it waits. */
const PREVIEWED_WITHIN_MS = 25

/** Makes them. */
export function createBulkEnds<Filter extends object, Preview>(deps: {
  readonly noun: JobNoun
  readonly jobs: Pick<RevocationJobs, 'begin'>
  readonly preview: (which: Which<Filter>, until: { readonly most: number; readonly patience: Patience }) => Promise<Preview>
  /** A clock in milliseconds. */
  readonly now: () => number
  /** The ids of those that are live, of `limit` at most; undefined for a filter that it takes long to look through. */
  readonly liveIds: (filter: Filter, limit: number) => Promise<readonly string[] | undefined>
  readonly revoke: (ids: readonly string[], change: Change) => Promise<Ended>
}): BulkEnds<Filter, Preview> {
  return {
    preview: (which) => deps.preview(which, { most: MOST_PREVIEWED, patience: { ms: PREVIEWED_WITHIN_MS, now: deps.now } }),

    async end(which, change) {
      if ('ids' in which) return { ended: await deps.revoke(which.ids, change) }
      const ids = await deps.liveIds(which.filter, MOST_ENDED_AT_ONCE + 1)
      if (ids !== undefined && ids.length <= MOST_ENDED_AT_ONCE) return { ended: await deps.revoke(ids, change) }
      return { job: await deps.jobs.begin({ noun: deps.noun, filter: which.filter }, change) }
    },
  }
}
