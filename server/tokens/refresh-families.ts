// Refresh-token families: one row a chain, updated in place. What a presented token is, and what may be done with it, stands
// here; the rules are explained in docs/explanation/refresh-tokens.md.
import { type KeyObject, timingSafeEqual } from 'node:crypto'
import { gather } from '../storage/gathering.ts'
import type { Database } from '../storage/postgres.ts'
import { readToMint, type Wait } from './minting.ts'
import {
  areNewest,
  extendFamily,
  type FamilyStart,
  type FamilyState,
  type FamilyStep,
  moveFamilies,
  type NewFamily,
  readFamilies,
  startFamily,
} from './refresh-families-store.ts'
import { digestOf, nextRefreshToken, type RefreshToken } from './refresh-token.ts'
import { openSuccessor, sealSuccessor } from './successor.ts'

/** What a presented refresh token turned out to be. */
export type Presented =
  /** No live family has it, or what it depends on has ended. */
  | { readonly outcome: 'unknown' }
  /** It is another client's: refused, and nothing happens to the family. */
  | { readonly outcome: 'foreign'; readonly state: FamilyState }
  /** The newest of its family: it may be rotated. */
  | { readonly outcome: 'current'; readonly state: FamilyState; readonly token: RefreshToken }
  /** The one before, inside the replay window: it is answered with the successor it already has. */
  | { readonly outcome: 'replay'; readonly state: FamilyState; readonly token: RefreshToken; readonly successor: RefreshToken }
  /** One that was spent, or forged: the family and its grant must end (RFC 9700 §4.14.2). */
  | { readonly outcome: 'reused'; readonly state: FamilyState }
  /** One that this database has not made yet, as after a restore: the family must end, without alarm. */
  | { readonly outcome: 'ahead'; readonly state: FamilyState }

/** The families of one database. */
export interface RefreshFamilies {
  /** Finds out what a token is, as presented by a client. One read, and another after each wait (minting.ts). */
  present(token: RefreshToken, clientId: string): Promise<Presented>
  /** Makes `next` the newest token of the family; false when `token` no longer is. One conditional update. */
  rotate(token: RefreshToken, next: RefreshToken, state: FamilyState): Promise<boolean>
  /** Moves the idle life of a family that is not rotated; false when `token` no longer is its newest. One conditional update. */
  extend(token: RefreshToken): Promise<boolean>
  /** Whether a replay still stands: the family lives and its newest token is still the successor. */
  confirm(successor: RefreshToken): Promise<boolean>
  /** Starts a family. */
  start(family: NewFamily): Promise<FamilyStart>
  /** Reads the family of a token that is its newest, or one before it, however old: for introspection and revocation. */
  find(token: RefreshToken): Promise<{ readonly state: FamilyState; readonly newest: boolean } | undefined>
}

/** Makes the families. */
export function createRefreshFamilies(deps: {
  readonly db: Database
  /** Keys under which successors are sealed; the first seals, all open. */
  readonly successorKeys: readonly KeyObject[]
  readonly replayWindowSeconds: number
  readonly idleSeconds: number
  readonly absoluteSeconds: number
  readonly wait: Wait
}): RefreshFamilies {
  const read = gather((tokens: readonly RefreshToken[]) => readFamilies(deps.db, tokens))
  const move = gather((steps: readonly FamilyStep[]) => moveFamilies(deps.db, steps, deps))
  const isNewest = gather((tokens: readonly RefreshToken[]) => areNewest(deps.db, tokens))
  return {
    async present(token, clientId) {
      const found = await readToMint(async () => {
        const state = await read(token)
        if (state === undefined) return undefined
        const presented = judge(deps, token, clientId, state)
        const mints = presented.outcome === 'current' || presented.outcome === 'replay'
        return { presented, bornDeadForSeconds: mints ? state.bornDeadForSeconds : 0 }
      }, deps.wait)
      return found?.presented ?? { outcome: 'unknown' }
    },

    async rotate(token, next, state) {
      const [serverKey] = deps.successorKeys
      if (serverKey === undefined) throw new Error('there is no key to seal a successor with')
      return move({ token, next, successor: sealSuccessor({ previous: token, next, clientId: state.clientId, serverKey }) })
    },

    extend: (token) => extendFamily(deps.db, token, deps),

    confirm: isNewest,

    start: (family) => startFamily(deps.db, family, deps),

    async find(token) {
      const state = await read(token)
      if (state === undefined) return undefined
      const newest = token.generation === state.generation && same(digestOf(token.secret), state.currentDigest)
      // Which family it is of only that family's tokens say, and it is all that is remembered of most of them.
      const spent = token.generation < state.generation
      return newest || spent ? { state, newest } : undefined
    },
  }
}

/** Makes the token that would follow. */
export function successorOf(token: RefreshToken): RefreshToken {
  return nextRefreshToken(token)
}

function judge(
  deps: { readonly replayWindowSeconds: number; readonly successorKeys: readonly KeyObject[] },
  token: RefreshToken,
  clientId: string,
  state: FamilyState,
): Presented {
  // Only the family's own client can burn it.
  if (state.clientId !== clientId) return { outcome: 'foreign', state }
  // A session that is over keeps nobody from noticing a thief: what he got may live on for a while.
  if (!state.stands) return { outcome: 'unknown' }
  if (token.generation > state.generation) return { outcome: 'ahead', state }
  const digest = digestOf(token.secret)
  if (token.generation === state.generation) {
    if (!same(digest, state.currentDigest)) return { outcome: 'reused', state }
    return state.live ? { outcome: 'current', state, token } : { outcome: 'unknown' }
  }
  const window = state.replayWindowSeconds ?? deps.replayWindowSeconds
  const inWindow = state.secondsSinceRotation !== null && state.secondsSinceRotation < window
  const isPrevious = token.generation === state.generation - 1 && same(digest, state.previousDigest)
  // Asked for again by whoever lost the answer, and nothing to accuse anybody of.
  if (isPrevious && inWindow && !state.live) return { outcome: 'unknown' }
  if (isPrevious && inWindow && state.successor !== null) {
    const successor = openSuccessor({ previous: token, sealed: state.successor, clientId, serverKeys: deps.successorKeys })
    // Without the key that sealed it the successor is lost; the token is refused, and nobody is accused.
    return successor === undefined ? { outcome: 'unknown' } : { outcome: 'replay', state, token, successor }
  }
  return { outcome: 'reused', state }
}

function same(a: Uint8Array, b: Uint8Array | null): boolean {
  return b !== null && a.length === b.length && timingSafeEqual(a, b)
}
