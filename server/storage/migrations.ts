// Migrations: what the database has, what it lacks, and the way there and back.
import { isDriverAdapterError } from '@prisma/driver-adapter-utils'
import { type Migration, readMigrations } from './migration-files.ts'
import type { MigrationTarget, MigrationTransaction } from './migration-target.ts'
import type { Database } from './postgres.ts'
import { applyMigrations } from './schema-engine.ts'

/** Where a database stands. */
export interface MigrationStatus {
  readonly applied: readonly string[]
  readonly pending: readonly string[]
}

/** The history of the database does not fit this program. The message is one line that names the fix. */
export class MigrationRefused extends Error {
  override readonly name: string = 'MigrationRefused'
}

/** A newer program has migrated the database. */
export class MigrationsNewerThanProgram extends MigrationRefused {
  override readonly name = 'MigrationsNewerThanProgram'
  readonly migrations: readonly string[]

  constructor(migrations: readonly string[]) {
    super(
      `The database has migrations that this version of Latchkey does not know (${migrations.join(', ')}): start the newer version, or take them back with it (npx latchkey migrate down).`,
    )
    this.migrations = migrations
  }
}

/** The number under which Prisma's own tools lock too, so that they and we exclude each other. */
const LOCK = 'SELECT pg_advisory_xact_lock(72707369)'
const LOCK_WAIT = "SET LOCAL lock_timeout = '60s'"

/**
 * Says where the database stands, without writing anything.
 * @throws MigrationsNewerThanProgram, MigrationRefused, StorageUnavailable
 */
export function migrationStatus(target: MigrationTarget, known?: readonly Migration[]): Promise<MigrationStatus> {
  return target.transaction(async (transaction) =>
    statusOf(await appliedMigrations(transaction), known ?? (await readMigrations())),
  )
}

/**
 * The same by the connections of a server that runs. Its role may lack the right to see it, which is then thrown.
 * @throws MigrationsNewerThanProgram, MigrationRefused, StorageUnavailable
 */
export async function migrationsOf(db: Database): Promise<MigrationStatus> {
  const rows = (sql: string) => db.$queryRawUnsafe<Record<string, unknown>[]>(sql)
  return statusOf(await appliedMigrations({ rows }), await readMigrations())
}

/**
 * Applies what is missing, all or nothing. Of several processes that start at once one does it, and the others find it done.
 * @returns the names of what was applied; none when the database was up to date
 * @throws MigrationsNewerThanProgram, MigrationRefused, StorageUnavailable
 */
export async function migrate(target: MigrationTarget, known?: readonly Migration[]): Promise<string[]> {
  const migrations = known ?? (await readMigrations())
  // The usual start finds nothing to do: it takes no lock, loads no engine, and needs no right to change the schema.
  const { pending } = await migrationStatus(target, migrations)
  if (pending.length === 0) return []
  return target.transaction(async (transaction) => {
    await takeLock(transaction)
    const status = statusOf(await appliedMigrations(transaction), migrations)
    if (status.pending.length === 0) return []
    return applyAll(transaction, migrations)
  })
}

/**
 * Takes the last migration back.
 * @returns its name; nothing when the database has none
 * @throws MigrationsNewerThanProgram, MigrationRefused, StorageUnavailable
 */
export async function migrateDown(target: MigrationTarget, known?: readonly Migration[]): Promise<string | undefined> {
  const migrations = known ?? (await readMigrations())
  return target.transaction(async (transaction) => {
    await takeLock(transaction)
    const last = statusOf(await appliedMigrations(transaction), migrations).applied.at(-1)
    const migration = migrations.find(({ name }) => name === last)
    if (migration === undefined) return undefined
    await transaction.script(migration.wayBack)
    await transaction.rows('DELETE FROM _prisma_migrations WHERE migration_name = $1', migration.name)
    return migration.name
  })
}

interface AppliedMigration {
  readonly name: string
  readonly checksum: string
  readonly finished: boolean
}

/** The engine tells of what follows from a failure; the failure itself is caught where it happens. */
async function applyAll(transaction: MigrationTransaction, migrations: readonly Migration[]): Promise<string[]> {
  let failure: { readonly script: string; readonly error: unknown } | undefined
  const executeScript = (script: string) =>
    transaction.script(script).catch((error: unknown) => {
      failure ??= { script, error }
      throw error
    })
  try {
    return await applyMigrations({ ...transaction.adapter, executeScript }, migrations)
  } catch (error) {
    const name = migrations.find(({ script }) => script === failure?.script)?.name
    throw new MigrationRefused(
      `${name === undefined ? 'A migration' : `Migration ${name}`} failed, and nothing was changed: ${firstLine(failure?.error ?? error)}`,
      { cause: error },
    )
  }
}

async function takeLock(transaction: MigrationTransaction): Promise<void> {
  await transaction.script(LOCK_WAIT)
  await transaction.script(LOCK)
}

async function appliedMigrations(transaction: Pick<MigrationTransaction, 'rows'>): Promise<AppliedMigration[]> {
  const [table] = await transaction.rows("SELECT to_regclass('_prisma_migrations') IS NOT NULL AS present")
  if (table?.present !== true) return []
  const rows = await transaction.rows(
    'SELECT migration_name, checksum, finished_at IS NOT NULL AS finished FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY migration_name',
  )
  return rows.map((row) => ({
    name: String(row.migration_name),
    checksum: String(row.checksum),
    finished: row.finished === true,
  }))
}

function statusOf(applied: readonly AppliedMigration[], known: readonly Migration[]): MigrationStatus {
  const unknown = applied.filter(({ name }) => !known.some((migration) => migration.name === name))
  if (unknown.length > 0) throw new MigrationsNewerThanProgram(unknown.map(({ name }) => name))
  const unfinished = applied.find(({ finished }) => !finished)
  if (unfinished !== undefined)
    throw new MigrationRefused(
      `Migration ${unfinished.name} was begun by another tool and not finished: put the database right, then "prisma migrate resolve".`,
    )
  const altered = applied.find(({ name, checksum }) => known.some((known) => known.name === name && known.checksum !== checksum))
  if (altered !== undefined)
    throw new MigrationRefused(
      `Migration ${altered.name} is not what was applied to the database: restore prisma/migrations/${altered.name}, and put changes into a new migration.`,
    )
  const pending = known.slice(applied.length).map(({ name }) => name)
  const missing = known.slice(0, applied.length).find(({ name }) => !applied.some((one) => one.name === name))
  if (missing !== undefined)
    throw new MigrationRefused(
      `The database lacks migration ${missing.name}, but has later ones: it was not made by this program.`,
    )
  return { applied: applied.map(({ name }) => name), pending }
}

function firstLine(error: unknown): string {
  const text = isDriverAdapterError(error) ? (error.cause.originalMessage ?? error.message) : String(error)
  return text.split('\n').find((line) => line.trim() !== '') ?? text
}
