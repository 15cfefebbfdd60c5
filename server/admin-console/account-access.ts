// What an account has, and how its person gets in: the tabs sessions, grants, sign-in and history of one account.
import type { Context } from 'koa'
import { ACCESS } from '../../config/access.ts'
import {
  accountGrants,
  accountSessions,
  accountSignIn,
  type PasswordLinkEntered,
} from '../../views/admin-console/account-access.ts'
import { passwordLinkShown } from '../../views/admin-console/account-forms.ts'
import { historyCard } from '../../views/admin-console/history.ts'
import { html } from '../../views/html.ts'
import type { AccountLocks } from '../accounts/account-locks.ts'
import type { AccountDetails, AccountSearch } from '../accounts/account-search.ts'
import { mayBecome } from '../accounts/account-standing.ts'
import type { FailedSignIns } from '../accounts/failed-sign-ins.ts'
import type { PasswordLinks } from '../accounts/password-links.ts'
import type { GrantSearch } from '../grants/grant-search.ts'
import type { Form } from '../http/form.ts'
import type { SessionSearch } from '../sessions/session-search.ts'
import {
  ACCOUNTS_PATH,
  accountHref,
  accountOf,
  endedWords,
  faultOf,
  insistOnReach,
  mayDo,
  showTab,
  TAB_ACCESS,
} from './account-page.ts'
import { endAllHref } from './bulk-ends.ts'
import type { ConsoleRoute, ConsoleVisit } from './console.ts'
import type { History } from './history.ts'
import { listHref } from './list-query.ts'
import { redirectWithNotice } from './notices.ts'

/** What the pages call. */
export interface AccountAccessPagesDeps {
  readonly search: Pick<AccountSearch, 'find'>
  readonly sessions: Pick<SessionSearch, 'page'>
  readonly grants: Pick<GrantSearch, 'page'>
  readonly failedSignIns: Pick<FailedSignIns, 'page'>
  readonly locks: Pick<AccountLocks, 'unlock'>
  readonly links: Pick<PasswordLinks, 'issue'>
  /** Mail can be sent. */
  readonly mails: boolean
  readonly history: History
}

/** A tab shows the latest; all of them have a page of their own. */
const MOST_ROWS = 20

/** Makes the pages. */
export function accountAccessPages(deps: AccountAccessPagesDeps): ConsoleRoute[] {
  const { help } = ACCESS.accounts
  const signInHref = (ctx: Context) => accountHref(String(ctx.params.id), 'sign-in')
  return [
    {
      method: 'get',
      path: '/accounts/:id/sessions',
      access: TAB_ACCESS.sessions,
      handle: (ctx, v) => showSessions(deps, ctx, v),
    },
    { method: 'get', path: '/accounts/:id/grants', access: TAB_ACCESS.grants, handle: (ctx, v) => showGrants(deps, ctx, v) },
    {
      method: 'get',
      path: '/accounts/:id/sign-in',
      access: TAB_ACCESS['sign-in'],
      async handle(ctx, visit) {
        const { reason, end_sessions: endSessions, force_change: forceChange } = ctx.query
        const ticked = { endSessions: endSessions === 'on', forceChange: forceChange === 'on' }
        const entered = { reason: typeof reason === 'string' ? reason : '', ...ticked }
        await showSignIn(deps, visit, await accountOf(deps.search, ctx), { entered })
      },
    },
    {
      method: 'get',
      path: '/accounts/:id/history',
      access: TAB_ACCESS.history,
      async handle(ctx, visit) {
        const account = await accountOf(deps.search, ctx)
        const body = html`${historyCard(await deps.history(visit, 'account', account.id))}`
        showTab(visit, account, { tab: 'history', body })
      },
    },
    {
      method: 'post',
      path: '/accounts/:id/unlocking',
      access: help,
      back: signInHref,
      handle: (ctx, visit) =>
        onSignIn(deps, ctx, visit, async ({ id }) => {
          const forgotten = await deps.locks.unlock(id, visit.change())
          return forgotten > 0 ? 'The failures are forgotten.' : 'There were no failures to forget.'
        }),
    },
    {
      method: 'post',
      path: '/accounts/:id/password-reset',
      access: help,
      fresh: true,
      back: (ctx, form) =>
        listHref(
          signInHref(ctx),
          Object.fromEntries(['reason', 'end_sessions', 'force_change'].map((field) => [field, form.get(field)])),
        ),
      handle: (ctx, visit, form) => makeLink(deps, ctx, visit, form),
    },
  ]
}

