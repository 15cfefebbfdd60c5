// Tells people on the next page what they have just done. It travels in a signed cookie of one minute, not in the address:
// a link from elsewhere must not make this page say that a password was changed.
import type { Context } from 'koa'
import type { Deed, Notice } from '../../views/account-console/account.ts'
import type { WhatEnded } from '../../views/what-ended.ts'

const COOKIE = 'latchkey_notice'
const LIFE_MS = 60_000
const DEEDS: readonly Deed[] = [
  'renamed',
  'password_changed',
  'session_ended',
  'others_ended',
  'app_removed',
  'app_narrowed',
  'app_unchanged',
]

/** Leads to the account page, which will say what was done and what it ended. */
export function redirectWithNotice(ctx: Context, deed: Deed, { sessions, grants }: WhatEnded = NOTHING): void {
  ctx.cookies.set(COOKIE, `${deed}.${sessions}.${grants}`, { ...options(ctx), maxAge: LIFE_MS })
  ctx.redirect('/account')
  ctx.status = 303
}

/** The notice to show, once. */
export function takeNotice(ctx: Context): Notice | undefined {
  const found = ctx.cookies.get(COOKIE, { signed: true })
  if (found !== undefined) ctx.cookies.set(COOKIE, null, options(ctx))
  const [, word, sessions, grants] = NOTICE.exec(found ?? '') ?? []
  const deed = DEEDS.find((known) => known === word)
  return deed === undefined ? undefined : { deed, sessions: Number(sessions), grants: Number(grants) }
}

const NOTHING: WhatEnded = { sessions: 0, grants: 0 }
const NOTICE = /^([a-z_]+)\.(\d+)\.(\d+)$/

function options(ctx: Context) {
  return { signed: true, httpOnly: true, sameSite: 'lax', secure: ctx.secure, path: '/account', overwrite: true } as const
}
