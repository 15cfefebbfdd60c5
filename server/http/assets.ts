// Style sheet and icon. Their addresses change with their content, so browsers may keep them for ever.
import type { Middleware } from 'koa'
import { HttpProblem } from './problems.ts'

/** A file that pages need. */
export interface Asset {
  readonly path: string
  readonly type: string
  readonly body: Buffer
}

/** Makes the middleware. */
export function createAssets(assets: readonly Asset[]): Middleware {
  const byPath = new Map(assets.map((asset) => [asset.path, asset]))
  return async (ctx, next) => {
    const asset = byPath.get(ctx.path)
    if (asset === undefined && ctx.path !== '/robots.txt') return next()
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') {
      ctx.set('Allow', 'GET, HEAD')
      throw new HttpProblem(405, 'That did not work', 'This file can only be read.')
    }
    if (asset === undefined) {
      ctx.type = 'text/plain; charset=utf-8'
      ctx.body = 'User-agent: *\nDisallow: /\n'
      return
    }
    ctx.type = asset.type
    ctx.set('Cache-Control', 'public, max-age=31536000, immutable')
    ctx.body = asset.body
  }
}
