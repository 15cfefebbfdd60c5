// The mailbox of development: mail that would have gone to people.
import { type Html, html } from '../html.ts'
import { page } from '../layout.ts'
import { webAddress } from '../web-address.ts'

/** A mail in the list. */
export interface MailItem {
  readonly id: string
  readonly to: string
  readonly subject: string
  readonly createdAt: Date
}

const TIME = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium', timeZone: 'UTC' })

/** Makes the page of all mails, the newest first. */
export function mailboxPage({ mails }: { readonly mails: readonly MailItem[] }): Html {
  const body = html`<h1>Mailbox</h1>
<section class="card" aria-labelledby="mails">
<header>
<h2 id="mails">Mail that was not sent</h2>
<p class="lead">Without <code>SMTP_URL</code> a development server keeps its mail here. Nobody else gets it.</p>
</header>
${mails.length === 0 ? html`<p>There is no mail yet.</p>` : html`<ul class="rows">\n${mails.map(row)}</ul>`}
</section>`
  return page({ title: 'Mailbox', body, width: 'wide' })
}

/** Makes the page of one mail. */
export function mailPage(mail: MailItem & { readonly text: string }): Html {
  const body = html`<section class="card">
<h1><bdi>${mail.subject}</bdi></h1>
<dl class="facts">
<div><dt>To</dt><dd><bdi>${mail.to}</bdi></dd></div>
<div><dt>Sent</dt><dd>${moment(mail.createdAt)}</dd></div>
</dl>
<div class="letter">${withLinks(mail.text)}</div>
<p class="actions"><a class="button" href="/dev/mail">Back to the mailbox</a></p>
</section>`
  return page({ title: mail.subject, body, width: 'wide' })
}

function row({ id, to, subject, createdAt }: MailItem): Html {
  return html`<li>
<div class="row-main">
<p><a href="/dev/mail/${encodeURIComponent(id)}"><bdi>${subject}</bdi></a></p>
<p class="quiet">To <bdi>${to}</bdi> · ${moment(createdAt)}</p>
</div>
</li>
`
}

function moment(date: Date): Html {
  return html`<time datetime="${date.toISOString()}">${TIME.format(date)} UTC</time>`
}

/** Mail programs make links of addresses; so does this one. */
function withLinks(text: string): readonly (Html | string)[] {
  return text.split(/(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)])/).map((part, index) => {
    const href = index % 2 === 1 ? webAddress(part) : undefined
    return href === undefined ? part : html`<a href="${href}">${part}</a>`
  })
}
