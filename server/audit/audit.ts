// The audit log: one row for each thing that matters, written in the transaction of the change it tells of, so that
// neither can be there without the other.
import { isIP } from 'node:net'
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
  await tx.auditEvent.create({ data: auditRow(event), select: { id: true } })
}

/** Writes several at once: as one value, since a parameter for each column of each row would hold up everybody else. */
export async function recordAudits(tx: Transaction, events: readonly AuditEvent[]): Promise<void> {
  await tx.$executeRaw(Prisma.sql`
    INSERT INTO audit_events (name, actor, account_id, client_id, session_id, grant_id, address, user_agent, request_id, reason,
                              detail)
    SELECT name, actor, "accountId", "clientId", "sessionId", "grantId", address, "userAgent", "requestId", reason, detail
    FROM jsonb_to_recordset(${JSON.stringify(events.map(auditRow))}::jsonb) AS event (name text, actor text, "accountId" text,
      "clientId" text, "sessionId" text, "grantId" text, address inet, "userAgent" text, "requestId" text, reason text, detail jsonb)`)
}

/**
 * Makes a change and writes its event, in one statement, which is a transaction.
 * @param change a statement that returns a row when it has done something, or finds one when something is so
 * @returns whether it did; nothing is written when it did not
 */
export async function changeWithAudit(db: Database, change: Prisma.Sql, event: AuditEvent): Promise<boolean> {
  const row = auditRow(event)
  const written = await db.$executeRaw(Prisma.sql`
    WITH change AS (${change})
    INSERT INTO audit_events (name, actor, account_id, client_id, session_id, grant_id, address, user_agent, request_id, reason,
                              detail)
    SELECT ${row.name}, ${row.actor}::text, ${row.accountId}::text, ${row.clientId}::text, ${row.sessionId}::text,
      ${row.grantId}::text, ${row.address}::inet, ${row.userAgent}::text, ${row.requestId}::text, ${row.reason}::text,
      ${JSON.stringify(row.detail)}::jsonb
    FROM change`)
  return written > 0
}

/** The columns of an event, for statements that write it together with something else. */
export function auditRow(event: AuditEvent) {
  return {
    name: event.name,
    actor: plain(event.actor, 200),
    accountId: plain(event.accountId, 200),
    clientId: plain(event.clientId, 200),
    sessionId: plain(event.sessionId, 200),
    grantId: plain(event.grantId, 200),
    address: addressOf(event),
    userAgent: plain(event.userAgent, 400),
    requestId: plain(event.requestId, 64),
    reason: plain(event.reason, 1000),
    detail: cleaned(event.detail ?? {}) as Prisma.InputJsonObject,
  }
}

/** The database knows addresses as such, and knows no zones (RFC 4007 §11). A socket that is closed has none. */
function addressOf({ address }: Origin): string | null {
  const [plainest = ''] = address?.split('%') ?? []
  return isIP(plainest) === 0 ? null : plainest
}

/** What others wrote is cut and stripped of control and direction characters, so that no reader of the log is misled. */
function plain(text: string | undefined, length: number): string | null {
  if (text === undefined) return null
  return text.replace(HIDDEN, ' ').slice(0, length).toWellFormed()
}

const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** The same for all that stands in `detail`; names as well as values. */
function cleaned(value: unknown): unknown {
  if (typeof value === 'string') return plain(value, LONGEST_TEXT)
  if (Array.isArray(value)) return value.map(cleaned)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, one]) => (one === undefined ? [] : [[plain(name, 100), cleaned(one)]])),
  )
}

const LONGEST_TEXT = 2000
