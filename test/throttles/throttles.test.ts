// Addresses that are turned away for asking too often: found by those who help people, and let through again, in every process.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ask, personToken, robotToken, startAdminServer } from '../admin-api/api.ts'
import { atConsole, send } from '../admin-console/people.ts'
import { run } from '../support/postgres.ts'
import { redisUrl } from '../support/redis.ts'
import { startServer, type TestServer } from '../support/server.ts'

const SETTINGS = {
  LATCHKEY_RATE_LIMITS: 'on',
  LATCHKEY_RATE_LIMIT_PEOPLE: '40',
  LATCHKEY_RATE_LIMIT_TOKEN: '60',
  LATCHKEY_RATE_LIMIT_TOKEN_WINDOW: '1h',
  LATCHKEY_RATE_LIMIT_TOKEN_FAILURES: '5',
  LATCHKEY_RATE_LIMIT_TOKEN_FAILURES_WINDOW: '1h',
  TRUST_PROXY: '127.0.0.1/8, ::1/128',
}

let server: TestServer
let neighbour: TestServer
let token: string

beforeAll(async () => {
  const redis = redisUrl()
  server = await startAdminServer({ redisUrl: redis, settings: SETTINGS })
  neighbour = await startServer({
    redisUrl: redis,
    databaseUrl: server.databaseUrl,
    settings: { ...SETTINGS, ISSUER: server.issuer },
  })
  token = await robotToken(server)
}, 60_000)

afterAll(async () => {
  await neighbour?.stop()
  await server?.stop()
})

/** A page for people, asked for from an address. */
async function openPage(address: string): Promise<number> {
  const response = await fetch(`${server.issuer}/set-password`, { headers: { 'x-forwarded-for': address } })
  await response.text()
  return response.status
}

/** A token request with a wrong secret. */
async function guess(address: string, at = server.issuer, clientId = 'billing-robot'): Promise<number> {
  const response = await fetch(`${at}/token`, {
    method: 'POST',
    headers: {
      'x-forwarded-for': address,
      'content-type': 'application/x-www-form-urlencoded',
      authorization: `Basic ${btoa(`${clientId}:a-secret-that-is-wrong`)}`,
    },
    body: 'grant_type=client_credentials',
  })
  await response.text()
  return response.status
}

async function untilTurnedAway(one: () => Promise<number>): Promise<void> {
  for (let times = 0; times < 100; times += 1) if ((await one()) === 429) return
  throw new Error('never turned away')
}

async function listed(place: string) {
  const { body } = await ask(server, token, 'GET /throttles?limit=200')
  return body.items.filter((item: { place: string }) => item.place === place)
}

async function isListed(place: string) {
  let [found] = await listed(place)
  for (let tries = 0; found === undefined && tries < 200; tries += 1) [found] = await listed(place)
  return found
}

const lifts = () =>
  run(server.databaseUrl, `SELECT actor, reason, detail FROM audit_events WHERE name = 'rate_limit.lifted' ORDER BY id`)

