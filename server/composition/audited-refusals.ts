// Writes down refusals that strangers can cause as often as they like: once in a while, and then how many there were.
import type { Context } from 'koa'
import type { Caller } from '../admin-api/caller.ts'
import type { ApiRoute } from '../admin-api/route.ts'
import type { RefusedCall } from '../admin-api/routes.ts'
import type { ConsoleRoute, RefusedVisit } from '../admin-console/console.ts'
import type { OccasionalEvents } from '../audit/occasional.ts'
import { addressKey, placeOf } from '../http/client-address.ts'
import { HttpProblem } from '../http/problems.ts'
import { originOf, requestInfo } from '../http/request-context.ts'
import type { RefusedClient } from '../provider/failures.ts'
import { TokenRefused } from '../provider/own-resources.ts'
import type { Throttled, Throttles } from '../throttles/throttles.ts'

/** Somebody was turned away for asking too often. */
export function noteRateLimit(
  { occasional, throttles }: { readonly occasional: OccasionalEvents; readonly throttles: Throttles },
  ctx: Context,
  about: Omit<Throttled, 'place'>,
  actor?: string,
): void {
  const origin = originOf(ctx)
  const { limit } = about
  throttles.note({ ...about, place: placeOf(origin.address) })
  const event = { name: 'rate_limit.reached', ...origin, detail: { limit } } as const
  occasional.note(actor === undefined ? event : { ...event, actor }, [limit, actor ?? addressKey(origin.address)])
}

/** A client did not show that it is the one it says. */
export function noteRefusedClient(occasional: OccasionalEvents, { request, clientId, why }: RefusedClient): void {
  const origin = requestInfo(request)
  const about = clientId === undefined ? {} : { actor: clientId, clientId }
  const reason = why === undefined ? {} : { reason: why }
  const alike = [clientId ?? '', addressKey(origin.address)]
  occasional.note({ name: 'client_authentication.failed', ...about, ...reason, ...origin }, alike)
}

/** Somebody came to the admin API with a token that lets nobody in there. Of the token nothing is written down. */
export function noteRefusedToken(occasional: OccasionalEvents, ctx: Context, route: ApiRoute, error: unknown): void {
  const refused = error instanceof HttpProblem ? error.cause : undefined
  if (!(refused instanceof TokenRefused)) return
  const { why, token } = refused
  const origin = originOf(ctx)
  const event = {
    name: 'access_token.refused',
    ...(token === undefined ? {} : { actor: token.accountId ?? token.clientId, clientId: token.clientId }),
    ...(token?.accountId === undefined ? {} : { accountId: token.accountId }),
    reason: why,
    ...origin,
    detail: { route: route.name },
  } as const
  // Whoever makes tokens up names whom they like: what bounds them is where they are.
  occasional.note(event, [addressKey(origin.address), why])
}

/** Somebody has not what a route of the admin API asks for, or reached beyond what they have. */
export function noteRefusedAccess(
  occasional: OccasionalEvents,
  ctx: Context,
  route: ApiRoute,
  { actor, clientId }: Caller,
  why: RefusedCall,
): void {
  const about = actor === clientId ? {} : { accountId: actor }
  const event = {
    name: 'admin_access.refused',
    actor,
    clientId,
    ...about,
    reason: why,
    ...originOf(ctx),
    detail: { route: route.name },
  } as const
  occasional.note(event, [actor, clientId, route.name, why])
}

/** Somebody at the console may not do what they asked for, or it could not be seen that it was they who asked. */
export function noteRefusedVisit(
  occasional: OccasionalEvents,
  ctx: Context,
  { method, path }: ConsoleRoute,
  accountId: string,
  why: RefusedVisit,
): void {
  // As the routes are written: what stands in their places in an address is whatever somebody has typed.
  const route = `${method.toUpperCase()} /admin${path}`
  const event = {
    name: 'admin_access.refused',
    actor: accountId,
    accountId,
    reason: why,
    ...originOf(ctx),
    detail: { route },
  } as const
  occasional.note(event, [accountId, route, why])
}
