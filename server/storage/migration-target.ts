// Where migrations are applied: one transaction on one connection, in PostgreSQL or in the embedded one. That all of it is one
// transaction is the point: whatever fails or is killed half-way, nothing was written, and the next start begins anew.
import type { PGlite } from '@electric-sql/pglite'
import { PrismaPg } from '@prisma/adapter-pg'
import type { SqlDriverAdapter, SqlQueryable } from '@prisma/driver-adapter-utils'
import { PrismaPGlite } from 'pglite-prisma-adapter'
import { unavailableOr } from './postgres-errors.ts'

/** What a migration works with: every statement is part of the one transaction. */
export interface MigrationTransaction {
  /** For the schema engine. */
  readonly adapter: SqlDriverAdapter
  rows(sql: string, ...texts: string[]): Promise<Record<string, unknown>[]>
  /** Runs any number of statements. */
  script(sql: string): Promise<void>
}

/** A database that can be migrated. */
export interface MigrationTarget {
  /**
   * @throws StorageUnavailable when the database cannot be reached
   */
  transaction<T>(work: (transaction: MigrationTransaction) => Promise<T>): Promise<T>
}

const CONNECT_TIMEOUT_MS = 5000

/** @param url of a role that may change the schema */
export function postgresMigrationTarget(url: string): MigrationTarget {
  return {
    async transaction(work) {
      const adapter = await new PrismaPg({
        connectionString: url,
        max: 1,
        idleTimeoutMillis: 0,
        connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
        application_name: 'latchkey migrate',
      }).connect()
      try {
        const transaction = await adapter.startTransaction()
        const run = (sql: string) => transaction.executeRaw({ sql, args: [], argTypes: [] })
        try {
          // Without parameters the simple protocol is used, which takes several statements; the adapter's own executeScript
          // splits at every semicolon, and so through the bodies of functions.
          const result = await work(migrationTransaction(transaction, async (sql) => void (await run(sql))))
          await run('COMMIT')
          await transaction.commit()
          return result
        } catch (error) {
          await run('ROLLBACK').catch(() => undefined)
          await transaction.rollback()
          throw error
        }
      } catch (error) {
        throw unavailableOr(error)
      } finally {
        await adapter.dispose()
      }
    },
  }
}

export function embeddedMigrationTarget(database: PGlite): MigrationTarget {
  return {
    transaction: (work) =>
      database.transaction(async (transaction) => {
        // The adapter calls nothing but `query`, which a transaction has as the database has it.
        const adapter = await new PrismaPGlite(transaction as unknown as PGlite).connect()
        return work(migrationTransaction(adapter, async (sql) => void (await transaction.exec(sql))))
      }),
  }
}

function migrationTransaction(queryable: SqlQueryable, script: (sql: string) => Promise<void>): MigrationTransaction {
  return {
    script,
    async rows(sql, ...texts) {
      const { columnNames, rows } = await queryable.queryRaw({
        sql,
        args: texts,
        argTypes: texts.map(() => ({ scalarType: 'string', arity: 'scalar' })),
      })
      return rows.map((row) => Object.fromEntries(row.map((value, index) => [columnNames[index], value])))
    },
    adapter: {
      provider: 'postgres',
      adapterName: queryable.adapterName,
      queryRaw: (query) => queryable.queryRaw(query),
      executeRaw: (query) => queryable.executeRaw(query),
      executeScript: script,
      startTransaction: () => Promise.reject(new Error('A migration runs in the transaction that there is.')),
      getConnectionInfo: () => ({ supportsRelationJoins: true }),
      dispose: () => Promise.resolve(),
    },
  }
}
