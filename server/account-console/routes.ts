// The account page: a person's name, password, sessions and the apps they have let in. Each route reads a form, calls one function and shows a page.
import { Router } from '@koa/router'
import type { Context, Middleware } from 'koa'
import type { PasswordPolicy } from '../../config/password-policy.ts'
import { accountPage, type NameFault } from '../../views/account-console/account.ts'
import { type PasswordFormFault, passwordPage } from '../../views/account-console/password.ts'
import { type Accounts, InvalidAccount } from '../accounts/accounts.ts'
import type { ChangePassword } from '../accounts/password-change.ts'
import { readForm } from '../http/form.ts'
import { render } from '../http/render.ts'
import { originOf } from '../http/request-context.ts'
import { routesOf } from '../http/routes.ts'
import type { Sessions } from '../sessions/sessions.ts'
import { type AppsDependencies, narrowApp, removeApp, showApp } from './apps.ts'
import { redirectWithNotice, takeNotice } from './notices.ts'
import { type CurrentSession, createVisitor, type Visit } from './visit.ts'

/** What the account page needs. */
export interface AccountConsoleDependencies extends AppsDependencies {
  readonly accounts: Pick<Accounts, 'findById' | 'rename'>
  readonly sessions: Pick<Sessions, 'list' | 'end' | 'endOthers'>
  readonly changePassword: ChangePassword
  readonly policy: PasswordPolicy
  readonly currentSession: (ctx: Context) => Promise<CurrentSession | undefined>
  /** Where to sign in; `returnTo` is a path that has been checked. */
  readonly signInUrl: (ctx: Context, returnTo: string) => Promise<string>
}

type Handler = (ctx: Context, visit: Visit) => Promise<void>

/** Makes the routes. */
export function createAccountConsole(deps: AccountConsoleDependencies): Middleware {
  const visitor = createVisitor(deps)
  const signedIn =
    (handle: Handler): Middleware =>
    async (ctx) => {
      const visit = await visitor(ctx)
      if (visit !== undefined) await handle(ctx, visit)
    }
  const router = new Router()
    .get(
      '/account',
      signedIn((ctx, visit) => showAccount(deps, ctx, visit)),
    )
    .post(
      '/account/name',
      signedIn((ctx, visit) => rename(deps, ctx, visit)),
    )
    .get(
      '/account/password',
      signedIn(async (ctx, visit) => showPassword(deps, ctx, visit)),
    )
    .post(
      '/account/password',
      signedIn((ctx, visit) => changePassword(deps, ctx, visit)),
    )
    .post(
      '/account/sessions/others/revocation',
      signedIn((ctx, visit) => endOthers(deps, ctx, visit)),
    )
    .post(
      '/account/sessions/:sessionId/revocation',
      signedIn((ctx, visit) => endOne(deps, ctx, visit)),
    )
    .get(
      '/account/apps',
      signedIn((ctx, visit) => showApp(deps, ctx, visit)),
    )
    .post(
      '/account/apps/narrowing',
      signedIn((ctx, visit) => narrowApp(deps, ctx, visit)),
    )
    .post(
      '/account/apps/revocation',
      signedIn((ctx, visit) => removeApp(deps, ctx, visit)),
    )
    // W3C "A Well-Known URL for Changing Passwords": where password managers send people.
    .get('/.well-known/change-password', (ctx) => ctx.redirect('/account/password'))
  return routesOf(router)
}

async function showAccount(deps: AccountConsoleDependencies, ctx: Context, visit: Visit, nameFault?: NameFault): Promise<void> {
  const { account, session } = visit
  const [sessions, consents] = await Promise.all([deps.sessions.list(account.id), deps.consentsOf(account.id)])
  const notice = takeNotice(ctx)
  const view = accountPage({
    email: account.email,
    name: account.name ?? '',
    sessions: sessions.map((entry) => ({ ...entry, current: entry.id === session.sessionId })),
    apps: consents.map(({ openid, resources, ...app }) => ({
      ...app,
      scopes: [...new Set([...openid, ...Object.values(resources).flat()])],
    })),
    csrf: {
      name: deps.csrf.token(ctx, 'account name'),
      sessions: deps.csrf.token(ctx, 'account sessions'),
      apps: deps.csrf.token(ctx, 'account apps'),
    },
    ...(notice === undefined ? {} : { notice }),
    ...(nameFault === undefined ? {} : { nameFault }),
  })
  render(ctx, view, nameFault === undefined ? 200 : 422)
}

async function rename(deps: AccountConsoleDependencies, ctx: Context, visit: Visit): Promise<void> {
  const form = await readForm(ctx)
  deps.csrf.check(ctx, form, 'account name')
  const name = form.get('name')
  try {
    await deps.accounts.rename({ accountId: visit.account.id, name, origin: originOf(ctx) })
  } catch (error) {
    if (!(error instanceof InvalidAccount)) throw error
    return showAccount(deps, ctx, { ...visit, account: { ...visit.account, name } }, 'name_invalid')
  }
  redirectWithNotice(ctx, 'renamed')
}

function showPassword(deps: AccountConsoleDependencies, ctx: Context, { account }: Visit, fault?: PasswordFormFault): void {
  const { minLength, maxLength, history } = deps.policy
  const csrf = deps.csrf.token(ctx, 'account password')
  const view = passwordPage({
    email: account.email,
    csrf,
    minLength,
    maxLength,
    history,
    ...(fault === undefined ? {} : { fault }),
  })
  render(ctx, view, fault === undefined ? 200 : 422)
}

async function changePassword(deps: AccountConsoleDependencies, ctx: Context, visit: Visit): Promise<void> {
  const form = await readForm(ctx)
  deps.csrf.check(ctx, form, 'account password')
  const next = form.get('new_password')
  const again = form.get('new_password_again')
  // The browser requires it; a script that leaves it out knows what it typed.
  if (again !== '' && again !== next) return showPassword(deps, ctx, visit, 'differs')
  const { accountId, sessionId } = visit.session
  const current = form.get('current_password')
  const result = await deps.changePassword({ accountId, sessionId, current, next, origin: originOf(ctx) })
  if (result.outcome === 'refused') return showPassword(deps, ctx, visit, result.reason)
  // Whoever had a copy of the cookie has it no longer.
  await visit.session.rotateId()
  redirectWithNotice(ctx, 'password_changed', result.ended)
}

async function endOne(deps: AccountConsoleDependencies, ctx: Context, { account }: Visit): Promise<void> {
  deps.csrf.check(ctx, await readForm(ctx), 'account sessions')
  const sessionId: unknown = ctx.params.sessionId
  // Sessions of others are no business of this account: `end` looks for its own only.
  const ended = await deps.sessions.end({ accountId: account.id, sessionId: String(sessionId), origin: originOf(ctx) })
  redirectWithNotice(ctx, 'session_ended', ended)
}

async function endOthers(deps: AccountConsoleDependencies, ctx: Context, { account, session }: Visit): Promise<void> {
  deps.csrf.check(ctx, await readForm(ctx), 'account sessions')
  const request = { accountId: account.id, keepSessionId: session.sessionId, origin: originOf(ctx) }
  redirectWithNotice(ctx, 'others_ended', await deps.sessions.endOthers(request))
}
