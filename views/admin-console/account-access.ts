// What an account has and how its person gets in: the tabs sessions, grants and sign-in of one account in the console.
import { type Html, html } from '../html.ts'
import { moment } from '../moment.ts'
import { linkButtons } from './account-forms.ts'
import { facts, nothingHere, reasonField, standing, table } from './lists.ts'
import { type SessionRow, sessionRows } from './sessions.ts'
import { scopeList, words } from './tree.ts'

/** Makes the tab of sessions: the latest. */
export function accountSessions(view: {
  readonly sessions: readonly SessionRow[]
  readonly mayRevoke: boolean
  readonly mayOpenApps: boolean
  /** This tab: those who end something come back to it. */
  readonly here: string
  readonly allHref: string
  /** Ends all that are live; undefined when none is, or the person may not. */
  readonly revokeAllHref?: string
}): Html {
  if (view.sessions.length === 0) return nothingHere('No sessions', 'The person is signed in nowhere.')
  return html`${sessionRows(view)}
<p><a href="${view.allHref}">All sessions of this account</a></p>`
}

/** A grant in the list. */
export interface AccountGrantRow {
  readonly id: string
  readonly client: { readonly id: string; readonly name: string }
  readonly scopes: readonly string[]
  readonly resources: { readonly [identifier: string]: readonly string[] }
  readonly createdAt: Date
  readonly expiresAt: Date
  readonly state: string
  readonly endedAt?: Date
}

/** What the person agreed to for an app. */
export interface AccountConsentRow {
  readonly clientId: string
  readonly clientName: string
  readonly openid: readonly string[]
  readonly resources: { readonly [identifier: string]: readonly string[] }
  readonly givenAt: Date
}

/** Makes the tab of grants: the latest, and what was agreed to. */
export function accountGrants(view: {
  readonly grants: readonly AccountGrantRow[]
  readonly consents: readonly AccountConsentRow[]
  readonly allHref: string
}): Html {
  const { grants, consents } = view
  return html`${
    grants.length === 0
      ? nothingHere('No grants', 'No app can do anything for the person.')
      : html`${table<AccountGrantRow>('Grants, the latest first', GRANT_COLUMNS, grants)}
<p><a href="${view.allHref}">All grants of this account</a></p>`
  }
<section class="card" aria-labelledby="consents">
<h2 id="consents">What the person agreed to</h2>
${
  consents.length === 0
    ? html`<p class="quiet">Nothing: no app has asked, or none needs to ask.</p>`
    : table<AccountConsentRow>('What the person agreed to', CONSENT_COLUMNS, consents)
}
</section>`
}

const GRANT_COLUMNS = [
  {
    label: 'App',
    names: true,
    cell: ({ id, client }: AccountGrantRow) => html`<a href="/admin/grants/${id}"><bdi>${client.name}</bdi></a>`,
  },
  { label: 'May', cell: ({ scopes, resources }: AccountGrantRow) => scopeList(scopes, resources) },
  { label: 'Given', cell: ({ createdAt }: AccountGrantRow) => moment(createdAt) },
  {
    label: 'State',
    cell: ({ state, endedAt, expiresAt }: AccountGrantRow) =>
      html`${standing(state)}<br><span class="quiet">${state === 'live' ? 'until ' : ''}${moment(endedAt ?? expiresAt)}</span>`,
  },
]

const CONSENT_COLUMNS = [
  {
    label: 'App',
    names: true,
    cell: ({ clientId, clientName }: AccountConsentRow) =>
      html`<a href="/admin/clients/${clientId}"><bdi>${clientName}</bdi></a>`,
  },
  { label: 'To', cell: ({ openid, resources }: AccountConsentRow) => scopeList(openid, resources) },
  { label: 'When', cell: ({ givenAt }: AccountConsentRow) => moment(givenAt) },
]

/** What the tab of the sign-in shows. */
export interface AccountSignInView {
  readonly account: {
    readonly id: string
    readonly status: 'active' | 'suspended'
    readonly passwordSetAt?: Date
    readonly passwordLink?: { readonly expiresAt: Date; readonly mailed: boolean }
    readonly lockout: {
      readonly counts: readonly { readonly what: string; readonly failures: number; readonly until?: Date }[]
    }
  }
  readonly csrf: string
  readonly mayHelp: boolean
  /** Whether to end what the account has is offered. */
  readonly mayRevoke: boolean
  /** Whether to force a change of the password is offered. */
  readonly mayForce: boolean
  /** Mail can be sent. */
  readonly mails: boolean
  /** Whether a link may be shown, or only mailed. */
  readonly maySeeLink: boolean
  /** The last sign-ins that failed; undefined for those who may not see them. */
  readonly failures?: readonly AccountFailureRow[]
  readonly failuresHref: string
  /** What was filled in before the person had to sign in again, or before it was refused. */
  readonly entered: PasswordLinkEntered
  /** It was sent without a reason. */
  readonly reasonMissing: boolean
}

