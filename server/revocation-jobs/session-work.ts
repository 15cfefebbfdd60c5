// How jobs end sessions.
import { Prisma } from '../../prisma/client/client.ts'
import type { SessionEvents } from '../sessions/session-events.ts'
import { conditionOf, LIVE, type SessionFilter } from '../sessions/session-filter.ts'
import { filterOfJson, type JobWork } from './revocation-jobs.ts'

/** Makes it. */
export function sessionJobWork(events: Pick<SessionEvents, 'revokeWithin'>): JobWork {
  return {
    targets: (filter, begunAt) =>
      Prisma.sql`SELECT s.id FROM sessions s
        WHERE ${LIVE} AND ${conditionOf(filterOfJson<SessionFilter>(filter))} AND s.started_at <= ${begunAt}::timestamptz`,
    end: (ending, ids, change) => events.revokeWithin(ending, ids, change),
  }
}
