// What is thrown anywhere below becomes an answer here: a page in plain words for people, JSON for programs, and a line
// with the cause for the operator.
import type { Context, Middleware } from 'koa'
import { messagePage } from '../../views/errors/message.ts'
import { type StorageUnavailable, storeFailure } from '../storage/errors.ts'
import type { Log } from './log.ts'
import { HttpProblem, problemJson, problemOf } from './problems.ts'
import { render } from './render.ts'
import { requestInfo } from './request-context.ts'

/** What it needs. */
export interface ErrorPageDeps {
  readonly log: Log
  /** Told of requests that failed because a store did not answer. */
  readonly storeFailed?: (store: StorageUnavailable['store']) => void
  /** Whether only programs ask at a path, of those that say it nowhere else. */
  readonly isForPrograms?: (path: string) => boolean
}

/** Makes the middleware. */
export function createErrorPages(deps: ErrorPageDeps): Middleware {
  return async (ctx, next) => {
    try {
      await next()
      if (ctx.status === 404 && ctx.respond !== false && ctx.body == null) throw notFound(ctx)
    } catch (error) {
      const failure = storeFailure(error)
      if (failure !== undefined) deps.storeFailed?.(failure.store)
      answer(ctx, problemOf(error), deps)
    }
  }
}

/**
 * For a path that only programs ask, and all below it: whatever they accept, an error is JSON, also where no route answers, or not by
 * that method.
 */
export function forPrograms(path: string, routes: Middleware): Middleware {
  return (ctx, next) => {
    // Routers do not look at the case of a path, so neither may this.
    if (!`${ctx.path.toLowerCase()}/`.startsWith(`${path}/`)) return next()
    ctx.state.forPrograms = true
    return routes(ctx, next)
  }
}

/** Where somebody goes on who is told of an error: `ctx.state.wayOn`, set by whoever knows. */
export interface WayOn {
  readonly href: string
  readonly label: string
}

/** From here on an error leads there. */
export function leadOn(ctx: Context, way: WayOn): void {
  ctx.state.wayOn = way
}

function notFound(ctx: Context): HttpProblem {
  const methods = methodsOf(ctx)
  if (methods.length === 0 || methods.includes(ctx.method)) {
    return new HttpProblem(404, 'There is no such page', 'The address may have been mistyped, or the page may have moved.')
  }
  // RFC 9110 §15.5.6: a 405 MUST say what is allowed.
  ctx.set('Allow', methods.join(', '))
  return new HttpProblem(405, 'That did not work', 'This page cannot be asked in that way.')
}

/** The methods that the path has. Routers leave behind what matched it: routes, and middlewares, which have no methods. */
function methodsOf(ctx: Context): string[] {
  const matched: unknown = ctx.matched
  if (!Array.isArray(matched)) return []
  const layers: readonly { readonly methods: readonly string[] }[] = matched
  return [...new Set(layers.flatMap(({ methods }) => methods))]
}

function answer(ctx: Context, problem: HttpProblem, { log, isForPrograms }: ErrorPageDeps): void {
  const { requestId } = requestInfo(ctx.req)
  if (problem.status >= 500) {
    // What this server itself does not take just now, as when it is late, has no cause but what it answers.
    const why = problem.cause === undefined ? { why: problem.detail } : { err: problem.cause }
    log[problem.status === 500 ? 'error' : 'warn']({ requestId, status: problem.status, ...why }, 'request failed')
  }
  if (problem.retryAfterSeconds !== undefined) ctx.set('Retry-After', String(problem.retryAfterSeconds))
  const forPrograms = ctx.state.forPrograms === true || isForPrograms?.(ctx.path) === true
  if (forPrograms || ctx.accepts('html', 'json') === 'json') {
    ctx.status = problem.status
    ctx.set('Cache-Control', 'no-store')
    ctx.body = problemJson(problem, requestId)
    ctx.type = 'application/problem+json'
    return
  }
  const { title, detail } = problem
  const action: WayOn | undefined = ctx.state.wayOn
  const page = messagePage({
    ...{ title, text: detail },
    ...(problem.status >= 500 ? { requestId } : {}),
    ...(action === undefined ? {} : { action }),
  })
  render(ctx, page, problem.status)
}
