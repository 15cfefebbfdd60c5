// The keys that one process signs and verifies with. They are read again when they have changed, and whoever has taken something
// over from them is told.
import { isDeepStrictEqual } from 'node:util'
import { type Change, recordChange } from '../audit/change.ts'
import type { Database } from '../storage/postgres.ts'
import type { Sealer } from '../storage/sealing.ts'
import type { Ended, Endings } from '../tokens/ending.ts'
import { announcedKey, createKeyTurns, handOver, type KeyTurns } from './key-turns.ts'
import {
  insertKey,
  KeyRefused,
  loadSigningKeys,
  lockKey,
  lockKeys,
  makeKey,
  markCompromised,
  readSigningKeys,
  type SigningKeys,
} from './signing-keys.ts'

/** The keys of one process. */
export interface KeyRing {
  /** As they are now: another object when they have changed. */
  current(): SigningKeys
  /** Reads them again; true when they have changed. */
  refresh(): Promise<boolean>
  /** Calls `changed` whenever they have changed. */
  follow(changed: () => void): void
  /**
   * Takes a key out of use that somebody else may have: nothing is signed or verified with it any more, all that it signed is
   * dead, and another one signs. Other processes follow within a second. @throws KeyRefused
   */
  compromise(kid: string, change: Change): Promise<Ended>
  /** The turns that they take. */
  readonly turns: KeyTurns
}

/**
 * Whoever has a key signs tokens that live as long as he likes, so that no token says when this is over: it is when no API has the key
 * any more, not even one that keeps `/jwks` for months. They are few.
 */
const KEY_REMEMBERED_SECONDS = 365 * 86_400

/** Reads the keys, and makes those that are missing. */
export async function openKeyRing(deps: {
  readonly db: Database
  readonly sealer: Sealer
  readonly endings: Endings
  /** How long what a key has signed may still be in use once it signs no more, in seconds. */
  readonly publishedSeconds: number
}): Promise<KeyRing> {
  const { db, sealer, endings, publishedSeconds } = deps
  let keys = await loadSigningKeys({ db, sealer })
  const followers: (() => void)[] = []

  async function refresh(): Promise<boolean> {
    const now = await readSigningKeys({ db, sealer })
    if (isDeepStrictEqual(now, keys)) return false
    keys = now
    for (const changed of followers) changed()
    return true
  }

  return {
    current: () => keys,
    refresh,
    follow: (changed) => void followers.push(changed),
    turns: createKeyTurns({ db, sealer, publishedSeconds, changed: refresh }),

    async compromise(kid, change) {
      const alg = keys.publicJwks.keys.find((key) => key.kid === kid)?.alg
      // Made before the transaction: that of an RSA key takes long.
      const next = alg === undefined ? undefined : await makeKey(sealer, alg)
      const ended = await endings.run('signing_key_compromised', async (ending) => {
        await lockKeys(ending.tx)
        const status = await lockKey(ending.tx, kid)
        if (next === undefined || status === undefined || status === 'compromised')
          throw new KeyRefused(`there is no key ${kid} in use`)
        await markCompromised(ending.tx, kid)
        await recordChange(ending.tx, 'signing_key.compromised', change, { detail: { kid, alg: next.alg } })
        // One that is announced is known already to many who verify.
        const waiting = status === 'signing' ? await announcedKey(ending.tx, next.alg) : undefined
        if (waiting !== undefined) await handOver(ending.tx, waiting, { change, publishedSeconds })
        else if (status === 'signing') await insertKey(ending.tx, next, { change })
        ending.entries.push({ kind: 'kid', value: kid, lifeSeconds: KEY_REMEMBERED_SECONDS })
      })
      await refresh()
      return ended
    },
  }
}
