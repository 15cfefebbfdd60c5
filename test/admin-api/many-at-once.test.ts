// Ends of 700 things by one call: by their ids or by a filter, each of them once, in transactions that nobody waits long for, with an entry
// of the audit log for each; and more ids than a call takes end nothing.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { type ApiResult, ask, personToken, robotToken, startAdminServer } from './api.ts'

let server: TestServer
let token: string

beforeAll(async () => {
  server = await startAdminServer()
  token = await robotToken(server)
})

afterAll(() => server?.stop())

const NOBODY = `(SELECT id FROM accounts WHERE email = 'nobody@staff.example')`

const NOUNS = [
  {
    noun: 'sessions',
    event: 'session.revoked',
    filter: { ip: '203.0.113.9' },
    // Not signed in one by one: that many hashes are not what is shown here.
    plant: (prefix: string, many: number) =>
      `INSERT INTO sessions (id, account_id, address, methods, expires_at, absolute_expires_at)
       SELECT '${prefix}' || n, ${NOBODY}, '203.0.113.9', '{pwd}', latchkey_now() + interval '1 hour', latchkey_now() + interval '1 hour'
       FROM generate_series(1, ${many}) n RETURNING id`,
  },
  {
    noun: 'grants',
    event: 'grant.revoked',
    filter: { scope: 'many' },
    plant: (prefix: string, many: number) =>
      `INSERT INTO grants (id, account_id, client_id, payload, expires_at)
       SELECT '${prefix}' || n, ${NOBODY}, 'notes-web', '{"openid":{"scope":"openid many"}}', latchkey_now() + interval '1 hour'
       FROM generate_series(1, ${many}) n RETURNING id`,
  },
] as const

describe.each(NOUNS)('$noun', ({ noun, event, filter, plant }) => {
  const revoke = (body: object) => ask(server, token, `POST /${noun}/revocations`, { body })
  const planted = async (prefix: string, many: number) =>
    (await run(server.databaseUrl, plant(prefix, many))).map(({ id }) => String(id))
  const live = async (ids: readonly string[]) =>
    (await run(server.databaseUrl, `SELECT count(*)::int AS n FROM ${noun} WHERE id = ANY ($1) AND ended_at IS NULL`, [ids]))[0]
      ?.n
  /** How many entries each transaction wrote: PostgreSQL keeps with each row which one wrote it. */
  const written = (reason: string) =>
    run(
      server.databaseUrl,
      `SELECT count(*)::int AS entries, count(DISTINCT ${noun.slice(0, -1)}_id)::int AS things FROM audit_events
       WHERE name = '${event}' AND reason = $1 GROUP BY xmin::text`,
      [reason],
    ) as Promise<{ readonly entries: number; readonly things: number }[]>
  const sum = (rows: readonly { readonly things: number }[]) => rows.reduce((all, { things }) => all + things, 0)

  test('AD8: 700 by their ids', async () => {
    const ids = await planted('many_named_', 700)
    expect((await revoke({ ids, dry_run: true })).body).toMatchObject({ [noun]: 700 })
    expect(await live(ids)).toBe(700)
    const { status, body } = await revoke({ ids, reason: 'named one by one' })
    expect([status, body[noun]]).toEqual([200, 700])
    expect(await live(ids)).toBe(0)
    expect(sum(await written('named one by one'))).toBe(700)
    expect((await revoke({ ids, reason: 'named one by one' })).body[noun]).toBe(0)
    expect(sum(await written('named one by one'))).toBe(700)
  })

  test('AD8: 700 by a filter go on as a job, no more than 250 in one transaction', async () => {
    const ids = await planted('many_found_', 700)
    const { status, body } = await revoke({ filter, reason: 'found by a filter' })
    expect(status).toBe(202)
    const job = await finished(body.job.id)
    expect(job.body).toMatchObject({ total: 700, left: 0, ended: { [noun]: 700 } })
    expect(await live(ids)).toBe(0)
    const transactions = await written('found by a filter')
    expect(sum(transactions)).toBe(700)
    expect(transactions.length).toBeGreaterThan(1)
    for (const { entries, things } of transactions) {
      expect(entries).toBe(things)
      expect(entries).toBeLessThanOrEqual(250)
    }
  })

  test('AD8: a job that waits for its turn ends nothing that came after it was begun', async () => {
    const ids = await planted('many_before_', 300)
    const { body } = await revoke({ filter, reason: 'begun' })
    await finished(body.job.id)
    expect(await live(ids)).toBe(0)
    const later = await planted('many_after_', 3)
    const [early, ...late] = later
    const column = noun === 'sessions' ? 'started_at' : 'created_at'
    await run(server.databaseUrl, `UPDATE ${noun} SET ${column} = latchkey_now() - interval '2 minutes' WHERE id = $1`, [early])
    await run(
      server.databaseUrl,
      `INSERT INTO revocation_jobs (id, noun, filter, actor, created_at)
       SELECT 'job_' || noun, noun, filter, actor, latchkey_now() - interval '1 minute' FROM revocation_jobs WHERE id = $1`,
      [body.job.id],
    )
    expect((await finished(`job_${noun}`)).body).toMatchObject({ total: 1, ended: { [noun]: 1 } })
    expect([await live([early ?? '']), await live(late)]).toEqual([0, 2])
    await revoke({ ids: late, reason: 'done with' })
  })

  test('AU1: what a job ends says through which app a person began it', async () => {
    const operator = await personToken(server, 'operator')
    const ids = await planted('many_through_', 300)
    const { status, body } = await ask(server, operator, `POST /${noun}/revocations`, {
      body: { filter, reason: 'through an app' },
    })
    expect(status).toBe(202)
    await finished(body.job.id)
    const told = await run(
      server.databaseUrl,
      `SELECT DISTINCT COALESCE(detail->>'through', client_id) AS app, actor LIKE 'acc_%' AS person FROM audit_events
       WHERE name = '${event}' AND reason = 'through an app'`,
    )
    expect(told).toEqual([{ app: 'tool', person: true }])
    expect(await live(ids)).toBe(0)
  })

  test('AD8: more ids than a call takes end nothing, and the answer says how many it takes', async () => {
    const ids = await planted('many_more_', 1001)
    const refused = await revoke({ ids, reason: 'too many' })
    expect([refused.status, refused.body.type]).toEqual([400, 'urn:latchkey:problem:invalid-request'])
    expect(refused.body.detail).toContain('it must name 1000 at most → at ids')
    expect(await live(ids)).toBe(1001)
    expect(await written('too many')).toEqual([])
    expect((await revoke({ ids: ids.slice(1), reason: 'as many as it takes' })).body[noun]).toBe(1000)
    expect(await live(ids)).toBe(1)
  })
})

async function finished(id: string): Promise<ApiResult> {
  for (let tries = 0; tries < 400; tries += 1) {
    const job = await ask(server, token, `GET /revocation-jobs/${id}`)
    if (job.body.state === 'done') return job
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`the job ${id} is not done`)
}
