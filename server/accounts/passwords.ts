// Passwords: hashed with argon2id, verified in whatever form they were stored, never trimmed and never cut.
import { randomBytes } from 'node:crypto'
import type { Hashing } from '../../config/password-policy.ts'
import { createHashingPool, type HashingPool } from './hashing-pool.ts'
import { HASH_LIMITS, type HashLimits, parsePasswordHash, unpadded } from './password-hashes.ts'

/** A password longer than this is refused before anything is computed: 1 KiB of UTF-8. */
const MAX_PASSWORD_BYTES = 1024

/** A password of more than 1 KiB. Forms check the length first (the policy's limit is lower): this is the last line. */
export class PasswordTooLong extends Error {
  override readonly name = 'PasswordTooLong'
}

/** Hashes and verifies passwords. Every method that computes throws `HashingBusy` when there is too much to do. */
export interface Passwords {
  /** A PHC string of argon2id. @throws PasswordTooLong */
  hash(password: string): Promise<string>
  /** Whether `password` is the one of `hash`; false for a hash of unknown form or with absurd parameters. */
  verify(hash: string, password: string): Promise<boolean>
  /** The same work as `verify`, for accounts that do not exist or have no password. */
  burn(password: string): Promise<false>
  /** Whether `hash` is weaker than what `hash()` makes now, or of another form. */
  needsRehash(hash: string): boolean
  /** Whether `verify` could ever be true for it: what an import checks. */
  isUsableHash(hash: string): boolean
  /** Says that somebody is about to type a password. */
  prepare(): void
  /** How many passwords wait to be hashed. */
  waiting(): number
  close(): Promise<void>
}

/** Makes it. Hashing goes on in processes of its own, which are started when they are first needed, or soon will be. */
export function createPasswords(deps: { readonly hashing: Hashing; readonly pool?: HashingPool }): Passwords {
  const { memoryKiB, passes, parallelism } = deps.hashing
  const pool = deps.pool ?? createHashingPool(deps.hashing)
  // What this server was told to make must be readable by it, however large.
  const limits: HashLimits = {
    memoryKiB: Math.max(HASH_LIMITS.memoryKiB, memoryKiB),
    passes: Math.max(HASH_LIMITS.passes, passes),
    parallelism: Math.max(HASH_LIMITS.parallelism, parallelism),
  }
  const nobody = `$argon2id$v=19$m=${memoryKiB},t=${passes},p=${parallelism}$${unpadded(randomBytes(16))}$${unpadded(randomBytes(32))}`

  async function verify(hash: string, password: string): Promise<boolean> {
    if (isTooLong(password) || parsePasswordHash(hash, limits) === undefined) return false
    const answer = await pool.run({ kind: 'verify', password: normalise(password), hash, limits })
    return 'matches' in answer && answer.matches
  }

  return {
    verify,

    async hash(password) {
      if (isTooLong(password)) throw new PasswordTooLong('a password must not be longer than 1 KiB')
      const answer = await pool.run({ kind: 'hash', password: normalise(password), memoryKiB, passes, parallelism })
      if (!('hash' in answer)) throw new Error('the hashing process gave another answer than it was asked for')
      return answer.hash
    },

    async burn(password) {
      await verify(nobody, password)
      return false
    },

    needsRehash(hash) {
      const parsed = parsePasswordHash(hash, limits)
      return parsed?.kind !== 'argon2id' || parsed.memoryKiB < memoryKiB || parsed.passes < passes
    },

    isUsableHash: (hash) => parsePasswordHash(hash, limits) !== undefined,

    prepare: () => pool.prepare(),

    waiting: () => pool.waiting(),

    close: () => pool.close(),
  }
}

/**
 * The same password typed on another keyboard may come in other code points. RFC 8265 §4.2.2 (OpaqueString) and NIST SP
 * 800-63B-4 §3.1.1.2: Normalization Form C, and nothing else is changed; in particular spaces stay.
 */
export function normalise(password: string): string {
  return password.normalize('NFC')
}

function isTooLong(password: string): boolean {
  return Buffer.byteLength(password) > MAX_PASSWORD_BYTES
}
