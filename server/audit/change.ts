// Changes of what is registered: who made them and why, written down the same way wherever they are made.
import type { Prisma } from '../../prisma/client/client.ts'
import type { Transaction } from '../storage/postgres.ts'
import { type Origin, recordAudit } from './audit.ts'
import type { AuditEventName } from './event-names.ts'

/** Who changes something, and why. */
export interface Change {
  /** An account's id, a client's id, or `system`. */
  readonly actor: string
  /** In the words of the one who did it. */
  readonly reason?: string
  readonly origin?: Origin
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

/** Writes the audit event of a change, in the change's transaction. `name` is dotted, past tense: `client.created`. */
export async function recordChange(
  tx: Transaction,
  name: AuditEventName,
  { actor, reason, origin }: Change,
  changed: Changed,
): Promise<void> {
  await recordAudit(tx, { name, actor, ...(reason === undefined ? {} : { reason }), ...origin, ...changed })
}
