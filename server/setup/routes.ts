// The setup page: whoever holds the one-time link makes the first owner.
import { Router } from '@koa/router'
import type { Context, Middleware } from 'koa'
import type { PasswordPolicy } from '../../config/password-policy.ts'
import { deadLinkPage, type SetupFormFault, setupDonePage, setupPage } from '../../views/setup/setup.ts'
import type { SetupLinks } from '../accounts/setup-links.ts'
import type { Csrf } from '../http/csrf.ts'
import { readForm } from '../http/form.ts'
import { render } from '../http/render.ts'
import { originOf } from '../http/request-context.ts'
import { routesOf } from '../http/routes.ts'
import { SETUP_PATH } from './announcement.ts'

/** What the setup page needs. */
export interface SetupDependencies {
  readonly links: Pick<SetupLinks, 'ownerExists' | 'isLive' | 'redeem'>
  readonly policy: PasswordPolicy
  readonly csrf: Csrf
  /** Told that somebody is about to type a password. */
  readonly passwordComes: () => void
  /** Called when a link has been used: nothing of it is to be left about. */
  readonly forgetLink: () => Promise<void>
}

/** Makes the routes. */
export function createSetup(deps: SetupDependencies): Middleware {
  const router = new Router()
    .get(SETUP_PATH, async (ctx) => {
      const { token } = ctx.query
      if (typeof token !== 'string' || !(await deps.links.isLive(token))) return showDeadLink(deps, ctx)
      deps.passwordComes()
      showForm(deps, ctx, { token, name: '', email: '' })
    })
    .post(SETUP_PATH, (ctx) => makeOwner(deps, ctx))
  return routesOf(router)
}

interface Entered {
  readonly token: string
  readonly name: string
  readonly email: string
}

function showForm(deps: SetupDependencies, ctx: Context, entered: Entered, fault?: SetupFormFault): void {
  const { minLength, maxLength } = deps.policy
  const csrf = deps.csrf.token(ctx, 'setup')
  const view = setupPage({ ...entered, csrf, minLength, maxLength, ...(fault === undefined ? {} : { fault }) })
  render(ctx, view, fault === undefined ? 200 : 422)
}

async function makeOwner(deps: SetupDependencies, ctx: Context): Promise<void> {
  const form = await readForm(ctx)
  deps.csrf.check(ctx, form, 'setup')
  const entered = { token: form.get('token'), name: form.get('name'), email: form.get('email') }
  const password = form.get('password')
  const again = form.get('password_again')
  // The browser requires it; a script that leaves it out knows what it typed.
  if (again !== '' && again !== password) return showForm(deps, ctx, entered, 'differs')
  const { token, name, email } = entered
  const result = await deps.links.redeem(token, { email, name, password, origin: originOf(ctx) })
  if (result.outcome === 'dead_link') return showDeadLink(deps, ctx)
  if (result.outcome === 'refused') return showForm(deps, ctx, entered, result.reason)
  await deps.forgetLink()
  render(ctx, setupDonePage({ email: result.account.email }))
}

async function showDeadLink(deps: SetupDependencies, ctx: Context): Promise<void> {
  const ownerExists = await deps.links.ownerExists()
  // Gone (RFC 9110 §15.5.11) for a link that was; there is no such page without one.
  render(ctx, deadLinkPage({ ownerExists }), ctx.query.token === undefined && ctx.method === 'GET' ? 404 : 410)
}
