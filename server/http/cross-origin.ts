// What every page of the web may read, and nothing else: answers that are for everybody (the Fetch standard, CORS protocol).
import type { Middleware } from 'koa'

/** Lets pages of every origin read what routes answer to GET, errors too; their browsers may ask before they do. */
export function openToPages(routes: Middleware): Middleware {
  return (ctx, next) => {
    ctx.set('Access-Control-Allow-Origin', '*')
    ctx.set('Access-Control-Expose-Headers', 'ETag, Retry-After')
    if (ctx.method !== 'OPTIONS') return routes(ctx, next)
    ctx.set('Allow', METHODS)
    ctx.set('Access-Control-Allow-Methods', METHODS)
    ctx.set('Access-Control-Allow-Headers', '*')
    ctx.set('Access-Control-Max-Age', '86400')
    ctx.status = 204
  }
}

const METHODS = 'GET, HEAD, OPTIONS'
