// Tells people on the next page what they have just done. It travels in a signed cookie of one minute, not in the address:
// a link from elsewhere must not make this page say that a password was changed.
import type { Context } from 'koa'
import type { Notice } from '../../views/account-console/account.ts'

const COOKIE = 'latchkey_notice'
const LIFE_MS = 60_000
const NOTICES: readonly Notice[] = [
  'renamed',
  'password_changed',
  'session_ended',
  'others_ended',
  'app_removed',
  'app_narrowed',
  'app_unchanged',
]

/** Leads to the account page, which will show the notice. */
export function redirectWithNotice(ctx: Context, notice: Notice): void {
  ctx.cookies.set(COOKIE, notice, { ...options(ctx), maxAge: LIFE_MS })
  ctx.redirect('/account')
  ctx.status = 303
}

/** The notice to show, once. */
export function takeNotice(ctx: Context): Notice | undefined {
  const found = ctx.cookies.get(COOKIE, { signed: true })
  if (found !== undefined) ctx.cookies.set(COOKIE, null, options(ctx))
  return NOTICES.find((notice) => notice === found)
}

function options(ctx: Context) {
  return { signed: true, httpOnly: true, sameSite: 'lax', secure: ctx.secure, path: '/account', overwrite: true } as const
}
