// Changes of what is registered: who made them and why, written down the same way wherever they are made.

import { covers } from '../../config/roles.ts'
import type { Prisma } from '../../prisma/client/client.ts'
import type { Transaction } from '../storage/postgres.ts'
import { type AuditEvent, type Origin, recordAudit } from './audit.ts'
import type { AuditEventName } from './event-names.ts'

/** Who changes something, and why. */
export interface Change {
  /** An account's id, a client's id, or `system`. */
  readonly actor: string
  /** In the words of the one who did it. */
  readonly reason?: string
  readonly origin?: Origin
  /** The app by which a person does it; undefined where there is none, or where it acts for itself. */
  readonly through?: string
  /** All that the actor may do (`powersOf`). Without them only `system`, which is the operator's own command line, has any powers. */
  readonly powers?: ReadonlySet<string>
}

/** What a change was of. */
export interface Changed {
  readonly accountId?: string
  readonly clientId?: string
  readonly sessionId?: string
  readonly grantId?: string
  /** Never a secret. */
  readonly detail?: { readonly [name: string]: Prisma.InputJsonValue }
}

/** Whether the one who makes a change may do all of this: nobody gives, or acts upon, what reaches beyond their own powers. */
export function reaches({ actor, powers }: Change, others: ReadonlySet<string>): boolean {
  return (powers === undefined && actor === 'system') || covers(powers ?? new Set(), others)
}

/** Writes the audit event of a change, in the change's transaction. `name` is dotted, past tense: `client.created`. */
export async function recordChange(tx: Transaction, name: AuditEventName, change: Change, changed: Changed): Promise<void> {
  await recordAudit(tx, eventOf(name, change, changed))
}

/** The audit event of a change, for whoever writes several at once. */
export function eventOf(name: AuditEventName, { actor, reason, origin, through }: Change, changed: Changed): AuditEvent {
  const event = { name, actor, ...(reason === undefined ? {} : { reason }), ...origin, ...changed }
  if (through === undefined) return event
  // What happened to a client is found by that client; the app stands beside it then.
  return changed.clientId === undefined ? { ...event, clientId: through } : { ...event, detail: { ...changed.detail, through } }
}
