// Pieces that several pages of the console show: a refresh-token family, an app that is told of an end, and a guard that has applied it.
import { type Html, html } from '../html.ts'
import { moment } from '../moment.ts'
import { standing } from './lists.ts'

/** A refresh-token family. */
export interface FamilyView {
  readonly generation: number
  readonly createdAt: Date
  readonly rotatedAt?: Date
  readonly idleExpiresAt: Date
  readonly absoluteExpiresAt: Date
  readonly sessionBound: boolean
  readonly live: boolean
  readonly endedAt?: Date
  readonly endReason?: string
}

/** That an app is told that the session is over. */
export interface NotificationView {
  readonly id: string
  readonly clientId: string
  readonly state: string
  readonly attempts: number
  readonly lastStatus: number | undefined
  readonly lastError: string | undefined
  readonly nextAttemptAt: Date | undefined
  readonly finishedAt: Date | undefined
}

/** A guard of an API, and whether it refuses what was ended. */
export interface GuardView {
  readonly clientId: string
  readonly instance: string
  readonly sequence: number
  readonly acknowledgedAt: Date
  readonly applied: boolean
  /** It was not heard for so long that it is gone, or cut off. */
  readonly silent: boolean
}

/** A refresh-token family in a tree. */
export function familyNode(family: FamilyView): Html {
  const turns = family.generation === 0 ? 'never used' : `rotated ${family.generation} time${family.generation === 1 ? '' : 's'}`
  return html`<li><p>Refresh token, ${turns} ${standing(family.live ? 'live' : 'ended')}
${family.endReason !== undefined && html`<span class="${family.endReason === 'refresh_token_reused' ? 'badge bad' : 'quiet'}">${words(family.endReason)}</span>`}</p>
<p class="quiet">${family.rotatedAt !== undefined && html`last ${moment(family.rotatedAt)} · `}${family.sessionBound ? html`ends with the session · ${moment(endOf(family))} at the latest` : html`outlives a sign-out · until ${moment(endOf(family))}`}</p></li>
`
}

/** A family is over at whichever of its ends comes first. */
function endOf({ idleExpiresAt, absoluteExpiresAt }: FamilyView): Date {
  return new Date(Math.min(idleExpiresAt.getTime(), absoluteExpiresAt.getTime()))
}

/** An app that is told; with `csrf` it can be told again, from the page `here`. */
export function notificationRow(told: NotificationView, here: string, csrf: string | undefined): Html {
  const facts = [
    `${told.attempts} attempt${told.attempts === 1 ? '' : 's'}`,
    ...(told.lastStatus === undefined ? [] : [`answered ${told.lastStatus}`]),
    ...(told.lastError === undefined ? [] : [told.lastError]),
  ]
  const again = csrf !== undefined && told.state !== 'delivered' && told.state !== 'waiting'
  return html`<li><div class="row-main"><p><strong><bdi>${told.clientId}</bdi></strong> ${standing(told.state)}</p>
<p class="quiet">${facts.join(' · ')}${told.finishedAt !== undefined && html` · ${moment(told.finishedAt)}`}${told.nextAttemptAt !== undefined && html` · next ${moment(told.nextAttemptAt)}`}</p></div>
${again && html`<form class="row-end" method="post" action="/admin/logout-notifications/${told.id}/attempts"><input type="hidden" name="csrf" value="${csrf}"><input type="hidden" name="back" value="${here}"><button class="button small" type="submit">Tell it again<span class="visually-hidden"> (${told.clientId})</span></button></form>`}</li>
`
}

/** What came of something that is told to a program. */
export function outcome(told: {
  readonly attempts: number
  readonly lastStatus: number | undefined
  readonly lastError: string | undefined
  readonly nextAttemptAt: Date | undefined
  readonly finishedAt: Date | undefined
}): Html {
  const { attempts, lastStatus, lastError, nextAttemptAt, finishedAt } = told
  const facts = [
    count(attempts, 'attempt'),
    ...(lastError === undefined ? (lastStatus === undefined ? [] : [`answered ${lastStatus}`]) : [lastError]),
  ]
  return html`${facts.join(' · ')}${finishedAt !== undefined && html` · ${moment(finishedAt)}`}${nextAttemptAt !== undefined && html` · next ${moment(nextAttemptAt)}`}`
}

/** A guard, and whether it refuses what was ended. */
export function guardRow({ clientId, instance, applied, silent, acknowledgedAt }: GuardView): Html {
  const state = applied ? 'Refuses them' : silent ? 'Gone, or cut off' : 'Not there yet'
  return html`<li><div class="row-main"><p><strong><bdi>${clientId}</bdi></strong> <code>${instance}</code></p>
<p class="quiet">${silent ? 'not heard since' : 'heard'} ${moment(acknowledgedAt)}</p></div><div class="row-end"><span class="badge${applied ? ' good' : ''}">${state}</span></div></li>
`
}

/** Scopes, each once, of whichever API it is too. */
export function scopeList(scopes: readonly string[], resources: { readonly [identifier: string]: readonly string[] }): Html {
  return html`${[...new Set([...scopes, ...Object.values(resources).flat()])].map((scope) => html`<code>${scope}</code> `)}`
}

/** `session_revoked` as people say it. */
export function words(cause: string): string {
  return cause.replaceAll('_', ' ')
}

/** A number of things, in words. */
export function count(number: number, noun: string): string {
  return `${number.toLocaleString('en-GB')} ${noun}${number === 1 ? '' : 's'}`
}

/** What apps are told of an end, as a sentence. An app is told of each of its sessions, so that this is not how many apps there are. */
export function toldText(notifications: number): string {
  if (notifications === 0) return 'No app is told.'
  return notifications === 1 ? '1 notification goes to an app.' : `${count(notifications, 'notification')} go to apps.`
}
