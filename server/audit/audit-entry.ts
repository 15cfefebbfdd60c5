// An event of the audit log as it is read.
import { Prisma } from '../../prisma/client/client.ts'
import { type AuditOutcome, outcomeOf } from './event-names.ts'

/** An event. What it does not have is not there. */
export interface AuditEntry {
  readonly id: bigint
  readonly at: Date
  readonly name: string
  readonly outcome: AuditOutcome
  /** An account's id, a client's id, or `system`. */
  readonly actor?: string
  readonly accountId?: string
  readonly clientId?: string
  readonly sessionId?: string
  readonly grantId?: string
  readonly address?: string
  readonly userAgent?: string
  readonly requestId?: string
  readonly reason?: string
  readonly detail: { readonly [name: string]: unknown }
}

/** The columns of `audit_events e` that make one. */
export const ENTRY_COLUMNS = Prisma.sql`e.id, e.at, e.name, e.actor, e.account_id AS "accountId", e.client_id AS "clientId",
  e.session_id AS "sessionId", e.grant_id AS "grantId", e.address, e.user_agent AS "userAgent", e.request_id AS "requestId", e.reason,
  e.detail`

/** They, as they come. */
export type EntryRow = {
  readonly [Member in Exclude<keyof AuditEntry, 'outcome'>]-?:
    | AuditEntry[Member]
    | (undefined extends AuditEntry[Member] ? null : never)
}

/** Makes one of them. */
export function entryOf(row: EntryRow): AuditEntry {
  const { id, at, name, detail, ...rest } = row
  const there = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null))
  return { id, at, name, outcome: outcomeOf(name), ...there, detail }
}
