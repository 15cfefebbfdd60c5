// The migrations that this program knows, as they stand in prisma/migrations: append-only, each with its way back.
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'

/** One step of the schema. */
export interface Migration {
  /** The name of its folder; names sort in the order of the steps. */
  readonly name: string
  readonly script: string
  /** Hexadecimal SHA-256 of the script, as it is recorded when the migration is applied. */
  readonly checksum: string
  /** The script that takes it back. */
  readonly wayBack: string
}

/** All of them, in order. */
export async function readMigrations(folder: URL = new URL('../../prisma/migrations/', import.meta.url)): Promise<Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  return Promise.all(
    names.sort().map(async (name) => {
      const script = await readFile(new URL(`${name}/migration.sql`, folder), 'utf8')
      const wayBack = await readFile(new URL(`${name}/down.sql`, folder), 'utf8')
      return { name, script, checksum: createHash('sha256').update(script).digest('hex'), wayBack }
    }),
  )
}
