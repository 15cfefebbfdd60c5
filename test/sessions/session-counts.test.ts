// Who has very many sessions: right at each moment, whenever there was counted last, and whoever signs in or out meanwhile.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { countSessions } from '../../server/sessions/session-counts.ts'
import { createSessionSearch, type SessionQuery, type SessionSearch } from '../../server/sessions/session-search.ts'
import { postgresMigrationTarget } from '../../server/storage/migration-target.ts'
import { migrate } from '../../server/storage/migrations.ts'
import { type OpenDatabase, openPostgres } from '../../server/storage/postgres.ts'
import { PATIENT, run, startPrivatePostgres } from '../support/postgres.ts'
import type { PostgresServer } from '../support/postgres-server.ts'

let database: PostgresServer
let postgres: OpenDatabase
let search: SessionSearch

beforeAll(async () => {
  database = await startPrivatePostgres()
  await migrate(postgresMigrationTarget(database.url))
  postgres = await openPostgres({ url: database.url, poolSize: 5, ...PATIENT })
  search = createSessionSearch(postgres)
})

beforeEach(async () => {
  await sql('TRUNCATE accounts CASCADE')
  await sql("UPDATE session_counting SET counted_to = latchkey_now(), due_at = latchkey_now(), looked_again = ''")
})

afterAll(async () => {
  await postgres?.close()
  await database?.stop()
})

const sql = (text: string) => run(database.url, text)

/** An account with so many sessions; the first began so long ago, the others one second after the other. */
async function account(name: string, sessions: number, ago = '1 hour'): Promise<void> {
  await sql(`INSERT INTO accounts (id, email, email_key) VALUES ('${name}', '${name}', '${name}') ON CONFLICT DO NOTHING`)
  await sql(`INSERT INTO sessions (id, account_id, started_at, expires_at)
    SELECT 'ses_' || '${name}' || '_' || gen_random_uuid(), '${name}', latchkey_now() - interval '${ago}' + n * interval '1 s',
      latchkey_now() + interval '1 day' FROM generate_series(1, ${sessions}) n`)
}

/** All that began before now is new to the counts. */
async function countAll(): Promise<void> {
  await sql("UPDATE session_counting SET counted_to = latchkey_now() - interval '1 day', due_at = latchkey_now()")
  await countSessions(postgres.db)
}

async function crowd(moreThan: number, filter: SessionQuery['filter'] = { state: 'live' }): Promise<string[]> {
  const found = await search.page({ filter: { ...filter, moreThan }, limit: 5000 })
  return [...new Set(found.map((session) => session.account.id))].sort()
}

describe('more sessions than so many', () => {
  test('has whoever has them now, counted or begun since', async () => {
    await account('counted', 6)
    await account('five', 5)
    await countAll()
    await account('begun', 6, '30 seconds')
    await account('five', 1, '30 seconds')
    expect(await crowd(5)).toEqual(['begun', 'counted', 'five'])
    expect(await crowd(6)).toEqual([])
  })

  test('are the sessions of the whole list, in its order, page by page', async () => {
    await account('ada', 7)
    await account('grace', 7, '1 hour 3 seconds')
    await account('one', 1)
    await countAll()
    const all = await search.page({ filter: { moreThan: 5 }, limit: 100 })
    expect(all).toHaveLength(14)
    expect(all.map(({ startedAt }) => startedAt)).toEqual(all.map(({ startedAt }) => startedAt).toSorted((a, b) => +b - +a))
    const paged: string[] = []
    for (let after: (typeof all)[number] | undefined; ; ) {
      const page = await search.page({ filter: { moreThan: 5 }, limit: 4, ...(after === undefined ? {} : { after }) })
      paged.push(...page.map(({ id }) => id))
      after = page.at(-1)
      if (after === undefined) break
    }
    expect(paged).toEqual(all.map(({ id }) => id))
  })

  test('has nobody whose sessions are over, though they were counted', async () => {
    await account('ended', 6)
    await account('closed', 6)
    await account('ran-out', 6)
    await countAll()
    await sql(
      "UPDATE sessions SET ended_at = latchkey_now() WHERE id = (SELECT min(id) FROM sessions WHERE account_id = 'ended')",
    )
    await sql(
      "UPDATE sessions SET closed_at = latchkey_now() WHERE id = (SELECT min(id) FROM sessions WHERE account_id = 'closed')",
    )
    await sql("UPDATE sessions SET expires_at = 'epoch' WHERE id = (SELECT min(id) FROM sessions WHERE account_id = 'ran-out')")
    expect(await crowd(5)).toEqual([])
    expect(await crowd(4)).toEqual(['closed', 'ended', 'ran-out'])
  })

  test('is the same where very many people have them', async () => {
    await sql(`INSERT INTO accounts (id, email, email_key) SELECT 'acc_' || n, n, n FROM generate_series(1, 2100) n`)
    await sql(`INSERT INTO sessions (id, account_id, started_at, expires_at)
      SELECT 'ses_' || n || '_' || k, 'acc_' || n, latchkey_now() - interval '1 hour', latchkey_now() + interval '1 day'
      FROM generate_series(1, 2100) n, generate_series(1, 2) k`)
    await account('one', 1)
    await countAll()
    const found = await search.page({ filter: { state: 'live', moreThan: 1 }, limit: 5000 })
    expect(found).toHaveLength(4200)
    await sql("UPDATE sessions SET ended_at = latchkey_now() WHERE id = 'ses_7_1'")
    expect(await crowd(1)).toHaveLength(2099)
  })
})

