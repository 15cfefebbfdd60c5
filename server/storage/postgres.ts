// PostgreSQL, the authority on all that must survive: a pool of connections that never keeps a request waiting for long.
import { createHash } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { PrismaPg } from '@prisma/adapter-pg'
import type { SqlDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import pg from 'pg'
import { type Prisma, PrismaClient } from '../../prisma/client/client.ts'
import { ConnectionPool } from './connection-pool.ts'
import { translated, withStorageErrors } from './postgres-errors.ts'

export type Database = PrismaClient
export type Transaction = Prisma.TransactionClient

/** The connections of a pool, and the queries that wait for one. */
export interface Connections {
  readonly idle: number
  readonly busy: number
  readonly waiting: number
}

/** A database that is ready for use. */
export interface OpenDatabase {
  readonly db: Database
  readonly connections?: () => Connections
  /** @throws StorageUnavailable */
  ping(): Promise<void>
  close(): Promise<void>
}

/** A request must be answered within two seconds even when PostgreSQL hangs: these two and some work of our own fit into that. */
export const POOL_WAIT_MS = 700
export const STATEMENT_TIMEOUT_MS = 1000

/** The server cancels a statement first; the client gives up soon after, for when the server itself has stopped. */
const GIVE_UP_AFTER_MS = 100
const CLOSE_WAIT_MS = 2000

/**
 * How long a statement of a large end may take, and the transaction: a little less than whoever asked for it waits for the answer
 * (LARGE_ENDS_WITHIN_MS), so that what is not answered in time has not happened.
 */
const LONG_STATEMENT_MS = 8000
export const LONG_TRANSACTION_MS = 9000

/** How long a request that may end very much waits for its answer, whatever others wait. */
export const LARGE_ENDS_WITHIN_MS = 10_000

/** Lets the statements of a transaction that are still to come take longer than those of others, where those may not take as long. */
export async function allowLongStatements(tx: Transaction): Promise<void> {
  const [row] = await tx.$queryRaw<{ shorter: boolean }[]>`
    SELECT current_setting('statement_timeout')::interval BETWEEN interval '1 millisecond'
      AND make_interval(secs => ${LONG_STATEMENT_MS / 1000}::float8) AS shorter`
  if (row?.shorter === true) await tx.$executeRawUnsafe(LONG_STATEMENTS)
}

/** The driver does not wait longer by itself: `DecisiveClient` knows this statement. */
const LONG_STATEMENTS = `SET LOCAL statement_timeout = ${LONG_STATEMENT_MS}`
const TRANSACTION_OVER = /^(?:COMMIT|ROLLBACK)$/

/**
 * Opens the database and asks it once whether it answers. Whatever goes wrong with the connection later, then and in every
 * query, is thrown as StorageUnavailable.
 *
 * @param poolSize the most connections that are open at a time
 * @param statementTimeoutMs how long a statement may take
 * @param poolWaitMs how long to wait for a connection
 * @throws StorageUnavailable
 */
export async function openPostgres({
  url,
  poolSize,
  statementTimeoutMs = STATEMENT_TIMEOUT_MS,
  // Whoever may take long over a statement may wait for a connection too.
  poolWaitMs = Math.max(POOL_WAIT_MS, statementTimeoutMs / 10),
}: {
  readonly url: string
  readonly poolSize: number
  readonly statementTimeoutMs?: number
  readonly poolWaitMs?: number
}): Promise<OpenDatabase> {
  const pool = new ConnectionPool({
    connectionString: url,
    max: poolSize,
    waitMs: poolWaitMs,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + GIVE_UP_AFTER_MS,
    idle_in_transaction_session_timeout: 10 * statementTimeoutMs,
    application_name: 'latchkey',
    keepAlive: true,
    Client: DecisiveClient,
    onConnect: prepareConnection,
  })
  const database = openPrisma(
    new PrismaPg(pool, { statementNameGenerator: statementNames(), disposeExternalPool: true }),
    poolWaitMs,
  )
  await database.ping().catch(async (error: unknown) => {
    await database.close()
    throw error
  })
  return {
    ...database,
    connections: () => ({ idle: pool.idleCount, busy: pool.totalCount - pool.idleCount, waiting: pool.waiting }),
  }
}

/** How long a transaction waits for its turn at least: Prisma's own measure. */
const TRANSACTION_WAIT_MS = 2000

/** Prisma's client on a driver adapter, with our errors. */
export function openPrisma(adapter: SqlDriverAdapterFactory, poolWaitMs = 0): OpenDatabase {
  // Who is ready to wait for a connection is so for a transaction, too.
  const transactionOptions = { maxWait: Math.max(TRANSACTION_WAIT_MS, poolWaitMs) }
  const db = new PrismaClient({ adapter: withStorageErrors(adapter), errorFormat: 'minimal', transactionOptions })
  const begin = db.$transaction
  // Prisma's own waiting for a transaction ends in an error that no driver has seen.
  Reflect.set(db, '$transaction', (...args: unknown[]) => translated(Reflect.apply(begin, db, args) as Promise<unknown>))
  return {
    db,
    ping: async () => void (await db.$queryRaw`SELECT 1`),
    // A database that hangs does not say goodbye either.
    close: () => Promise.race([db.$disconnect(), wait(CLOSE_WAIT_MS, undefined, { ref: false })]),
  }
}

/**
 * A connection on which a query was not answered in time is closed: a ROLLBACK would wait on it as long again, and then the
 * next request.
 */
class DecisiveClient extends pg.Client {
  #inLongTransaction = false

  // All overloads are passed on as they come; `never` is the one result that fits each of them.
  override query(...args: never[]): never {
    const result: unknown = Reflect.apply(super.query, this, this.#withPatience(args))
    if (result instanceof Promise) result.catch((error: Error) => this.#closeWhenUnanswered(error))
    return result as never
  }

  /** In a transaction whose statements may take longer, the client gives up later as well. */
  #withPatience(args: readonly unknown[]): readonly unknown[] {
    const [query, ...others] = args
    const text = typeof query === 'string' ? query : isWithText(query) ? query.text : ''
    if (text === LONG_STATEMENTS) this.#inLongTransaction = true
    const patient = this.#inLongTransaction
    if (TRANSACTION_OVER.test(text)) this.#inLongTransaction = false
    return patient && isWithText(query) ? [{ ...query, query_timeout: LONG_STATEMENT_MS + GIVE_UP_AFTER_MS }, ...others] : args
  }

  #closeWhenUnanswered(error: Error): void {
    if (error.message === 'Query read timeout') this.end().catch(() => undefined)
  }
}

function isWithText(query: unknown): query is { readonly text: string } {
  return typeof query === 'object' && query !== null && 'text' in query && typeof query.text === 'string'
}

/**
 * One question: while connections are short, each of them costs. What is planned for many rows, and mostly finds few, would be compiled
 * for some two hundred milliseconds before it begins.
 */
const PREPARE_CONNECTION =
  "SELECT set_config('TimeZone', 'UTC', false), set_config('jit', 'off', false), pg_is_in_recovery() AS standby"

/**
 * Prisma's adapter takes every time for UTC, whatever the zone in which the database shows it. And a standby in the place of the
 * primary may not know yet what was ended, so it is not asked. The pool waits for this.
 */
async function prepareConnection(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ standby: boolean }>(PREPARE_CONNECTION)
  if (rows[0]?.standby === true) throw new Error('it is a standby, which may lag behind')
}

const MOST_STATEMENT_NAMES = 500
const NEVER_PREPARED = /^(?:BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SET)\b/

/**
 * Names for statements, under which PostgreSQL parses and plans them once per connection. A name says what the statement is, so
 * that it also means the same behind a pooler; statements beyond a number that our own never reach go without.
 */
function statementNames(): (query: { readonly sql: string }) => string {
  const names = new Map<string, string>()
  return ({ sql }) => {
    const name = names.get(sql)
    if (name !== undefined) return name
    if (names.size >= MOST_STATEMENT_NAMES || NEVER_PREPARED.test(sql)) return ''
    const made = `lk_${createHash('sha256').update(sql).digest('hex').slice(0, 32)}`
    names.set(sql, made)
    return made
  }
}
