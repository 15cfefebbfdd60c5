// What is thrown anywhere below becomes an answer here: a page in plain words for people, JSON for programs, and a line
// with the cause for the operator.
import type { Context, Middleware } from 'koa'
import { messagePage } from '../../views/errors/message.ts'
import type { Log } from './log.ts'
import { HttpProblem, problemJson, problemOf } from './problems.ts'
import { render } from './render.ts'
import { requestInfo } from './request-context.ts'

/** Makes the middleware. */
export function createErrorPages({ log }: { readonly log: Log }): Middleware {
  return async (ctx, next) => {
    try {
      await next()
      if (ctx.status === 404 && ctx.respond !== false && ctx.body == null) throw notFound(ctx)
    } catch (error) {
      answer(ctx, problemOf(error), log)
    }
  }
}

function notFound(ctx: Context): HttpProblem {
  // The routers leave the routes that have the path, whatever their method.
  const matched: unknown = ctx.matched
  return Array.isArray(matched) && matched.length > 0
    ? new HttpProblem(405, 'That did not work', 'This page cannot be asked in that way.')
    : new HttpProblem(404, 'There is no such page', 'The address may have been mistyped, or the page may have moved.')
}

function answer(ctx: Context, problem: HttpProblem, log: Log): void {
  const { requestId } = requestInfo(ctx.req)
  if (problem.status >= 500) {
    log[problem.status === 500 ? 'error' : 'warn']({ requestId, status: problem.status, err: problem.cause }, 'request failed')
  }
  if (problem.retryAfterSeconds !== undefined) ctx.set('Retry-After', String(problem.retryAfterSeconds))
  if (ctx.accepts('html', 'json') === 'json') {
    ctx.status = problem.status
    ctx.set('Cache-Control', 'no-store')
    ctx.body = problemJson(problem, requestId)
    ctx.type = 'application/problem+json'
    return
  }
  const { title, detail } = problem
  render(ctx, messagePage({ title, text: detail, ...(problem.status >= 500 ? { requestId } : {}) }), problem.status)
}
