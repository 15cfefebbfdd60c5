// Requests that apps may also send by a form (OpenID Connect Core §3.1.2.1, RP-Initiated Logout §2). The library takes them
// only if the session's cookie may come with a form of any site. It may not: so the browser is sent on to the same request
// by GET, which is an ordinary navigation.
import type { Context } from 'koa'
import { readForm } from '../http/form.ts'
import { HttpProblem } from '../http/problems.ts'

/** The paths that take such requests. */
export const POSTED_REQUESTS = ['/authorize', '/logout'] as const

/** Node refuses requests whose head is larger than 16 KiB; cookies have to fit in as well. */
const LONGEST_QUERY = 12 * 1024

/** Sends the browser on. @throws HttpProblem as for any form, and when the request is too long for an address */
export async function sendOn(ctx: Context): Promise<void> {
  const query = (await readForm(ctx)).toQuery()
  if (query.length > LONGEST_QUERY) {
    throw new HttpProblem(413, 'That was too much', 'The app that sent you here made a request that is too long.')
  }
  ctx.set('Cache-Control', 'no-store')
  // RFC 9700 §4.12: 303, so that the form is not sent again.
  ctx.redirect(`${ctx.path}?${query}`)
  ctx.status = 303
}
