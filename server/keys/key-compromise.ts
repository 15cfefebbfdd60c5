// The end of a key that somebody else may have, and of all that it signed.
import { type Change, recordChange } from '../audit/change.ts'
import type { Database } from '../storage/postgres.ts'
import type { Sealer } from '../storage/sealing.ts'
import type { Ended, Endings } from '../tokens/ending.ts'
import { announcedKey, handOver } from './key-turns.ts'
import { insertKey, KeyRefused, lockKey, lockKeys, makeKey, markCompromised, readSigningKeys } from './signing-keys.ts'

/**
 * Takes a key out of use: nothing is signed or verified with it any more, all that it signed is dead, and another one signs.
 * @throws KeyRefused when it is not in use
 * @throws UnsealError when ENCRYPTION_KEY is not that of the keys that are there: what is sealed under another nobody else could open
 */
export type KeyCompromise = (kid: string, change: Change) => Promise<Ended>

/**
 * Whoever has a key signs tokens that live as long as he likes, so that no token says when this is over: it is when no API has the key
 * any more, not even one that keeps `/jwks` for months. They are few.
 */
const KEY_REMEMBERED_SECONDS = 365 * 86_400

/** Makes it. */
export function createKeyCompromise(deps: {
  readonly db: Database
  readonly sealer: Sealer
  readonly endings: Endings
  /** How long what a key has signed may still be in use once it signs no more, in seconds. */
  readonly publishedSeconds: number
  /** Told when it was done, and waited for. */
  readonly changed: () => Promise<unknown>
}): KeyCompromise {
  const { db, sealer, endings, publishedSeconds } = deps
  return async (kid, change) => {
    const { keys } = (await readSigningKeys({ db, sealer })).publicJwks
    const alg = keys.find((key) => key.kid === kid)?.alg
    // Made before the transaction: that of an RSA key takes long.
    const made = alg === undefined ? undefined : await makeKey(sealer, alg)
    const ended = await endings.run('signing_key_compromised', async (ending) => {
      await lockKeys(ending.tx)
      const locked = await lockKey(ending.tx, kid)
      const { status, next } = keyInUse(
        kid,
        locked === undefined || made === undefined ? undefined : { status: locked, next: made },
      )
      await markCompromised(ending.tx, kid)
      await recordChange(ending.tx, 'signing_key.compromised', change, { detail: { kid, alg: next.alg } })
      // One that is announced is known already to many who verify.
      const waiting = status === 'signing' ? await announcedKey(ending.tx, next.alg) : undefined
      if (waiting !== undefined) await handOver(ending.tx, waiting, { change, publishedSeconds })
      else if (status === 'signing') await insertKey(ending.tx, next, { change })
      ending.entries.push({ kind: 'kid', value: kid, lifeSeconds: KEY_REMEMBERED_SECONDS })
    })
    await deps.changed()
    return ended
  }
}

/** A key that is in use: of any other there is nothing to end. @throws KeyRefused */
export function keyInUse<Key extends { readonly status: string }>(kid: string, key: Key | undefined): Key {
  if (key !== undefined && key.status !== 'removed' && key.status !== 'compromised') return key
  throw new KeyRefused(`there is no key ${kid.slice(0, 100)} in use`)
}
