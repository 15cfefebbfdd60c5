// What administrators do with accounts in the console: one is made, one ends, and a link is shown once.
import { type Html, html } from '../html.ts'
import { moment } from '../moment.ts'
import { roleChoices } from './account.ts'
import { type AskingForm, askFirst } from './asking.ts'
import { facts, faultNotice } from './lists.ts'

/** What the form for a new account shows. */
export interface NewAccountView {
  /** What the form is told apart by when it is sent again. */
  readonly form: string
  readonly email: string
  readonly name: string
  /** Those that were chosen. */
  readonly chosen: readonly string[]
  /** Those that the person may give. */
  readonly roles: readonly string[]
  readonly mails: boolean
  /** A link is a secret: not everybody who may have one mailed is shown one. */
  readonly maySeeLink: boolean
  readonly csrf: string
  readonly fault?: string
}

/** Makes the form. */
export function newAccount({ form, email, name, chosen, roles, mails, maySeeLink, csrf, fault }: NewAccountView): Html {
  return html`<p class="crumbs"><a href="/admin/accounts">Accounts</a></p>
<h1>New account</h1>
<section class="card" aria-label="New account">
<p class="lead">The person sets a password by a one-time link, so that nobody else knows it.</p>
${faultNotice(fault)}
<form method="post" action="/admin/accounts">
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="form" value="${form}">
<div class="field"><label for="email">E-mail</label>
<input id="email" name="email" type="email" required autocomplete="off" value="${email}"${fault !== undefined && html` aria-invalid="true" aria-describedby="problem"`}></div>
<div class="field"><label for="name">Name</label>
<input id="name" name="name" type="text" maxlength="200" autocomplete="off" value="${name}"></div>
${roles.length > 0 && roleChoices(roles, chosen)}
${linkButtons({ mails, maySeeLink }, { show: 'Make it and show the link', mail: 'Make it and mail the link' })}
</form>
</section>`
}

/** The ways in which a link gets to the person, as buttons; or why there is none. */
export function linkButtons(
  { mails, maySeeLink }: Pick<NewAccountView, 'mails' | 'maySeeLink'>,
  labels: { readonly show: string; readonly mail: string },
): Html {
  if (!mails && !maySeeLink)
    return html`<p class="quiet">No mail is sent from here, and the link is not shown to your role: ask an owner.</p>`
  return html`<p class="actions">${maySeeLink && html`<button class="button primary" type="submit">${labels.show}</button>\n`}${mails && html`<button class="button${maySeeLink ? '' : ' primary'}" type="submit" name="mail" value="on">${labels.mail}</button>`}</p>`
}

/** A link that was just made: it is shown this once. */
export function passwordLinkShown(view: {
  readonly id: string
  readonly email: string
  readonly url: string
  readonly expiresAt: Date
}): Html {
  return html`<p class="crumbs"><a href="/admin/accounts">Accounts</a></p>
<h1>A link for <bdi>${view.email}</bdi></h1>
<section class="card" aria-label="The link">
<p class="lead">Give it to the person, and to nobody else: whoever opens it sets the password. It works once, until ${moment(view.expiresAt)}, and is not shown again.</p>
<div class="field"><label for="link">Link to set the password</label>
<input id="link" type="text" readonly value="${view.url}" autocomplete="off" spellcheck="false"></div>
<p class="actions"><a class="button" href="/admin/accounts/${view.id}">To the account</a></p>
</section>`
}

/** What stops an account, and what undoes it, as its address says it. */
export type AccountStop = 'containment' | 'suspension' | 'deletion' | 'reinstatement'

/** What would end. */
export interface AccountStopView extends AskingForm {
  readonly id: string
  readonly email: string
  readonly stop: AccountStop
  /** Undefined when nothing ends by it. */
  readonly preview?: {
    readonly sessions: number
    readonly grants: number
    readonly refreshFamilies: number
    readonly logoutNotifications: number
    readonly devices: readonly { readonly sessionId: string; readonly device: string; readonly address?: string }[]
    readonly clients: readonly { readonly id: string; readonly name: string }[]
  }
}

const STOPS: { readonly [stop in AccountStop]: { readonly title: string; readonly story: string } } = {
  containment: {
    title: 'Contain',
    story:
      'For an account that somebody else may be using: everything ends, and the password opens nothing any more. The person comes back by a link to set a new one.',
  },
  suspension: {
    title: 'Suspend',
    story: 'Everything ends, and nobody can sign in until the account is reinstated. Nothing that has ended comes back.',
  },
  deletion: {
    title: 'Delete',
    story: 'Everything ends, and what is known of the person is erased. The audit log keeps the id. This cannot be undone.',
  },
  reinstatement: { title: 'Reinstate', story: 'The person can sign in again. Nothing that has ended comes back.' },
}

/** Makes the page that asks before. */
export function accountStop({ id, email, stop, preview, ...form }: AccountStopView): Html {
  const { title, story } = STOPS[stop]
  return askFirst({
    ...form,
    of: { name: html`<bdi>${email}</bdi>`, href: `/admin/accounts/${id}` },
    title: html`${title} <bdi>${email}</bdi>`,
    says: html`${preview !== undefined && previewOf(preview)}
<p class="lead">${story}</p>`,
    button: `${title} this account`,
    danger: stop !== 'reinstatement',
  })
}

function previewOf(preview: NonNullable<AccountStopView['preview']>): Html {
  const { devices, sessions, clients } = preview
  const more = sessions - devices.length
  return facts([
    ['Sessions', String(sessions)],
    [
      'Devices',
      devices.length === 0
        ? 'none'
        : html`${devices.map(({ sessionId, device, address }, index) => html`${index > 0 && ', '}<a href="/admin/sessions/${sessionId}"><bdi>${device}</bdi></a>${address !== undefined && ` (${address})`}`)}${more > 0 && ` and ${more} more`}`,
    ],
    [
      'Apps',
      clients.length === 0 ? 'none' : html`${clients.map(({ name }, index) => html`${index > 0 && ', '}<bdi>${name}</bdi>`)}`,
    ],
    ['Grants', String(preview.grants)],
    ['Refresh tokens', String(preview.refreshFamilies)],
    ['Notifications to apps', String(preview.logoutNotifications)],
  ])
}