describe('LG5: an address whose people ask too often', () => {
  test('is listed with how long it has to wait, is lifted by one of fifty at once, and that is in the audit log', async () => {
    await untilTurnedAway(() => openPage('203.0.113.9'))
    const throttle = await isListed('203.0.113.9')
    expect(throttle).toMatchObject({ limit: 'people', place: '203.0.113.9' })
    const wait = Date.parse(throttle.until) - Date.now()
    expect(wait).toBeGreaterThan(0)
    expect(wait).toBeLessThanOrEqual(901_000)
    const helpdesk = await personToken(server, 'helpdesk', 'openid accounts:read accounts:write')
    const body = { reason: 'the whole office is behind one address' }
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => ask(server, helpdesk, `DELETE /throttles/${throttle.id}`, { body })),
    )
    expect(answers.map(({ status }) => status).filter((status) => status !== 404)).toEqual([200])
    expect(await openPage('203.0.113.9')).not.toBe(429)
    expect(await listed('203.0.113.9')).toEqual([])
    expect(await lifts()).toEqual([
      { actor: expect.stringMatching(/^acc_/), reason: body.reason, detail: { limit: 'people', place: '203.0.113.9' } },
    ])
    await untilTurnedAway(() => openPage('203.0.113.9'))
    expect(await isListed('203.0.113.9')).toBeDefined()
  })

  test('is a whole network where it is one of IPv6', async () => {
    await untilTurnedAway(() => openPage('2001:db8:0:1::7'))
    expect(await isListed('2001:db8:0:1::/64')).toMatchObject({ limit: 'people' })
  })

  test('stands on the page of blocks, and is lifted there by those who help people; an auditor only looks', async () => {
    await untilTurnedAway(() => openPage('203.0.113.10'))
    await isListed('203.0.113.10')
    const auditor = await atConsole(server, 'auditor', '/admin/blocks')
    expect(auditor.page.body).toContain('203.0.113.10')
    expect(auditor.page.body).not.toContain('/lifting')
    const { browser, page } = await atConsole(server, 'helpdesk', '/admin/blocks')
    const row = /<tr>(?:(?!<\/tr>)[\s\S])*203\.0\.113\.10[\s\S]*?<\/tr>/.exec(page.body)?.[0] ?? ''
    const action = /action="(\/admin\/throttles\/[\w-]+\/lifting)"/.exec(row)?.[1] ?? ''
    expect((await send(browser, page, action)).body).toContain('Within a second the next request is let through.')
    expect((await send(browser, page, action)).body).toContain('There was nothing left to lift.')
    expect(await openPage('203.0.113.10')).not.toBe(429)
  })
})

describe('LG9: an address that guesses secrets of apps', () => {
  test('is listed, with nothing of what it sent; lifted, it is let through in each process', async () => {
    for (const at of [server.issuer, neighbour.issuer])
      await untilTurnedAway(() => guess('203.0.113.11', at, 'a-name-nobody-registered'))
    const throttle = await isListed('203.0.113.11')
    expect(throttle).toEqual({
      id: expect.any(String),
      limit: 'client_failures',
      place: '203.0.113.11',
      until: expect.any(String),
    })
    expect(JSON.stringify(throttle)).not.toContain('a-name-nobody')
    expect((await ask(server, token, `DELETE /throttles/${throttle.id}`)).status).toBe(200)
    // Whoever does not wait that second is turned away once more, and is not listed for it.
    expect(await guess('203.0.113.11', server.issuer, 'a-name-nobody-registered')).toBe(429)
    expect(await isListed('203.0.113.11')).toBeDefined()
    await server.advance(2)
    await neighbour.advance(2)
    for (const at of [server.issuer, neighbour.issuer]) {
      expect(await guess('203.0.113.11', at, 'a-name-nobody-registered')).toBe(401)
      for (let tries = 0; tries < 100 && (await listed('203.0.113.11')).length > 0; tries += 1);
      expect(await listed('203.0.113.11')).toEqual([])
      // And is turned away again when it goes on.
      await untilTurnedAway(() => guess('203.0.113.11', at, 'a-name-nobody-registered'))
      expect(await guess('203.0.113.11', at, 'a-name-nobody-registered')).toBe(429)
    }
  })
})

describe('the list', () => {
  test('goes on where a page ended, at the console as well', async () => {
    for (let last = 1; last <= 12; last += 1) await untilTurnedAway(() => guess(`198.51.100.${last}`))
    await isListed('198.51.100.12')
    const all = (await ask(server, token, 'GET /throttles?limit=200')).body
    const seen: string[] = []
    let cursor = ''
    do {
      const { body } = await ask(server, token, `GET /throttles?limit=5${cursor}`)
      seen.push(...body.items.map(({ id }: { id: string }) => id))
      cursor = body.next_cursor === null ? '' : `&cursor=${body.next_cursor}`
    } while (cursor !== '')
    expect(seen).toEqual(all.items.map(({ id }: { id: string }) => id))
    const { browser, page } = await atConsole(server, 'operator', '/admin/blocks')
    expect(page.body).toContain('href="/admin/throttles"')
    const whole = await browser.open(`${server.issuer}/admin/throttles`)
    for (const { place } of all.items) expect(whole.body).toContain(place)
  })

  test('AD6: what names nothing is answered so', async () => {
    for (const id of ['x', '%00', 'g'.repeat(43), '__proto__'])
      expect([400, 404]).toContain((await ask(server, token, `DELETE /throttles/${id}`)).status)
    expect((await ask(server, token, 'GET /throttles?cursor=forged')).status).toBe(400)
  })
})
