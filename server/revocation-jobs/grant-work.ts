// How jobs end grants.
import { Prisma } from '../../prisma/client/client.ts'
import type { GrantEvents } from '../grants/grant-events.ts'
import { conditionOf, type GrantFilter, isIdle, LIVE } from '../grants/grant-filter.ts'
import { filterOfJson, type JobWork } from './revocation-jobs.ts'

/** Makes it. `refreshIdleSeconds`: how long a refresh token lives without use. */
export function grantJobWork(events: Pick<GrantEvents, 'revokeWithin'>, lives: { readonly refreshIdleSeconds: number }): JobWork {
  return {
    targets(json, begunAt) {
      const filter = filterOfJson<GrantFilter>(json)
      return Prisma.sql`SELECT g.id FROM grants g WHERE ${LIVE} AND ${conditionOf(filter)} AND ${isIdle(filter, lives)} AND g.created_at <= ${begunAt}::timestamptz`
    },
    end: (ending, ids, change) => events.revokeWithin(ending, ids, change),
  }
}
