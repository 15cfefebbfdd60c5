// The keys of the authorization server: fetched, kept, and fetched again when they are no longer fresh, or when a token names one that is
// not there (unknown-keys.ts), but not more often than a stranger's made-up names should be able to make us.
import { createLocalJWKSet, errors, type JWK, type JWTVerifyGetKey } from 'jose'
import { type GuardClock, type Moment, millisecondsSince, moment } from './clock.ts'
import { ConfigurationFault, type FeedUnavailable, GuardError, InvalidToken, KeysUnavailable } from './errors.ts'
import type { IssuerMetadata } from './issuer.ts'
import type { GuardLog } from './log.ts'
import { RequestFailed, type Requests } from './requests.ts'
import { createPause } from './timers.ts'
import { createLookUp, type KeyFetching } from './unknown-keys.ts'

/** The keys. */
export interface Keys {
  /** The key that a token's header names. @throws InvalidToken @throws KeysUnavailable */
  readonly get: JWTVerifyGetKey
  /** Whether the key is known, good or not. */
  has(kid: unknown): boolean
  /** Fetches them, unless that was done just now. @throws KeysUnavailable */
  load(): Promise<void>
  /** Fetches them when they are not fresh, whether tokens come or not. To be called a few times a second. */
  tick(): void
  /** The ids of those that are known and not revoked. */
  ids(): readonly string[]
  /** Why they could not be fetched the last time; undefined once they could. */
  readonly fault: KeysUnavailable | undefined
}

/** What they are fetched with. */
export interface KeysParts {
  readonly discover: () => Promise<IssuerMetadata>
  readonly requests: Requests
  readonly clock: GuardClock
  readonly isRevoked: (kid: string) => boolean
  readonly log: GuardLog
  readonly closed: AbortSignal
}

const NOT_AGAIN_WITHIN_MS = 10_000
/** While there are none at all, somebody waits for them. */
const NONE_AGAIN_WITHIN_MS = 1000
const FRESH_FOR_MS = 600_000
/** How long after a fetch began a token waits for keys that are not fresh. */
const WAIT_MS = 1000
/** How long keys are good that cannot be fetched again: whoever stole one of them signs with it until then, should the revocation be missed. */
const GOOD_FOR_MS = 3_600_000
/** Of how many keys it is remembered that they were withdrawn, the latest ones. */
const MOST_WITHDRAWN = 50

interface Known {
  readonly resolve: JWTVerifyGetKey
  readonly kids: ReadonlySet<string>
  /** Those that tokens have named so far, by `kid`: picked out of the set once, since every request asks. */
  readonly picked: Map<string, { readonly alg: string; readonly key: PickedKey }>
  readonly at: Moment
}

type PickedKey = Awaited<ReturnType<JWTVerifyGetKey>>

export function createKeys(parts: KeysParts): Keys {
  const { clock, isRevoked } = parts
  const fetched = createFetched(parts)
  const lookUp = createLookUp(fetched, parts.log)

  /** Lets a token wait for a moment, unless it failed the last time. @throws KeysUnavailable when they are too old to be good */
  async function freshen({ at }: Known): Promise<void> {
    const failedBefore = fetched.failure !== undefined
    const loaded = fetched.load().catch(() => undefined)
    const { tried } = fetched
    const leftMs = tried === undefined ? 0 : WAIT_MS - millisecondsSince(clock, tried)
    if (!failedBefore && leftMs > 0) {
      const patience = createPause()
      await Promise.race([loaded, patience.wait(leftMs)])
      patience.cut()
    }
    if (fetched.known?.at === at && millisecondsSince(clock, at) > GOOD_FOR_MS)
      throw fetched.failure ?? unavailable(new Error('no answer in time'))
  }

  return {
    async get(header, token) {
      const { kid } = header
      // RFC 7515 leaves `kid` out at will; here a key that is not named could not be revoked.
      if (typeof kid !== 'string' || kid === '' || kid.length > 256) {
        throw new InvalidToken('signature', 'The access token does not name the key that signed it.')
      }
      if (isRevoked(kid)) throw new InvalidToken('revoked', 'The key that signed the access token was revoked.')
      const { known } = fetched
      if (known?.kids.has(kid) !== true) await lookUp(kid)
      else if (millisecondsSince(clock, known.at) > FRESH_FOR_MS) await freshen(known)
      return pick(fetched.known, header, token)
    },
    has: (kid) => typeof kid === 'string' && fetched.has(kid),
    load: fetched.load,
    tick() {
      const { known, tried } = fetched
      const isFresh = known !== undefined && millisecondsSince(clock, known.at) <= FRESH_FOR_MS
      const justTried = tried !== undefined && millisecondsSince(clock, tried) <= NOT_AGAIN_WITHIN_MS
      if (!isFresh && !justTried) fetched.load().catch(() => undefined)
    },
    get fault() {
      return fetched.failure
    },
    ids: () => [...(fetched.known?.kids ?? [])].filter((kid) => !isRevoked(kid)),
  }
}

