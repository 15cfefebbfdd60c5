// Accounts in the console that are made one by one, each with a one-time link by which the person sets a password.
import { randomBytes } from 'node:crypto'
import type { Context } from 'koa'
import { ACCESS } from '../../config/access.ts'
import { ROLES } from '../../config/roles.ts'
import { newAccount, passwordLinkShown } from '../../views/admin-console/account-forms.ts'
import type { AccountAdministration } from '../accounts/account-administration.ts'
import type { AccountDetails, AccountSearch } from '../accounts/account-search.ts'
import { accountIdFor, EmailTaken } from '../accounts/accounts.ts'
import type { Form } from '../http/form.ts'
import { ACCOUNTS_PATH, accountHref, faultOf } from './account-page.ts'
import type { ConsoleRoute, ConsoleVisit } from './console.ts'
import { listHref } from './list-query.ts'
import { redirectWithNotice } from './notices.ts'

/** What the pages call. */
export interface NewAccountPagesDeps {
  readonly administration: Pick<AccountAdministration, 'create'>
  readonly search: Pick<AccountSearch, 'find'>
  /** Mail can be sent. */
  readonly mails: boolean
}

/** Makes the pages. They come before those of an account, since they have a name where that has an id. */
export function newAccountPages(deps: NewAccountPagesDeps): ConsoleRoute[] {
  const { create: access } = ACCESS.accounts
  return [
    {
      method: 'get',
      path: '/accounts/new',
      access,
      async handle(ctx, visit) {
        const get = (name: string) => (typeof ctx.query[name] === 'string' ? ctx.query[name] : '')
        showForm(deps, visit, entered(get))
      },
    },
    {
      method: 'post',
      path: '/accounts',
      access,
      // It shows a secret, and may give roles.
      fresh: true,
      back: (_ctx, form) => listHref(`${ACCOUNTS_PATH}/new`, entered(form.get)),
      handle: (ctx, visit, form) => make(deps, ctx, visit, form),
    },
  ]
}

/** What the form holds, as it comes back after signing in. */
function entered(get: (name: string) => string): { readonly [field: string]: string } {
  return Object.fromEntries(['form', 'email', 'name', ...ROLES.map((role) => `role_${role}`)].map((field) => [field, get(field)]))
}

function showForm(
  { mails }: NewAccountPagesDeps,
  visit: ConsoleVisit,
  fields: { readonly [field: string]: string },
  fault?: string,
): void {
  // Made up here and not when it is saved, so that a form that is sent twice makes one account. What was refused has made none.
  const form = fault === undefined && isFormKey(fields.form) ? fields.form : randomBytes(16).toString('base64url')
  const body = newAccount({
    form,
    email: fields.email ?? '',
    name: fields.name ?? '',
    chosen: ROLES.filter((role) => (fields[`role_${role}`] ?? '') !== ''),
    roles: visit.may(ACCESS.accounts.decide) ? ROLES : [],
    mails,
    maySeeLink: visit.may(ACCESS.accounts.seeLinks),
    csrf: visit.csrf,
    ...(fault === undefined ? {} : { fault }),
  })
  visit.show({ title: 'New account', section: ACCOUNTS_PATH, body }, fault === undefined ? 200 : 422)
}

function isFormKey(text: string | undefined): text is string {
  return text !== undefined && /^[\w-]{22}$/.test(text)
}

async function make(deps: NewAccountPagesDeps, ctx: Context, visit: ConsoleVisit, form: Form): Promise<void> {
  // What the form does not show to somebody is not given by them, whatever they send.
  const roles = visit.may(ACCESS.accounts.decide) ? ROLES.filter((role) => form.has(`role_${role}`)) : []
  const link = form.has('mail') || !visit.may(ACCESS.accounts.seeLinks) ? ('mailed' as const) : ('shown' as const)
  const named = isFormKey(form.get('form')) ? { id: accountIdFor(form.get('form'), form.get('email')) } : {}
  try {
    const made = await deps.administration.create(
      { ...named, email: form.get('email'), name: form.get('name'), roles, link },
      visit.change(),
    )
    const { id, email } = made.account
    if (made.link?.url === undefined)
      return redirectWithNotice(ctx, accountHref(id), 'The account is made, and the link is on its way to the person.')
    const body = passwordLinkShown({ id, email, url: made.link.url, expiresAt: made.link.expiresAt })
    visit.show({ title: 'A link to set a password', section: ACCOUNTS_PATH, body }, 201)
  } catch (error) {
    const before = error instanceof EmailTaken && named.id !== undefined ? await deps.search.find(named.id) : undefined
    if (before !== undefined) return redirectWithNotice(ctx, accountHref(before.id, 'sign-in'), madeAlready(before))
    showForm(deps, visit, entered(form.get), faultOf(error))
  }
}

/** As when the page that showed the link is loaded again. */
function madeAlready({ passwordLink }: Pick<AccountDetails, 'passwordLink'>): string {
  const made = 'The account was made already, by this very form.'
  if (passwordLink === undefined) return `${made} Its link works no longer.`
  if (passwordLink.mailed) return `${made} Its link is on its way to the person.`
  return `${made} Its link was shown, and is not shown again: make another one if you have not kept it.`
}
