// What a server does again and again in the background, and how often.
import type { Log } from '../http/log.ts'
import type { Metrics } from '../http/metrics.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import { closeExpiredSessions, EXPIRED_SESSIONS_EVERY_SECONDS } from '../maintenance/expired-sessions.ts'
import { createPurge, PURGE_EVERY_SECONDS } from '../maintenance/purge-expired.ts'
import type { RestoreWatch } from '../maintenance/restored-database.ts'
import type { Task } from '../maintenance/schedule.ts'
import { createVoidGrants, VOID_GRANTS_EVERY_SECONDS } from '../maintenance/void-grants.ts'
import { COUNTS_EVERY_SECONDS, countSessions } from '../sessions/session-counts.ts'
import { USES_EVERY_SECONDS } from '../sessions/sessions.ts'
import type { AdministrationParts } from './administration.ts'
import type { AuditParts } from './audit.ts'
import type { LogoutParts } from './logout.ts'
import type { MailParts } from './mail.ts'
import type { Nouns } from './nouns.ts'
import type { ProtocolParts } from './protocol.ts'
import type { RevocationParts } from './revocations.ts'
import type { SignalParts } from './signals.ts'
import type { OpenStores } from './stores.ts'
import type { SystemParts } from './system.ts'
import type { WebhookParts } from './webhooks.ts'

/** Builds it. */
export function createTasks(deps: {
  readonly stores: OpenStores
  readonly log: Log
  readonly metrics: Metrics
  readonly nouns: Nouns
  readonly keys: KeyRing
  readonly protocol: ProtocolParts
  readonly restoreWatch: RestoreWatch
  readonly mail: MailParts
  readonly logout: LogoutParts
  readonly webhooks: WebhookParts
  readonly signals: SignalParts | undefined
  readonly revocations: RevocationParts
  readonly administration: AdministrationParts
  readonly audit: AuditParts
  readonly system: SystemParts
}): readonly Task[] {
  const { nouns, log, metrics } = deps
  const { db } = deps.stores
  const purge = createPurge({
    db,
    log,
    report({ backlog }) {
      for (const [table, rows] of Object.entries(backlog)) metrics.purgeBacklog(table, rows)
    },
  })
  const voidGrants = createVoidGrants({ db })
  const expiredSessions = { db, expiry: nouns.sessionExpiry }
  return [
    { name: 'registry', everySeconds: 1, run: deps.protocol.followRegistry },
    { name: 'turns of signing keys', everySeconds: 5, run: deps.keys.turns.run },
    { name: 'restored database', everySeconds: 1, run: deps.restoreWatch.check },
    { name: 'expired rows', everySeconds: PURGE_EVERY_SECONDS, run: async (signal) => void (await purge.run(signal)) },
    { name: 'void grants', everySeconds: VOID_GRANTS_EVERY_SECONDS, run: async (signal) => void (await voidGrants.run(signal)) },
    { name: 'last uses of sessions', everySeconds: USES_EVERY_SECONDS, run: nouns.sessions.writeLastUses },
    {
      name: 'expired sessions',
      everySeconds: EXPIRED_SESSIONS_EVERY_SECONDS,
      run: async (signal) => void (await closeExpiredSessions(expiredSessions, signal)),
    },
    { name: 'counts of sessions', everySeconds: COUNTS_EVERY_SECONDS, run: (signal) => countSessions(db, signal) },
    { name: 'mail', everySeconds: 2, run: deps.mail.delivery.run },
    { name: 'logout notifications', everySeconds: 2, run: deps.logout.delivery.look },
    { name: 'webhooks', everySeconds: 2, run: deps.webhooks.delivery.look },
    ...(deps.signals?.tasks ?? []),
    { name: 'bulk revocations', everySeconds: 2, run: (signal) => deps.administration.jobs.run(signal) },
    ...deps.revocations.tasks,
    ...deps.audit.tasks,
    ...deps.administration.tasks,
    ...deps.system.tasks,
  ]
}
