// What the benchmark and the process with the guards say to each other.

/** What is asked for. */
export type Asked =
  | { readonly ask: 'listen'; readonly count: number; readonly options: ListenerOptions }
  /** Show a token to a guard until it is refused. */
  | { readonly ask: 'watch'; readonly id: number; readonly guard: number; readonly token: string }
  /** Compare a guard's check of a token with jose's alone. */
  | {
      readonly ask: 'compare'
      readonly token: string
      readonly issuer: string
      readonly audience: string
      readonly pairs: number
    }
  /** Wait until each guard knows so many revocations. */
  | { readonly ask: 'hear'; readonly entries: number }
  | { readonly ask: 'close' }

/** How a guard is made. */
export interface ListenerOptions {
  readonly issuer: string
  readonly audience: string
  readonly client: { readonly id: string; readonly secret: string }
}

/** What came of it. */
export type Told =
  /** `bytes` is what the guards take of the memory. */
  | { readonly told: 'listening'; readonly entries: number; readonly bytes: number; readonly by: string }
  /** When, in milliseconds since 1970; undefined when it never was. */
  | { readonly told: 'refused'; readonly id: number; readonly at: number | undefined }
  | { readonly told: 'compared'; readonly ratio: number }
  /** The fewest revocations that any of them knows. */
  | { readonly told: 'heard'; readonly entries: number }
  | { readonly told: 'closed' }
  | { readonly told: 'failed'; readonly why: string }
