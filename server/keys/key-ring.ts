// The keys that one process signs and verifies with. They are read again when they have changed, and whoever has taken something
// over from them is told.
import { isDeepStrictEqual } from 'node:util'
import type { Database } from '../storage/postgres.ts'
import type { Sealer } from '../storage/sealing.ts'
import type { Endings } from '../tokens/ending.ts'
import { createKeyCompromise, type KeyCompromise } from './key-compromise.ts'
import { createKeyTurns, type KeyTurns } from './key-turns.ts'
import { loadSigningKeys, readSigningKeys, type SigningKeys } from './signing-keys.ts'

/** The keys of one process. */
export interface KeyRing {
  /** As they are now: another object when they have changed. */
  current(): SigningKeys
  /** Reads them again; true when they have changed. */
  refresh(): Promise<boolean>
  /** Calls `changed` whenever they have changed. */
  follow(changed: () => void): void
  /** Takes a key out of use that somebody else may have. Other processes follow within a second. */
  readonly compromise: KeyCompromise
  /** The turns that they take. */
  readonly turns: KeyTurns
}

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

    compromise: createKeyCompromise({ db, sealer, endings, publishedSeconds, changed: refresh }),
  }
}
