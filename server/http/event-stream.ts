// Server-sent events (WHATWG HTML), begun: what an answer must say so that nothing on its way keeps it back.
import type { ServerResponse } from 'node:http'
import type { Context } from 'koa'

/** Begins one. From here on the answer is written by whoever tells the events. */
export function beginEventStream(ctx: Context): ServerResponse {
  ctx.respond = false
  ctx.res.statusCode = 200
  ctx.res.setHeader('Content-Type', 'text/event-stream; charset=utf-8')
  // Or nginx would keep it until there is more.
  ctx.res.setHeader('X-Accel-Buffering', 'no')
  ctx.res.flushHeaders()
  return ctx.res
}
