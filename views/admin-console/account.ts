// One account in the console: its tabs, and the first of them, with what is known of the person.
import { type Html, html } from '../html.ts'
import { moment } from '../moment.ts'
import { type ProfileEntered, profileFields, profileLabel } from './account-profile.ts'
import type { AccountRow } from './accounts.ts'
import { facts, faultNotice, standing } from './lists.ts'

/** The tabs, in their order. */
export const ACCOUNT_TABS = ['account', 'sessions', 'grants', 'sign-in', 'history'] as const

/** A tab. */
export type AccountTab = (typeof ACCOUNT_TABS)[number]

const TAB_LABELS: { readonly [tab in AccountTab]: string } = {
  account: 'Account',
  sessions: 'Sessions',
  grants: 'Grants',
  'sign-in': 'Sign-in',
  history: 'History',
}

/** Puts a tab into its frame. */
export function accountFrame(view: {
  readonly account: AccountRow
  readonly tab: AccountTab
  /** Those that the person may see. */
  readonly tabs: readonly AccountTab[]
  /** Something is left out on the tab, since the account may do more than the person. */
  readonly outOfReach: boolean
  /** What was not done, and why. */
  readonly fault?: string
  readonly body: Html
}): Html {
  const { account, tab, tabs, outOfReach, fault, body } = view
  const page = `/admin/accounts/${account.id}`
  const links = tabs.map(
    (name) =>
      html`<li><a href="${name === 'account' ? page : `${page}/${name}`}"${name === tab && html` aria-current="page"`}>${TAB_LABELS[name]}</a></li>\n`,
  )
  return html`<p class="crumbs"><a href="/admin/accounts">Accounts</a></p>
<h1><bdi>${account.name ?? account.email}</bdi></h1>
<nav aria-label="Of this account"><ul class="views">\n${links}</ul></nav>
${outOfReach && html`<p class="quiet">${whyOutOfReach(account.roles)}</p>\n`}${faultNotice(fault)}
${body}`
}

/** Why nothing is done to an account that may do more than the person. */
export function whyOutOfReach(roles: readonly string[]): string {
  if (roles.includes('owner')) return 'An owner’s account: only an owner may change it.'
  return `The account may do more than yours, by its role${roles.length === 1 ? '' : 's'} ${roles.join(', ')}: an owner can change it.`
}

/** What was filled in. */
export interface AccountEntered {
  readonly name: string
  readonly email: string
  readonly emailVerified: boolean
  readonly roles: readonly string[]
  readonly reason: string
  readonly profile: ProfileEntered
  /** Of the account as it was when it was filled in; undefined: as it is now. */
  readonly version?: string
}

/** What the first tab shows. */
export interface AccountView {
  readonly account: AccountRow & {
    readonly emailVerified: boolean
    readonly profile: { readonly [claim: string]: unknown }
    readonly managedBy?: string
    readonly version: string
    readonly sessions: number
    readonly grants: number
  }
  /** As the form has it. */
  readonly profile: ProfileEntered
  readonly csrf: string
  /** All roles that there are. */
  readonly roles: readonly string[]
  readonly may: {
    readonly describe: boolean
    readonly decide: boolean
    readonly stop: boolean
    readonly delete: boolean
    readonly seeGrants: boolean
  }
  /** What was filled in before the person had to sign in again, or that could not be saved. */
  readonly entered?: AccountEntered
}

/** Makes the first tab. */
export function accountDetail(view: AccountView): Html {
  return html`<section class="card" aria-labelledby="about">
<h2 id="about">About the person</h2>
${aboutAccount(view)}
</section>
${view.may.describe && changes(view)}
${view.may.stop && stops(view)}`
}

