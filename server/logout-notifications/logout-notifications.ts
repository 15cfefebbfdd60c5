// What the operator sees of back-channel logout: which clients have been told of the end of which session, and which have not.
import { changeWithAudit } from '../audit/audit.ts'
import type { Change } from '../audit/change.ts'
import { countWaiting, tryingAgain } from '../outbox/outbox-store.ts'
import type { Database } from '../storage/postgres.ts'
import { LOGOUT_OUTBOX } from './outbox.ts'

/** How far a notification has come. */
export type LogoutNotificationState = 'waiting' | 'retrying' | 'delivered' | 'failed'

/** That a client is to be told, or was told, that a session is over for it. */
export interface LogoutNotification {
  readonly id: string
  readonly sessionId: string
  readonly clientId: string
  readonly accountId: string
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
  /** 100 when left out, and at most 1000. */
  readonly limit?: number
}

/** The notifications of one database. */
export interface LogoutNotifications {
  /** The newest first. */
  list(filter?: LogoutNotificationFilter): Promise<LogoutNotification[]>
  /** Has one tried again, at once and for another day; false when it was delivered, or is not there any more. */
  retry(id: string, change: Change): Promise<boolean>
  /** How many have not been delivered or given up; large numbers are not counted to the end. */
  waiting(): Promise<number>
}

const MOST_LISTED = 1000

/** Makes them. `retried` is told when there is something new to deliver. */
export function createLogoutNotifications(deps: { readonly db: Database; readonly retried: () => void }): LogoutNotifications {
  const { db } = deps
  return {
    async list({ limit = 100, sessionId, clientId, accountId, state } = {}) {
      const rows = await db.logoutNotification.findMany({
        where: {
          ...(sessionId === undefined ? {} : { sessionId }),
          ...(clientId === undefined ? {} : { clientId }),
          ...(accountId === undefined ? {} : { accountId }),
          ...(state === undefined ? {} : { state }),
        },
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
        take: Math.min(limit, MOST_LISTED),
      })
      return rows.map(({ sid: _sid, giveUpAt: _giveUpAt, ...row }) => ({
        ...row,
        grantId: row.grantId === '' ? undefined : row.grantId,
        state: row.state as LogoutNotificationState,
        lastAttemptAt: row.lastAttemptAt ?? undefined,
        lastStatus: row.lastStatus ?? undefined,
        lastError: row.lastError ?? undefined,
        nextAttemptAt: row.nextAttemptAt ?? undefined,
        finishedAt: row.finishedAt ?? undefined,
      }))
    },

    async retry(id, { actor, reason, origin }) {
      const change = tryingAgain(LOGOUT_OUTBOX, id, ['retrying', 'failed'])
      const detail = { notification: id }
      const about = { name: 'logout_notification.retried', actor, ...origin, detail } as const
      const done = await changeWithAudit(db, change, { ...about, ...(reason === undefined ? {} : { reason }) })
      if (done) deps.retried()
      return done
    },

    waiting: () => countWaiting(db, LOGOUT_OUTBOX),
  }
}
