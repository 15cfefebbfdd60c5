// The page on which a person sets a password by a one-time link.
import { Router } from '@koa/router'
import type { Context, Middleware } from 'koa'
import type { PasswordPolicy } from '../../config/password-policy.ts'
import type { PasswordFault } from '../../views/password-faults.ts'
import { deadPasswordLinkPage, passwordSetPage, setPasswordPage } from '../../views/password-links/set-password.ts'
import type { PasswordLinks } from '../accounts/password-links.ts'
import type { Csrf } from '../http/csrf.ts'
import { readForm } from '../http/form.ts'
import { render } from '../http/render.ts'
import { originOf } from '../http/request-context.ts'
import { routesOf } from '../http/routes.ts'

/** Where it is. */
export const SET_PASSWORD_PATH = '/set-password'

/** What the page needs. */
export interface PasswordLinkPagesDeps {
  readonly links: Pick<PasswordLinks, 'find' | 'redeem'>
  readonly policy: PasswordPolicy
  readonly csrf: Csrf
}

/** Makes the routes. */
export function createPasswordLinkPages(deps: PasswordLinkPagesDeps): Middleware {
  const router = new Router()
    .get(SET_PASSWORD_PATH, async (ctx) => {
      const { token } = ctx.query
      if (typeof token !== 'string') return showDeadLink(ctx, token === undefined ? 404 : 410)
      await showForm(deps, ctx, token)
    })
    .post(SET_PASSWORD_PATH, (ctx) => setPassword(deps, ctx))
  return routesOf(router)
}

async function showForm(deps: PasswordLinkPagesDeps, ctx: Context, token: string, fault?: PasswordFault): Promise<void> {
  const account = await deps.links.find(token)
  if (account === undefined) return showDeadLink(ctx, 410)
  const { minLength, maxLength, history } = deps.policy
  const view = setPasswordPage({
    ...{ token, minLength, maxLength, history, email: account.email, csrf: deps.csrf.token(ctx, 'password link') },
    ...(fault === undefined ? {} : { fault }),
  })
  render(ctx, view, fault === undefined ? 200 : 422)
}

async function setPassword(deps: PasswordLinkPagesDeps, ctx: Context): Promise<void> {
  const form = await readForm(ctx)
  deps.csrf.check(ctx, form, 'password link')
  const token = form.get('token')
  const password = form.get('password')
  const again = form.get('password_again')
  // The browser requires it; a script that leaves it out knows what it typed.
  if (again !== '' && again !== password) return showForm(deps, ctx, token, 'differs')
  const result = await deps.links.redeem(token, password, originOf(ctx))
  if (result.outcome === 'dead_link') return showDeadLink(ctx, 410)
  if (result.outcome === 'refused') return showForm(deps, ctx, token, result.reason)
  render(ctx, passwordSetPage({ email: result.account.email, ended: result.ended }))
}

/** Gone (RFC 9110 §15.5.11) for a link that was; there is no such page without one. */
function showDeadLink(ctx: Context, status: 404 | 410): void {
  render(ctx, deadPasswordLinkPage(), status)
}
