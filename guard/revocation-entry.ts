// An entry of the feed of revocations: what it says, and how it is read from what the server or Redis sent. What cannot be read is
// an error and never passed over: it might be what ends the next token.
import { FeedUnavailable } from './errors.ts'

/** The claims (and one header, `kid`) by which an entry can name tokens. */
export const REVOCATION_KINDS = ['jti', 'sid', 'grant_id', 'sub', 'client_id', 'kid'] as const

export type RevocationKind = (typeof REVOCATION_KINDS)[number]

/** Tokens whose `kind` equals `value` are dead. */
export interface RevocationEntry {
  /** Its number, in the order of commits. */
  readonly sequence: number
  readonly kind: RevocationKind
  readonly value: string
  /** Only those issued until then, in seconds since 1970. */
  readonly before?: number
  /** When the last token concerned has expired, in seconds since 1970. */
  readonly until: number
  /** When it was written, in seconds since 1970 with fractions; servers before that was told leave it out. */
  readonly at?: number
}

/** Entries, and how far they reach. */
export interface RevocationPage {
  readonly sequence: number
  readonly entries: readonly RevocationEntry[]
}

/** An entry from JSON. @throws FeedUnavailable when it is none */
export function readEntry(json: unknown): RevocationEntry {
  const { sequence, kind, value, before, until, at } = Object(json) as Record<string, unknown>
  const known = REVOCATION_KINDS.find((name) => name === kind)
  const readable =
    known !== undefined && typeof value === 'string' && isCount(sequence) && isTime(until) && [before, at].every(isTimeOrNothing)
  if (!readable) throw unreadable('an entry')
  return { sequence, kind: known, value, until, ...(isTime(before) ? { before } : {}), ...(isTime(at) ? { at } : {}) }
}

/** A snapshot or a part of the feed from JSON. @throws FeedUnavailable when it is none */
export function readPage(json: unknown): RevocationPage {
  const { sequence, entries } = Object(json) as Record<string, unknown>
  if (!isCount(sequence) || !Array.isArray(entries)) throw unreadable('a page')
  return { sequence, entries: entries.map(readEntry) }
}

/** The `sequence` of a heartbeat. @throws FeedUnavailable when it has none */
export function readSequence(json: unknown): number {
  const { sequence } = Object(json) as Record<string, unknown>
  if (!isCount(sequence)) throw unreadable('a heartbeat')
  return sequence
}

/** The JSON of an event. @throws FeedUnavailable when it is none */
export function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw unreadable('an event')
  }
}

function unreadable(what: string): FeedUnavailable {
  return new FeedUnavailable(`The feed has ${what} that this version of the guard cannot read`, {
    fix: 'Bring @latchkey/guard to the version of the server.',
  })
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function isTimeOrNothing(value: unknown): boolean {
  return value == null || isTime(value)
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}
