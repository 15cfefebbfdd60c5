// What lately happened to one thing, for its page.
import { ACCESS } from '../../config/access.ts'
import type { HistoryView } from '../../views/admin-console/history.ts'
import type { AuditFilter } from '../audit/audit-filter.ts'
import type { AuditSearch } from '../audit/audit-search.ts'
import type { ConsoleVisit } from './console.ts'
import { listHref } from './list-query.ts'

/** What something is to an event. */
export type HistoryOf = 'account' | 'client' | 'session' | 'grant'

/** Finds what lately happened to it; undefined for those who may not look into the audit log. */
export type History = (visit: ConsoleVisit, of: HistoryOf, id: string) => Promise<HistoryView | undefined>

const EVENTS = 10
const LONGEST_REASON = 100

/** Makes it. */
export function createHistory({
  search,
  emailOf,
}: {
  readonly search: Pick<AuditSearch, 'page'>
  /** Undefined for what names no account that is there. */
  readonly emailOf: (id: string) => Promise<string | undefined>
}): History {
  return async (visit, of, id) => {
    if (!visit.may(ACCESS.auditEvents.read)) return undefined
    const filter: AuditFilter = { [`${of}Id`]: id }
    const entries = await search.page({ filter, limit: EVENTS })
    const events = entries.map(async ({ id: number, at, name, actor, reason }) => {
      const who = actor === undefined ? undefined : ((await emailOf(actor)) ?? actor)
      return {
        ...{ id: String(number), at, name },
        ...(who === undefined ? {} : { actor: who }),
        ...(reason === undefined ? {} : { reason: reason.slice(0, LONGEST_REASON) }),
      }
    })
    return { events: await Promise.all(events), allHref: listHref('/admin/audit', { [of]: id }) }
  }
}
