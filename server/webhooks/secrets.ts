// Secrets of webhooks, and the signatures that are made with them (Standard Webhooks, symmetric signatures): the webhook's program has
// the same secret, and knows by it that a delivery is ours, whole and new.
import { createHmac } from 'node:crypto'
import { randomBytes } from '../storage/random.ts'
import type { Sealer } from '../storage/sealing.ts'

/** A secret as it is stored. */
export interface SealedSecret {
  /** `whs_…` */
  readonly id: string
  readonly sealed: Uint8Array
}

/** A delivery, as it is signed. */
export interface SignedContent {
  readonly id: string
  /** Seconds since the epoch. */
  readonly timestamp: number
  readonly body: string
}

/** Between 24 and 64, says the specification. */
const SECRET_BYTES = 32

/** Makes a secret: what is stored of it, and what its owner is shown, once. */
export function newWebhookSecret(sealer: Sealer, webhookId: string): { readonly stored: SealedSecret; readonly shown: string } {
  const id = `whs_${randomBytes(12).toString('base64url')}`
  const secret = randomBytes(SECRET_BYTES)
  return {
    stored: { id, sealed: sealer.seal(secret, contextOf(webhookId, id)) },
    shown: `whsec_${secret.toString('base64')}`,
  }
}

/** Opens a stored secret. @throws UnsealError */
export function openWebhookSecret(sealer: Sealer, webhookId: string, { id, sealed }: SealedSecret): Buffer {
  return sealer.open(sealed, contextOf(webhookId, id))
}

/** The value of `webhook-signature`: a signature for each secret, so that either is known while one replaces the other. */
export function signaturesOf(secrets: readonly Uint8Array[], { id, timestamp, body }: SignedContent): string {
  const content = `${id}.${timestamp}.${body}`
  return secrets.map((secret) => `v1,${createHmac('sha256', secret).update(content).digest('base64')}`).join(' ')
}

function contextOf(webhookId: string, id: string): string {
  return `webhook_secrets:${webhookId}:${id}`
}
