// What would end, counted as far as there is time.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Prisma } from '../../prisma/client/client.ts'
import { previewSessions } from '../../server/sessions/session-preview.ts'
import { type OpenDatabase, openPostgres } from '../../server/storage/postgres.ts'
import { countInTime } from '../../server/storage/slices.ts'
import { sessionRevocation } from '../../views/admin-console/revocation.ts'
import { until } from '../support/logout-app.ts'
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

test('a preview of more sessions than there is time for says how many there are, and tells of some', async () => {
  const filtered = () => {
    let now = 0
    const patience = { ms: 10_000, now: () => (now += 9000) }
    return previewSessions(postgres.db, { filter: { state: 'live' } }, { most: 10_000, keepOffline: false, patience })
  }
  let preview = await filtered()
  // On a busy machine the count takes longer than somebody waits.
  await until(async () => {
    preview = await filtered()
    return !preview.more
  })
  expect(preview).toMatchObject({
    sessions: 1900,
    more: false,
    counted: 100,
    accounts: 1,
    people: [{ id: 'ada', email: 'ada@example.org', sessions: 100 }],
  })
  expect(await previewSessions(postgres.db, { filter: { state: 'live' } }, { most: 600, keepOffline: false })).toMatchObject({
    sessions: 600,
    more: true,
    counted: 600,
  })
  expect(await previewSessions(postgres.db, { filter: {} }, { most: 1900, keepOffline: false })).toMatchObject({
    sessions: 1900,
    more: false,
  })
})

test('what takes too long to be counted is not waited for', async () => {
  const slow = Prisma.sql`SELECT pg_sleep(5)`
  expect(await countInTime(postgres.db, slow, 50)).toBeUndefined()
  expect(await countInTime(postgres.db, Prisma.sql`SELECT FROM sessions LIMIT 7`, 5000)).toBe(7)
})

test.each([
  [{ sessions: 3, more: false, counted: 3 }, 'End 3 sessions', '<dd>3</dd>'],
  [{ sessions: 4812, more: false, counted: 1250 }, 'End 4,812 sessions<', '4,812. What follows is of 1,250 of them.'],
  [
    { sessions: 10_000, more: true, counted: 1250 },
    'End 10,000 sessions and more',
    '10,000 and more. What follows is of 1,250 of them.',
  ],
  [{ sessions: 1250, more: true, counted: 1250 }, 'End 1,250 sessions and more', '1,250 were counted; there may be more'],
])('the page of %j says so', (extent, heading, fact) => {
  const none = { accounts: 1, grants: 0, refreshFamilies: 0, logoutNotifications: 0, people: [], clients: [] }
  const page = sessionRevocation({
    preview: { ...none, ...extent },
    csrf: '',
    reason: '',
    backHref: '/admin/sessions',
  }).toString()
  expect(page).toContain(heading)
  expect(page).toContain(fact)
})