describe('the count', () => {
  const kept = async () =>
    Object.fromEntries(
      (await sql('SELECT account_id, sessions FROM session_counts')).map(({ account_id, sessions }) => [account_id, sessions]),
    )

  test('does not miss a sign-in whose transaction was still open when there was counted', async () => {
    await account('slow', 5)
    await countAll()
    await postgres.db.$transaction(async (tx) => {
      await tx.$executeRawUnsafe(
        `INSERT INTO sessions (id, account_id, expires_at) VALUES ('ses_late', 'slow', latchkey_now() + interval '1 day')`,
      )
      await sql('UPDATE session_counting SET due_at = latchkey_now()')
      await countSessions(postgres.db)
      expect(await kept()).toEqual({ slow: 5 })
    })
    expect(await crowd(5)).toEqual(['slow'])
    await sql('UPDATE session_counting SET due_at = latchkey_now()')
    await countSessions(postgres.db)
    expect(await kept()).toEqual({ slow: 6 })
  })

  test('is lowered when sessions are over, and goes when there is one at most', async () => {
    await account('ada', 6)
    await account('grace', 2)
    await countAll()
    expect(await kept()).toEqual({ ada: 6, grace: 2 })
    await sql('UPDATE sessions SET ended_at = latchkey_now() WHERE id IN (SELECT min(id) FROM sessions GROUP BY account_id)')
    await sql('UPDATE session_counting SET due_at = latchkey_now()')
    await countSessions(postgres.db)
    expect(await kept()).toEqual({ ada: 5 })
  })

  test('is right after more sign-ins than are looked at together', async () => {
    await sql(`INSERT INTO accounts (id, email, email_key) SELECT 'acc_' || n, n, n FROM generate_series(1, 1200) n`)
    await sql(`INSERT INTO sessions (id, account_id, started_at, expires_at)
      SELECT 'ses_' || n, 'acc_' || 1 + n % 1200, latchkey_now() - interval '1 hour' + n * interval '1 ms', latchkey_now() + interval '1 day'
      FROM generate_series(1, 2400) n`)
    await sql("UPDATE sessions SET started_at = latchkey_now() - interval '30 minutes' WHERE id LIKE '%7'")
    await countAll()
    expect(Object.values(await kept())).toEqual(Array(1200).fill(2))
  })

  test('is looked at again for few accounts in a statement, and goes on where it was', async () => {
    await sql(`INSERT INTO accounts (id, email, email_key) SELECT 'acc_' || n, n, n FROM generate_series(1, 450) n`)
    await sql(`INSERT INTO sessions (id, account_id, started_at, expires_at)
      SELECT 'ses_' || n, 'acc_' || 1 + n % 450, latchkey_now() - interval '1 hour', latchkey_now() + interval '1 day'
      FROM generate_series(1, 900) n`)
    await sql(`INSERT INTO session_counts (account_id, sessions) SELECT 'acc_' || n, 9 FROM generate_series(1, 450) n`)
    await sql(`CREATE TABLE counted_at_once (accounts int);
      CREATE FUNCTION note_counted() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO counted_at_once SELECT count(*) FROM changed; RETURN NULL; END $$;
      CREATE TRIGGER note_counted AFTER UPDATE ON session_counts REFERENCING NEW TABLE AS changed
        FOR EACH STATEMENT EXECUTE FUNCTION note_counted()`)
    await countSessions(postgres.db)
    const [{ most, all }] = (await sql('SELECT max(accounts) AS most, sum(accounts)::int AS all FROM counted_at_once')) as [
      { most: number; all: number },
    ]
    await sql('DROP TRIGGER note_counted ON session_counts')
    expect(most).toBeLessThanOrEqual(100)
    expect(all).toBe(450)
    expect(Object.values(await kept())).toEqual(Array(450).fill(2))
  })

  test('is made by one process at a time, once a minute, also after the clock was set back', async () => {
    await countSessions(postgres.db)
    await account('ada', 6, '30 seconds')
    await countSessions(postgres.db)
    expect(await kept()).toEqual({})
    await sql(
      "UPDATE session_counting SET counted_to = latchkey_now() + interval '1 hour', due_at = latchkey_now() + interval '1 hour'",
    )
    expect(await crowd(5)).toEqual(['ada'])
    await countSessions(postgres.db)
    expect(await kept()).toEqual({ ada: 6 })
    const [row] = await sql('SELECT counted_to <= latchkey_now() AS back FROM session_counting')
    expect(row).toEqual({ back: true })
  })
})
