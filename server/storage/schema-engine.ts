// Prisma's schema engine as WebAssembly: it applies migrations as `prisma migrate deploy` does, and compares a database with
// the schema, without a binary that some machine would have to download.
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { bindMigrationAwareSqlAdapterFactory, type SqlDriverAdapter } from '@prisma/driver-adapter-utils'
import * as engineBindings from '@prisma/schema-engine-wasm/schema_engine_bg'
import type { Migration } from './migration-files.ts'

/** A file of the Prisma schema. */
export interface SchemaFile {
  readonly path: string
  readonly content: string
}

/** The engine wants to know the kind of database, also where it does not need the schema. */
const KIND_OF_DATABASE: SchemaFile = { path: 'schema.prisma', content: 'datasource db {\n  provider = "postgresql"\n}\n' }

const NO_FILTERS = { externalTables: [], externalEnums: [] }
const LOCK_FILE = { path: 'migration_lock.toml', content: 'provider = "postgresql"\n' }

/** Applies those of `migrations` that the database does not have; tells their names. */
export async function applyMigrations(adapter: SqlDriverAdapter, migrations: readonly Migration[]): Promise<string[]> {
  const engine = await openEngine(adapter, [KIND_OF_DATABASE])
  try {
    const { appliedMigrationNames } = await engine.applyMigrations({
      migrationsList: {
        baseDir: '/migrations',
        lockfile: LOCK_FILE,
        shadowDbInitScript: '',
        migrationDirectories: migrations.map(({ name, script }) => ({
          path: name,
          migrationFile: { path: 'migration.sql', content: { tag: 'ok', value: script } },
        })),
      },
      filters: NO_FILTERS,
    })
    return appliedMigrationNames
  } finally {
    engine.free()
  }
}

/**
 * The statements that would make the database what the schema says: none (an empty text) when it is. Only for the embedded
 * database: the adapter of the other one cannot read the catalogue's columns of the type "char".
 */
export async function schemaDrift(adapter: SqlDriverAdapter, schema: readonly SchemaFile[]): Promise<string> {
  const engine = await openEngine(adapter, schema)
  try {
    const files = [...schema]
    const { exitCode, stdout } = await engine.diff({
      from: { tag: 'schemaDatasource', files, configDir: '/' },
      to: { tag: 'schemaDatamodel', files },
      script: true,
      exitCode: true,
      filters: NO_FILTERS,
    })
    return exitCode === 0 ? '' : (stdout ?? '')
  } finally {
    engine.free()
  }
}

async function openEngine(adapter: SqlDriverAdapter, schema: readonly SchemaFile[]): Promise<engineBindings.SchemaEngine> {
  instantiated ??= instantiate()
  await instantiated
  const factory = bindMigrationAwareSqlAdapterFactory({
    provider: 'postgres',
    adapterName: adapter.adapterName,
    connect: () => Promise.resolve(adapter),
    connectToShadowDb: () => Promise.reject(new Error('No shadow database is used.')),
  })
  const datamodels = schema.map(({ path, content }): [string, string] => [path, content])
  return engineBindings.SchemaEngine.new({ datamodels }, () => undefined, factory)
}

/** The bindings keep the instance in a variable of their module: one serves the process. */
let instantiated: Promise<void> | undefined

/** The part of the global of that name which is used here; TypeScript knows it only together with a browser's. */
declare const WebAssembly: {
  compile(bytes: Uint8Array): Promise<object>
  instantiate(module: object, imports: object): Promise<{ readonly exports: { readonly __wbindgen_start: () => void } }>
}

async function instantiate(): Promise<void> {
  // The engine reports a failure of its own by this name before it stops for good.
  Object.assign(globalThis, { PRISMA_WASM_PANIC_REGISTRY: { set_message: failWith } })
  const bindings = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg')
  const module = await WebAssembly.compile(await readFile(bindings.replace(/\.js$/, '.wasm')))
  const { exports } = await WebAssembly.instantiate(module, { './schema_engine_bg.js': { ...engineBindings, ...quietTimers() } })
  engineBindings.__wbg_set_wasm(exports)
  exports.__wbindgen_start()
}

/**
 * The engine leaves a timer of ten seconds behind each time that it waits for its lock, and a program that has migrated would
 * not end before.
 */
function quietTimers(): Record<string, (callback: () => void, milliseconds: number) => void> {
  const names = Object.keys(engineBindings).filter((name) => name.startsWith('__wbg_setTimeout_'))
  return Object.fromEntries(
    names.map((name) => [name, (callback, milliseconds) => void setTimeout(callback, milliseconds).unref()]),
  )
}

function failWith(message: string): never {
  throw new Error(`The schema engine failed: ${message}`)
}
