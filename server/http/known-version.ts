// Whether whoever asks has the answer already.
import type { Context } from 'koa'

/**
 * Whether `If-None-Match` names a version (RFC 9110 §13.1.2). Koa's `fresh` is another question: programs that ask for what is new
 * say `no-cache` as well, which is meant for caches in between.
 *
 * @param version as it stands in `ETag`, with its quotes
 */
export function isKnown(ctx: Context, version: string): boolean {
  const given = ctx.get('If-None-Match').split(',')
  return given.some((tag) => tag.trim().replace(/^W\//, '') === version)
}
