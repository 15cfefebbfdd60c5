// Accounts in the console: the list over the whole installation, and one with what is known of the person, which can be changed there.
import type { Context } from 'koa'
import { ACCESS } from '../../config/access.ts'
import { isStorable } from '../../config/plain-text.ts'
import { ROLES, type Role } from '../../config/roles.ts'
import { type AccountEntered, accountDetail } from '../../views/admin-console/account.ts'
import { accountList } from '../../views/admin-console/accounts.ts'
import type { AccountAdministration } from '../accounts/account-administration.ts'
import type { AccountFilter, AccountPlace } from '../accounts/account-filter.ts'
import type { AccountDetails, AccountItem, AccountSearch } from '../accounts/account-search.ts'
import type { Cursors } from '../http/cursors.ts'
import type { Form } from '../http/form.ts'
import { ACCOUNTS_PATH, accountHref, accountOf, endedWords, faultOf, insistOnReach, mayDo, showTab } from './account-page.ts'
import { PROFILE_FIELD_NAMES, profileEntered, profileOf, profileShown } from './account-profile.ts'
import type { ConsoleRoute, ConsoleVisit } from './console.ts'
import { type Asked, chipsOf, listHref, momentOf, readFields, readRows, timeFaultOf, type View, viewsOf } from './list-query.ts'
import { redirectWithNotice } from './notices.ts'
import { createNameFinder, type Finder } from './search.ts'

/** What the pages call. */
export interface AccountPagesDeps {
  readonly cursors: Cursors
  readonly search: AccountSearch
  readonly administration: Pick<AccountAdministration, 'update'>
}

const LABELS = {
  search: 'E-mail or name',
  role: 'Role',
  status: 'Status',
  has_password: 'Has a password',
  never_signed_in: 'Never signed in',
  locked: 'Has to wait',
  since: 'Made since',
  before: 'Made before',
}

/** Makes the pages. */
export function accountPages(deps: AccountPagesDeps): ConsoleRoute[] {
  const { read, describe } = ACCESS.accounts
  return [
    { method: 'get', path: '/accounts', access: read, handle: (ctx, visit) => showList(deps, ctx, visit) },
    {
      method: 'get',
      path: '/accounts/:id',
      access: read,
      handle: async (ctx, visit) => showOne(visit, await accountOf(deps.search, ctx), { entered: enteredIn(ctx) }),
    },
    {
      method: 'post',
      path: '/accounts/:id',
      access: describe,
      // Roles decide who may do everything, and an address who gets in.
      fresh: true,
      back: (ctx, form) => listHref(accountHref(String(ctx.params.id)), { ...fieldsOf(form), filled: 'in' }),
      handle: (ctx, visit, form) => save(deps, ctx, visit, form),
    },
  ]
}

/** Finds the person who is called so; where there are more of them than one, the list of them. */
export function createPersonFinder(search: Pick<AccountSearch, 'page'>): Finder {
  return createNameFinder({
    access: ACCESS.accounts.read,
    find: (text) => search.page({ filter: { search: text }, limit: 2 }),
    hrefOf: ({ id }) => accountHref(id),
    listOf: (text) => listHref(ACCOUNTS_PATH, { search: text }),
  })
}

async function showList(deps: AccountPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const { asked, twice } = readFields(ctx.query, Object.keys(LABELS))
  const { filter, fault } = twice ?? filterOf(asked)
  const cursor = typeof ctx.query.cursor === 'string' ? ctx.query.cursor : undefined
  const page =
    filter === undefined
      ? { rows: [] }
      : await readRows<AccountItem & { readonly place: AccountPlace }>({
          ...{ cursors: deps.cursors, path: ACCOUNTS_PATH, asked, cursor },
          // A cursor is good for the list that it was made for, so its place is one of that list.
          read: (limit, after) =>
            deps.search.page({ filter, limit, ...(after === undefined ? {} : { after: after as unknown as AccountPlace }) }),
          placeOf: ({ place }) => place,
        })
  const { rows: accounts, ...hrefs } = page
  const body = accountList({
    accounts,
    ...hrefs,
    asked,
    views: viewsOf(ACCOUNTS_PATH, asked, VIEWS),
    chips: chipsOf(ACCOUNTS_PATH, asked, LABELS),
    roles: ROLES,
    mayCreate: visit.may(ACCESS.accounts.create),
    mayImport: visit.may(ACCESS.accounts.import),
    ...(fault === undefined ? {} : { fault }),
  })
  visit.show({ title: 'Accounts', section: ACCOUNTS_PATH, body }, fault === undefined ? 200 : 400)
}

/** What people often want to see. */
const VIEWS: readonly View[] = [
  ['All', {}],
  ['Owners', { role: 'owner' }],
  ['Never signed in', { never_signed_in: 'true' }],
  ['No password', { has_password: 'false' }],
  ['Have to wait', { locked: 'true' }],
  ['Suspended', { status: 'suspended' }],
]

