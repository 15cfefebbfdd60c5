// Changes of webhooks. One that is moved to another origin gets a new secret: what was made for one program must not prove anything to
// another, nor may whoever can change an address have it signed for by a secret that they were never shown.
import { Prisma } from '../../prisma/client/client.ts'
import { type Change, recordChange } from '../audit/change.ts'
import { differences } from '../audit/differences.ts'
import { checkVersion, versionOf } from '../audit/versions.ts'
import type { AllowedAddresses } from '../outbox/allowed-addresses.ts'
import type { Database, Transaction } from '../storage/postgres.ts'
import type { Sealer } from '../storage/sealing.ts'
import { stopDeliveries } from './outbox.ts'
import { newWebhookSecret, type SealedSecret } from './secrets.ts'
import {
  checkDescription,
  checkEvents,
  checkMayRead,
  checkUrl,
  isWebhookId,
  originOf,
  tellsMore,
  WebhookRefused,
} from './webhook-rules.ts'

/** A program that is told what happens. */
export interface Webhook {
  /** `wh_…` */
  readonly id: string
  readonly url: string
  /** For people; may be empty. */
  readonly description: string
  /** Names of audit events; `session.*` is all that begin so, `*` is all. */
  readonly events: readonly string[]
  /** False: it is told nothing, also not of what happens meanwhile. */
  readonly enabled: boolean
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** What can be chosen of a webhook. */
export interface WebhookChoice {
  readonly url: string
  readonly events: readonly string[]
  readonly description: string
  readonly enabled: boolean
}

/** A webhook that was changed. */
export interface ChangedWebhook {
  readonly webhook: Webhook
  /** Its new secret, which is shown here and never again: it was moved to another origin. */
  readonly secret?: string
}

/** That a webhook has a secret. */
export interface WebhookSecretItem {
  /** `whs_…` */
  readonly id: string
  readonly createdAt: Date
  /** Null: it is the current one. */
  readonly expiresAt: Date | null
}

/**
 * Changes one; undefined when it is not there.
 * @param seen the version that was looked at; undefined: whichever there is
 * @throws WebhookRefused @throws WebhookBeyondReading when it would be told more, or elsewhere @throws ChangedMeanwhile
 */
export async function changeWebhook(
  deps: { readonly db: Database; readonly sealer: Sealer; readonly addresses: AllowedAddresses },
  { id, choice, seen }: { readonly id: string; readonly choice: Partial<WebhookChoice>; readonly seen?: string | undefined },
  change: Change,
): Promise<ChangedWebhook | undefined> {
  const { url, events, description } = choice
  if (url !== undefined) checkUrl(url, deps.addresses)
  if (events !== undefined) checkEvents(events)
  if (description !== undefined) checkDescription(description)
  return deps.db.$transaction(async (tx) => {
    if (!(await lockWebhook(tx, id))) return undefined
    const before = await tx.webhook.findUniqueOrThrow({ where: { id } })
    checkVersion(versionOfWebhook(before, await selectSecrets(tx, id)), seen)
    return write(tx, { before, choice, sealer: deps.sealer }, change)
  })
}

/** A new secret, as it is shown; undefined when there is no such webhook. @throws WebhookRefused when the overlap is longer than a week @throws ChangedMeanwhile */
export async function rotateWebhookSecret(
  { db, sealer }: { readonly db: Database; readonly sealer: Sealer },
  {
    id,
    overlapSeconds = OVERLAP_SECONDS,
    seen,
  }: { readonly id: string; readonly overlapSeconds?: number | undefined; readonly seen?: string | undefined },
  change: Change,
): Promise<string | undefined> {
  if (!(overlapSeconds >= 0 && overlapSeconds <= LONGEST_OVERLAP_SECONDS))
    throw new WebhookRefused(`the old secret may stay good for ${LONGEST_OVERLAP_SECONDS} seconds at most`)
  const { stored, shown } = newWebhookSecret(sealer, id)
  return db.$transaction(async (tx) => {
    if (!(await lockWebhook(tx, id))) return undefined
    const webhook = await tx.webhook.findUniqueOrThrow({ where: { id } })
    checkVersion(versionOfWebhook(webhook, await selectSecrets(tx, id)), seen)
    await tx.$executeRaw(Prisma.sql`
      DELETE FROM webhook_secrets WHERE webhook_id = ${id} AND expires_at IS NOT NULL`)
    await tx.$executeRaw(Prisma.sql`
      UPDATE webhook_secrets SET expires_at = latchkey_now() + make_interval(secs => ${overlapSeconds}) WHERE webhook_id = ${id}`)
    await insertSecret(tx, id, stored)
    await recordChange(tx, 'webhook_secret.rotated', change, { detail: { webhook: id, overlapSeconds } })
    return shown
  })
}

const OVERLAP_SECONDS = 86_400
const LONGEST_OVERLAP_SECONDS = 7 * 86_400

/** The version of what can be changed of a webhook, its secrets included. */
export function versionOfWebhook(
  { url, events, description, enabled }: Webhook,
  secrets: readonly Pick<WebhookSecretItem, 'id' | 'expiresAt'>[],
): string {
  return versionOf({ url, events, description, enabled, secrets: secrets.map(({ id, expiresAt }) => [id, expiresAt]) })
}

/** The secrets of a webhook, the current one last. */
export function selectSecrets(db: Database | Transaction, webhookId: string): Promise<WebhookSecretItem[]> {
  return db.webhookSecret.findMany({
    where: { webhookId },
    select: { id: true, createdAt: true, expiresAt: true },
    orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
  })
}

/** One change of a webhook at a time. */
export async function lockWebhook(tx: Transaction, id: string): Promise<boolean> {
  if (!isWebhookId(id)) return false
  const rows = await tx.$queryRaw<unknown[]>(Prisma.sql`SELECT 1 FROM webhooks WHERE id = ${id} FOR NO KEY UPDATE`)
  return rows.length > 0
}

export async function insertSecret(tx: Transaction, webhookId: string, { id, sealed }: SealedSecret): Promise<void> {
  await tx.webhookSecret.create({ data: { id, webhookId, sealed: Buffer.from(sealed) }, select: { id: true } })
}

async function write(
  tx: Transaction,
  { before, choice, sealer }: { readonly before: Webhook; readonly choice: Partial<WebhookChoice>; readonly sealer: Sealer },
  change: Change,
): Promise<ChangedWebhook> {
  const { id } = before
  const after = {
    url: choice.url ?? before.url,
    events: [...(choice.events ?? before.events)],
    description: choice.description ?? before.description,
    enabled: choice.enabled ?? before.enabled,
  }
  const members = (['url', 'events', 'description', 'enabled'] as const).filter(
    (member) => JSON.stringify(before[member]) !== JSON.stringify(after[member]),
  )
  if (members.length === 0) return { webhook: before }
  if (tellsMore(before, after)) checkMayRead(change)
  await tx.$executeRaw(Prisma.sql`
    UPDATE webhooks SET url = ${after.url}, events = ${after.events}::text[], description = ${after.description},
      enabled = ${after.enabled}, updated_at = latchkey_now() WHERE id = ${id}`)
  const stopped = before.enabled && !after.enabled ? await stopDeliveries(tx, id, 'the webhook is disabled') : 0
  const name = before.enabled && !after.enabled ? 'webhook.disabled' : 'webhook.updated'
  const shown = (webhook: WebhookChoice) => ({ ...webhook, url: originOf(webhook.url) })
  const changes = differences(members, shown(before), shown(after))
  const detail = { webhook: id, members, changes, origin: originOf(after.url), events: after.events, deliveries: stopped }
  await recordChange(tx, name, change, { detail })
  const secret = originOf(before.url) === originOf(after.url) ? {} : { secret: await replaceSecrets(tx, id, sealer, change) }
  return { webhook: await tx.webhook.findUniqueOrThrow({ where: { id } }), ...secret }
}

/** None of those before is good any more. */
async function replaceSecrets(tx: Transaction, id: string, sealer: Sealer, change: Change): Promise<string> {
  const { stored, shown } = newWebhookSecret(sealer, id)
  await tx.webhookSecret.deleteMany({ where: { webhookId: id } })
  await insertSecret(tx, id, stored)
  await recordChange(tx, 'webhook_secret.rotated', change, { detail: { webhook: id, overlapSeconds: 0 } })
  return shown
}
