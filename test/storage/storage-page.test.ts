// docs/storage.md names every table and every key, and nothing that there is not.
import { readFile } from 'node:fs/promises'
import { beforeAll, describe, expect, test } from '@jest/globals'
import { liveKeys } from '../../server/storage/keys.ts'
import { createDatabase, run } from '../support/postgres.ts'

describe('docs/storage.md', () => {
  let page: string

  beforeAll(async () => {
    page = await readFile(new URL('../../docs/storage.md', import.meta.url), 'utf8')
  })

  const firstCells = (heading: string) => {
    const section = page.split(/^## /m).find((text) => text.startsWith(heading)) ?? ''
    return [...section.matchAll(/^\| `([^`]+)`/gm)].map(([, cell]) => cell)
  }

  test('names every table', async () => {
    const database = await createDatabase()
    const tables = await run(database.url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    await database.drop()
    expect(firstCells('PostgreSQL').toSorted()).toEqual(tables.map(({ tablename }) => String(tablename)).sort())
  })

  test('names every kind of key', () => {
    const kinds = firstCells('Redis').map((cell) => cell?.split(':')[0])
    expect(kinds.toSorted()).toEqual(Object.values(liveKeys).toSorted())
  })

  test('tells a life for each', () => {
    const rows = page.split('\n').filter((line) => line.startsWith('| `'))
    for (const row of rows) expect(row.split('|')[3]?.trim()).not.toBe('')
  })
})
