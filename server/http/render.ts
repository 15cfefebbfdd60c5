// Sends a page.
import type { Context } from 'koa'
import type { Html } from '../../views/html.ts'

/** Answers with a page. Pages are about a person and a moment, so nobody keeps them. */
export function render(ctx: Pick<Context, 'status' | 'type' | 'body' | 'set'>, page: Html, status = 200): void {
  ctx.status = status
  ctx.type = 'text/html; charset=utf-8'
  ctx.set('Cache-Control', 'no-store')
  ctx.body = page.toString()
}
