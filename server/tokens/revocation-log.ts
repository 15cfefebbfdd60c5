// The entries of the revocation list that still say something, as one process knows them: in their order, and up to which number
// they are complete. It may lag behind PostgreSQL, so it serves those who listen, and is nobody's proof that a token lives.
import type { RevocationKind, WrittenRevocation } from './revocations.ts'

/** The entries, to be read. */
export interface RevocationLog {
  /** Everything up to this number is known. */
  readonly sequence: number
  /** How many entries there are. */
  readonly size: number
  /** The number of the last entry that is there; 0 when there is none. */
  readonly lastEntry: number
  /** That entry. */
  readonly newest: WrittenRevocation | undefined
  /** The entries after a number, the first `most` of them. */
  after(sequence: number, most: number): readonly WrittenRevocation[]
  /** How many there are after a number. */
  countAfter(sequence: number): number
  /** The latest `before` of the entries that name this; undefined when no entry with a `before` does. */
  bound(kind: RevocationKind, value: string): number | undefined
  /** The latest such moment of a kind, whatever is named; undefined when there is none. */
  latestBound(kind: RevocationKind): number | undefined
  /** The signing keys that are named for good. */
  compromisedKeys(): readonly string[]
}

/** The same, to be written by the one who follows the database. */
export interface WritableRevocationLog extends RevocationLog {
  /** Adds what was read; `sequence` is up to where it is complete. */
  append(entries: readonly WrittenRevocation[], sequence: number): void
  /** Drops what says nothing any more at `now` (seconds since the epoch). */
  forget(now: number): void
  /** Drops everything, for a database that was put back. */
  clear(): void
}

/** Makes an empty one. */
export function createRevocationLog(): WritableRevocationLog {
  let entries: WrittenRevocation[] = []
  let sequence = 0
  let bounds = new Map<string, number>()
  let latest = new Map<RevocationKind, number>()
  let compromised: string[] = []
  const note = ({ kind, value, before }: WrittenRevocation) => {
    if (before === undefined) {
      if (kind === 'kid') compromised.push(value)
      return
    }
    const name = nameOf(kind, value)
    bounds.set(name, Math.max(before, bounds.get(name) ?? 0))
    latest.set(kind, Math.max(before, latest.get(kind) ?? 0))
  }
  return {
    get sequence() {
      return sequence
    },
    get size() {
      return entries.length
    },
    get lastEntry() {
      return entries.at(-1)?.sequence ?? 0
    },
    get newest() {
      return entries.at(-1)
    },
    after(number, most) {
      const from = firstAfter(entries, number)
      return entries.slice(from, from + most)
    },
    countAfter: (number) => entries.length - firstAfter(entries, number),
    bound: (kind, value) => bounds.get(nameOf(kind, value)),
    latestBound: (kind) => latest.get(kind),
    compromisedKeys: () => compromised,

    append(added, complete) {
      for (const entry of added) {
        entries.push(entry)
        note(entry)
      }
      sequence = complete
    },
    forget(now) {
      const living = entries.filter(({ until }) => until > now)
      if (living.length === entries.length) return
      entries = living
      bounds = new Map()
      latest = new Map()
      compromised = []
      for (const entry of entries) note(entry)
    },
    clear() {
      entries = []
      bounds = new Map()
      latest = new Map()
      compromised = []
      sequence = 0
    },
  }
}

function nameOf(kind: RevocationKind, value: string): string {
  return `${kind} ${value}`
}

/** The place of the first entry with a higher number. */
function firstAfter(entries: readonly WrittenRevocation[], sequence: number): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((entries[middle]?.sequence ?? 0) <= sequence) low = middle + 1
    else high = middle
  }
  return low
}
