// How session audits come about: by the schedule, once for all processes; by a process that dies and one that goes on; and how owners
// hear of them.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { makeReviews } from '../../server/session-reviews/review-making.ts'
import { createSessionReviews } from '../../server/session-reviews/session-reviews.ts'
import { startAdminServer } from '../admin-api/api.ts'
import { errorLines } from '../attacks/attempts.ts'
import { until } from '../support/logout-app.ts'
import { run } from '../support/postgres.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { whenMade } from './planted.ts'

const DAY = 86_400

let server: TestServer
let neighbour: TestServer

beforeAll(async () => {
  server = await startAdminServer()
  neighbour = await startServer({ databaseUrl: server.databaseUrl, settings: { ISSUER: server.issuer } })
})

afterAll(async () => {
  await neighbour?.stop()
  await server?.stop()
})

/** The work that processes do when they look whether one is due: ten times, in two processes at once. */
async function lookWhetherDue(): Promise<void> {
  const tasks = [server, neighbour].flatMap((node) => node.latchkey.administration.tasks.filter(({ name }) => /due/.test(name)))
  expect(tasks).toHaveLength(2)
  const signal = new AbortController().signal
  await Promise.all([...Array(10)].flatMap(() => tasks.map((task) => task.run(signal))))
}

const reviews = () => server.latchkey.administration.sessionReviews
const count = async () => (await reviews().page({ limit: 50 })).length

async function mails() {
  await Promise.all([server, neighbour].map((node) => node.latchkey.mail.delivery.run()))
  const kept = await Promise.all([server, neighbour].map(async (node) => (await node.latchkey.mail.mailbox?.list()) ?? []))
  return kept.flat().filter(({ subject }) => /session audit/i.test(subject))
}

describe('one that is due', () => {
  test('is none for the first month, and then one, however many processes look', async () => {
    await lookWhetherDue()
    await server.advance(29 * DAY)
    await lookWhetherDue()
    expect(await count()).toBe(0)
    const next = await reviews().nextAt()
    await server.advance(DAY + 60)
    await lookWhetherDue()
    const [review, ...more] = await reviews().page({ limit: 50 })
    expect(more).toEqual([])
    expect(review).toMatchObject({ scheduled: true, actor: { id: 'system' } })
    expect(Math.abs((next?.getTime() ?? 0) - Number(review?.createdAt.getTime()))).toBeLessThan(5 * 60_000)
  })

  test('is mailed to the owners once when it is made, and to nobody else', async () => {
    const [review] = await reviews().page({ limit: 1 })
    await whenMade(server, String(review?.id))
    await lookWhetherDue()
    const sent = await mails()
    // Two accounts of the tests own the server.
    expect(sent.map(({ to }) => to).sort()).toEqual(['ada@people.example', 'owner@staff.example'])
    for (const { subject, text, html } of sent) {
      expect(subject).toBe('A session audit waits for you')
      for (const body of [text, html]) expect(body).toContain(`${server.issuer}/admin/session-audits/${review?.id}`)
    }
    await server.advance(DAY)
    await lookWhetherDue()
    expect(await mails()).toHaveLength(2)
  })

  test('is mailed once more after a week in which nobody has signed it off', async () => {
    await server.advance(7 * DAY)
    await lookWhetherDue()
    expect((await mails()).filter(({ subject }) => subject === 'The session audit still waits to be signed off')).toHaveLength(2)
    await server.advance(7 * DAY)
    await lookWhetherDue()
    expect(await mails()).toHaveLength(4)
  })

  test('counts from the last one, whoever asked for that; of that nobody is mailed', async () => {
    const { review } = await reviews().begin({ actor: 'somebody' })
    await whenMade(server, review.id)
    await lookWhetherDue()
    expect(await mails()).toHaveLength(4)
    await server.advance(29 * DAY)
    await lookWhetherDue()
    expect(await count()).toBe(2)
    await server.advance(DAY + 60)
    await lookWhetherDue()
    expect(await count()).toBe(3)
    const [third] = await reviews().page({ limit: 1 })
    await whenMade(server, String(third?.id))
  })

  test('is none where it is turned off', async () => {
    const { db } = server.latchkey.stores
    const never = createSessionReviews({
      db,
      policy: { ages: AGES },
      patiently: (work) => work(db),
      refreshIdleSeconds: 7 * DAY,
    })
    await server.advance(100 * DAY)
    expect([await never.beginDue(), await never.nextAt()]).toEqual([false, undefined])
  })
})

