// The forms in which password hashes are stored or imported, what parameters are believed, and how each is verified.
// A hash comes from the database or from a file that someone wrote: its parameters decide how much memory and time a
// verification takes, so they are checked before anything is computed.
import { pbkdf2Sync, randomBytes, scryptSync, timingSafeEqual } from 'node:crypto'
import * as argon2 from 'argon2'
import bcrypt from 'bcryptjs'

/** A stored hash, taken apart. */
export type PasswordHash =
  | { readonly kind: 'argon2id'; readonly text: string; readonly memoryKiB: number; readonly passes: number }
  | { readonly kind: 'bcrypt'; readonly text: string }
  | ({ readonly kind: 'scrypt'; readonly cost: number; readonly blockSize: number; readonly parallelism: number } & Derived)
  | ({ readonly kind: 'pbkdf2'; readonly hash: Pbkdf2Hash; readonly iterations: number } & Derived)

interface Derived {
  readonly salt: Buffer
  readonly digest: Buffer
}

type Pbkdf2Hash = 'sha1' | 'sha256' | 'sha512'

/** The most that a stored hash may ask of this machine. */
export interface HashLimits {
  readonly memoryKiB: number
  readonly passes: number
  readonly parallelism: number
}

/** 256 MiB, 24 passes, 16 lanes: beyond every recommendation, and still computed within seconds. */
export const HASH_LIMITS: HashLimits = { memoryKiB: 262_144, passes: 24, parallelism: 16 }

const BCRYPT_COST = { least: 4, most: 14 }
const PBKDF2_MOST_ITERATIONS = 2_000_000
const SALT_BYTES = { least: 1, most: 64 }
const DIGEST_BYTES = { least: 16, most: 64 }

/** Takes a hash apart. Undefined when it is of no known form, or asks for more than `limits` allow. */
export function parsePasswordHash(text: string, limits: HashLimits = HASH_LIMITS): PasswordHash | undefined {
  // No form is longer; a longer text is not worth a regular expression.
  if (text.length > 512) return undefined
  return parseArgon2id(text, limits) ?? parseBcrypt(text) ?? parseScrypt(text, limits) ?? parsePbkdf2(text)
}

/** Hashes a password by argon2id: a PHC string with its parameters in the usual order (the library writes another). */
export async function makePasswordHash(
  password: string,
  { memoryKiB, passes, parallelism }: { readonly memoryKiB: number; readonly passes: number; readonly parallelism: number },
): Promise<string> {
  const salt = randomBytes(16)
  const options = { type: argon2.argon2id, memoryCost: memoryKiB, timeCost: passes, parallelism, salt, raw: true } as const
  const digest = await argon2.hash(password, options)
  return `$argon2id$v=19$m=${memoryKiB},t=${passes},p=${parallelism}$${unpadded(salt)}$${unpadded(digest)}`
}

/** Base64 without padding, as PHC strings have it. */
export function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '')
}

/** Whether `password` is the one that was hashed. Blocks for as long as the computation takes, but for argon2id. */
export async function verifyPasswordHash(hash: PasswordHash, password: string): Promise<boolean> {
  switch (hash.kind) {
    case 'argon2id':
      return argon2.verify(hash.text, password)
    case 'bcrypt':
      // bcrypt reads 72 bytes and no more. That is how an imported hash was made, so that is how it is verified; the
      // first sign-in replaces it by one of the whole password.
      return bcrypt.compareSync(password, hash.text)
    case 'scrypt': {
      const { cost, blockSize, parallelism, salt, digest } = hash
      const options = { cost, blockSize, parallelization: parallelism, maxmem: 2 * scryptBytes(hash) + 1_048_576 }
      return timingSafeEqual(scryptSync(password, salt, digest.length, options), digest)
    }
    case 'pbkdf2': {
      const { salt, iterations, digest } = hash
      return timingSafeEqual(pbkdf2Sync(password, salt, iterations, digest.length, hash.hash), digest)
    }
  }
}

