// The admin API: its routes behind one door, which is the same for each of them. The order is policy, so all of it stands here.
import Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import { type AccessRule, whatIsMissing } from '../../config/roles.ts'
import { forPrograms } from '../http/error-pages.ts'
import { beginEventStream } from '../http/event-stream.ts'
import { HttpProblem } from '../http/problems.ts'
import { routesOf } from '../http/routes.ts'
import { type ApiToken, type Caller, callerOf, changeBy, checkAccess } from './caller.ts'
import { type AnswerAgain, readIdempotencyKey } from './idempotency.ts'
import { type ApiAnswer, type ApiRoute, allowBodyOf } from './route.ts'

/** Where it is. */
export const ADMIN_API_PATH = '/admin/api/v1'

/** What the door needs. */
export interface AdminApiDoor {
  /** Whose token the request carries. @throws HttpProblem 401 */
  readonly authenticate: (ctx: Context) => Promise<ApiToken>
  /** Counts requests, for each caller by itself; `ctx.state.caller` names it. */
  readonly limit: Middleware
  readonly answerAgain: AnswerAgain
  /** Told that a request was turned away for want of a token that lets it in. */
  readonly notLetIn: (ctx: Context, route: ApiRoute, error: unknown) => void
  /** Told that a caller has not what a route asks for, or reached beyond what they have. */
  readonly refused: (ctx: Context, route: ApiRoute, caller: Caller, why: RefusedCall) => void
}

/** Why a caller was not let do something, for the audit log. */
export type RefusedCall = 'insufficient_scope' | 'insufficient_role' | 'out_of_reach'

/** Makes the middleware. */
export function createAdminApi(routes: readonly ApiRoute[], door: AdminApiDoor): Middleware {
  const router = new Router({ prefix: ADMIN_API_PATH })
  for (const route of routes) router.register(route.path, [route.method], (ctx: Context) => pass(route, door, ctx))
  return forPrograms(ADMIN_API_PATH, routesOf(router))
}

async function pass(route: ApiRoute, door: AdminApiDoor, ctx: Context): Promise<void> {
  ctx.set('Cache-Control', 'no-store')
  if (route.access === 'public')
    return present(
      route,
      ctx,
      await route.answer({
        ...{ ctx, caller: NOBODY, change: noChange, ifVersion: undefined },
        ...{ insist: () => undefined, may: () => false, stillAllowed: async () => undefined },
      }),
    )
  // 1. Who asks, and whether they may.
  const token = await door.authenticate(ctx).catch((error: unknown) => {
    door.notLetIn(ctx, route, error)
    throw error
  })
  const caller = callerOf(token)
  const rules = [route.access, ...(route.accessToOwn ?? [])]
  const may = (rule: AccessRule) => whatIsMissing(rule, caller) === undefined
  const access = rules.find(may) ?? route.access
  const insist = (rule: AccessRule) => {
    const missing = whatIsMissing(rule, caller)
    if (missing !== undefined) {
      door.refused(ctx, route, caller, missing === 'role' ? 'insufficient_role' : 'insufficient_scope')
      checkAccess(ctx, rule, caller)
    }
  }
  insist(access)
  // 2. How often.
  ctx.state.caller = caller.actor
  await door.limit(ctx, async () => {
    allowBodyOf(ctx, route)
    // 3. A request that was answered already is answered the same.
    const key = route.method === 'post' ? readIdempotencyKey(ctx) : undefined
    const request = {
      ctx,
      caller,
      insist,
      may,
      change: (reason?: string) => changeBy(ctx, caller, reason),
      ifVersion: versionAsked(ctx, route),
      stillAllowed: async () => checkAccess(ctx, access, callerOf(await door.authenticate(ctx))),
    }
    const answer = () =>
      route.answer(request).catch((error: unknown) => {
        if (isOutOfReach(error)) door.refused(ctx, route, caller, 'out_of_reach')
        throw error
      })
    // 4. What is asked, and what is done.
    present(route, ctx, key === undefined ? await answer() : await door.answerAgain(ctx, { caller, key }, answer))
  })
}

/** Whoever may use the route has reached for somebody, or something, that may do more than they. What `insist` refuses was told already. */
function isOutOfReach(error: unknown): boolean {
  return error instanceof HttpProblem && error.type === 'out-of-reach'
}

const NOBODY = { actor: 'nobody', clientId: '', scopes: new Set<string>() }

function noChange(): never {
  throw new Error('A public route changes nothing.')
}

/** Members that the schema does not name are not sent: what a noun learns to tell one day is not told here by accident. */
function present({ outcomes, name }: ApiRoute, ctx: Context, answer: ApiAnswer): void {
  const { status = 200, body, version, headers = {} } = answer
  const outcome = outcomes[status]
  if (outcome === undefined) throw new Error(`The route ${name} has no outcome ${status}.`)
  ctx.status = status
  const { 'Content-Type': type, ...own } = headers
  if (type !== undefined) ctx.set('Content-Type', type)
  const told = { ...own, ...(version === undefined ? {} : { ETag: `"${version}"` }) }
  for (const [header, value] of Object.entries(told)) {
    // What the document does not say nobody can count on.
    if (![...(outcome.headers ?? []), ...(outcome.headersAtTimes ?? [])].some((one) => one === header))
      throw new Error(`The answer ${status} of the route ${name} has no header ${header}.`)
    ctx.set(header, value)
  }
  if (answer.listener !== undefined) answer.listener(beginEventStream(ctx))
  // The type stands in the headers already.
  else if (answer.stream !== undefined) ctx.body = answer.stream
  else if (outcome.schema !== undefined) {
    ctx.body = JSON.stringify(outcome.schema.parse(JSON.parse(JSON.stringify(body))))
    ctx.type = 'application/json'
  }
}

/** RFC 9110 §13.1.1: one entity tag, in its strong form, or `*`. */
function versionAsked(ctx: Context, { versioned }: ApiRoute): string | undefined {
  const asked = ctx.get('If-Match').trim()
  if (asked === '' || asked === '*') return undefined
  const [, version] = /^"([\x21\x23-\x7E]{1,100})"$/.exec(asked) ?? []
  if (versioned === true && version !== undefined) return version
  const detail =
    versioned === true ? 'If-Match takes one ETag in quotes, as this server gave it.' : 'If-Match means nothing here.'
  throw new HttpProblem(400, 'Not what was expected', detail, { type: 'invalid-request' })
}
