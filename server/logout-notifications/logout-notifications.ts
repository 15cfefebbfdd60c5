// What the operator sees of back-channel logout: which clients have been told of the end of which session, and which have not.
import { Prisma } from '../../prisma/client/client.ts'
import { changeWithAudit } from '../audit/audit.ts'
import { type Change, eventOf } from '../audit/change.ts'
import { countWaiting, IS_UNDER_WAY, tryingAgain } from '../outbox/outbox-store.ts'
import type { Database } from '../storage/postgres.ts'
import { LOGOUT_OUTBOX } from './outbox.ts'

/** How far a notification has come. */
export type LogoutNotificationState = (typeof LOGOUT_NOTIFICATION_STATES)[number]

/** All of them. */
export const LOGOUT_NOTIFICATION_STATES = ['waiting', 'retrying', 'delivered', 'failed'] as const

/** That a client is to be told, or was told, that a session is over for it. */
export interface LogoutNotification {
  readonly id: string
  /** One of several where it tells of a whole account. */
  readonly sessionId: string
  readonly clientId: string
  readonly accountId: string
  /** When all sessions of the account ended, and the client is told of them by one token; undefined: of one session. */
  readonly accountEndedAt: Date | undefined
  /** The client's grant that ended while the session goes on; undefined when the session itself ended. */
  readonly grantId: string | undefined
  /** Why it ended: `signed_out`, `session_revoked`, `grant_revoked` … */
  readonly cause: string
  readonly state: LogoutNotificationState
  readonly attempts: number
  readonly createdAt: Date
  readonly lastAttemptAt: Date | undefined
  /** Of HTTP; undefined when there was no answer, or no attempt yet. */
  readonly lastStatus: number | undefined
  /** In words; nothing of what the client answered. */
  readonly lastError: string | undefined
  /** Undefined when there will be no further attempt. While one is under way, the time when it counts as lost. */
  readonly nextAttemptAt: Date | undefined
  readonly finishedAt: Date | undefined
}

/** Which notifications are wanted. */
export interface LogoutNotificationFilter {
  readonly sessionId?: string
  readonly clientId?: string
  readonly accountId?: string
  readonly state?: LogoutNotificationState
  /** The last one of the page before. */
  readonly after?: Pick<LogoutNotification, 'id' | 'createdAt'>
  /** 100 when left out, and at most 1000. */
  readonly limit?: number
}

/** The notifications of one database. */
export interface LogoutNotifications {
  /** The newest first. */
  list(filter?: LogoutNotificationFilter): Promise<LogoutNotification[]>
  find(id: string): Promise<LogoutNotification | undefined>
  /**
   * Has one tried again, at once and for another day; false when it was delivered, was tried just now or is about to be, or is not there
   * any more.
   */
  retry(id: string, change: Change): Promise<boolean>
  /** How many have not been delivered or given up; large numbers are not counted to the end. */
  waiting(): Promise<number>
}

const MOST_LISTED = 1000

/** Makes them. `retried` is told when there is something new to deliver. */
export function createLogoutNotifications(deps: { readonly db: Database; readonly retried: () => void }): LogoutNotifications {
  const { db } = deps
  return {
    list: ({ limit = 100, ...filter } = {}) => select(db, { ...filter, limit: Math.min(limit, MOST_LISTED) }),

    async find(id) {
      const row = await db.logoutNotification.findUnique({ where: { id } })
      return row === null ? undefined : notificationOf(row)
    },

    async retry(id, by) {
      const change = tryingAgain(LOGOUT_OUTBOX, id, ['retrying', 'failed'], IS_NOT_DUE)
      const event = eventOf('logout_notification.retried', by, { detail: { notification: id } })
      const done = await changeWithAudit(db, change, event)
      if (done) deps.retried()
      return done
    },

    waiting: () => countWaiting(db, LOGOUT_OUTBOX),
  }
}

/** Whoever asks twice has it tried once; and an app is not told by two attempts at the same time. */
const IS_NOT_DUE = Prisma.sql`(state = 'failed' OR (next_attempt_at > latchkey_now() + interval '1 second'
  AND last_attempt_at <= latchkey_now() - interval '2 seconds' AND NOT ${IS_UNDER_WAY}))`

type Row = Prisma.LogoutNotificationGetPayload<object>

async function select(
  db: Database,
  { sessionId, clientId, accountId, state, after, limit }: LogoutNotificationFilter & { readonly limit: number },
): Promise<LogoutNotification[]> {
  const conditions = [
    Prisma.sql`true`,
    ...(sessionId === undefined ? [] : [tellsOf(sessionId)]),
    ...(clientId === undefined ? [] : [Prisma.sql`client_id = ${clientId}`]),
    ...(accountId === undefined ? [] : [Prisma.sql`account_id = ${accountId}`]),
    ...(state === undefined ? [] : [STATES[state]]),
    ...(after === undefined ? [] : [Prisma.sql`(created_at, id) < (${after.createdAt}, ${after.id})`]),
  ]
  const rows = await db.$queryRaw<Row[]>(Prisma.sql`
    SELECT id, session_id AS "sessionId", client_id AS "clientId", account_id AS "accountId", sid,
      account_ended_at AS "accountEndedAt", grant_id AS "grantId", cause, state,
      attempts, next_attempt_at AS "nextAttemptAt", give_up_at AS "giveUpAt", last_attempt_at AS "lastAttemptAt",
      last_status AS "lastStatus", last_error AS "lastError", created_at AS "createdAt", finished_at AS "finishedAt"
    FROM logout_notifications WHERE ${Prisma.join(conditions, ' AND ')} ORDER BY created_at DESC, id DESC LIMIT ${limit}`)
  return rows.map(notificationOf)
}

/** A session is told of by a token of its own, or by one for its whole account, if the client was used in it. */
function tellsOf(sessionId: string): Prisma.Sql {
  return Prisma.sql`(session_id = ${sessionId} OR (
    (account_id, account_ended_at) = (SELECT account_id, ended_at FROM sessions WHERE id = ${sessionId})
    AND client_id IN (SELECT client_id FROM session_clients WHERE session_id = ${sessionId})))`
}

/** In words of the statement, so that PostgreSQL sees that its index of those that did not arrive will do. */
const STATES: { readonly [state in LogoutNotificationState]: Prisma.Sql } = {
  waiting: Prisma.sql`state = 'waiting'`,
  retrying: Prisma.sql`state = 'retrying'`,
  delivered: Prisma.sql`state = 'delivered'`,
  failed: Prisma.sql`state = 'failed'`,
}

function notificationOf({ sid: _sid, giveUpAt: _giveUpAt, ...row }: Row): LogoutNotification {
  return {
    ...row,
    grantId: row.grantId === '' ? undefined : row.grantId,
    accountEndedAt: row.accountEndedAt ?? undefined,
    state: row.state as LogoutNotificationState,
    lastAttemptAt: row.lastAttemptAt ?? undefined,
    lastStatus: row.lastStatus ?? undefined,
    lastError: row.lastError ?? undefined,
    nextAttemptAt: row.nextAttemptAt ?? undefined,
    finishedAt: row.finishedAt ?? undefined,
  }
}
