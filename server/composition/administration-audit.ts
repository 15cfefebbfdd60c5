// Builds what administrators see of the audit log.
import { auditEventRoutes } from '../admin-api/audit-events.ts'
import type { ApiRoute } from '../admin-api/route.ts'
import { auditPages } from '../admin-console/audit-log.ts'
import type { ConsoleRoute } from '../admin-console/console.ts'
import { createHistory, type History } from '../admin-console/history.ts'
import { recordAudit } from '../audit/audit.ts'
import { type AuditStreams, createAuditStreams, LOOK_EVERY_SECONDS } from '../audit/audit-streams.ts'
import { type Change, eventOf } from '../audit/change.ts'
import type { Cursors } from '../http/cursors.ts'
import type { Task } from '../maintenance/schedule.ts'
import type { Database } from '../storage/postgres.ts'
import type { AuditParts } from './audit.ts'

/** What administrators see of it. */
export interface AuditAdministration {
  readonly streams: AuditStreams
  readonly tasks: readonly Task[]
  routes(deps: { readonly accountIdOf: FindAccount }): ApiRoute[]
  /** What lately happened to something, for its page. */
  history(deps: { readonly emailOf: FindAccount }): History
  pages(deps: { readonly accountIdOf: FindAccount; readonly emailOf: FindAccount }): ConsoleRoute[]
}

/** From a name of an account to what is asked for. */
type FindAccount = (name: string) => Promise<string | undefined>

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
  const ofLog = {
    ...{ cursors, search, feed, streams },
    noteExport: (change: Change, detail: { readonly [name: string]: string }) =>
      recordAudit(db, eventOf('audit_events.exported', change, { detail })),
  }
  return {
    streams,
    tasks: [{ name: 'audit listeners', everySeconds: LOOK_EVERY_SECONDS, run: streams.look }],
    routes: (deps) => auditEventRoutes({ ...ofLog, ...deps }),
    history: ({ emailOf }) => createHistory({ search, emailOf }),
    pages: (deps) => auditPages({ ...ofLog, ...deps }),
  }
}
