// The guard of an API: what it can do, and how it starts and ends. Its parts are joined in parts.ts; the check is in verification.ts.
import type { AdapterOptions, Guarding } from './adapters/answering.ts'
import { type ExpressMiddleware, expressAdapter } from './adapters/express.ts'
import { type FastifyAdapter, fastifyAdapter } from './adapters/fastify.ts'
import { type FetchHandler, fetchAdapter, type GuardedHandler } from './adapters/fetch.ts'
import { type KoaMiddleware, koaAdapter } from './adapters/koa.ts'
import { type NestGuard, type NestOptions, nestAdapter } from './adapters/nest.ts'
import { ConfigurationFault, type GuardError } from './errors.ts'
import type { FollowingBy } from './following.ts'
import { type GuardOptions, type Settled, settle } from './options.ts'
import { makeParts, type Parts } from './parts.ts'
import { metadataAddress, metadataOf, type ProtectedResourceMetadata } from './protected-resource.ts'
import { createPause } from './timers.ts'
import type { Verification } from './verification.ts'

/** A guard. */
export interface Guard {
  /**
   * The claims of the token of a request, when it is good, now, for this API. Takes an Authorization header, a bare token, or the
   * pieces of a request; a token that is bound to a key or a certificate needs the pieces.
   * @throws MissingToken @throws InvalidRequest @throws InvalidToken @throws InvalidProof @throws InsufficientScope
   * @throws FeedUnavailable and its kin (503) when it cannot be said
   */
  verify: Verification
  /** Middleware for Koa. The claims are in `ctx.state.token`. */
  koa(options?: AdapterOptions): KoaMiddleware
  /** Middleware for Express and its like. The claims are in `request.token`. */
  express(options?: AdapterOptions): ExpressMiddleware
  /** A plugin for Fastify, or an `onRequest` hook for one route. The claims are in `request.token`. */
  fastify(options?: AdapterOptions): FastifyAdapter
  /** A guard for Nest, on Express or Fastify. The claims are in `request.token`. */
  nest(options?: NestOptions): NestGuard
  /** Puts the check before a Fetch handler, which gets the claims as well. */
  fetch<Rest extends readonly unknown[]>(options: AdapterOptions, handler: GuardedHandler<Rest>): FetchHandler<Rest>
  /** What the API says of itself at `/.well-known/oauth-protected-resource` (RFC 9728). */
  protectedResourceMetadata(): ProtectedResourceMetadata
  status(): GuardStatus
  /** Ends everything that is under way, and tells the server so. Tokens are refused from now on. */
  close(): Promise<void>
}

/** How a guard is doing. */
export interface GuardStatus {
  /** Up to where revocations are known; undefined when they never were. */
  readonly sequence: number | undefined
  /** How old that knowledge is, in seconds; null when there is none. */
  readonly stalenessSeconds: number | null
  /** Whether that is too old: then `whenStale` decides. */
  readonly stale: boolean
  readonly following: FollowingBy
  /** How many revocations are held. */
  readonly entries: number
  readonly keyIds: readonly string[]
  /** How many tokens were let in while it was stale (`whenStale: 'accept'`). */
  readonly acceptedWhileStale: number
  /** How far this machine's clock is ahead of the server's, where that is worth correcting. */
  readonly clockAheadSeconds: number
  /** What fails at present, and what to do about it. */
  readonly fault: { readonly name: string; readonly message: string; readonly fix: string | undefined } | undefined
}

/**
 * Makes a guard and waits until it knows revocations and keys, or until it is clear that they cannot be had now: then it goes on
 * trying, and `whenStale` decides about tokens.
 * @throws ConfigurationFault when the options cannot work
 * @throws IssuerMismatch when the server at `issuer` calls itself otherwise
 */
export async function createGuard(options: GuardOptions): Promise<Guard> {
  const settled = settle(options)
  const closing = new AbortController()
  const parts = makeParts(settled, options, closing.signal)
  const close = async () => {
    closing.abort()
    await Promise.all([parts.acknowledgements?.close(), parts.following.close()])
  }
  try {
    await start(parts, settled)
  } catch (error) {
    await close()
    throw error
  }
  return guardOf(parts, settled, close)
}

async function start({ discover, keys, following, policy }: Parts, { startTimeoutMs }: Settled): Promise<void> {
  const discovered = discover().then(
    () => undefined,
    (error: unknown) => error,
  )
  const keysLoaded = keys.load().catch(() => undefined)
  const patience = createPause()
  const begun = Promise.all([following.start(), keysLoaded]).then(() => undefined)
  const misnamed = discovered.then((error) => {
    if (error instanceof ConfigurationFault) throw error
    return begun
  })
  await Promise.race([misnamed, patience.wait(startTimeoutMs)])
  patience.cut()
  policy.watch()
}

function guardOf(parts: Parts, settled: Settled, close: () => Promise<void>): Guard {
  const { verification, knowledge, keys, policy, following, time } = parts
  const path = metadataAddress(settled)?.path
  const metadata = metadataOf(settled)
  const guarding: Guarding = {
    verify: verification,
    metadata: path === undefined ? undefined : { path, document: metadata },
    publicUrl: settled.publicUrl,
  }
  return {
    verify: verification,
    koa: (options) => koaAdapter(guarding, options),
    express: (options) => expressAdapter(guarding, options),
    fastify: (options) => fastifyAdapter(guarding, options),
    nest: (options) => nestAdapter(guarding, options),
    fetch: (options, handler) => fetchAdapter(guarding, options, handler),
    protectedResourceMetadata: () => metadata,
    status: () => ({
      sequence: knowledge.sequence,
      stalenessSeconds: Number.isFinite(knowledge.staleForMs()) ? knowledge.staleForMs() / 1000 : null,
      stale: policy.isStale,
      following: following.by,
      entries: knowledge.entries,
      keyIds: keys.ids(),
      acceptedWhileStale: policy.acceptedWhileStale,
      clockAheadSeconds: time.offsetSeconds(),
      fault: faultOf(following.fault ?? keys.fault),
    }),
    close,
  }
}

function faultOf(error: GuardError | undefined): GuardStatus['fault'] {
  return error && { name: error.name, message: error.message, fix: error.fix }
}