const AGES = { session: DAY, grant: 14 * DAY, refreshToken: DAY, secret: 90 * DAY, account: 30 * DAY }

test('of a process that dies in the middle another one goes on; until it is whole nobody is shown any of it', async () => {
  const { db } = server.latchkey.stores
  const ada = await server.latchkey.nouns.accounts.findByEmail('ada@people.example')
  await run(
    server.databaseUrl,
    `INSERT INTO sessions (id, account_id, methods, started_at, expires_at)
     SELECT 'ses_' || n, $1, '{pwd}', latchkey_now() - interval '5 days' + n * interval '1 minute', latchkey_now() + interval '1 day'
     FROM generate_series(1, 400) n`,
    [ada?.id],
  )
  await server.advance(120)
  const own = createSessionReviews({
    db,
    policy: { ages: AGES },
    patiently: (work) => work(db),
    refreshIdleSeconds: 7 * DAY,
  })
  const { review, begun } = await own.begin({ actor: 'system' })
  expect(begun).toBe(true)
  const stop = new AbortController()
  const making = makeReviews({ db, patiently: (work) => work(db), refreshIdleSeconds: 7 * DAY, rowsAtOnce: 10 }, stop.signal)
  await until(async () => ((await own.find(review.id))?.parts[0]?.looked ?? 0) > 20)
  stop.abort()
  await making
  // A process that is killed gives nothing back.
  await run(
    server.databaseUrl,
    `UPDATE session_reviews SET lease_until = latchkey_now() + interval '30 seconds' WHERE made_at IS NULL`,
  )
  const half = await own.find(review.id)
  expect(half).toMatchObject({ state: 'making', parts: [{ kind: 'old_session', done: false }, {}, {}, {}, {}] })
  expect(half?.parts[0]?.found).toBeLessThan(400)
  expect(await own.findings({ reviewId: review.id, limit: 10 })).toEqual([])
  for (const done of [
    own.signOff(review.id, { actor: 'x' }),
    own.keep(review.id, { kind: 'old_session', subjects: ['ses_1'] }, { actor: 'x' }),
  ])
    await expect(done).rejects.toThrow('the audit is still being made')
  expect((await own.begin({ actor: 'system' })).review.id).toBe(review.id)
  await own.run()
  expect((await own.find(review.id))?.state).toBe('making')
  await server.advance(31)
  // Several at once, as they would.
  await Promise.all([own.run(), neighbour.latchkey.administration.sessionReviews.run(), own.run()])
  const whole = await whenMade(server, review.id)
  expect(whole.parts[0]).toMatchObject({ looked: 400, found: 400, done: true })
  const found = await own.findings({ reviewId: review.id, kind: 'old_session', limit: 1000 })
  expect(found.map(({ subject, number }) => [number, subject])).toEqual(
    Array.from({ length: 400 }, (_, n) => [n + 1, `ses_${n + 1}`]),
  )
  const events = await run(
    server.databaseUrl,
    `SELECT 1 FROM audit_events WHERE name = 'session_review.made' AND detail->>'review' = $1`,
    [review.id],
  )
  expect(events).toHaveLength(1)
})

test('nothing of it was an error of the server', () => {
  expect([...errorLines(server), ...errorLines(neighbour)]).toEqual([])
})
