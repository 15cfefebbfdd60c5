// What a guard is told when it is made, and what it makes of that: defaults filled in, every fault reported at once.
import type { CryptoKey, JWK } from 'jose'
import { ConfigurationFault } from './errors.ts'
import type { GuardLog } from './log.ts'
import type { RedisClient } from './redis-client.ts'

/** What to do with a good token while revocations are not up to date. */
export type WhenStale =
  /** Answer 503 until they are: nobody is let in. */
  | 'refuse'
  /** Let it in, and say so in the log and in `status()`. */
  | 'accept'
  /** Ask the authorization server about each (RFC 7662). */
  | 'introspect'

/**
 * This API as a client of the authorization server: with a secret, or with a key (`private_key_jwt`). A secret may be handed on as
 * the environment has it: `createGuard` says so when there is none.
 */
export type ClientCredentials = KnownCredentials | { readonly id: string; readonly secret: string | undefined }

/** Those that are there. */
export type KnownCredentials =
  | { readonly id: string; readonly secret: string }
  | { readonly id: string; readonly key: CryptoKey | JWK; readonly alg?: string; readonly kid?: string }

/** How a guard is made. */
export interface GuardOptions {
  /** The authorization server, exactly as it calls itself. */
  readonly issuer: string
  /** What this API is called in `aud`: its resource identifier (RFC 8707). */
  readonly audience: string
  /** With what this API asks for revocations. May be left out only when they come from Redis. */
  readonly client?: ClientCredentials
  /** `refuse`, unless told otherwise. */
  readonly whenStale?: WhenStale
  /** How old the knowledge of revocations may be; 15. Below that the guard asks in between. */
  readonly maxStalenessSeconds?: number
  /** A client of the authorization server's own Redis (ioredis or node-redis), for services of the same trust zone. */
  readonly redis?: RedisClient
  /** Signature algorithms that are taken; those of the server are ES256, RS256, PS256, EdDSA. */
  readonly algorithms?: readonly string[]
  /** How far `exp` and `nbf` may be off, 0 to 10; 5. */
  readonly clockToleranceSeconds?: number
  /** Scopes of this API, for its metadata (RFC 9728 `scopes_supported`). */
  readonly scopes?: readonly string[]
  /** Name of this API for people, for its metadata. */
  readonly name?: string
  /** Under which address the outside reaches the root of this API; the origin of `audience`, where that is a web address. */
  readonly publicUrl?: string
  /** Whether adapters answer `/.well-known/oauth-protected-resource…`, and challenges name it; true. */
  readonly metadata?: boolean
  /** How old a DPoP proof may be; 300. */
  readonly proofMaxAgeSeconds?: number
  /** How long `createGuard` waits for revocations and keys at most; 10. It goes on trying after that. */
  readonly startTimeoutSeconds?: number
  readonly log?: GuardLog
  /** Requests go through it; the runtime's own otherwise. */
  readonly fetch?: typeof fetch
  /** The time of day, in milliseconds since 1970. */
  readonly clock?: () => number
}

/** Options without gaps. */
export interface Settled {
  readonly issuer: string
  readonly audience: string
  readonly client: KnownCredentials | undefined
  readonly whenStale: WhenStale
  readonly maxStalenessMs: number
  readonly redis: RedisClient | undefined
  readonly algorithms: readonly string[]
  readonly clockToleranceSeconds: number
  readonly scopes: readonly string[] | undefined
  readonly name: string | undefined
  readonly publicUrl: string | undefined
  readonly metadata: boolean
  readonly proofMaxAgeSeconds: number
  readonly startTimeoutMs: number
}

/** Asymmetric, all of them: `none` is no signature, and for HS256 the public key would be the secret (RFC 8725 §2.1). */
const ALGORITHMS = ['ES256', 'RS256', 'PS256', 'EdDSA']
const ASYMMETRIC = /^(ES(256|384|512)|[RP]S(256|384|512)|EdDSA|Ed25519)$/

