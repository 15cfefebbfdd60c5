// Migrations on real PostgreSQL: there and back, once among many, and never over a newer history.
import { afterEach, describe, expect, test } from '@jest/globals'
import { type Migration, readMigrations } from '../../server/storage/migration-files.ts'
import { postgresMigrationTarget } from '../../server/storage/migration-target.ts'
import {
  MigrationRefused,
  MigrationsNewerThanProgram,
  migrate,
  migrateDown,
  migrationStatus,
} from '../../server/storage/migrations.ts'
import { createDatabase, createEmptyDatabase, run, type TestDatabase } from '../support/postgres.ts'

const databases: TestDatabase[] = []

afterEach(async () => {
  for (const database of databases.splice(0)) await database.drop()
})

async function emptyDatabase(): Promise<string> {
  const database = await createEmptyDatabase()
  databases.push(database)
  return database.url
}

async function migratedDatabase(): Promise<string> {
  const database = await createDatabase()
  databases.push(database)
  return database.url
}

async function tablesOf(url: string): Promise<string[]> {
  const rows = await run(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
  return rows.map((row) => String(row.tablename))
}

async function namesOfSchema(): Promise<string[]> {
  return (await readMigrations()).map(({ name }) => name)
}

function migrationOf(name: string, script: string, wayBack = 'SELECT 1'): Migration {
  return { name, script, checksum: 'not known', wayBack }
}

describe('there and back', () => {
  test('an empty database is migrated, taken back to nothing, and migrated again', async () => {
    const url = await emptyDatabase()
    const target = postgresMigrationTarget(url)
    const all = await namesOfSchema()
    expect(await migrationStatus(target)).toEqual({ applied: [], pending: all })
    expect(await migrate(target)).toEqual(all)
    const tables = await tablesOf(url)
    expect(tables).toContain('refresh_families')
    expect(await migrationStatus(target)).toEqual({ applied: all, pending: [] })
    expect(await migrate(target)).toEqual([])
    for (const name of all.toReversed()) expect(await migrateDown(target)).toBe(name)
    expect(await migrateDown(target)).toBeUndefined()
    expect(await tablesOf(url)).toEqual(['_prisma_migrations'])
    const functions = await run(url, "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace")
    expect(functions).toEqual([])
    expect(await migrate(target)).toEqual(all)
    expect(await tablesOf(url)).toEqual(tables)
  })

  test('processes that start at once migrate once', async () => {
    const url = await emptyDatabase()
    const outcomes = await Promise.all(Array.from({ length: 6 }, () => migrate(postgresMigrationTarget(url))))
    expect(outcomes.filter((applied) => applied.length > 0)).toEqual([await namesOfSchema()])
    const rows = await run(url, 'SELECT migration_name FROM _prisma_migrations')
    expect(rows).toHaveLength((await namesOfSchema()).length)
  })

  test('a migration that fails leaves nothing behind, and can be tried again when it is mended', async () => {
    const url = await emptyDatabase()
    const target = postgresMigrationTarget(url)
    const first = migrationOf('0001_first', 'CREATE TABLE one (id int)')
    const failing = migrate(target, [first, migrationOf('0002_bad', "CREATE TABLE two (id int); INSERT INTO two VALUES ('a')")])
    await expect(failing).rejects.toThrow(MigrationRefused)
    await expect(failing).rejects.toThrow(/^Migration 0002_bad failed, and nothing was changed: invalid input syntax/)
    expect(await tablesOf(url)).toEqual([])
    expect(await migrate(target, [first])).toEqual(['0001_first'])
  })
})

describe('a history that does not fit is refused', () => {
  test('one that is newer than the program', async () => {
    const url = await migratedDatabase()
    await run(
      url,
      "INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at) VALUES ('x', 'y', '9999_of_tomorrow', now())",
    )
    const target = postgresMigrationTarget(url)
    await expect(migrate(target)).rejects.toThrow(MigrationsNewerThanProgram)
    await expect(migrate(target)).rejects.toThrow('9999_of_tomorrow')
    await expect(migrationStatus(target)).rejects.toThrow(MigrationsNewerThanProgram)
    await expect(migrateDown(target)).rejects.toThrow(MigrationsNewerThanProgram)
  })

  test('a migration that was altered after it was applied', async () => {
    const url = await migratedDatabase()
    await run(url, "UPDATE _prisma_migrations SET checksum = 'other'")
    await expect(migrate(postgresMigrationTarget(url))).rejects.toThrow(/is not what was applied/)
  })

  test('one that another tool began and did not finish', async () => {
    const url = await migratedDatabase()
    await run(url, 'UPDATE _prisma_migrations SET finished_at = NULL')
    await expect(migrate(postgresMigrationTarget(url))).rejects.toThrow(/not finished/)
  })

  test('one that lacks an earlier migration', async () => {
    const url = await migratedDatabase()
    const known = [migrationOf('0000_before_all', 'SELECT 1'), ...(await readMigrations())]
    await expect(migrate(postgresMigrationTarget(url), known)).rejects.toThrow(/lacks migration 0000_before_all/)
  })

  test('every refusal is one line', async () => {
    const url = await migratedDatabase()
    await run(url, "UPDATE _prisma_migrations SET checksum = 'other'")
    const refusal = await migrate(postgresMigrationTarget(url)).catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(MigrationRefused)
    expect(String(refusal)).not.toContain('\n')
  })
})