/** The filter that was filled in; or what is wrong with it. */
function filterOf(asked: Asked): { readonly filter?: AccountFilter; readonly fault?: string } {
  const { search, role, status, since, before, ...flags } = asked
  if (search !== undefined && (!isStorable(search) || search.length > 300))
    return { fault: 'The search holds what no name can hold.' }
  if (role !== undefined && !isRole(role)) return { fault: `The role must be one of ${ROLES.join(', ')}.` }
  if (status !== undefined && status !== 'active' && status !== 'suspended')
    return { fault: 'The status must be active or suspended.' }
  if (Object.values(flags).some((value) => value !== 'true' && value !== 'false'))
    return { fault: 'Yes or no must be true or false.' }
  const [from, until] = [since, before].map((text) => (text === undefined ? undefined : momentOf(text)))
  const fault = timeFaultOf({ moments: [since, before] })
  if (fault !== undefined) return { fault }
  const flag = (value: string | undefined) => (value === undefined ? undefined : value === 'true')
  const wanted = {
    ...{ search, role, status, since: from, before: until },
    hasPassword: flag(flags.has_password),
    neverSignedIn: flag(flags.never_signed_in),
    locked: flag(flags.locked),
  }
  return { filter: Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined)) }
}

function isRole(text: string): text is Role {
  return (ROLES as readonly string[]).includes(text)
}

/** The form's fields, as they come back after signing in. */
function fieldsOf(form: Form): { readonly [field: string]: string } {
  const fields = [
    'version',
    'name',
    'email',
    'email_verified',
    'reason',
    ...ROLES.map((role) => `role_${role}`),
    ...PROFILE_FIELD_NAMES,
  ]
  return Object.fromEntries(fields.map((field) => [field, form.get(field)]))
}

function enteredIn({ query }: Context): AccountEntered | undefined {
  if (query.filled !== 'in') return undefined
  const get = (name: string) => (typeof query[name] === 'string' ? query[name] : '')
  return { ...enteredOf(get), version: get('version') }
}

function enteredOf(get: (name: string) => string): AccountEntered {
  return {
    name: get('name'),
    email: get('email'),
    emailVerified: get('email_verified') !== '',
    roles: ROLES.filter((role) => get(`role_${role}`) !== ''),
    reason: get('reason'),
    profile: profileEntered(get),
  }
}

function showOne(
  visit: ConsoleVisit,
  account: AccountDetails,
  { entered, fault }: { readonly entered?: AccountEntered | undefined; readonly fault?: string },
): void {
  const { describe, decide, stop, delete: remove } = ACCESS.accounts
  const body = accountDetail({
    account,
    profile: entered?.profile ?? profileShown(account.profile),
    csrf: visit.csrf,
    roles: ROLES,
    may: {
      describe: mayDo(visit, account, describe),
      decide: mayDo(visit, account, decide),
      stop: mayDo(visit, account, stop),
      delete: mayDo(visit, account, remove),
      seeGrants: visit.may(ACCESS.grants.read),
    },
    ...(entered === undefined ? {} : { entered }),
  })
  showTab(visit, account, { tab: 'account', body, fault })
}

async function save(deps: AccountPagesDeps, ctx: Context, visit: ConsoleVisit, form: Form): Promise<void> {
  const account = await accountOf(deps.search, ctx)
  insistOnReach(visit, account)
  // What the form does not show to somebody is not changed by them, whatever they send.
  const decided = visit.may(ACCESS.accounts.decide)
    ? {
        email: form.get('email'),
        emailVerified: form.has('email_verified'),
        roles: ROLES.filter((role) => form.has(`role_${role}`)),
      }
    : {}
  const profile = profileOf(profileEntered(form.get))
  if ('fault' in profile) return showOne(visit, account, { entered: enteredOf(form.get), fault: profile.fault })
  // Without these fields the form is one of before, which says nothing of them.
  const stated = PROFILE_FIELD_NAMES.some((name) => form.has(name)) ? profile : {}
  const changes = { name: form.get('name'), ...stated, ...decided }
  try {
    const ended = await deps.administration.update(
      { accountId: account.id, changes, ifVersion: form.get('version') },
      visit.change(form.get('reason').trim()),
    )
    const words = ended.sessions + ended.grants > 0 ? `Saved. ${endedWords(ended)}` : 'Saved.'
    redirectWithNotice(ctx, accountHref(account.id), words)
  } catch (error) {
    const fault = faultOf(error)
    // The form has the version of now: who sends it again has seen what there is beside what they had filled in.
    showOne(visit, await accountOf(deps.search, ctx), { entered: enteredOf(form.get), fault })
  }
}