function aboutAccount({ account, may }: AccountView): Html {
  const managers: { readonly [manager: string]: string } = {
    provision:
      'the provision file: what it states of the person is so again after the next start, also if the account is deleted',
    demo: 'the demo',
  }
  const { email, emailVerified, roles, lastSignedInAt, managedBy } = account
  return facts([
    ['Status', standing(account.status)],
    ['E-mail', html`<bdi>${email}</bdi> <span class="quiet">${emailVerified ? 'verified' : 'not verified'}</span>`],
    ['Roles', roles.length === 0 ? 'none' : roles.join(', ')],
    ...Object.entries(account.profile).map(
      ([claim, value]) => [profileLabel(claim), html`<bdi>${inWords(value)}</bdi>`] as const,
    ),
    ['Live', `${counted(account.sessions, 'session')}${may.seeGrants ? `, ${counted(account.grants, 'grant')}` : ''}`],
    ['Last signed in', lastSignedInAt === undefined ? 'never' : moment(lastSignedInAt)],
    ['Made', moment(account.createdAt)],
    managedBy === undefined ? undefined : ['Managed by', managers[managedBy] ?? managedBy],
    ['Id', html`<code>${account.id}</code>`],
  ])
}

/** A claim of the profile: text, a yes or no, or an address in parts. */
function inWords(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return typeof value === 'object' && value !== null ? Object.values(value).join(', ') : String(value)
}

function counted(number: number, noun: string): string {
  return `${number.toLocaleString('en-GB')} ${noun}${number === 1 ? '' : 's'}`
}

/** What ends all that the account has, each after a look at what that is. */
function stops({ account, may }: AccountView): Html {
  const page = `/admin/accounts/${account.id}`
  return html`<section class="card" aria-labelledby="stop">
<h2 id="stop">Stop it</h2>
<p class="lead">Each shows first what would end.</p>
<div class="actions"><a class="button danger" href="${page}/containment">Contain this account…</a>
${
  account.status === 'active'
    ? html`<a class="button" href="${page}/suspension">Suspend…</a>`
    : html`<a class="button" href="${page}/reinstatement">Reinstate…</a>`
}
${may.delete && html`<a class="button" href="${page}/deletion">Delete…</a>`}</div>
</section>`
}

function changes({ account, profile, csrf, may, roles, entered }: AccountView): Html {
  const shown = entered ?? { ...account, name: account.name ?? '', reason: '' }
  return html`<section class="card" aria-labelledby="change">
<h2 id="change">Change</h2>
${entered !== undefined && html`<div class="notice" role="status"><p>This is what was filled in. Nothing of it is saved yet: look at it before you save it.</p></div>`}
<form method="post" action="/admin/accounts/${account.id}">
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="version" value="${entered?.version ?? account.version}">
<div class="field"><label for="name">Name</label>
<input id="name" name="name" type="text" maxlength="200" value="${shown.name}" autocomplete="off"></div>
${profileFields(profile)}
${may.decide && decisions(shown, roles)}
<div class="field"><label for="why">Why</label>
<input id="why" name="reason" type="text" maxlength="1000" value="${shown.reason}" autocomplete="off" aria-describedby="why-hint">
<p class="hint" id="why-hint">For the audit log.</p></div>
<p class="actions"><button class="button primary" type="submit">Save</button></p>
</form>
</section>`
}

/** What decides who gets in, and what for. */
function decisions(shown: Pick<AccountEntered, 'email' | 'emailVerified' | 'roles'>, roles: readonly string[]): Html {
  return html`<div class="field"><label for="email">E-mail</label>
<input id="email" name="email" type="email" value="${shown.email}" required autocomplete="off" aria-describedby="email-hint">
<p class="hint" id="email-hint">With another address everything of the account ends: whoever got in by the old one is out.</p></div>
<label class="choice"><input type="checkbox" name="email_verified" value="on"${shown.emailVerified && html` checked`}><span>The person gets mail there</span></label>
${roleChoices(roles, shown.roles)}`
}

/** The roles, to be chosen. */
export function roleChoices(roles: readonly string[], chosen: readonly string[]): Html {
  return html`<fieldset class="choices"><legend>Roles on this server</legend>
${roles.map((role) => html`<label class="choice"><input type="checkbox" name="role_${role}" value="on"${chosen.includes(role) && html` checked`}><span>${role}</span></label>\n`)}</fieldset>`
}