// $argon2id$v=19$m=19456,t=2,p=1$salt$digest, the parameters in any order.
function parseArgon2id(text: string, limits: HashLimits): PasswordHash | undefined {
  const match = /^\$argon2id\$v=(?:16|19)\$((?:,?[mtp]=\d{1,10}){3})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/.exec(text)
  const parameters = new Map((match?.[1] ?? '').split(',').map((one) => [one.slice(0, 1), Number(one.slice(2))]))
  const { m: memoryKiB = 0, t: passes = 0, p: parallelism = 0 } = Object.fromEntries(parameters)
  const salt = decode(match?.[2], SALT_BYTES)
  const digest = decode(match?.[3], DIGEST_BYTES)
  // RFC 9106 §3.1: salts of 8 bytes or more, memory of 8 KiB a lane or more.
  if (salt === undefined || salt.length < 8 || digest === undefined) return undefined
  if (!within(passes, 1, limits.passes) || !within(parallelism, 1, limits.parallelism)) return undefined
  if (!within(memoryKiB, 8 * parallelism, limits.memoryKiB)) return undefined
  return { kind: 'argon2id', text, memoryKiB, passes }
}

// $2b$12$22 characters of salt and 31 of digest. `2x` marks hashes made by a faulty implementation: refused.
function parseBcrypt(text: string): PasswordHash | undefined {
  const match = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(text)
  if (match === null || !within(Number(match[1]), BCRYPT_COST.least, BCRYPT_COST.most)) return undefined
  return { kind: 'bcrypt', text }
}

// $scrypt$ln=16,r=8,p=1$salt$digest
function parseScrypt(text: string, limits: HashLimits): PasswordHash | undefined {
  const match = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]+)={0,2}\$([A-Za-z0-9+/]+)={0,2}$/.exec(text)
  if (match === null) return undefined
  const [logCost, blockSize, parallelism] = [Number(match[1]), Number(match[2]), Number(match[3])]
  const salt = decode(match[4], SALT_BYTES)
  const digest = decode(match[5], DIGEST_BYTES)
  if (salt === undefined || digest === undefined) return undefined
  if (!within(logCost, 1, 24) || !within(blockSize, 1, 64) || !within(parallelism, 1, limits.parallelism)) return undefined
  const hash = { kind: 'scrypt', cost: 2 ** logCost, blockSize, parallelism, salt, digest } as const
  return scryptBytes(hash) <= limits.memoryKiB * 1024 ? hash : undefined
}

// $pbkdf2-sha256$i=600000$salt$digest (PHC), $pbkdf2-sha256$600000$salt$digest (passlib, with `.` for `+`),
// pbkdf2_sha256$600000$salt$digest (Django, whose salt is text).
function parsePbkdf2(text: string): PasswordHash | undefined {
  const phc =
    /^\$pbkdf2(?:-(sha1|sha256|sha512))?\$(?:i=)?(\d{1,9})(?:,l=\d{1,3})?\$([A-Za-z0-9+/.]+)={0,2}\$([A-Za-z0-9+/.]+)={0,2}$/.exec(
      text,
    )
  const django =
    phc === null ? /^pbkdf2_(sha1|sha256|sha512)\$(\d{1,9})\$([A-Za-z0-9]+)\$([A-Za-z0-9+/]+)={0,2}$/.exec(text) : null
  const match = phc ?? django
  if (match === null) return undefined
  const salt = django === null ? decode(match[3], SALT_BYTES) : Buffer.from(match[3] ?? '')
  const digest = decode(match[4], DIGEST_BYTES)
  const iterations = Number(match[2])
  if (salt === undefined || digest === undefined || !within(iterations, 1, PBKDF2_MOST_ITERATIONS)) return undefined
  return { kind: 'pbkdf2', hash: pbkdf2Hash(match[1]), iterations, salt, digest }
}

function pbkdf2Hash(name: string | undefined): Pbkdf2Hash {
  // The form without a name is SHA-1's.
  return name === 'sha256' || name === 'sha512' ? name : 'sha1'
}

function scryptBytes(hash: { readonly cost: number; readonly blockSize: number; readonly parallelism: number }): number {
  return 128 * hash.blockSize * (hash.cost + hash.parallelism)
}

function decode(text: string | undefined, bytes: { readonly least: number; readonly most: number }): Buffer | undefined {
  const decoded = Buffer.from((text ?? '').replaceAll('.', '+'), 'base64')
  return within(decoded.length, bytes.least, bytes.most) ? decoded : undefined
}

function within(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most
}