/** Without a turn for what is known already. @throws JWKSNoMatchingKey when the key was known, and is published no more */
function pick(known: Known | undefined, ...[header, token]: Parameters<JWTVerifyGetKey>): PickedKey | Promise<PickedKey> {
  const { alg, kid = '' } = header
  if (known?.kids.has(kid) !== true) throw new errors.JWKSNoMatchingKey()
  const found = known.picked.get(kid)
  // A key is good for the algorithm that it was picked for, and for no other.
  return found !== undefined && found.alg === alg ? found.key : pickFirst(known, header, token)
}

async function pickFirst({ resolve, picked }: Known, ...[header, token]: Parameters<JWTVerifyGetKey>): Promise<PickedKey> {
  const key = await resolve(header, token)
  picked.set(String(header.kid), { alg: String(header.alg), key })
  return key
}

interface Fetched extends KeyFetching {
  readonly known: Known | undefined
  /** When the last fetch began. */
  readonly tried: Moment | undefined
}

/** Those that were fetched last. */
function createFetched(parts: KeysParts): Fetched {
  const { discover, requests, clock } = parts
  let known: Known | undefined
  let withdrawn: readonly string[] = []
  let tried: Moment | undefined
  let failure: KeysUnavailable | undefined
  let underWay: Promise<void> | undefined
  let begun = 0

  function pauseMs(): number {
    const limit = known === undefined ? NONE_AGAIN_WITHIN_MS : NOT_AGAIN_WITHIN_MS
    return tried === undefined ? 0 : Math.max(0, limit - millisecondsSince(clock, tried))
  }

  async function fetchKeys(): Promise<void> {
    tried = moment(clock)
    begun += 1
    try {
      const { kids, ...keys } = understood(await ask(discover, requests))
      const before = [...(known?.kids ?? []), ...withdrawn].slice(0, MOST_WITHDRAWN)
      withdrawn = before.filter((kid) => !kids.has(kid))
      known = { ...keys, kids, at: tried }
      failure = undefined
    } catch (error) {
      failure = unavailable(error)
      tell(parts, failure, known !== undefined)
      throw failure
    }
  }

  function load(): Promise<void> {
    if (underWay === undefined && pauseMs() > 0) {
      return failure === undefined ? Promise.resolve() : Promise.reject(failure)
    }
    underWay ??= fetchKeys().finally(() => {
      underWay = undefined
    })
    return underWay
  }

  return {
    get known() {
      return known
    },
    get tried() {
      return tried
    },
    get failure() {
      return failure
    },
    get begun() {
      return begun
    },
    get underWay() {
      return underWay
    },
    has: (kid) => known?.kids.has(kid) === true,
    wasWithdrawn: (kid) => withdrawn.includes(kid),
    pauseMs,
    load,
  }
}

async function ask(discover: KeysParts['discover'], requests: Requests): Promise<unknown> {
  const { jwksUri } = await discover()
  const { status, json } = await requests.send(jwksUri, { headers: { accept: 'application/json' } })
  if (status !== 200) throw new Error(`${jwksUri} answered ${status}`)
  return json
}

function understood(json: unknown): Omit<Known, 'at'> {
  const { keys } = Object(json) as { keys?: unknown }
  if (!Array.isArray(keys)) throw new Error('the key set has no keys')
  const asymmetric = (keys as JWK[]).filter(({ kty, kid }) => ['EC', 'RSA', 'OKP'].includes(String(kty)) && kid !== undefined)
  const kids = new Set(asymmetric.map(({ kid }) => String(kid)))
  return { resolve: createLocalJWKSet({ keys: asymmetric }), kids, picked: new Map() }
}

function tell({ log, closed }: KeysParts, { message, fix, cause }: KeysUnavailable, hasOthers: boolean): void {
  // What is broken off because the guard closes is no fault, and a fault of the configuration is thrown.
  if (closed.aborted || cause instanceof ConfigurationFault) return
  const consequence = hasOthers
    ? 'Tokens of a new key are answered 503, and all tokens when the known keys are an hour old.'
    : 'Tokens are answered 503.'
  log({ level: hasOthers ? 'warn' : 'error', message: `${message}. ${consequence} ${fix ?? ''}` })
}

function unavailable(error: unknown): KeysUnavailable {
  if (error instanceof KeysUnavailable) return error
  const { message, fix } = Object(error) as Partial<FeedUnavailable>
  return new KeysUnavailable(`The keys of the authorization server cannot be fetched: ${String(message)}`, {
    fix:
      (error instanceof GuardError || error instanceof RequestFailed ? fix : undefined) ??
      'See that its jwks_uri can be reached from here.',
    cause: error,
  })
}
