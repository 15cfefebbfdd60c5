// A cause in plain words.

/** What a developer reads of a cause. */
export interface CauseWords {
  /** What was wrong. */
  readonly summary: string
  /** What to change. */
  readonly change: string
}
