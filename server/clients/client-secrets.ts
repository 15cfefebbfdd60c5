// Client secrets: long and random, kept as SHA-256 digests only. Such a secret cannot be guessed from its digest, so no
// slow hash is needed, and the token endpoint stays fast.
import { hash, randomBytes, timingSafeEqual } from 'node:crypto'

/** The fewest characters a client secret may have: 256 bits when they are hexadecimal digits and half of that at worst. */
export const SHORTEST_CLIENT_SECRET = 32

/** The most characters a client secret may have. */
export const LONGEST_CLIENT_SECRET = 512

/** How many secrets a client may have at once: the one in use, and its successor while the client is being changed. */
export const MOST_CLIENT_SECRETS = 2

/** A stored secret. */
export interface StoredSecret {
  /** `sec_…` */
  readonly id: string
  readonly digest: Uint8Array
  /** Milliseconds since the epoch; undefined: no end. */
  readonly expiresAt: number | undefined
}

/** A new secret of 256 random bits. */
export function generateClientSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** A new id of a secret. */
export function newSecretId(): string {
  return `sec_${randomBytes(12).toString('base64url')}`
}

/** Why a secret cannot be taken; undefined when it can. The answer does not repeat the secret. */
export function clientSecretFault(secret: string): string | undefined {
  if (secret.length < SHORTEST_CLIENT_SECRET)
    return `it must have ${SHORTEST_CLIENT_SECRET} characters or more (this has ${secret.length})`
  if (secret.length > LONGEST_CLIENT_SECRET) return `it must have ${LONGEST_CLIENT_SECRET} characters at most`
  // RFC 6749 §A.2: visible ASCII and space.
  if (!/^[\x20-\x7E]*$/.test(secret)) return 'it must be of printable ASCII characters'
  return undefined
}

/** Whether a secret could be guessed: it is made of a few different characters only. */
export function isWeakClientSecret(secret: string): boolean {
  return new Set(secret).size < 8
}

/** What is kept of a secret. */
export function clientSecretDigest(secret: string): Buffer {
  return hash('sha256', secret, 'buffer')
}

/**
 * Whether a secret is one of the client's that are good at `now` (milliseconds since the epoch). All are compared, each in
 * constant time, so that the time taken tells nothing.
 */
export function matchesClientSecret(secrets: readonly StoredSecret[], secret: string, now: number): boolean {
  const digest = clientSecretDigest(secret)
  let matches = false
  for (const stored of secrets) {
    const same = stored.digest.length === digest.length && timingSafeEqual(stored.digest, digest)
    const good = stored.expiresAt === undefined || stored.expiresAt > now
    matches = (same && good) || matches
  }
  return matches
}
