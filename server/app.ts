// The Koa app: its middlewares in order. The order is policy, so all of it stands here.
import Koa, { type Middleware } from 'koa'
import type { CookieSignatures } from './http/cookie-signatures.ts'
import { HttpProblem } from './http/problems.ts'
import { protocolRoute } from './provider/protocol-routes.ts'
import type { ProviderHost } from './provider/provider-host.ts'

/** The middlewares, by what they do. */
export interface AppParts {
  readonly cookieSignatures: CookieSignatures
  /** 1. Refuses other hosts, before anything is looked at. */
  readonly hostPinning: Middleware
  /** 2. Finds out who asks, and logs the answer. */
  readonly requestLog: Middleware
  /** 3. What browsers may do with what is answered. */
  readonly securityHeaders: Middleware
  /** 4. Turns what is thrown below into a page, or into JSON for programs. */
  readonly errorPages: Middleware
  /** 5. How often people may ask, and clients. */
  readonly rateLimits: readonly Middleware[]
  /** 6. The protocol: what most requests want. */
  readonly provider: ProviderHost
  /** 7. Style sheets and icons. */
  readonly assets: Middleware
  /** 8. Our own pages, each a router. */
  readonly pages: readonly Middleware[]
}

/** Makes the app. */
export function createApp(parts: AppParts): Koa {
  const app = new Koa()
  app.keys = parts.cookieSignatures
  // The door has checked the host, and only it says who the client is; see http/host-pinning.ts.
  app.proxy = true
  app.use(parts.hostPinning)
  app.use(parts.requestLog)
  app.use(parts.securityHeaders)
  app.use(parts.errorPages)
  for (const limit of parts.rateLimits) app.use(limit)
  app.use(protocol(parts))
  app.use(parts.assets)
  for (const page of parts.pages) app.use(page)
  app.use(refuseOtherMethods)
  return app
}

/** Hands the request over to the provider, which answers it by itself. */
function protocol({ provider }: AppParts): Middleware {
  return async (ctx, next) => {
    const route = protocolRoute(ctx.path)
    // Some paths take forms as well, which pages of ours answer.
    if (!route?.methods.includes(ctx.method)) return next()
    ctx.set('Cache-Control', route.caching)
    ctx.respond = false
    // Koa begins with 404; the provider sets its own status on the same response.
    ctx.res.statusCode = 200
    await provider.handle(ctx.req, ctx.res)
  }
}

/** RFC 9110 §15.5.6: a 405 MUST say what is allowed. */
const refuseOtherMethods: Middleware = async (ctx, next) => {
  const route = protocolRoute(ctx.path)
  if (route === undefined) return next()
  ctx.set('Allow', route.methods.join(', '))
  throw new HttpProblem(405, 'That did not work', 'This address cannot be asked in that way.')
}