/** @throws ConfigurationFault which names everything that is wrong */
export function settle(options: GuardOptions): Settled {
  // Whoever writes JavaScript may leave them out.
  if (Object(options) !== options)
    throw new ConfigurationFault('createGuard needs options.', { fix: 'Give { issuer, audience, client }.' })
  const faults = faultsOf(options)
  if (faults.length > 0) throw new ConfigurationFault('createGuard cannot work with these options.', { fix: faults.join(' ') })
  const { issuer, audience, client, redis, scopes, name } = options
  return {
    issuer,
    audience,
    client: client !== undefined && isClient(client) ? client : undefined,
    redis,
    scopes,
    name,
    whenStale: options.whenStale ?? 'refuse',
    maxStalenessMs: (options.maxStalenessSeconds ?? 15) * 1000,
    algorithms: options.algorithms ?? ALGORITHMS,
    clockToleranceSeconds: options.clockToleranceSeconds ?? 5,
    // A proof is for the address that the outside sees; what a request says of it, others may have written (RFC 9700 §4.13).
    publicUrl: (options.publicUrl ?? webOrigin(audience))?.replace(/\/+$/, ''),
    metadata: options.metadata ?? true,
    proofMaxAgeSeconds: options.proofMaxAgeSeconds ?? 300,
    startTimeoutMs: (options.startTimeoutSeconds ?? 10) * 1000,
  }
}

/** Whether a connection to an address is protected, or never leaves this machine. */
export function isSafeAddress(address: string): boolean {
  const url = parseUrl(address)
  if (url?.protocol === 'https:') return true
  return url?.protocol === 'http:' && /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)
}

function faultsOf(options: GuardOptions): string[] {
  const { issuer, audience, client, redis, whenStale, algorithms = ALGORITHMS } = options
  const faults: string[] = []
  for (const name of Object.keys(options)) {
    // A name that is mistyped would leave a default in force that may be weaker than what was meant.
    if (!(name in OPTIONS)) faults.push(`${name}: there is no such option.`)
  }
  const check = (right: boolean, fault: string) => right || faults.push(fault)
  check(isSafeAddress(issuer), 'issuer: give the https address of the authorization server (http only on this machine).')
  check(isText(audience), 'audience: give the identifier of this API, as it stands in `aud`.')
  check(client !== undefined || redis !== undefined, 'client: give the { id, secret } of this API at the authorization server.')
  check(client === undefined || isClient(client), 'client: give an id, and a secret or a key.')
  check(
    whenStale === undefined || ['refuse', 'accept', 'introspect'].includes(whenStale),
    "whenStale: say 'refuse', 'accept' or 'introspect'.",
  )
  check(whenStale !== 'introspect' || client !== undefined, "whenStale: 'introspect' needs a client to ask with.")
  check(
    algorithms.length > 0 && algorithms.every((algorithm) => ASYMMETRIC.test(algorithm)),
    'algorithms: only asymmetric ones, such as ES256.',
  )
  const { publicUrl } = options
  check(publicUrl === undefined || webOrigin(publicUrl) !== undefined, 'publicUrl: give an http or https address.')
  for (const [name, [least, most]] of Object.entries(RANGES)) {
    const number = options[name as keyof typeof RANGES]
    check(number === undefined || (number >= least && number <= most), `${name}: give seconds from ${least} to ${most}.`)
  }
  return faults
}

const OPTIONS: { readonly [name in keyof Required<GuardOptions>]: true } = {
  issuer: true,
  audience: true,
  client: true,
  whenStale: true,
  maxStalenessSeconds: true,
  redis: true,
  algorithms: true,
  clockToleranceSeconds: true,
  scopes: true,
  name: true,
  publicUrl: true,
  metadata: true,
  proofMaxAgeSeconds: true,
  startTimeoutSeconds: true,
  log: true,
  fetch: true,
  clock: true,
}

/** In seconds. RFC 9068 leaves the tolerance open; more than ten seconds would be no tolerance any more. */
const RANGES = {
  maxStalenessSeconds: [1, 3600],
  clockToleranceSeconds: [0, 10],
  proofMaxAgeSeconds: [1, 600],
  startTimeoutSeconds: [0, 120],
} as const satisfies { readonly [name in keyof GuardOptions]?: readonly [number, number] }

function isClient(client: ClientCredentials): client is KnownCredentials {
  return isText(client.id) && ('secret' in client ? isText(client.secret) : Boolean(client.key))
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

function webOrigin(address: string): string | undefined {
  const url = parseUrl(address)
  return url !== undefined && /^https?:$/.test(url.protocol) ? url.origin : undefined
}

function parseUrl(address: string): URL | undefined {
  try {
    return new URL(address)
  } catch {
    return undefined
  }
}
