// Builds what tells of the server itself: what runs, who else serves, and what is checked.
import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type { Clock } from '../../config/clock.ts'
import type { Config } from '../../config/config.ts'
import manifest from '../../package.json' with { type: 'json' }
import type { SystemView } from '../../views/admin-console/system.ts'
import { countActiveOwners } from '../accounts/accounts-store.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import { checksOf } from '../maintenance/checks.ts'
import type { Task } from '../maintenance/schedule.ts'
import { countFailingWebhooks, countKeysDue, findMigrations } from '../maintenance/server-facts.ts'
import { createTaskRuns, type TaskRuns } from '../maintenance/task-runs.ts'
import { createProcessRoll, type ProcessHeard, type ProcessRoll, type ProcessSaid } from '../storage/process-roll.ts'
import { probePostgres, probeRedis } from '../storage/store-probes.ts'
import { selectProgress } from '../tokens/revocations.ts'
import type { RevocationParts } from './revocations.ts'
import type { OpenStores } from './stores.ts'
import type { WebhookParts } from './webhooks.ts'

/** What tells of it. */
export interface SystemParts {
  report(): Promise<Omit<SystemView, 'jobs'>>
  /** Told how background work went. */
  readonly runs: TaskRuns
  readonly tasks: readonly Task[]
  /** Other processes are not to wait for this one. */
  close(): Promise<void>
}

interface SystemDeps {
  readonly config: Config
  readonly clock: Clock
  readonly stores: OpenStores
  readonly keys: KeyRing
  readonly revocations: RevocationParts
  readonly webhooks: WebhookParts
}

const SAY_EVERY_SECONDS = 5

/** So many guards are looked at: the page of those who listen has all. */
const MOST_LISTENERS = 200

/** Builds it. */
export async function createSystem(deps: SystemDeps): Promise<SystemParts> {
  const { clock, stores, revocations } = deps
  const runs = createTaskRuns(clock)
  const about = {
    id: `${hostname()}:${process.pid}:${randomBytes(6).toString('base64url')}`,
    ...{ host: hostname(), pid: process.pid, version: manifest.version, startedAt: clock() },
  }
  const self = (): ProcessSaid => ({ ...about, sequence: revocations.follower.log.sequence })
  const { lineage } = await selectProgress(stores.db)
  const roll = stores.redis === undefined ? undefined : createProcessRoll(stores.redis, lineage)
  const say = async () => roll?.say(self())
  // Whether anybody hears it is not this process's concern.
  await say().catch(() => undefined)
  return {
    runs,
    report: () => report(deps, { runs, roll, self }),
    tasks: roll === undefined ? [] : [{ name: 'processes', everySeconds: SAY_EVERY_SECONDS, run: async () => say() }],
    close: async () => void (await roll?.leave(about.id).catch(() => undefined)),
  }
}

async function report(
  deps: SystemDeps,
  here: { readonly runs: TaskRuns; readonly roll: ProcessRoll | undefined; readonly self: () => ProcessSaid },
): Promise<Omit<SystemView, 'jobs'>> {
  const { config, clock, stores } = deps
  const { db, redis: client } = stores
  const orNothing = <Result>(asked: Promise<Result>) => asked.catch(() => undefined)
  // By themselves, one after the other: how long they take is what is asked.
  const redis = client === undefined ? ('memory' as const) : await orNothing(probeRedis(client))
  const postgres = await orNothing(probePostgres(db))
  const now = clock()
  const [migrations, others, { sequence: newest }, listeners, owners, keysDue, webhooksFailing] = await Promise.all([
    orNothing(findMigrations(db)),
    here.roll === undefined ? [] : orNothing(here.roll.list()),
    selectProgress(db),
    deps.revocations.acknowledgements.page({ limit: MOST_LISTENERS }),
    countActiveOwners(db),
    countKeysDue(deps.keys.turns, now),
    countFailingWebhooks(deps.webhooks.webhooks),
  ])
  const processes = processesOf(here.self(), others ?? [])
  const tasks = here.runs.list()
  const known = { environment: config.environment, migrations, newest, processes, tasks }
  return {
    ...known,
    checks: checksOf({
      ...{ ...known, postgres, redis, listeners, owners, keysDue, webhooksFailing },
      now,
      limitsOn: config.rateLimits.enabled,
    }),
    version: manifest.version,
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    postgres: postgres === undefined ? undefined : { ...postgres, embedded: config.database === 'embedded' },
    redis,
    listeners: {
      all: listeners.length,
      upToDate: listeners.filter(({ sequence }) => sequence >= newest).length,
      more: listeners.length === MOST_LISTENERS,
    },
  }
}

/** This process says what is so now; of the others it is known what they said last. */
function processesOf(self: ProcessSaid, others: readonly ProcessHeard[]): SystemView['processes'] {
  const all = [{ ...self, heardSecondsAgo: 0 }, ...others.filter(({ id }) => id !== self.id)]
  return all.map(({ id, startedAt, ...said }) => ({ ...said, startedAt: new Date(startedAt), isThis: id === self.id }))
}
