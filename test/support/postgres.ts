// PostgreSQL for tests: a database of one's own in a moment, copied from one that is migrated already; and its clock.
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { type PostgresServer, startPostgresServer } from './postgres-server.ts'

/** Where global-setup says which server there is, and the migrated database on it. */
export const POSTGRES_URL_VARIABLE = 'TEST_SERVERS_POSTGRES_URL'
export const TEMPLATE_VARIABLE = 'TEST_SERVERS_POSTGRES_TEMPLATE'

/** A database for one test file. */
export interface TestDatabase {
  readonly url: string
  drop(): Promise<void>
}

/** Makes a migrated database that nobody else uses. */
export async function createDatabase(): Promise<TestDatabase> {
  const database = await makeDatabase(setting(TEMPLATE_VARIABLE))
  // As if it had been migrated by itself: it is no copy of the others.
  await run(database.url, 'UPDATE revocation_counter SET lineage = gen_random_uuid()')
  return database
}

/** Makes one without any table. */
export function createEmptyDatabase(): Promise<TestDatabase> {
  return makeDatabase('template0')
}

/**
 * Moves the database's clock: latchkey_now() and all that is computed from it, from the next statement on, for every
 * connection.
 */
export async function moveDatabaseClock(url: string, offsetSeconds: number): Promise<void> {
  if (!Number.isFinite(offsetSeconds)) throw new RangeError('An offset is a number of seconds.')
  await run(
    url,
    `CREATE OR REPLACE FUNCTION latchkey_now() RETURNS timestamptz LANGUAGE sql STABLE AS $$
       SELECT statement_timestamp() + make_interval(secs => ${offsetSeconds}) $$`,
  )
}

/** Stops the time of a database where it is, until it is moved: what happens meanwhile happens at once, however long it takes. */
export async function stopDatabaseClock(url: string): Promise<void> {
  const [row] = await run(url, 'SELECT latchkey_now()::text AS now')
  await run(
    url,
    `CREATE OR REPLACE FUNCTION latchkey_now() RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT '${row?.now}'::timestamptz $$`,
  )
}

/** For `openPostgres` where what happens to a busy machine is not the subject: the waits of a server that answers within seconds. */
export const PATIENT = { statementTimeoutMs: 20_000, poolWaitMs: 20_000 } as const

/** A server of one's own, to be paused and killed. Its database `postgres` is empty. `keptIn`: the folder in which its data stays. */
export function startPrivatePostgres(settings: readonly string[] = [], keptIn?: string): Promise<PostgresServer> {
  return startPostgresServer(settings, keptIn)
}

/** Runs one statement by a connection of its own. */
export async function run(url: string, sql: string, values: unknown[] = []): Promise<pg.QueryResult['rows']> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql, values)).rows
  } finally {
    await client.end()
  }
}

/**
 * Does to the audit log what nobody may, as somebody could who owns the tables: its triggers are off meanwhile. Without statements it
 * is emptied.
 */
export async function tamper(url: string, ...statements: readonly string[]): Promise<void> {
  const work = statements.length > 0 ? statements : [EMPTY_AUDIT_LOG]
  const triggers = (how: string) => `ALTER TABLE audit_events ${how} TRIGGER USER; ALTER TABLE audit_seals ${how} TRIGGER USER`
  await run(url, ['BEGIN', triggers('DISABLE'), ...work, triggers('ENABLE'), 'COMMIT'].join('; '))
}

const EMPTY_AUDIT_LOG = `DELETE FROM audit_events; DELETE FROM audit_seals;
  UPDATE audit_sealing SET watermark = 0, beyond = '{}', candidate = 0, candidate_xid = 0`

/** The URL of another database on the same server. */
export function urlOfDatabase(serverUrl: string, name: string): string {
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return url.href
}

async function makeDatabase(template: string): Promise<TestDatabase> {
  const server = setting(POSTGRES_URL_VARIABLE)
  const name = `latchkey_test_${randomBytes(8).toString('hex')}`
  await run(server, `CREATE DATABASE ${name} TEMPLATE ${template}`)
  return {
    url: urlOfDatabase(server, name),
    drop: async () => void (await run(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)),
  }
}

function setting(variable: string): string {
  const value = process.env[variable]
  if (value === undefined) throw new Error(`${variable} is not set: tests are run by "npm test", which starts the servers first.`)
  return value
}