async function showSessions(deps: AccountAccessPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const account = await accountOf(deps.search, ctx)
  const sessions = await deps.sessions.page({ filter: { accountId: account.id }, limit: MOST_ROWS })
  const mayRevoke = visit.may(ACCESS.sessions.revoke)
  const filter = listHref('', { account: account.id, state: 'live' }).slice(1)
  const here = accountHref(account.id, 'sessions')
  const body = accountSessions({
    sessions,
    mayRevoke,
    mayOpenApps: visit.may(ACCESS.clients.read),
    here,
    allHref: listHref('/admin/sessions', { account: account.email }),
    ...(mayRevoke && account.sessions > 0 ? { revokeAllHref: endAllHref('/sessions', filter, here) } : {}),
  })
  showTab(visit, account, { tab: 'sessions', body })
}

async function showGrants(deps: AccountAccessPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const account = await accountOf(deps.search, ctx)
  const { grants } = await deps.grants.page({ filter: { accountId: account.id }, limit: MOST_ROWS })
  const allHref = listHref('/admin/grants', { account: account.email })
  showTab(visit, account, { tab: 'grants', body: accountGrants({ grants, consents: account.consents, allHref }) })
}

async function showSignIn(
  deps: AccountAccessPagesDeps,
  visit: ConsoleVisit,
  account: AccountDetails,
  refused: { readonly entered: PasswordLinkEntered; readonly reasonMissing?: true; readonly fault?: string },
): Promise<void> {
  const { entered, reasonMissing = false, fault } = refused
  const sees = visit.may(ACCESS.accounts.failedSignIns)
  const body = accountSignIn({
    account,
    ...{ entered, reasonMissing },
    csrf: visit.csrf,
    mails: deps.mails,
    mayHelp: mayDo(visit, account, ACCESS.accounts.help),
    mayRevoke: visit.may(ACCESS.sessions.revoke),
    mayForce: visit.may(ACCESS.accounts.stop),
    maySeeLink: maySeeLink(visit, account),
    failuresHref: listHref('/admin/failed-sign-ins', { account: account.email }),
    ...(sees ? { failures: await deps.failedSignIns.page({ filter: { accountId: account.id }, limit: MOST_ROWS }) } : {}),
  })
  showTab(visit, account, { tab: 'sign-in', body, fault, ...(reasonMissing ? { status: 400 } : {}) })
}

/** Others have the link mailed: whoever sees it gets in, and must not have more for it. */
function maySeeLink(visit: ConsoleVisit, account: AccountDetails): boolean {
  return visit.may(ACCESS.accounts.seeLinks) && mayBecome(account, visit.change())
}

/** Does something and says so on the tab of the sign-in, and there as well what the rules refuse. */
async function onSignIn(
  deps: AccountAccessPagesDeps,
  ctx: Context,
  visit: ConsoleVisit,
  work: (account: AccountDetails) => Promise<string | undefined>,
  entered: PasswordLinkEntered = { reason: '', endSessions: false, forceChange: false },
): Promise<void> {
  const account = await accountOf(deps.search, ctx)
  try {
    const notice = await work(account)
    if (notice !== undefined) redirectWithNotice(ctx, accountHref(account.id, 'sign-in'), notice)
  } catch (error) {
    const fault = faultOf(error)
    await showSignIn(deps, visit, await accountOf(deps.search, ctx), { entered, fault })
  }
}

async function makeLink(deps: AccountAccessPagesDeps, ctx: Context, visit: ConsoleVisit, form: Form): Promise<void> {
  const ticked = { endSessions: form.has('end_sessions'), forceChange: form.has('force_change') }
  const entered = { reason: form.get('reason').trim(), ...ticked }
  const { reason, endSessions, forceChange } = entered
  insistOnReach(visit, await accountOf(deps.search, ctx))
  // To help somebody in is not to end what they have.
  if (endSessions) visit.insist(ACCESS.sessions.revoke)
  if (forceChange) visit.insist(ACCESS.accounts.stop)
  if (reason === '') return showSignIn(deps, visit, await accountOf(deps.search, ctx), { entered, reasonMissing: true })
  const known = { until: form.get('link_until') === '' ? undefined : new Date(form.get('link_until')) }
  const work = async (account: AccountDetails) => {
    const { id, email } = account
    // What the form does not show to somebody is not given to them, whatever they send.
    const way = form.has('mail') || !maySeeLink(visit, account) ? ('mailed' as const) : ('shown' as const)
    const { link, ended } = await deps.links.issue({ accountId: id, way, endSessions, forceChange, known }, visit.change(reason))
    const forced = forceChange ? ' The old password lets nobody in any more.' : ''
    if (link.url === undefined)
      return `The link is on its way to the person.${forced}${endSessions ? ` ${endedWords(ended)}` : ''}`
    const body = passwordLinkShown({ id, email, url: link.url, expiresAt: link.expiresAt })
    visit.show({ title: 'A link to set a password', section: ACCOUNTS_PATH, body }, 201)
    return undefined
  }
  await onSignIn(deps, ctx, visit, work, entered)
}
