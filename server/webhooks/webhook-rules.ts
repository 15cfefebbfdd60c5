// What a webhook may be: where it may listen, and what it may ask for.
import { ACCESS } from '../../config/access.ts'
import { isLoopbackHost } from '../../config/loopback.ts'
import { isPlainText } from '../../config/plain-text.ts'
import { type Change, reaches } from '../audit/change.ts'
import { AUDIT_EVENT_NAMES } from '../audit/event-names.ts'
import { AddressRefused, type AllowedAddresses } from '../outbox/allowed-addresses.ts'

/** A webhook cannot be made or changed as asked; the message says why. */
export class WebhookRefused extends Error {
  override readonly name = 'WebhookRefused'
}

/**
 * What a webhook is told stands in the audit log: whoever may not read that cannot have it told, be it by a webhook that is there.
 */
export class WebhookBeyondReading extends WebhookRefused {}

/** Each one wants something of every event, in its transaction. */
export const MOST_WEBHOOKS = 50

const LONGEST_URL = 2000
const LONGEST_DESCRIPTION = 200
const MOST_EVENTS = 50

/** What may be asked for: of what happens to webhooks' own deliveries nobody is told (migration 0013). */
export const WEBHOOK_EVENT_NAMES: readonly string[] = AUDIT_EVENT_NAMES.filter((name) => !name.startsWith('webhook_delivery.'))

/** Whether something could be the id of a webhook. What is not is not there; PostgreSQL would refuse some of it. */
export function isWebhookId(id: string): boolean {
  return /^wh_[\w-]{1,100}$/.test(id)
}

/** The same of a delivery. */
export function isDeliveryId(id: string): boolean {
  return /^msg_[\w-]{1,100}$/.test(id)
}

/** @throws WebhookRefused */
export function checkUrl(url: string, addresses: AllowedAddresses): void {
  const fault = urlFault(url, addresses)
  if (fault !== undefined) throw new WebhookRefused(`the url ${JSON.stringify(url.slice(0, 200))} cannot be taken: ${fault}`)
}

/** What the audit log says of an address: path and query may hold a secret, and other webhooks read the log. */
export function originOf(url: string): string {
  return new URL(url).origin
}

/** @throws WebhookRefused */
export function checkEvents(events: readonly string[]): void {
  if (events.length === 0) throw new WebhookRefused('it must name an event at least, or * for all')
  if (events.length > MOST_EVENTS)
    throw new WebhookRefused(`it may name ${MOST_EVENTS} events at most; session.* is all that begin so`)
  if (new Set(events).size < events.length) throw new WebhookRefused('it names an event twice')
  for (const event of events) {
    if (names(event)) continue
    throw new WebhookRefused(`no event is called ${JSON.stringify(event.slice(0, 100))} (docs/reference/webhooks.md lists them)`)
  }
}

/** What whoever makes a webhook, or has one told more, must be able to do. */
const READING_THE_LOG: ReadonlySet<string> = new Set([ACCESS.auditEvents.read.scope])

/** @throws WebhookBeyondReading */
export function checkMayRead(change: Change): void {
  if (reaches(change, READING_THE_LOG)) return
  throw new WebhookBeyondReading('a webhook is told what stands in the audit log, and you may not read that')
}

/** Whether it is told, or would be once it is enabled, what it was not before, or somewhere else. */
export function tellsMore(before: WebhookTelling, after: WebhookTelling): boolean {
  if (after.url !== before.url || (after.enabled && !before.enabled)) return true
  return after.events.some((event) => !before.events.some((one) => covers(one, event)))
}

/** What a webhook is told, and where. */
interface WebhookTelling {
  readonly url: string
  readonly events: readonly string[]
  readonly enabled: boolean
}

/** Whether what is asked for by `one` is all that is asked for by `event`: `session.*` has `session.revoked`, and `*` has all. */
function covers(one: string, event: string): boolean {
  return one === '*' || one === event || (one.endsWith('.*') && event.startsWith(one.slice(0, -1)))
}

/** @throws WebhookRefused */
export function checkDescription(description: string): void {
  if (description.length > LONGEST_DESCRIPTION)
    throw new WebhookRefused(`the description may have ${LONGEST_DESCRIPTION} characters at most`)
  if (!isPlainText(description)) throw new WebhookRefused('the description must be one line of plain text')
}

function urlFault(url: string, addresses: AllowedAddresses): string | undefined {
  const parsed = url.length <= LONGEST_URL ? URL.parse(url) : null
  if (parsed === null) return `it is not a URL of ${LONGEST_URL} characters at most`
  const { protocol, hostname, port, username, password } = parsed
  if (username !== '' || password !== '') return 'it must not have a user name'
  if (port === '0') return 'nobody can listen on port 0'
  if (url.includes('#')) return 'it must not have a fragment'
  // What is told names people, and must not cross a network in clear.
  if (protocol !== 'https:' && !(protocol === 'http:' && isLoopbackHost(hostname)))
    return 'it must be https, or http on this machine'
  if (parsed.href !== url && parsed.href !== `${url}/`) return `it must be written ${JSON.stringify(parsed.href.slice(0, 200))}`
  try {
    addresses.checkHost(hostname)
  } catch (error) {
    if (error instanceof AddressRefused) return error.message
    throw error
  }
  return undefined
}

/** Whether there are events of that name, or that begin so. */
function names(event: string): boolean {
  if (event === '*') return true
  if (event.endsWith('.*')) return WEBHOOK_EVENT_NAMES.some((name) => name.startsWith(event.slice(0, -1)))
  return WEBHOOK_EVENT_NAMES.some((name) => name === event)
}
