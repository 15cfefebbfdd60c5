// Tells people on the next page what they have just done. It travels in a signed cookie of one minute, not in the address: a link from
// elsewhere must not make the console say that something was ended.
import type { Context } from 'koa'

const COOKIE = 'latchkey_console_notice'
const LIFE_MS = 60_000
const MOST_CHARACTERS = 300

/** Leads to a page of the console, which will show the notice. */
export function redirectWithNotice(ctx: Context, path: string, notice: string): void {
  const text = Buffer.from(notice.slice(0, MOST_CHARACTERS)).toString('base64url')
  ctx.cookies.set(COOKIE, text, { ...options(ctx), maxAge: LIFE_MS })
  ctx.redirect(path)
  ctx.status = 303
}

/** The notice to show, once. */
export function takeNotice(ctx: Context): string | undefined {
  const found = ctx.cookies.get(COOKIE, { signed: true })
  if (found === undefined) return undefined
  ctx.cookies.set(COOKIE, null, options(ctx))
  return Buffer.from(found, 'base64url').toString()
}

function options(ctx: Context) {
  return { signed: true, httpOnly: true, sameSite: 'lax', secure: ctx.secure, path: '/admin', overwrite: true } as const
}
