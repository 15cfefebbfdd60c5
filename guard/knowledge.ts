// What this guard knows of revocations: the set, how far it reaches, and as of when that is all there is.
import { type GuardClock, type Moment, millisecondsSince, type ServerTime } from './clock.ts'
import type { RevocationTimes } from './errors.ts'
import { createRecentRevocations } from './recent-revocations.ts'
import type { RevocationEntry, RevocationKind, RevocationPage } from './revocation-entry.ts'
import { createRevocationSet, type RevocableToken } from './revocation-set.ts'

/** The knowledge. Whoever brings news writes it here; verification only asks. */
export interface Knowledge {
  /** The number up to which everything is known; undefined before the first snapshot. */
  readonly sequence: number | undefined
  readonly entries: number
  /** Adds what a stream brought, without saying that it was all. */
  add(entry: RevocationEntry): void
  /** Everything up to `sequence` is known, as of a moment. */
  confirm(sequence: number, asOf: Moment): void
  /**
   * Takes a snapshot. When its sequence is below `known`, the server's database was put back: its count is the new base. What is
   * known already stays in force, as what was revoked once is not to live again.
   * @returns whether the sequence went backwards
   */
  rebase(snapshot: RevocationPage & { readonly asked: Moment }, known: number | undefined): boolean
  /** How long ago everything was known; infinite when it never was. */
  staleForMs(): number
  /** By what the token is dead. */
  find(token: RevocableToken): RevocationKind | undefined
  /** When that was, if it is one of the latest. */
  timesOf(kind: RevocationKind, value: unknown): RevocationTimes | undefined
  hasKey(kid: string): boolean
  sweep(): void
}

/** `onApplied` is told each time the sequence has moved. */
export function createKnowledge(clock: GuardClock, time: ServerTime, onApplied: (sequence: number) => void): Knowledge {
  const set = createRevocationSet()
  const recent = createRecentRevocations()
  let sequence: number | undefined
  let complete: Moment | undefined

  const staleForMs = () => (complete === undefined ? Number.POSITIVE_INFINITY : millisecondsSince(clock, complete))

  function reach(to: number): void {
    if (to === sequence) return
    sequence = to
    onApplied(to)
  }

  function put(entry: RevocationEntry): void {
    set.add(entry)
    recent.note(entry, time.exactSeconds())
  }

  function refresh(asOf: Moment): void {
    if (millisecondsSince(clock, asOf) < staleForMs()) complete = asOf
  }

  return {
    get sequence() {
      return sequence
    },
    get entries() {
      return set.size
    },
    add(entry) {
      put(entry)
      // Before the first snapshot a number says nothing about what came before it.
      if (sequence !== undefined && entry.sequence > sequence) reach(entry.sequence)
    },
    confirm(upTo, asOf) {
      if (sequence === undefined || upTo > sequence) reach(upTo)
      refresh(asOf)
    },
    rebase(snapshot, known) {
      for (const entry of snapshot.entries) put(entry)
      const backwards = known !== undefined && snapshot.sequence < known
      reach(backwards ? snapshot.sequence : Math.max(snapshot.sequence, sequence ?? 0))
      refresh(snapshot.asked)
      return backwards
    },
    staleForMs,
    find: (token) => set.find(token, time.seconds()),
    timesOf: (kind, value) => (typeof value === 'string' ? recent.find(kind, value) : undefined),
    hasKey: (kid) => set.hasKey(kid, time.seconds()),
    sweep: () => set.sweep(time.leastSeconds()),
  }
}
