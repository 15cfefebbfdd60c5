// Builds the audit log's own parts: what seals it, what looks through it, what removes what was kept long enough, and what writes down
// refusals that strangers can cause.
import type { Clock } from '../../config/clock.ts'
import type { Config } from '../../config/config.ts'
import { recordAudits } from '../audit/audit.ts'
import { type AuditFeed, createAuditFeed } from '../audit/audit-feed.ts'
import { type AuditSearch, createAuditSearch } from '../audit/audit-search.ts'
import { type AuditKeys, createAuditKeys, headText } from '../audit/chain.ts'
import { createOccasionalEvents, type OccasionalEvents } from '../audit/occasional.ts'
import { type AuditSealer, createAuditSealer, SEAL_EVERY_SECONDS } from '../audit/sealer.ts'
import { TRIM_EVERY_SECONDS, trimAuditLog } from '../audit/trimming.ts'
import type { Log } from '../http/log.ts'
import type { Task } from '../maintenance/schedule.ts'
import type { OpenStores } from './stores.ts'

/** The audit log's own parts. */
export interface AuditParts {
  readonly keys: AuditKeys
  readonly sealer: AuditSealer
  readonly search: AuditSearch
  readonly feed: AuditFeed
  readonly occasional: OccasionalEvents
  readonly tasks: readonly Task[]
}

const FLUSH_EVERY_SECONDS = 10

/** Builds it. */
export function createAuditParts(deps: {
  readonly config: Config
  readonly clock: Clock
  readonly log: Log
  readonly stores: OpenStores
}): AuditParts {
  const { config, clock, log } = deps
  const { db, sealer: secrets } = deps.stores
  const keys = createAuditKeys(secrets.deriveAll('audit log'))
  const sealer = createAuditSealer({
    db,
    keys,
    headOfDay: (head) => log.info({ head: headText(head) }, 'the head of the audit log today: keep it elsewhere'),
  })
  const occasional = createOccasionalEvents({
    clock,
    record: (events) => db.$transaction((tx) => recordAudits(tx, events)),
    lost: (error) => log.warn({ err: error }, 'refused requests could not be written to the audit log'),
  })
  const { auditRetention: keptSeconds } = config
  return {
    keys,
    sealer,
    search: createAuditSearch({ db }),
    feed: createAuditFeed({ db }),
    occasional,
    tasks: [
      { name: 'audit seals', everySeconds: SEAL_EVERY_SECONDS, run: async (signal) => void (await sealer.run(signal)) },
      { name: 'refused requests', everySeconds: FLUSH_EVERY_SECONDS, run: occasional.flush },
      ...(keptSeconds === undefined
        ? []
        : [
            {
              name: 'audit retention',
              everySeconds: TRIM_EVERY_SECONDS,
              run: async (signal: AbortSignal) => void (await trimAuditLog({ db, keys, keptSeconds }, signal)),
            },
          ]),
    ],
  }
}
