// Status list tokens (Token Status List, draft-ietf-oauth-status-list, §5.1): a list as one signed JWT. Each process makes them when
// they are asked for, and keeps them as long as they say what is known.
import { hash } from 'node:crypto'
import { promisify } from 'node:util'
import { deflate } from 'node:zlib'
import { SignJWT } from 'jose'
import type { SigningKeys } from '../keys/signing-keys.ts'
import type { RevocationLog } from '../tokens/revocation-log.ts'
import { type ListedStatuses, STATUS_LIST_ID, STATUS_LIST_SIZE, type StatusLists, statusListUri } from '../tokens/status-lists.ts'

/** A list as it is given out. */
export interface StatusListToken {
  readonly jwt: string
  /** Another one for each JWT, as it stands in `ETag`. */
  readonly version: string
}

/** The lists as one process gives them out. */
export interface StatusListTokens {
  /** Undefined when there is no such list. @throws StorageUnavailable */
  find(listId: string): Promise<StatusListToken | undefined>
  /** How many are remembered. */
  size(): number
}

/** What they are made from. */
export interface StatusListTokensDeps {
  readonly issuer: string
  readonly statusLists: StatusLists
  readonly follower: { readonly log: Pick<RevocationLog, 'sequence'> }
  readonly keys: () => SigningKeys
  readonly ttlSeconds: number
  /** A clock that nobody sets, in milliseconds from wherever. */
  readonly elapsed?: () => number
}

/** After a revocation a list is made anew, but not more often than this: of fifty in a second not each is worth a list. */
const YOUNGEST_REPLACED_SECONDS = 1

/** A JWT is good for so many times its `ttl`, so that whoever takes a new one in time is never without. */
const TTLS_OF_LIFE = 4

const ALGORITHM = 'ES256'

interface KnownToken extends StatusListToken {
  /** Revocations up to this number are in it. */
  readonly sequence: number
  /** When the read began, by `elapsed`. */
  readonly readAt: number
}

/** Makes them. */
export function createStatusListTokens(deps: StatusListTokensDeps): StatusListTokens {
  const { statusLists, follower, ttlSeconds, elapsed = () => performance.now() } = deps
  const known = new Map<string, KnownToken>()
  const underWay = new Map<string, Promise<KnownToken | undefined>>()

  const secondsSince = (readAt: number) => (elapsed() - readAt) / 1000

  function isGood({ sequence, readAt }: KnownToken): boolean {
    const age = secondsSince(readAt)
    return age < YOUNGEST_REPLACED_SECONDS || (age < ttlSeconds && sequence >= follower.log.sequence)
  }

  async function make(listId: string): Promise<KnownToken | undefined> {
    const readAt = elapsed()
    const statuses = await statusLists.read(listId)
    if (statuses === undefined) {
      known.delete(listId)
      return undefined
    }
    const jwt = await sign(deps, listId, statuses)
    const token = { jwt, version: `"${hash('sha256', jwt, 'base64url')}"`, sequence: statuses.sequence, readAt }
    remember(listId, token)
    return token
  }

  /** The newest last; whichever nobody has asked for lately goes, or all lists that there ever were would be here. */
  function remember(listId: string, token: KnownToken): void {
    known.delete(listId)
    known.set(listId, token)
    for (const [id, { readAt }] of known) {
      if (secondsSince(readAt) < Math.max(ttlSeconds, YOUNGEST_REPLACED_SECONDS)) return
      known.delete(id)
    }
  }

  return {
    size: () => known.size,

    async find(listId) {
      if (!STATUS_LIST_ID.test(listId)) return undefined
      const token = known.get(listId)
      if (token !== undefined && isGood(token)) return token
      // Whoever asks meanwhile gets the same one.
      const made = underWay.get(listId) ?? make(listId).finally(() => underWay.delete(listId))
      underWay.set(listId, made)
      return made
    },
  }
}

async function sign(
  { issuer, keys, ttlSeconds }: StatusListTokensDeps,
  listId: string,
  statuses: ListedStatuses,
): Promise<string> {
  const key = keys().privateJwks.keys.find(({ alg }) => alg === ALGORITHM)
  if (key?.kid === undefined) throw new Error(`there is no signing key for ${ALGORITHM}`)
  const lst = (await promisify(deflate)(bitsOf(statuses.invalid), { level: 9 })).toString('base64url')
  return new SignJWT({ ttl: ttlSeconds, status_list: { bits: 1, lst } })
    .setProtectedHeader({ alg: ALGORITHM, kid: key.kid, typ: 'statuslist+jwt' })
    .setIssuer(issuer)
    .setSubject(statusListUri(issuer, listId))
    .setIssuedAt(statuses.now)
    .setExpirationTime(statuses.now + TTLS_OF_LIFE * ttlSeconds)
    .sign(key)
}

/** §4.1: one bit a token, the lowest of each byte first; 1 is INVALID (§7.1). */
function bitsOf(invalid: ListedStatuses['invalid']): Uint8Array {
  if (invalid === 'all') return new Uint8Array(STATUS_LIST_SIZE / 8).fill(0xff)
  const bits = new Uint8Array(STATUS_LIST_SIZE / 8)
  for (const index of invalid) bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7))
  return bits
}
