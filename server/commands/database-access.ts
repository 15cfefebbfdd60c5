// How the command line gets at the database: through the server that has the embedded one open, or by opening it itself.
import { systemClock } from '../../config/clock.ts'
import { type Config, loadConfig } from '../../config/config.ts'
import { LONGEST_ACCESS_TOKEN, signedLife } from '../../config/lifetimes.ts'
import type { Secrets } from '../../config/secrets.ts'
import { createAccounts } from '../accounts/accounts.ts'
import { createPasswords } from '../accounts/passwords.ts'
import { createSetupLinks } from '../accounts/setup-links.ts'
import { createKeyTurns } from '../keys/key-turns.ts'
import { openEmbeddedPostgres } from '../storage/embedded-postgres.ts'
import { type MigrationTarget, postgresMigrationTarget } from '../storage/migration-target.ts'
import { migrate, migrationStatus } from '../storage/migrations.ts'
import { type OpenDatabase, openPostgres } from '../storage/postgres.ts'
import { createSealer } from '../storage/sealing.ts'
import { createEndings } from '../tokens/ending.ts'
import { askServer, CommandFailed, type CommandOutput } from './control-socket.ts'
import { type CommandDeps, createDatabaseVerbs } from './handlers.ts'

/** An administrator's statement may take longer than a request's. */
const STATEMENT_TIMEOUT_MS = 120_000

/** Runs a verb that works on the database. @throws CommandFailed, and what stands in the way of opening the database */
export async function runDatabaseVerb(verb: string, args: Readonly<Record<string, unknown>>): Promise<CommandOutput> {
  const { config, secrets } = loadConfig()
  const answered = await askRunningServer(config, verb, args)
  if (answered !== undefined) return answered
  const database = await openDatabase(config, secrets)
  const deps = commandDeps(config, secrets, database)
  try {
    const handler = createDatabaseVerbs(deps)[verb]
    if (handler === undefined) throw new CommandFailed(`there is no verb ${verb}`)
    return await handler(args)
  } finally {
    await deps.passwords.close()
    await database.close()
  }
}

/** Runs something on the migrations of the database, unless a server that runs has answered. */
export async function withMigrations(
  verb: string,
  work: (target: MigrationTarget) => Promise<CommandOutput>,
): Promise<CommandOutput> {
  const { config, secrets } = loadConfig()
  if (config.database === 'postgres') return work(migrationTargetOf(secrets))
  const answered = await askRunningServer(config, verb, {})
  if (answered !== undefined) return answered
  const embedded = await openEmbeddedPostgres({ dataDir: config.dataDir })
  try {
    return await work(embedded.migrationTarget)
  } finally {
    await embedded.close()
  }
}

async function askRunningServer(
  config: Config,
  verb: string,
  args: Readonly<Record<string, unknown>>,
): Promise<CommandOutput | undefined> {
  return config.database === 'embedded' ? askServer(config.dataDir, { verb, args }) : undefined
}

async function openDatabase(config: Config, secrets: Secrets): Promise<OpenDatabase> {
  if (config.database === 'embedded') {
    const embedded = await openEmbeddedPostgres({ dataDir: config.dataDir })
    try {
      await migrate(embedded.migrationTarget)
      return embedded
    } catch (error) {
      await embedded.close()
      throw error
    }
  }
  // The schema of a real database is changed when somebody says so, or by a server that starts.
  const { pending } = await migrationStatus(migrationTargetOf(secrets))
  if (pending.length > 0)
    throw new CommandFailed(`the database lacks ${pending.length} migrations of this version: npx latchkey migrate up`)
  return openPostgres({ url: secrets.databaseUrl?.reveal() ?? '', poolSize: 2, statementTimeoutMs: STATEMENT_TIMEOUT_MS })
}

function migrationTargetOf({ migrationDatabaseUrl, databaseUrl }: Secrets): MigrationTarget {
  return postgresMigrationTarget((migrationDatabaseUrl ?? databaseUrl)?.reveal() ?? '')
}

function commandDeps(config: Config, secrets: Secrets, { db }: OpenDatabase): CommandDeps {
  const passwords = createPasswords({ hashing: config.hashing })
  const accounts = createAccounts({ db, passwords })
  return {
    config,
    db,
    clock: systemClock,
    passwords,
    setupLinks: createSetupLinks({
      db,
      accounts,
      passwords,
      policy: config.passwordPolicy,
      lifetimeSeconds: config.lifetimes.setupLink,
    }),
    keyTurns: createKeyTurns({
      db,
      sealer: createSealer(secrets.encryptionKeys),
      // The settings of the servers may differ from ours, so the longest life that there can be is assumed.
      publishedSeconds: signedLife(),
      // The servers see the change in the database within a second.
      changed: async () => undefined,
    }),
    endings: createEndings({
      db,
      // The settings of the servers may differ from ours, so the longest life that there can be is assumed.
      accessTokenLifeSeconds: () => LONGEST_ACCESS_TOKEN,
      // The servers see new entries in the database within a second.
      announce: () => undefined,
    }),
  }
}
