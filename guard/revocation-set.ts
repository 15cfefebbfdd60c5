// The revocations that are in force, in memory: asked for every token, so a question is a few look-ups; held by the hundred
// thousand, so an entry is a string and a number or two.
import { REVOCATION_KINDS, type RevocationEntry, type RevocationKind } from './revocation-entry.ts'

/** What of a token an entry may name. */
export interface RevocableToken {
  /** The header's. */
  readonly kid: string
  readonly iat: number
  readonly jti?: unknown
  readonly sid?: unknown
  readonly grant_id?: unknown
  readonly sub?: unknown
  readonly client_id?: unknown
}

/** The set. Entries are only ever added, and go when their time is over: nothing that the server forgets is forgotten here. */
export interface RevocationSet {
  add(entry: RevocationEntry): void
  /** By what the token is dead; undefined when it is not. `nowSeconds` is the server's time. */
  find(token: RevocableToken, nowSeconds: number): RevocationKind | undefined
  /** Whether a key was revoked. */
  hasKey(kid: string, nowSeconds: number): boolean
  /** Lets go of what is over. */
  sweep(nowSeconds: number): void
  /** How many values are held. */
  readonly size: number
}

/**
 * How long an entry is held beyond its time. The time is told by whichever host of the server answers, and one whose clock is ahead
 * must not have entries forgotten that tokens still need by the clock of another: up to a quarter of an hour, they count again.
 */
const HELD_FOR_SECONDS = 900

/** Two entries of one value may differ in kind of bound and in time, so each kind of bound has its own room. */
interface Rooms {
  /** Every token with this value, until then. */
  readonly outright: Map<string, number>
  /** Tokens with this value that were issued until `before`, … */
  readonly before: Map<string, number>
  /** … until then. */
  readonly beforeUntil: Map<string, number>
}

export function createRevocationSet(): RevocationSet {
  const rooms = Object.fromEntries(REVOCATION_KINDS.map((kind) => [kind, makeRooms()])) as Record<RevocationKind, Rooms>
  const all = Object.values(rooms)

  return {
    add({ kind, value, before, until }) {
      const { outright, before: bounds, beforeUntil } = rooms[kind]
      // Whoever has a key signs tokens that live as long as he likes: what it signed is dead for good.
      if (before === undefined) return raise(outright, value, kind === 'kid' ? Number.POSITIVE_INFINITY : until)
      // The later bound for the longer time: what more it covers than each of the two alone has expired by then.
      raise(bounds, value, before)
      raise(beforeUntil, value, until)
    },
    find(token, nowSeconds) {
      for (const kind of REVOCATION_KINDS) {
        const value = token[kind]
        if (typeof value === 'string' && covers(rooms[kind], value, token.iat, nowSeconds)) return kind
      }
      return undefined
    },
    hasKey: (kid, nowSeconds) => (rooms.kid.outright.get(kid) ?? Number.NEGATIVE_INFINITY) >= nowSeconds,
    sweep(nowSeconds) {
      const over = nowSeconds - HELD_FOR_SECONDS
      for (const { outright, before, beforeUntil } of all) {
        for (const [value, until] of outright) if (until < over) outright.delete(value)
        for (const [value, until] of beforeUntil) {
          if (until >= over) continue
          beforeUntil.delete(value)
          before.delete(value)
        }
      }
    },
    get size() {
      return all.reduce((sum, { outright, before }) => sum + outright.size + before.size, 0)
    },
  }
}

function makeRooms(): Rooms {
  return { outright: new Map(), before: new Map(), beforeUntil: new Map() }
}

function raise(room: Map<string, number>, value: string, to: number): void {
  const present = room.get(value)
  if (present === undefined || present < to) room.set(value, to)
}

function covers({ outright, before, beforeUntil }: Rooms, value: string, iat: number, nowSeconds: number): boolean {
  const until = outright.size > 0 ? outright.get(value) : undefined
  if (until !== undefined && until >= nowSeconds) return true
  const bound = before.size > 0 ? before.get(value) : undefined
  return bound !== undefined && iat <= bound && (beforeUntil.get(value) ?? 0) >= nowSeconds
}
