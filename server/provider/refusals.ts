// Hands on each request that the library has refused, with all that came, once it is answered: so that somebody can say why. What the
// library tells by its events is all there is.
import type { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider'
import type { Clock } from '../../config/clock.ts'
import { requestInfo } from '../http/request-context.ts'
import { type Brought, REFUSED_AT, type Refusal, type RefusedAt, type ShownBy } from '../refused-requests/refusal.ts'
import { parseRefreshToken } from '../tokens/refresh-token.ts'
import { requestState } from './request-state.ts'

/** What is done about them. */
export interface RefusalDeps {
  readonly clock: Clock
  /** Must not fail, and is not waited for. */
  readonly refused: (refusal: Refusal) => void
}

const EVENTS = [
  'authorization.error',
  'grant.error',
  'pushed_authorization_request.error',
  'revocation.error',
  'introspection.error',
  'end_session.error',
  'server_error',
] as const

/** Listens to a Provider's errors. */
export function reportRefusals(provider: Provider, deps: RefusalDeps): void {
  // The library may tell of two for one request; the last one is what was answered.
  const last = new WeakMap<IncomingMessage, unknown>()
  const onError = (ctx: KoaContextWithOIDC, error: unknown) => {
    if (!last.has(ctx.req)) ctx.res.once('close', () => report(ctx, last.get(ctx.req), deps))
    last.set(ctx.req, error)
  }
  const emitter: EventEmitter = provider
  for (const event of EVENTS) emitter.on(event, onError)
}

function report(ctx: KoaContextWithOIDC, error: unknown, { clock, refused }: RefusalDeps): void {
  const endpoint = refusedAt(ctx)
  if (endpoint === undefined || isOrdinary(ctx, error)) return
  refused({ at: clock(), endpoint, error: errorOf(ctx, error), ...senderOf(ctx), ...broughtBy(ctx), ...foundOf(ctx) })
}

/** Where a request was refused, if it is one that is told of. A person comes back from the pages of the interaction to the same endpoint by another name. */
export function refusedAt(ctx: KoaContextWithOIDC): RefusedAt | undefined {
  const route = ctx.oidc?.route === 'resume' ? 'authorization' : ctx.oidc?.route
  return REFUSED_AT.find((one) => one === route)
}

/** What is no refusal: a JWT that we answer for ourselves, and the nonce that every client has to be told once (RFC 9449 §8). */
function isOrdinary(ctx: KoaContextWithOIDC, error: unknown): boolean {
  if (error instanceof errors.UseDpopNonce) return !/iat is not recent/.test(error.error_description ?? '')
  return error instanceof errors.UnsupportedTokenType && ctx.status < 400
}

function errorOf({ body }: KoaContextWithOIDC, error: unknown): Refusal['error'] {
  // What the server could not do is in its log, and its message is nobody else's.
  if (!(error instanceof errors.OIDCProviderError) || !error.expose) return { code: 'server_error' }
  const told = typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined
  const scope: unknown = Reflect.get(error, 'scope')
  return {
    code: typeof told === 'string' ? told : error.error,
    ...(error.error_description === undefined ? {} : { description: error.error_description }),
    ...(typeof error.error_detail === 'string' ? { detail: error.error_detail } : {}),
    ...(typeof scope === 'string' ? { scope } : {}),
  }
}

function senderOf({ req, headers }: KoaContextWithOIDC) {
  const { requestId, address, userAgent } = requestInfo(req)
  const { origin, 'content-type': contentType, dpop: proof } = headers
  return {
    requestId,
    address,
    ...(userAgent === undefined ? {} : { userAgent }),
    ...(origin === undefined ? {} : { origin }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(typeof proof === 'string' ? { proof } : {}),
  }
}

function broughtBy(ctx: KoaContextWithOIDC) {
  const { oidc } = ctx
  // The library forgets what it refuses; what a request object or a pushed request says takes the place of what came beside it.
  const params = { ...textsOf({ ...ctx.query, ...oidc.body }), ...textsOf({ ...oidc.params }) }
  const basic = basicOf(ctx.headers.authorization)
  const assertion = params.client_assertion
  const clientId = oidc.client?.clientId ?? basic?.id ?? params.client_id ?? subjectOf(assertion)
  const secret = basic?.secret ?? params.client_secret
  const shownBy: ShownBy =
    basic !== undefined
      ? 'client_secret_basic'
      : params.client_secret !== undefined
        ? 'client_secret_post'
        : assertion !== undefined
          ? 'private_key_jwt'
          : 'none'
  return {
    params,
    shownBy,
    known: oidc.client !== undefined,
    ...(clientId === undefined ? {} : { clientId }),
    ...(secret === undefined ? {} : { secret }),
  }
}

function textsOf(params: object): Brought {
  return Object.fromEntries(
    Object.entries(params).flatMap(([name, value]: [string, unknown]) => {
      const texts = [value].flat().filter((text) => typeof text === 'string')
      return texts.length === 0 ? [] : [[name, texts.join(' ')]]
    }),
  )
}

/** RFC 6749 §2.3.1, as far as it can be read. */
function basicOf(header: string | undefined): { readonly id: string; readonly secret: string } | undefined {
  const [, encoded] = /^basic +(\S+)$/i.exec(header ?? '') ?? []
  const text = Buffer.from(encoded ?? '', 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { id: decoded(text.slice(0, colon)), secret: decoded(text.slice(colon + 1)) }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', '%20'))
  } catch {
    return text
  }
}

/** Whose assertion it says it is: nobody has verified it. */
function subjectOf(assertion: string | undefined): string | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(assertion?.split('.')[1] ?? '', 'base64url').toString('utf8'))
    return typeof claims === 'object' && claims !== null && 'sub' in claims && typeof claims.sub === 'string'
      ? claims.sub
      : undefined
  } catch {
    return undefined
  }
}

/** The code or the family that the request has found. */
function foundOf(ctx: KoaContextWithOIDC): Pick<Refusal, 'code' | 'refresh'> {
  const { code, refresh } = requestState(ctx)
  const presented = refresh === undefined ? undefined : parseRefreshToken(refresh.presented)
  return {
    ...(code === undefined
      ? {}
      : {
          code: {
            ...(code.clientId === undefined ? {} : { clientId: code.clientId }),
            ...(code.redirectUri === undefined ? {} : { redirectUri: code.redirectUri }),
            ...(code.codeChallenge === undefined ? {} : { challenge: code.codeChallenge }),
          },
        }),
    ...(refresh === undefined || presented === undefined
      ? {}
      : { refresh: { generation: presented.generation, newest: refresh.state.generation } }),
  }
}
