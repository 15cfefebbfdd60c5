// An outbox: rows that were written with what they tell of, and wait to be brought to an endpoint by whichever process claims them
// first. A claim is a lease: of a process that dies in the middle nobody knows whether the endpoint has heard, and then it is told
// once more rather than never. Each kind of thing that is told has a table of its own, with the same columns for how far it came.

/** Where the rows are. The names stand in the sources, and come from nowhere else. */
export interface OutboxTable {
  readonly table: string
  /** The column that says for which endpoint a row is. */
  readonly endpoint: string
}

/** What every claimed row has. */
export interface Claimed {
  readonly id: string
  readonly endpointId: string
  readonly attempts: number
  /** It has been tried for long enough: this is the last time. */
  readonly last: boolean
}

/** What an endpoint answered, or what kept it from answering, in words. */
export type Exchange =
  | { readonly accepted: true; readonly status: number }
  | {
      readonly accepted: false
      readonly status: number | undefined
      readonly error: string
      /** There is no use in trying again. */
      readonly final?: true
    }

/** How many may be claimed. */
export interface FreePlaces {
  readonly places: number
  /** Of one endpoint, unless it is among `endpoints`. */
  readonly perEndpoint: number
  /** Endpoints that have places already, or that did not take what was brought to them lately. */
  readonly endpoints: readonly { readonly endpointId: string; readonly places: number; readonly doubtful: boolean }[]
  /** How many of the places doubtful endpoints may have, all together. */
  readonly doubtful: number
}

/** What became of an attempt. */
export interface Attempt {
  readonly claimed: Claimed
  readonly state: 'delivered' | 'retrying'
  /** Until the next attempt. */
  readonly waitSeconds?: number
  /** Of HTTP; undefined when there was no answer. */
  readonly status: number | undefined
  readonly error?: string
}

/** An outbox of one database. */
export interface Outbox<Row extends Claimed> {
  /** Takes rows whose turn it is; no other process gets them before the lease is over. */
  claim(free: FreePlaces): Promise<readonly Row[]>
  /** Those of some endpoints for which something waits, or is under way. */
  waiting(endpointIds: readonly string[]): Promise<readonly string[]>
  /** Notes an attempt; somebody else's claim, after this one's lease, is left alone. */
  note(attempt: Attempt): Promise<void>
  /**
   * It will not be tried again, which is recorded in the audit log.
   * @returns false when there turned out to be a reason to try again, and it will be
   */
  giveUp(claimed: Row, told: { readonly status: number | undefined; readonly error: string }): Promise<boolean>
}

/** How long an endpoint is tried: as long as it may be out of order before somebody has seen to it. */
export const TRIED_FOR_SECONDS = 86_400
