// `doctor`: looks at whatever a server needs, and says what is not well and what to do about it. It needs no server that runs.
import { settingsInForce } from '../../config/config.ts'
import { ConfigError } from '../../config/faults.ts'
import { countActiveOwners } from '../accounts/accounts-store.ts'
import { type Check, checksOf } from '../maintenance/checks.ts'
import { countFailingWebhooks, countKeysDue, findMigrations } from '../maintenance/server-facts.ts'
import { createAllowedAddresses } from '../outbox/allowed-addresses.ts'
import { createProcessRoll } from '../storage/process-roll.ts'
import { probePostgres, probeRedis } from '../storage/store-probes.ts'
import { createAcknowledgements } from '../tokens/revocation-acknowledgements.ts'
import { selectProgress } from '../tokens/revocations.ts'
import { createWebhooks } from '../webhooks/webhooks.ts'
import { table } from './asked.ts'
import type { CommandDeps } from './command-deps.ts'
import type { CommandOutput } from './control-socket.ts'
import type { VerbResult } from './verb.ts'

const MOST_LISTENERS = 200

/** Looks at the database and at Redis. */
export async function examine(deps: CommandDeps): Promise<CommandOutput> {
  const { config, db, clock, sealer } = deps
  const { lineage, sequence: newest } = await selectProgress(db)
  const postgres = await probePostgres(db)
  const now = clock()
  const found = await deps
    .withRedis(async (client) => ({
      redis: await probeRedis(client),
      processes: await createProcessRoll(client, lineage).list(),
    }))
    .catch(() => undefined)
  const { redis, processes } = found === 'memory' ? { redis: found, processes: undefined } : (found ?? {})
  const addresses = createAllowedAddresses({
    ranges: config.webhookPrivateAddresses,
    setting: 'LATCHKEY_WEBHOOK_PRIVATE_ADDRESSES',
  })
  const webhooks = createWebhooks({ db, sealer, addresses, resent: () => undefined })
  const checks = checksOf({
    ...{ now, postgres, redis, processes, newest, tasks: undefined },
    environment: config.environment,
    limitsOn: config.rateLimits.enabled,
    migrations: await findMigrations(db).catch(() => undefined),
    listeners: await createAcknowledgements({ db }).page({ limit: MOST_LISTENERS }),
    owners: await countActiveOwners(db),
    keysDue: await countKeysDue(deps.keyTurns, now),
    webhooksFailing: await countFailingWebhooks(webhooks),
  })
  return { text: '', data: checks }
}

/** Runs it: what keeps it from looking further is itself what it finds. */
export async function runDoctor(ask: () => Promise<CommandOutput>): Promise<VerbResult> {
  const checks = await checksFrom(ask)
  const wrong = checks.filter(({ outcome }) => outcome === 'wrong').length
  const look = checks.filter(({ outcome }) => outcome === 'look').length
  const end = wrong > 0 ? `${wrong} wrong.` : look > 0 ? 'Nothing is wrong.' : 'All is well.'
  return {
    text: [table(checks.flatMap(lines)), end].join('\n'),
    data: {
      ok: wrong === 0,
      checks: checks.map(({ what, outcome, says, todo }) => ({ what, outcome, says, todo: todo ?? null })),
    },
    exitCode: wrong > 0 ? 1 : 0,
  }
}

const MARKS: { readonly [outcome in Check['outcome']]: string } = { right: 'ok', look: 'look', wrong: 'WRONG' }

function lines({ what, outcome, says, todo }: Check): string[][] {
  return [[MARKS[outcome], what, says], ...(todo === undefined ? [] : [['', '', `→ ${todo}`]])]
}

async function checksFrom(ask: () => Promise<CommandOutput>): Promise<readonly Check[]> {
  try {
    settingsInForce()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return [{ what: 'Settings', outcome: 'wrong', says: error.message, todo: 'docs/configuration.md has them all' }]
  }
  try {
    return (await ask()).data as readonly Check[]
  } catch (error) {
    const says = error instanceof Error ? error.message : String(error)
    return [{ what: 'PostgreSQL', outcome: 'wrong', says, todo: 'Look at the database, and at DATABASE_URL.' }]
  }
}
