// What would end, counted as far as there is time.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { previewSessions } from '../../server/sessions/session-preview.ts'
import { type OpenDatabase, openPostgres } from '../../server/storage/postgres.ts'
import { createDatabase, PATIENT, run, type TestDatabase } from '../support/postgres.ts'

let database: TestDatabase
let postgres: OpenDatabase

beforeAll(async () => {
  database = await createDatabase()
  postgres = await openPostgres({ url: database.url, poolSize: 2, ...PATIENT })
  await run(database.url, "INSERT INTO accounts (id, email, email_key) VALUES ('ada', 'ada@example.org', 'ada@example.org')")
  await run(
    database.url,
    `INSERT INTO sessions (id, account_id, expires_at) SELECT 'ses_' || n, 'ada', latchkey_now() + interval '1 day' FROM generate_series(1, 1900) n`,
  )
})

afterAll(async () => {
  await postgres?.close()
  await database?.drop()
})

test('a preview of more sessions than there is time for tells of those that were counted', async () => {
  let now = 0
  const patience = {
    ms: 10_000,
    now: () => {
      now += 9000
      return now
    },
  }
  const preview = await previewSessions(postgres.db, { filter: { state: 'live' } }, { most: 10_000, patience })
  expect(preview).toMatchObject({
    sessions: 1000,
    more: true,
    accounts: 1,
    people: [{ id: 'ada', email: 'ada@example.org', sessions: 1000 }],
  })
  expect(await previewSessions(postgres.db, { filter: { state: 'live' } }, { most: 600 })).toMatchObject({
    sessions: 600,
    more: true,
  })
  expect(await previewSessions(postgres.db, { filter: {} }, { most: 1900 })).toMatchObject({ sessions: 1900, more: false })
})
