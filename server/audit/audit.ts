// The audit log: one row for each thing that matters, written in the transaction of the change it tells of, so that
// neither can be there without the other.
import type { Prisma } from '../../prisma/client/client.ts'
import type { Database, Transaction } from '../storage/postgres.ts'

/** Where a request came from. */
export interface Origin {
  readonly address?: string
  readonly userAgent?: string
  readonly requestId?: string
}

/** Something that happened. */
export interface AuditEvent extends Origin {
  /** Dotted, past tense: `sign_in.succeeded`. */
  readonly name: string
  /** Who did it: an account's id, a client's id, or `system`. */
  readonly actor?: string
  readonly accountId?: string
  readonly clientId?: string
  readonly sessionId?: string
  readonly grantId?: string
  /** Why, in the words of the one who did it. */
  readonly reason?: string
  /** Further facts; never a token, code, password or secret. */
  readonly detail?: { readonly [name: string]: Prisma.InputJsonValue }
}

/** Writes one event. */
export async function recordAudit(tx: Transaction | Database, event: AuditEvent): Promise<void> {
  await tx.auditEvent.create({
    data: {
      name: event.name,
      actor: plain(event.actor, 200),
      accountId: event.accountId ?? null,
      clientId: plain(event.clientId, 200),
      sessionId: event.sessionId ?? null,
      grantId: event.grantId ?? null,
      address: plain(event.address, 64),
      userAgent: plain(event.userAgent, 400),
      requestId: plain(event.requestId, 64),
      reason: plain(event.reason, 1000),
      detail: event.detail ?? {},
    },
    select: { id: true },
  })
}

/** What others wrote is cut and stripped of control and direction characters, so that no reader of the log is misled. */
function plain(text: string | undefined, length: number): string | null {
  if (text === undefined) return null
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ').slice(0, length)
}
