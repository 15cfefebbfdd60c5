// Sign-ins that failed, by the admin API: one by one, and how many over time.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { ask, robotToken, startAdminServer } from './api.ts'

let server: TestServer
let token: string

const SECRET = 'a password in the wrong field'

beforeAll(async () => {
  server = await startAdminServer()
  token = await robotToken(server)
  // Some of other days, that nobody waits for.
  await run(
    server.databaseUrl,
    `INSERT INTO audit_events (at, name, reason, address, detail) SELECT latchkey_now() - make_interval(hours => n), 'sign_in.failed',
     'unknown_account', '198.51.100.1', '{"subject": "feedfeedfeedfeed"}' FROM generate_series(300, 1, -1) n`,
  )
  const { signIn } = server.latchkey.nouns.signIn
  const from = (address: string) => ({ address, userAgent: 'curl/8', requestId: `req-${address}` })
  await signIn({ username: server.ada.username, password: 'wrong', origin: from('192.0.2.1') })
  await signIn({ username: SECRET, password: 'wrong', origin: from('192.0.2.2') })
  await signIn({ username: SECRET, password: 'wrong', origin: from('2001:db8::7') })
  await signIn({ username: 'nobody@nowhere.example', password: 'wrong', origin: from('192.0.2.2') })
}, 60_000)

afterAll(() => server?.stop())

const get = (path: string) => ask(server, token, `GET ${path}`)

describe('the list', () => {
  test('says whom, from where, and why; and never what was typed', async () => {
    const { status, body } = await get('/failed-sign-ins?limit=4')
    expect(status).toBe(200)
    expect(body.items).toMatchObject([
      { account: null, subject: expect.stringMatching(/^[0-9a-f]{16}$/), address: '192.0.2.2', reason: 'unknown_account' },
      { account: null, address: '2001:db8::7' },
      { account: null, address: '192.0.2.2', user_agent: 'curl/8', request_id: 'req-192.0.2.2' },
      { account: { email: 'ada@people.example', name: 'Ada Lovelace' }, subject: null, reason: 'wrong_password' },
    ])
    expect(body.items[1].subject).toBe(body.items[2].subject)
    expect(body.items[0].subject).not.toBe(body.items[1].subject)
    expect(JSON.stringify(body)).not.toContain(SECRET)
  })

  test('goes on where a page ended', async () => {
    const all = (await get('/failed-sign-ins?limit=200')).body
    expect(all.items).toHaveLength(200)
    const more = (await get(`/failed-sign-ins?limit=200&cursor=${all.next_cursor}`)).body
    expect(more.items).toHaveLength(104)
    expect(more.next_cursor).toBeNull()
    expect(new Set([...all.items, ...more.items].map(({ id }) => id)).size).toBe(304)
  })

  test.each([
    ['account=ada@people.example', 1],
    ['ip=192.0.2.2', 2],
    ['ip=2001:db8::7', 1],
    ['reason=wrong_password', 1],
    ['subject=feedfeedfeedfeed&limit=200&since=2999-01-01T00:00:00Z', 0],
    ['account=acc_nobody', 0],
    ['reason=suspended', 0],
  ])('is narrowed by %s', async (query, many) => {
    const { status, body } = await get(`/failed-sign-ins?${query}`)
    expect([status, body.items.length]).toEqual([200, many])
  })

  test.each([
    'reason=none',
    'ip=10.0.0.0/8',
    'ip=fe80::1%25eth0',
    'since=0000-01-01T00:00:00Z',
    "ip=1'--",
    'account=%00',
    'subject[gt]=a',
    'cursor=AA',
    'email=a',
  ])('AD6: refuses %s in words', async (query) => {
    const { status, body } = await get(`/failed-sign-ins?${query}`)
    expect(status).toBe(400)
    expect(body.detail).not.toMatch(/Invalid|SELECT|prisma/i)
  })
})

describe('the counts', () => {
  test('are of 24 hours and 7 days, whether there was one or not', async () => {
    const { body } = await get('/failed-sign-ins/counts')
    expect(body.hours).toHaveLength(24)
    expect(body.days).toHaveLength(7)
    expect(body.hours.at(-1)).toEqual({ at: expect.any(String), count: 4, reasons: { unknown_account: 3, wrong_password: 1 } })
    expect(body.hours.at(-2)).toMatchObject({ count: 1, reasons: { unknown_account: 1 } })
    expect(body.days.slice(1, -1).map(({ count }: { count: number }) => count)).toEqual([24, 24, 24, 24, 24])
    expect(new Date(body.days.at(-1).at).toISOString()).toMatch(/T00:00:00.000Z$/)
  })

  test('of one account', async () => {
    const { body } = await get('/failed-sign-ins/counts?account=ada@people.example')
    expect(body.hours.at(-1).count).toBe(1)
    expect(body.hours.reduce((sum: number, { count }: { count: number }) => sum + count, 0)).toBe(1)
    expect((await get('/failed-sign-ins/counts?account=nobody@people.example')).status).toBe(404)
  })
})
