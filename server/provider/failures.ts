// What the library calls a server error: logged with its cause, and answered with 503 where a store is out of reach, so
// that clients try again instead of giving up.
import type { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Context } from 'koa'
import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider'
import { createConnectionFaults } from '../http/connection-faults.ts'
import type { Log } from '../http/log.ts'
import { requestInfo } from '../http/request-context.ts'
import { storeFailure } from '../storage/errors.ts'
import type { ProtocolMeasures } from './measures.ts'
import { isForPrograms } from './protocol-routes.ts'

/**
 * Errors that a guess ends in (RFC 6749 §5.2), and how much each weighs. Codes and tokens are too long to be guessed; a whole
 * office of apps whose sessions have ended must not be taken for a thief.
 */
const GUESSES: { readonly [error: string]: number } = { invalid_client: 1, invalid_grant: 0.1 }

/** How soon it is worth trying again, in seconds. */
const RETRY_AFTER_SECONDS = 2

/** What is done about them. */
export interface FailureDeps {
  readonly log: Log
  /** Shows a person what is wrong. */
  readonly unavailablePage: (ctx: Context) => void
  /** Shows a person that a sign-in is over. */
  readonly expiredPage: (ctx: Context) => void
  /** Told of a wrong secret, code or token, and how much it weighs. */
  readonly clientFailed: (request: IncomingMessage, weight: number) => void
  /** Told that a client did not show that it is the one it says. */
  readonly clientRefused: (refused: RefusedClient) => void
  readonly measures: Pick<ProtocolMeasures, 'storeFailed'>
}

/** A client that was not let in. */
export interface RefusedClient {
  readonly request: IncomingMessage
  /** Undefined when it is none that is registered. */
  readonly clientId?: string
  /** In the library's words. */
  readonly why?: string
}

/** Listens to a Provider's errors. Comes before the library's and our other middlewares, so that it sees what they throw. */
export function reportFailures(provider: Provider, deps: FailureDeps): void {
  const onClientError = (ctx: KoaContextWithOIDC, error: Error) => {
    const weight = error instanceof errors.OIDCProviderError ? GUESSES[error.error] : undefined
    if (weight !== undefined) deps.clientFailed(ctx.req, weight)
    if (error instanceof errors.InvalidClientAuth) deps.clientRefused({ request: ctx.req, ...refusalOf(ctx, error) })
  }
  const asApp: EventEmitter = provider
  asApp.on('error', createConnectionFaults({ log: deps.log }))
  provider.on('grant.error', onClientError)
  provider.on('revocation.error', onClientError)
  provider.on('introspection.error', onClientError)
  provider.on('pushed_authorization_request.error', onClientError)
  const unavailable = new WeakSet<object>()
  provider.on('server_error', (ctx: KoaContextWithOIDC, error: unknown) => {
    const { requestId } = requestInfo(ctx.req)
    const failure = storeFailure(error)
    if (failure !== undefined) {
      unavailable.add(ctx.req)
      deps.measures.storeFailed(failure.store)
    }
    deps.log[failure !== undefined ? 'warn' : 'error']({ requestId, route: ctx.oidc?.route, err: error }, 'request failed')
  })
  // The library would send people back to the app with `server_error`, and clients away with 500: both may try again. What
  // our own middlewares throw, and what the library throws outside its handlers, would be nobody's.
  provider.use(async (ctx, next) => {
    try {
      await next()
    } catch (error) {
      // The library saves a session when its answer is made, and that may hold a code.
      if (error instanceof errors.SessionNotFound && !isForPrograms(ctx.path)) {
        ctx.remove('Location')
        return deps.expiredPage(ctx)
      }
      const failure = storeFailure(error)
      if (failure === undefined) throw error
      deps.measures.storeFailed(failure.store)
      deps.log.warn({ requestId: requestInfo(ctx.req).requestId, err: error }, 'request failed')
      unavailable.add(ctx.req)
    }
    if (!unavailable.has(ctx.req)) return
    ctx.status = 503
    ctx.remove('Location')
    ctx.set('Retry-After', String(RETRY_AFTER_SECONDS))
    ctx.set('Cache-Control', 'no-store')
    if (!isForPrograms(ctx.path) && ctx.accepts('json', 'html') === 'html') deps.unavailablePage(ctx)
    else ctx.body = { error: 'temporarily_unavailable', error_description: 'a store of the server is out of reach; try again' }
  })
}

/** What a stranger says of himself is not written down: it may be a secret in the wrong place. */
function refusalOf(
  ctx: KoaContextWithOIDC,
  { error_detail: why }: errors.InvalidClientAuth,
): { clientId?: string; why?: string } {
  const clientId = ctx.oidc.client?.clientId
  return { ...(clientId === undefined ? {} : { clientId }), ...(why === undefined ? {} : { why }) }
}
