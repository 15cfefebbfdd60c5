// The embedded PostgreSQL (PGlite) of development: nothing to install. It is one connection in one process; a second process
// on the same directory would lose writes silently, so a lock beside it names the one that may.
import { join, resolve } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { PrismaPGlite } from 'pglite-prisma-adapter'
import { makeDataFolder } from '../../config/folders.ts'
import { lockDirectory } from './directory-lock.ts'
import { embeddedMigrationTarget, type MigrationTarget } from './migration-target.ts'
import { type OpenDatabase, openPrisma } from './postgres.ts'

/** The embedded database, which has no address by which migrations could reach it. */
export interface EmbeddedDatabase extends OpenDatabase {
  readonly migrationTarget: MigrationTarget
}

/**
 * Opens the database in `dataDir`/postgres, and makes it when there is none.
 * @throws ConfigError when there can be no such directory, DataDirectoryBusy when another process has it open
 */
export async function openEmbeddedPostgres({ dataDir }: { readonly dataDir: string }): Promise<EmbeddedDatabase> {
  const directory = resolve(dataDir)
  makeDataFolder(directory)
  const unlock = await lockDirectory(join(directory, 'postgres.lock'), directory)
  try {
    const pglite = await PGlite.create({ dataDir: join(directory, 'postgres') })
    const { db, ping, close } = openPrisma(new PrismaPGlite(pglite))
    return {
      db,
      ping,
      migrationTarget: embeddedMigrationTarget(pglite),
      async close() {
        await close()
        await pglite.close()
        await unlock()
      },
    }
  } catch (error) {
    await unlock()
    throw error
  }
}
