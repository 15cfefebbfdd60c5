// A request is answered in time, whatever it waits for. Every single wait has its own end (docs/storage.md), but they add up: a
// store that is slow rather than gone, a password that waits for its turn and then for a database that has just stopped.
import type { Context, Middleware } from 'koa'
import type { Log } from './log.ts'
import { HttpProblem } from './problems.ts'
import { requestInfo } from './request-context.ts'

/** Makes the middleware. What is late goes on, as it would if the connection had broken, and its outcome is not told any more. */
export function createDeadline({
  log,
  milliseconds,
}: {
  readonly log: Log
  readonly milliseconds: (ctx: Context) => number
}): Middleware {
  return async (ctx, next) => {
    const within = milliseconds(ctx)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<'late'>((resolve) => {
      // Whoever sends a request slowly may take longer; the time is for what is done with it.
      const arm = () => {
        timer = setTimeout(() => (ctx.req.complete ? resolve('late') : arm()), within)
      }
      arm()
    })
    const work = next()
    try {
      const first = await Promise.race([work, late])
      // An answer that has begun is not interrupted.
      if (first !== 'late' || ctx.headerSent) return await work
    } finally {
      clearTimeout(timer)
    }
    const { requestId } = requestInfo(ctx.req)
    work.catch((error: unknown) => log.warn({ requestId, err: error }, 'a request failed after it had been given up'))
    // The library would have answered by itself.
    ctx.respond = true
    throw new HttpProblem(503, 'Not available right now', 'It took too long. Please try again in a few seconds.', {
      retryAfterSeconds: 2,
    })
  }
}
