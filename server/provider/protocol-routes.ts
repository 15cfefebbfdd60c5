// The endpoints of the protocol as requests meet them: which methods each has, and whether caches may keep its answer.
// What is not here is not handed to the library, which would say 404 to a wrong method and nothing to caches.
import type { Middleware } from 'koa'

/** An endpoint. */
export interface ProtocolRoute {
  /** Others are answered 405, with these in `Allow` (RFC 9110 §15.5.6). */
  readonly methods: readonly string[]
  /** What `Cache-Control` says. */
  readonly caching: string
  /** Only programs ask: whatever they accept, an error is JSON (RFC 6749 §5.2, RFC 7662 §2.3). */
  readonly forPrograms: boolean
}

/** The endpoint at a path, if there is one. */
export function protocolRoute(path: string): ProtocolRoute | undefined {
  return ROUTES.find(([pattern]) => pattern.test(path))?.[1]
}

/** Whether only programs ask at a path of the protocol. */
export function isForPrograms(path: string): boolean {
  return protocolRoute(path)?.forPrograms ?? false
}

/** Says in each answer who may keep it. */
export const setCaching: Middleware = (ctx, next) => {
  const route = protocolRoute(ctx.path)
  if (route !== undefined) ctx.set('Cache-Control', route.caching)
  return next()
}

/** Pages, and answers that are about a person or a token (RFC 6749 §5.1, RFC 7662 §2.2). */
const KEPT_BY_NOBODY = 'no-store'

/** As long as a client may go without seeing a new signing key. */
const KEPT_FOR_MINUTES = 'public, max-age=300'

const page: ProtocolRoute = { methods: ['GET', 'HEAD'], caching: KEPT_BY_NOBODY, forPrograms: false }
const forClients: ProtocolRoute = { methods: ['POST', 'OPTIONS'], caching: KEPT_BY_NOBODY, forPrograms: true }
const forEverybody: ProtocolRoute = { methods: ['GET', 'HEAD', 'OPTIONS'], caching: KEPT_FOR_MINUTES, forPrograms: true }

/** The library answers them with a slash at the end as well. */
const ROUTES: readonly (readonly [RegExp, ProtocolRoute])[] = [
  [/^\/\.well-known\/(?:openid-configuration|oauth-authorization-server)\/?$/, forEverybody],
  [/^\/jwks\/?$/, forEverybody],
  [/^\/(?:token|revoke|introspect|par)\/?$/, forClients],
  // OpenID Connect Core §5.3.1: by GET and by POST.
  [/^\/userinfo\/?$/, { methods: ['GET', 'HEAD', 'POST', 'OPTIONS'], caching: KEPT_BY_NOBODY, forPrograms: true }],
  [/^\/authorize(?:\/[^/]+)?\/?$/, page],
  [/^\/logout(?:\/success)?\/?$/, page],
  [/^\/logout\/confirm\/?$/, { methods: ['POST'], caching: KEPT_BY_NOBODY, forPrograms: false }],
]
