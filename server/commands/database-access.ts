// How the command line gets at the database: through the server that has the embedded one open, or by opening it itself.
import { systemClock } from '../../config/clock.ts'
import { type Config, loadConfig } from '../../config/config.ts'
import { LONGEST_ACCESS_TOKEN, signedLife } from '../../config/lifetimes.ts'
import type { Secrets } from '../../config/secrets.ts'
import { createAccounts } from '../accounts/accounts.ts'
import { createPasswords } from '../accounts/passwords.ts'
import { createSetupLinks } from '../accounts/setup-links.ts'
import { createKeyCompromise } from '../keys/key-compromise.ts'
import { createKeyTurns } from '../keys/key-turns.ts'
import { type RoleStanding, restrictRole, roleOf } from '../storage/app-role.ts'
import { openEmbeddedPostgres } from '../storage/embedded-postgres.ts'
import { type MigrationTarget, postgresMigrationTarget } from '../storage/migration-target.ts'
import { migrate, migrationStatus } from '../storage/migrations.ts'
import { type OpenDatabase, openPostgres } from '../storage/postgres.ts'
import { connectRedis, type RedisClient } from '../storage/redis-client.ts'
import { createSealer } from '../storage/sealing.ts'
import { createEndings } from '../tokens/ending.ts'
import type { CommandDeps } from './command-deps.ts'
import { askServer, CommandFailed, type CommandHandlers, type CommandOutput } from './control-socket.ts'
import { createDatabaseVerbs } from './handlers.ts'

/** An administrator's statement may take longer than a request's. */
const STATEMENT_TIMEOUT_MS = 120_000

/** Runs a verb that works on the database. @throws CommandFailed, and what stands in the way of opening the database */
export function runDatabaseVerb(verb: string, args: Readonly<Record<string, unknown>>): Promise<CommandOutput> {
  return withDatabaseVerbs({}, (ask) => ask(verb, args))
}

/** Runs a verb that works on the database. */
export type AskDatabase = (verb: string, args: Readonly<Record<string, unknown>>) => Promise<CommandOutput>

/** The same for several verbs one after the other: the database is opened once. @throws what stands in the way of opening it */
export async function withDatabaseVerbs<Result>(
  more: Pick<CommandDeps, 'progress'>,
  work: (ask: AskDatabase) => Promise<Result>,
): Promise<Result> {
  const { config, secrets } = loadConfig()
  let own: { readonly deps: CommandDeps; readonly database: OpenDatabase; readonly handlers: CommandHandlers } | undefined
  const ask: AskDatabase = async (verb, args) => {
    if (own === undefined) {
      const answered = await askRunningServer(config, verb, args)
      if (answered !== undefined) return answered
      const database = await openDatabase(config, secrets)
      const deps = { ...commandDeps(config, secrets, database), ...more }
      own = { deps, database, handlers: createDatabaseVerbs(deps) }
    }
    const handler = own.handlers[verb]
    if (handler === undefined) throw new CommandFailed(`there is no verb ${verb}`)
    return handler(args)
  }
  try {
    return await work(ask)
  } finally {
    await own?.deps.passwords.close()
    await own?.database.close()
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

/** Sees to the rights of the server's own role, where another one owns the tables; undefined where there is one role for both. */
export async function restrictServerRole(target: MigrationTarget): Promise<RoleStanding | undefined> {
  const { secrets } = loadConfig()
  if (secrets.migrationDatabaseUrl === undefined || secrets.databaseUrl === undefined) return undefined
  return restrictRole(target, await roleOf(secrets.databaseUrl.reveal()))
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
  const sealer = createSealer(secrets.encryptionKeys)
  const endings = createEndings({
    db,
    // The settings of the servers may differ from ours, so the longest life that there can be is assumed.
    accessTokenLifeSeconds: () => LONGEST_ACCESS_TOKEN,
    // The servers see new entries in the database within a second.
    announce: () => undefined,
  })
  const ofKeys = {
    ...{ db, sealer },
    // As with access tokens.
    publishedSeconds: signedLife(),
    // The servers see the change in the database within a second.
    changed: async () => undefined,
  }
  return {
    config,
    db,
    clock: systemClock,
    sealer,
    withRedis: (work) => withRedis(secrets, work),
    passwords,
    setupLinks: createSetupLinks({
      db,
      accounts,
      passwords,
      policy: config.passwordPolicy,
      lifetimeSeconds: config.lifetimes.setupLink,
    }),
    keyTurns: createKeyTurns(ofKeys),
    compromiseKey: createKeyCompromise({ ...ofKeys, endings }),
    endings,
  }
}

async function withRedis<Found>({ redisUrl }: Secrets, work: (client: RedisClient) => Promise<Found>): Promise<Found | 'memory'> {
  if (redisUrl === undefined) return 'memory'
  const client = await connectRedis({ url: redisUrl.reveal(), keyPrefix: 'latchkey:' })
  try {
    return await work(client)
  } finally {
    client.disconnect()
  }
}
