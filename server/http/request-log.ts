// Gives each request an id and finds out who asks; writes one line when it has been answered.
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Middleware } from 'koa'
import type { Clock } from '../../config/clock.ts'
import type { Log } from './log.ts'
import { setRequestInfo } from './request-context.ts'

/** Makes the middleware. `clientAddress` knows which proxies may name the client's address. */
export function createRequestLog(deps: {
  readonly log: Log
  readonly clock: Clock
  readonly clientAddress: (request: IncomingMessage) => string
  /** Told of each answer; of a stream of events, which lasts as long as someone listens, without how long it took. */
  readonly answered?: (path: string, status: number | 'aborted', seconds: number | undefined) => void
}): Middleware {
  return async (ctx, next) => {
    const startedAt = deps.clock()
    const began = performance.now()
    const requestId = randomUUID()
    const address = deps.clientAddress(ctx.req)
    const userAgent = ctx.req.headers['user-agent']
    setRequestInfo(ctx.req, { requestId, address, ...(userAgent === undefined ? {} : { userAgent }) })
    ctx.set('X-Request-Id', requestId)
    const { path } = ctx
    ctx.res.once('close', () => {
      const streamed = isEventStream(ctx.res.getHeader('Content-Type'))
      const status = ctx.res.writableFinished || streamed ? ctx.res.statusCode : 'aborted'
      deps.answered?.(path, status, streamed ? undefined : (performance.now() - began) / 1000)
      // Most requests are not told of, and need no line to be made.
      if (ctx.res.statusCode < 500 && !deps.log.isLevelEnabled('debug')) return
      const line = {
        requestId,
        method: ctx.req.method,
        path: shownPath(ctx.req.url ?? ''),
        status: ctx.res.statusCode,
        milliseconds: deps.clock() - startedAt,
        address,
        ...(ctx.res.writableFinished ? {} : { aborted: true }),
      }
      if (ctx.res.statusCode >= 500) deps.log.warn(line, 'request')
      else deps.log.debug(line, 'request')
    })
    await next()
  }
}

function isEventStream(type: unknown): boolean {
  return typeof type === 'string' && type.startsWith('text/event-stream')
}

/** The path without its query, which may hold codes and tokens, and without the names of interactions. */
function shownPath(url: string): string {
  const path = url.split('?', 1)[0] ?? ''
  return path.replace(/^\/(interactions|authorize)\/[^/]+/, '/$1/:uid').slice(0, 200)
}
