// The audit log: one row for each thing that matters, written in the transaction of the change it tells of, so that
// neither can be there without the other.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database, Transaction } from '../storage/postgres.ts'
import type { AuditEventName } from './event-names.ts'

/** Where a request came from. */
export interface Origin {
  readonly address?: string
  readonly userAgent?: string
  readonly requestId?: string
}

/** Something that happened. */
export interface AuditEvent extends Origin {
  /** Dotted, past tense: `sign_in.succeeded`. */
  readonly name: AuditEventName
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
  await tx.auditEvent.create({ data: rowOf(event), select: { id: true } })
}

/** Writes several at once: as one value, since a parameter for each column of each row would hold up everybody else. */
export async function recordAudits(tx: Transaction, events: readonly AuditEvent[]): Promise<void> {
  await tx.$executeRaw(Prisma.sql`
    INSERT INTO audit_events (name, actor, account_id, client_id, session_id, grant_id, address, user_agent, request_id, reason,
                              detail)
    SELECT name, actor, "accountId", "clientId", "sessionId", "grantId", address, "userAgent", "requestId", reason, detail
    FROM jsonb_to_recordset(${JSON.stringify(events.map(rowOf))}::jsonb) AS event (name text, actor text, "accountId" text,
      "clientId" text, "sessionId" text, "grantId" text, address text, "userAgent" text, "requestId" text, reason text, detail jsonb)`)
}

/**
 * Makes a change and writes its event, in one statement, which is a transaction.
 * @param change a statement that returns a row when it has done something, or finds one when something is so
 * @returns whether it did; nothing is written when it did not
 */
export async function changeWithAudit(db: Database, change: Prisma.Sql, event: AuditEvent): Promise<boolean> {
  const row = rowOf(event)
  const written = await db.$executeRaw(Prisma.sql`
    WITH change AS (${change})
    INSERT INTO audit_events (name, actor, account_id, client_id, session_id, grant_id, address, user_agent, request_id, reason,
                              detail)
    SELECT ${row.name}, ${row.actor}::text, ${row.accountId}::text, ${row.clientId}::text, ${row.sessionId}::text,
      ${row.grantId}::text, ${row.address}::text, ${row.userAgent}::text, ${row.requestId}::text, ${row.reason}::text,
      ${JSON.stringify(row.detail)}::jsonb
    FROM change`)
  return written > 0
}

function rowOf(event: AuditEvent) {
  return {
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
  }
}

/** What others wrote is cut and stripped of control and direction characters, so that no reader of the log is misled. */
function plain(text: string | undefined, length: number): string | null {
  if (text === undefined) return null
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ').slice(0, length)
}
