// Secrets in the console: those of apps and webhooks, by age, each with the way to another one.
import { type Html, html } from '../html.ts'
import { moment, spokenDuration } from '../moment.ts'
import { faultNotice, nothingHere, pager, type SavedView, savedViews, table } from './lists.ts'

/** A secret. */
export interface SecretRowView {
  readonly of: 'client' | 'webhook'
  readonly ownerId: string
  readonly ownerName?: string
  readonly createdAt: Date
  readonly expiresAt?: Date
  readonly dueAt?: Date
}

/** What the list shows. */
export interface SecretListView {
  readonly secrets: readonly SecretRowView[]
  readonly views: readonly SavedView[]
  /** Whether it is only those that should have been replaced. */
  readonly due: boolean
  readonly dueDays: number
  readonly now: Date
  readonly fault?: string
  readonly firstHref?: string
  readonly nextHref?: string
}

/** Makes the list. */
export function secretList(view: SecretListView): Html {
  const { secrets, views, due, dueDays, now, fault } = view
  return html`<h1>Secrets</h1>
<p class="lead">What apps authenticate with, and what deliveries to webhooks are signed with. What they are nobody can tell; that they are replaced every ${dueDays} days is seen to here.</p>
${savedViews(views)}
${faultNotice(fault)}
${
  secrets.length === 0
    ? due
      ? nothingHere('No secret is due', `None is older than ${dueDays} days.`, fault)
      : nothingHere('No secrets', 'An app with a server gets one when it is registered, and a webhook when it is made.', fault)
    : table<SecretRowView>(
        'Secrets, the oldest first',
        [
          { label: 'Of', names: true, cell: nameOf },
          {
            label: 'Age',
            cell: ({ createdAt }) => html`${ageOf(createdAt, now)}<br><span class="quiet">since ${moment(createdAt)}</span>`,
          },
          { label: 'State', cell: (secret) => stateOf(secret, now) },
          { label: 'To do', cell: (secret) => todoOf(secret) },
        ],
        secrets,
      )
}
${pager(view)}`
}

function hrefOf({ of, ownerId }: SecretRowView): string {
  return `/admin/${of === 'client' ? 'clients' : 'webhooks'}/${encodeURIComponent(ownerId)}`
}

function nameOf(secret: SecretRowView): Html {
  const { of, ownerId, ownerName } = secret
  return html`<a href="${hrefOf(secret)}"><bdi>${ownerName ?? ownerId}</bdi></a><br><span class="quiet">${of === 'client' ? 'App' : 'Webhook'}</span>`
}

function ageOf(createdAt: Date, now: Date): string {
  return spokenDuration(Math.max(0, (now.getTime() - createdAt.getTime()) / 1000))
}

function stateOf({ dueAt, expiresAt }: SecretRowView, now: Date): Html {
  const ends = expiresAt !== undefined && html`<br><span class="quiet">good until ${moment(expiresAt)}</span>`
  if (dueAt === undefined) return html`<span class="badge">Being replaced</span>${ends}`
  const left = (dueAt.getTime() - now.getTime()) / 1000
  if (left <= 0) return html`<span class="badge bad">Overdue for ${spokenDuration(-left)}</span>${ends}`
  return html`Due in ${spokenDuration(left)}${ends}`
}

/** One that is being replaced ends by itself. */
function todoOf(secret: SecretRowView): Html | undefined {
  if (secret.dueAt === undefined) return undefined
  return html`<a href="${hrefOf(secret)}">Replace<span class="visually-hidden"> that of ${secret.ownerName ?? secret.ownerId}</span></a>`
}