/** What is filled in of the form that makes a link. */
export interface PasswordLinkEntered {
  readonly reason: string
  readonly endSessions: boolean
  readonly forceChange: boolean
}

/** A sign-in that failed. */
export interface AccountFailureRow {
  readonly at: Date
  readonly reason?: string
  readonly address?: string
}

/** Makes the tab of the sign-in. */
export function accountSignIn(view: AccountSignInView): Html {
  const { account, failures } = view
  const { passwordSetAt, passwordLink, lockout } = account
  return html`<section class="card" aria-labelledby="ways">
<h2 id="ways">How the person gets in</h2>
${facts([
  ['Password', passwordSetAt === undefined ? 'none' : html`since ${moment(passwordSetAt)}`],
  passwordLink === undefined
    ? undefined
    : [
        'Link to set it',
        html`${passwordLink.mailed ? 'mailed' : 'shown to whoever made it'}, good until ${moment(passwordLink.expiresAt)}`,
      ],
  ...lockout.counts.map(
    ({ what, failures: number, until }) =>
      [
        COUNTED[what] ?? what,
        html`${number} failed in a row${until !== undefined && html`; the next has to wait until ${moment(until)}`}`,
      ] as const,
  ),
])}
${view.mayHelp && lockout.counts.length > 0 && unlocking(view)}
</section>
${view.mayHelp && newPassword(view)}
${failures !== undefined && failed(failures, view.failuresHref)}`
}

const COUNTED: { readonly [what: string]: string } = {
  sign_in: 'Sign-ins',
  sign_in_from_known_place: 'Sign-ins from a known place',
  password_change: 'Changes of the password',
}

function unlocking({ account, csrf }: AccountSignInView): Html {
  return html`<form method="post" action="/admin/accounts/${account.id}/unlocking"><input type="hidden" name="csrf" value="${csrf}"><p class="actions"><button class="button" type="submit">Unlock: forget the failures</button></p></form>`
}

function newPassword(view: AccountSignInView): Html {
  const { account, csrf, mayRevoke, mayForce, entered, reasonMissing } = view
  const { passwordSetAt, status, id } = account
  return html`<section class="card" aria-labelledby="password">
<h2 id="password">${passwordSetAt === undefined ? 'A password' : 'Another password'}</h2>
${
  status === 'suspended'
    ? html`<p class="quiet">The account is suspended: reinstate it first.</p>`
    : html`<p class="lead">The person sets ${passwordSetAt === undefined ? 'it' : 'a new one'} by a one-time link, so that nobody else knows it. ${passwordSetAt !== undefined && 'Until then the old one goes on working, unless you force the change.'}</p>
<form method="post" action="/admin/accounts/${id}/password-reset">
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="link_until" value="${account.passwordLink?.expiresAt.toISOString() ?? ''}">
${mayRevoke && html`<label class="choice"><input type="checkbox" name="end_sessions" value="on"${entered.endSessions && html` checked`}><span>End all that the account has now<span class="hint">Otherwise it ends when the link is used.</span></span></label>`}
${mayForce && passwordSetAt !== undefined && html`<label class="choice"><input type="checkbox" name="force_change" value="on"${entered.forceChange && html` checked`}><span>Force the change: the old password lets nobody in from now on<span class="hint">The person can only get in by the link. Where somebody else may be in the account, contain it.</span></span></label>`}
${reasonField(entered.reason, reasonMissing)}
${linkButtons(view, { show: 'Make a link', mail: 'Mail the person a link' })}
</form>`
}
</section>`
}

function failed(failures: readonly AccountFailureRow[], allHref: string): Html {
  const columns = [
    { label: 'When', names: true, cell: ({ at }: AccountFailureRow) => moment(at) },
    { label: 'From', cell: ({ address }: AccountFailureRow) => address ?? 'unknown' },
    { label: 'Why', cell: ({ reason }: AccountFailureRow) => words(reason ?? 'unknown') },
  ]
  return html`<section class="card" aria-labelledby="failed">
<h2 id="failed">Sign-ins that failed</h2>
${
  failures.length === 0
    ? html`<p class="quiet">None.</p>`
    : html`${table<AccountFailureRow>('Sign-ins that failed, the latest first', columns, failures)}
<p><a href="${allHref}">All of this account</a></p>`
}
</section>`
}
