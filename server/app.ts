// What answers a request: the protocol, which is a Koa app of the library's, or our pages, which are one of ours. Both stand
// behind the same door. The order is policy, so all of it stands here.
import type { IncomingMessage, RequestListener } from 'node:http'
import Koa, { type Middleware } from 'koa'
import type { CookieSignatures } from './http/cookie-signatures.ts'
import { HttpProblem } from './http/problems.ts'
import { protocolRoute } from './provider/protocol-routes.ts'
import type { ProviderHost } from './provider/provider-host.ts'
import { withPageState } from './provider/request-state.ts'

/** What every request passes first, by what it does. */
export interface Door {
  /** 1. Refuses other hosts, before anything is looked at. */
  readonly hostPinning: Middleware
  /** 2. Finds out who asks, and logs the answer. */
  readonly requestLog: Middleware
  /** 3. What browsers may do with what is answered. */
  readonly securityHeaders: Middleware
  /** 4. Turns what is thrown below into a page, or into JSON for programs. */
  readonly errorPages: Middleware
  /** 5. How long anyone waits for an answer. */
  readonly deadline: Middleware
  /** 6. How often people may ask, and clients. */
  readonly rateLimits: readonly Middleware[]
}

/** The middlewares of the door in their order. */
export function throughDoor(door: Door): readonly Middleware[] {
  const { hostPinning, requestLog, securityHeaders, errorPages, deadline, rateLimits } = door
  return [hostPinning, requestLog, securityHeaders, errorPages, deadline, ...rateLimits]
}

/** What answers. */
export interface AppParts {
  readonly door: Door
  readonly cookieSignatures: CookieSignatures
  /** Told of errors that nobody else has met. */
  readonly onError: (error: Error) => void
  /** 7. The protocol: what most requests want. It has the door built in. */
  readonly provider: ProviderHost
  /** 8. Style sheets and icons. */
  readonly assets: Middleware
  /** 9. Our own pages, each a router. */
  readonly pages: readonly Middleware[]
}

/** Makes the app. */
export function createApp(parts: AppParts): { callback(): RequestListener } {
  const app = new Koa()
  app.keys = parts.cookieSignatures
  // The door has checked the host, and only it says who the client is; see http/host-pinning.ts.
  app.proxy = true
  app.on('error', parts.onError)
  for (const middleware of throughDoor(parts.door)) app.use(middleware)
  app.use(parts.assets)
  // Whatever a page reads, it reads once.
  app.use(withPageState)
  for (const page of parts.pages) app.use(page)
  app.use(refuseOtherMethods)
  return {
    callback() {
      const answerPage = app.callback()
      return (request, response) =>
        isProtocol(request) ? parts.provider.handle(request, response) : answerPage(request, response)
    },
  }
}

/** Some paths of the protocol take forms as well, which pages of ours answer. */
function isProtocol({ url = '', method = '' }: IncomingMessage): boolean {
  return protocolRoute(url.split('?', 1)[0] ?? '')?.methods.includes(method) ?? false
}

/** RFC 9110 §15.5.6: a 405 MUST say what is allowed. */
const refuseOtherMethods: Middleware = async (ctx, next) => {
  const route = protocolRoute(ctx.path)
  if (route === undefined) return next()
  ctx.set('Allow', route.methods.join(', '))
  throw new HttpProblem(405, 'That did not work', 'This address cannot be asked in that way.')
}
