// Jobs: several batches beside each other, by one process or by two, and whatever one of them takes nobody else does.
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { Prisma } from '../../prisma/client/client.ts'
import { createRevocationJobs, type JobWork, type RevocationJobs } from '../../server/revocation-jobs/revocation-jobs.ts'
import { sessionJobWork } from '../../server/revocation-jobs/session-work.ts'
import { createSessionEvents } from '../../server/sessions/session-events.ts'
import { previewSessions } from '../../server/sessions/session-preview.ts'
import { type OpenDatabase, openPostgres } from '../../server/storage/postgres.ts'
import { createEndings, type Endings } from '../../server/tokens/ending.ts'
import { createDatabase, PATIENT, run, type TestDatabase } from '../support/postgres.ts'

let database: TestDatabase
let postgres: OpenDatabase
let endings: Endings

beforeAll(async () => {
  database = await createDatabase()
  postgres = await openPostgres({ url: database.url, poolSize: 12, ...PATIENT })
  endings = createEndings({ db: postgres.db, accessTokenLifeSeconds: () => 600, announce: () => {} })
})

beforeEach(() => run(database.url, 'TRUNCATE accounts, revocation_jobs CASCADE'))

afterAll(async () => {
  await postgres?.close()
  await database?.drop()
})

const ADA = { actor: 'ada' }

function jobsOf(work: JobWork): RevocationJobs {
  const { db } = postgres
  return createRevocationJobs({
    db,
    endings,
    work: { sessions: work, grants: work },
    patiently: (ask) => ask(db),
    begun: () => {},
  })
}

/** Ends so many things that are nothing. */
function numbers(count: number, end: JobWork['end']): JobWork {
  return { targets: () => Prisma.sql`SELECT 'n' || lpad(n::text, 6, '0') FROM generate_series(1, ${count}::int) n`, end }
}

/** An account with so many live sessions. */
async function account(name: string, sessions: number): Promise<void> {
  await run(database.url, 'INSERT INTO accounts (id, email, email_key) VALUES ($1, $1, $1)', [name])
  await run(
    database.url,
    `INSERT INTO sessions (id, account_id, expires_at) SELECT 'ses_' || $1 || n, $1, latchkey_now() + interval '1 day' FROM generate_series(1, $2::int) n`,
    [name, sessions],
  )
}

describe('a job', () => {
  test('has several batches in hand at a time', async () => {
    let inHand = 0
    const met = Promise.withResolvers<void>()
    const jobs = jobsOf(
      numbers(1000, async () => {
        inHand += 1
        if (inHand === 2) met.resolve()
        await met.promise
      }),
    )
    await jobs.begin({ noun: 'sessions', filter: {} }, ADA)
    await jobs.run()
    expect((await jobs.list({ limit: 1 }))[0]).toMatchObject({ state: 'done', total: 1000, left: 0 })
  })

  test('ends each thing once, though two processes work at it', async () => {
    const ended: string[] = []
    const work = numbers(2500, async ({ counts }, ids) => {
      counts.sessions += ids.length
      ended.push(...ids)
    })
    const [one, other] = [jobsOf(work), jobsOf(work)]
    const { id } = await one.begin({ noun: 'sessions', filter: {} }, ADA)
    const first = one.run()
    while (((await one.find(id))?.total ?? 0) === 0) await wait(5)
    // As if its process had been silent for as long as a lease lasts.
    await run(database.url, 'UPDATE revocation_jobs SET lease_until = NULL')
    await Promise.all([first, other.run()])
    expect(ended.toSorted()).toEqual(Array.from({ length: 2500 }, (_, n) => `n${String(n + 1).padStart(6, '0')}`))
    expect(await one.find(id)).toMatchObject({ state: 'done', left: 0, ended: { sessions: 2500 } })
  })

  test('is not done while another process has the last of it in hand', async () => {
    const inHand = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    const one = jobsOf(
      numbers(10, async () => {
        inHand.resolve()
        await goOn.promise
      }),
    )
    const { id } = await one.begin({ noun: 'sessions', filter: {} }, ADA)
    const first = one.run()
    await inHand.promise
    await run(database.url, 'UPDATE revocation_jobs SET lease_until = NULL')
    const second = jobsOf(numbers(10, async () => {})).run()
    expect(await Promise.race([second.then(() => 'ran'), wait(300, 'waits')])).toBe('waits')
    expect(await one.find(id)).toMatchObject({ state: 'running', left: 10 })
    goOn.resolve()
    await Promise.all([first, second])
    expect(await one.find(id)).toMatchObject({ state: 'done', left: 0 })
  })

  test('of which a batch fails has ended what the others had in hand, and is gone on with', async () => {
    let failing = true
    const ended: string[] = []
    const jobs = jobsOf(
      numbers(1000, async (_ending, ids) => {
        if (failing && ids.includes('n000001')) throw new Error('it is broken')
        ended.push(...ids)
      }),
    )
    const { id } = await jobs.begin({ noun: 'sessions', filter: {} }, ADA)
    await expect(jobs.run()).rejects.toThrow('it is broken')
    expect(await jobs.find(id)).toMatchObject({ state: 'running', left: 1000 - ended.length })
    failing = false
    await run(database.url, 'UPDATE revocation_jobs SET lease_until = NULL')
    await jobs.run()
    expect(ended).toHaveLength(1000)
    expect(await jobs.find(id)).toMatchObject({ state: 'done', left: 0 })
  })

  test('says since when nothing was heard of the process that works at it', async () => {
    const jobs = jobsOf(numbers(10, async () => {}))
    const { id } = await jobs.begin({ noun: 'sessions', filter: {} }, ADA)
    const worksAt = (silent: number) =>
      run(
        database.url,
        `UPDATE revocation_jobs SET total = 10, lease_until = latchkey_now() + interval '30 seconds' - make_interval(secs => $1)`,
        [silent],
      )
    await worksAt(5)
    expect((await jobs.find(id))?.silentSince).toBeUndefined()
    await worksAt(15)
    expect(Math.abs(Number((await jobs.find(id))?.silentSince) + 15_000 - Date.now())).toBeLessThan(5000)
    await run(database.url, 'UPDATE revocation_jobs SET finished_at = latchkey_now()')
    expect((await jobs.find(id))?.silentSince).toBeUndefined()
  })

  test('ends the sessions of those who have more than so many, as the preview says', async () => {
    await account('many', 7)
    await account('few', 5)
    await run(database.url, 'UPDATE session_counting SET counted_to = latchkey_now()')
    const filter = { moreThan: 5 }
    expect(await previewSessions(postgres.db, { filter }, { most: 100, keepOffline: false })).toMatchObject({
      sessions: 7,
      more: false,
      accounts: 1,
      people: [{ id: 'many', email: 'many', sessions: 7 }],
    })
    const jobs = jobsOf(sessionJobWork(createSessionEvents({ endings, keepOffline: false })))
    const { id } = await jobs.begin({ noun: 'sessions', filter }, ADA)
    await jobs.run()
    expect(await jobs.find(id)).toMatchObject({ state: 'done', total: 7, ended: { sessions: 7 } })
    const live = await run(database.url, 'SELECT DISTINCT account_id FROM sessions WHERE ended_at IS NULL')
    expect(live).toEqual([{ account_id: 'few' }])
  })
})
