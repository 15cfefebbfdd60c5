// Builds what administrators see of the audit log.
import { auditEventRoutes } from '../admin-api/audit-events.ts'
import { type AuditStreams, createAuditStreams, LOOK_EVERY_SECONDS } from '../admin-api/audit-streams.ts'
import type { ApiRoute } from '../admin-api/route.ts'
import { recordAudit } from '../audit/audit.ts'
import { eventOf } from '../audit/change.ts'
import type { Cursors } from '../http/cursors.ts'
import type { Task } from '../maintenance/schedule.ts'
import type { Database } from '../storage/postgres.ts'
import type { AuditParts } from './audit.ts'

/** What administrators see of it. */
export interface AuditAdministration {
  readonly streams: AuditStreams
  readonly tasks: readonly Task[]
  routes(deps: { readonly accountIdOf: (name: string) => Promise<string | undefined> }): ApiRoute[]
}

/** Builds it. */
export function createAuditAdministration({
  audit,
  cursors,
  db,
}: {
  readonly audit: AuditParts
  readonly cursors: Cursors
  readonly db: Database
}): AuditAdministration {
  const { search, feed } = audit
  const streams = createAuditStreams({ feed })
  return {
    streams,
    tasks: [{ name: 'audit listeners', everySeconds: LOOK_EVERY_SECONDS, run: streams.look }],
    routes: ({ accountIdOf }) =>
      auditEventRoutes({
        ...{ cursors, search, feed, streams, accountIdOf },
        noteExport: (change, detail) => recordAudit(db, eventOf('audit_events.exported', change, { detail })),
      }),
  }
}
