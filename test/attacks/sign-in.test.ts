// Guessing, over HTTP: nothing is told, guesses are slowed at every door, and nobody is locked out by strangers
// (OWASP ASVS 6, NIST SP 800-63B-4 §3.2.2; CVE-2026-45364, CVE-2026-119128).
import { stat } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import bcrypt from 'bcryptjs'
import { Browser, formsOf, type Page } from '../support/browser.ts'
import { SPA } from '../support/clients.ts'
import { authorizationRequest, callbackParams } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import { startPrivateRedis } from '../support/redis.ts'
import { startServer, type TestServer } from '../support/server.ts'

const PASSWORD = 'tangerine orbit 42'
/** What the people's pages admit from one address in a quarter of an hour. */
const MOST = 100

/** A server behind a proxy on this machine, which names the client's address. */
let server: TestServer

beforeAll(async () => {
  server = await startServer({ settings: { LATCHKEY_RATE_LIMITS: 'on', TRUST_PROXY: 'loopback' }, realHashes: true })
})

afterAll(async () => {
  await server?.stop()
})

let people = 0

/** A new account. */
async function someone(password: string | undefined = PASSWORD): Promise<{ readonly id: string; readonly email: string }> {
  people += 1
  const email = `person${people}@people.example`
  return server.latchkey.nouns.accounts.create({ email, password })
}

let addresses = 0

/** An address that nobody has asked from. */
function freshAddress(): string {
  addresses += 1
  return `198.51.${100 + Math.floor(addresses / 250)}.${addresses % 250}`
}

/** A login page, opened from an address. */
async function openLogin(address = freshAddress()): Promise<{ readonly guess: Guess; readonly browser: Browser }> {
  const browser = new Browser()
  const headers = { 'x-forwarded-for': address }
  const started = await browser.fetch(authorizationRequest(server, SPA).url, { headers })
  const url = new URL(String(started.headers.location), server.issuer).href
  const form = formsOf(await browser.fetch(url, { headers })).find(({ action }) => action.endsWith('/login'))
  const guess: Guess = (username, password) =>
    browser.fetch(new URL(form?.action ?? '', server.issuer).href, {
      body: new URLSearchParams({ ...form?.fields, username, password }).toString(),
      headers,
    })
  return { browser, guess }
}

type Guess = (username: string, password: string) => Promise<Page>

const isIn = (page: Page) => page.status === 200 && page.headers.refresh !== undefined

/** Counts the hashes that are computed for sign-ins. */
function watchHashing() {
  const { passwords } = server.latchkey.nouns
  const verify = jest.spyOn(passwords, 'verify')
  const burn = jest.spyOn(passwords, 'burn')
  return {
    count: () => verify.mock.calls.length + burn.mock.calls.length,
    stop() {
      verify.mockRestore()
      burn.mockRestore()
    },
  }
}

/** Ten are free; on a slow machine the wait for another may be over meanwhile. */
function expectTenOrSo(looks: number): void {
  expect(looks).toBeGreaterThanOrEqual(10)
  expect(looks).toBeLessThanOrEqual(13)
}

describe('LG1: a refusal', () => {
  test('is the same in status, headers, cookies, body and work, whatever is wrong', async () => {
    const known = await someone()
    const suspended = await someone()
    const without = await server.latchkey.nouns.accounts.create({ email: 'without@people.example' })
    await run(server.databaseUrl, `UPDATE accounts SET status = 'suspended' WHERE id = $1`, [suspended.id])
    const { guess } = await openLogin()
    const work = watchHashing()
    const told: object[] = []
    for (const [username, password] of [
      [known.email, 'not the password'],
      ['nobody@people.example', PASSWORD],
      [suspended.email, PASSWORD],
      [without.email, PASSWORD],
      [known.email.toUpperCase(), 'not the password'],
      ['no address at all', PASSWORD],
    ] as const) {
      const before = work.count()
      const { status, headers, body } = await guess(username, password)
      const others = Object.entries(headers).filter(
        ([name]) => !/^(?:date|x-request-id|content-length|ratelimit-\w+)$/.test(name),
      )
      told.push({ status, headers: others, body: body.replaceAll(username, '…'), work: work.count() - before })
    }
    work.stop()
    expect(told[0]).toMatchObject({ status: 200, work: 1 })
    expect(told[0]).toHaveProperty('body', expect.stringContaining('That e-mail or password is not right.'))
    for (const answer of told) expect(answer).toEqual(told[0])
  })

  test('is the same for known and unknown when there were too many', async () => {
    const known = await someone()
    const told: object[] = []
    for (const username of [known.email, `nobody${people}@people.example`]) {
      for (let tries = 0; tries < 10; tries += 1) await (await openLogin()).guess(username, 'wrong')
      const page = await (await openLogin()).guess(username, PASSWORD)
      const body = page.body.replaceAll(username, '…').replace(/interactions\/[\w-]+|value="[\w-]{43}"/g, '')
      expect(Number(page.headers['retry-after'])).toBeGreaterThan(0)
      expect(Number(page.headers['retry-after'])).toBeLessThanOrEqual(15)
      told.push({ status: page.status, body })
    }
    expect(told[0]).toMatchObject({ status: 429 })
    expect(told[1]).toEqual(told[0])
  })
})

describe('LG3: a hundred wrong passwords', () => {
  test('are slowed, and the owner gets in from a place they know, or after the wait', async () => {
    const { email } = await someone()
    const home = freshAddress()
    const before = await openLogin(home)
    const entered = await before.guess(email, PASSWORD)
    await before.browser.fetch(String(entered.headers.refresh).replace('0;url=', ''), { headers: { 'x-forwarded-for': home } })
    const work = watchHashing()
    const waits: number[] = []
    for (let tries = 0; tries < 100; tries += 1) {
      const page = await (await openLogin()).guess(email, `wrong ${tries}`)
      expect(isIn(page)).toBe(false)
      if (page.status === 429) waits.push(Number(page.headers['retry-after']))
    }
    expectTenOrSo(work.count())
    work.stop()
    expect(waits.length).toBeGreaterThan(85)
    // From elsewhere even the right one has to wait: or the wait would tell which it is.
    expect((await (await openLogin()).guess(email, PASSWORD)).status).toBe(429)
    // A place that the account knows has a count of its own.
    expect(isIn(await (await openLogin(home)).guess(email, PASSWORD))).toBe(true)
  })

  test('lock nobody out for good: the wait is bounded, and then the right one is right', async () => {
    const { email } = await someone()
    let longest = 0
    for (let tries = 0; tries < 30; tries += 1) {
      const page = await (await openLogin()).guess(email, 'wrong')
      if (page.status !== 429) continue
      const wait = Number(page.headers['retry-after'])
      longest = Math.max(longest, wait)
      await server.advance(wait)
    }
    expect(longest).toBeGreaterThanOrEqual(60)
    expect(longest).toBeLessThanOrEqual(900)
    await server.advance(longest)
    expect(isIn(await (await openLogin()).guess(email, PASSWORD))).toBe(true)
  })
})

describe('LG5: the address that is counted', () => {
  /** What is left of an address's budget after one more request. */
  const remaining = async (at: TestServer, forwarded: string) => {
    const response = await fetch(new URL('/setup', at.issuer), { headers: { 'x-forwarded-for': forwarded } })
    return Number(response.headers.get('ratelimit-remaining'))
  }

  test.each([
    ['made up by the client, to the left of its own', '1.2.3.4, 203.0.113.1', '5.6.7.8, 203.0.113.1'],
    ['in IPv6 clothes', '::ffff:203.0.113.2', '203.0.113.2'],
    ['in hexadecimal IPv6 clothes', '::FFFF:CB00:7103', '203.0.113.3'],
    ['in another spelling of IPv6', '2001:db8:1::1', '2001:0DB8:0001:0000:0000:0000:0000:0001'],
    ['elsewhere in the same network of IPv6', '2001:db8:2::1', '2001:db8:2:0:ffff:ffff:ffff:ffff'],
    ['with a port', '203.0.113.4:1234', '203.0.113.4:4321'],
    ['with spaces', ' 203.0.113.5 ', '203.0.113.5'],
  ])('is one and the same %s', async (_name, first, second) => {
    const before = await remaining(server, first)
    expect(await remaining(server, second)).toBe(before - 1)
  })

  test.each([
    ['another host', '203.0.113.6', '203.0.113.7'],
    ['another network of IPv6', '2001:db8:3::1', '2001:db8:3:1::1'],
  ])('is not: %s', async (_name, first, second) => {
    await remaining(server, first)
    expect(await remaining(server, second)).toBe(MOST - 1)
  })

  test('is the socket’s where no proxy is trusted', async () => {
    const direct = await startServer({ settings: { LATCHKEY_RATE_LIMITS: 'on' } })
    try {
      const counts: number[] = []
      for (const spoofed of ['1.2.3.4', '5.6.7.8', '::1', 'unknown', '']) counts.push(await remaining(direct, spoofed))
      expect(counts).toEqual([MOST - 1, MOST - 2, MOST - 3, MOST - 4, MOST - 5])
    } finally {
      await direct.stop()
    }
  })
})

describe('LG7: guesses at once', () => {
  test('a hundred at one account, from a hundred addresses, count as a hundred: ten are looked at', async () => {
    const { email } = await someone()
    const guesses = await Promise.all(Array.from({ length: 100 }, () => openLogin()))
    const work = watchHashing()
    const pages = await Promise.all(guesses.map(({ guess }) => guess(email, 'wrong')))
    expectTenOrSo(work.count())
    work.stop()
    expect(pages.filter(({ status }) => status === 429).length).toBeGreaterThan(85)
    expect(pages.filter(isIn)).toEqual([])
  })

  test('from one address count as many: exactly as many are admitted as may be', async () => {
    const headers = { 'x-forwarded-for': freshAddress() }
    const answers = await Promise.all(
      Array.from({ length: MOST + 30 }, () => fetch(new URL('/setup', server.issuer), { headers })),
    )
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused).toHaveLength(30)
    for (const { headers: told } of refused) {
      expect(Number(told.get('retry-after'))).toBeGreaterThan(0)
      expect(Number(told.get('retry-after'))).toBeLessThanOrEqual(900)
    }
    // Neither another spelling of the path nor another page has a count of its own.
    for (const path of ['/SETUP', '/account', '/Account/password', '/logout', '/interactions/x', '//setup']) {
      const { status } = await fetch(`${server.issuer}${path}`, { headers, redirect: 'manual' })
      expect({ path, limited: status === 429 || status === 404 || status === 421 }).toEqual({ path, limited: true })
    }
    const page = await fetch(new URL('/setup', server.issuer), { headers: { ...headers, accept: 'text/html' } })
    expect(await page.text()).toContain('Too many tries')
  })
})

test('LG8: without Redis the pages are limited by each process, and nobody signs in unlimited', async () => {
  const redis = await startPrivateRedis()
  const alone = await startServer({
    redisUrl: redis.url,
    settings: { LATCHKEY_RATE_LIMITS: 'on', LATCHKEY_RATE_LIMIT_PEOPLE: '20' },
  })
  try {
    const browser = new Browser()
    const login = await browser.open(authorizationRequest(alone, SPA).url)
    await redis.kill()
    const statuses = (await Promise.all(Array.from({ length: 50 }, () => fetch(new URL('/setup', alone.issuer))))).map(
      ({ status }) => status,
    )
    // The page on which one signs in was let through before, and counts.
    expect(statuses.filter((status) => status === 404)).toHaveLength(19)
    expect(statuses.filter((status) => status === 429)).toHaveLength(31)
    for (let tries = 0; tries < 5; tries += 1) {
      const page = await browser.submit(login, { username: alone.ada.username, password: `wrong ${tries}` })
      expect([429, 503]).toContain(page.status)
    }
  } finally {
    await alone.stop()
    await redis.stop()
  }
}, 60_000)

describe('LG12: a password is taken as it was typed', () => {
  test.each([
    ['with spaces around it', '  a password with spaces  '],
    ['of 200 characters', `${'long '.repeat(39)}words`],
    ['of 256 four-byte characters', '𝔭'.repeat(256)],
    ['with a tab, quotes and markup', 'tab\tand "quotes" <b>&amp; %41 +'],
  ])('%s', async (_name, password) => {
    const { email } = await someone(password)
    const { guess } = await openLogin()
    for (const other of [password.trim(), password.slice(0, 72), password.slice(0, -1), password.toLowerCase(), `${password} `]) {
      if (other !== password) expect(isIn(await guess(email, other))).toBe(false)
    }
    expect(isIn(await guess(email, password))).toBe(true)
  })

  test('composed or decomposed by the keyboard', async () => {
    const { email } = await someone('café au lait à Besançon')
    expect(isIn(await (await openLogin()).guess(email, 'café au lait à Besançon'.normalize('NFD')))).toBe(true)
  })

  test('of more than 1 KiB is refused before anything is computed, and in the same words', async () => {
    const { email } = await someone()
    const work = watchHashing()
    const { guess } = await openLogin()
    for (const password of ['x'.repeat(1025), '𝔭'.repeat(257), 'x'.repeat(50_000)]) {
      const page = await guess(email, password)
      expect(page.status).toBe(200)
      expect(page.body).toContain('That e-mail or password is not right.')
    }
    expect(work.count()).toBe(0)
    work.stop()
  })
})

describe('LG13: hashes', () => {
  const hashOf = async (id: string) => {
    const rows = await run(server.databaseUrl, 'SELECT hash FROM passwords WHERE account_id = $1 AND retired_at IS NULL', [id])
    return String(rows[0]?.hash)
  }
  const plant = (id: string, hash: string) =>
    run(server.databaseUrl, 'UPDATE passwords SET hash = $2 WHERE account_id = $1', [id, hash])

  test('are argon2id with 19 MiB, two passes and one lane or more', async () => {
    expect(await hashOf((await someone()).id)).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  })

  test.each([
    ['bcrypt', () => bcrypt.hash(PASSWORD, 4)],
    ['a weak argon2id', async () => '$argon2id$v=19$m=1024,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$'],
  ])('of %s are renewed at sign-in', async (name, make) => {
    const { id, email } = await someone()
    await plant(id, name === 'bcrypt' ? await make() : await weakArgon2())
    expect(isIn(await (await openLogin()).guess(email, 'not it'))).toBe(false)
    expect(await hashOf(id)).not.toMatch(/m=19456/)
    expect(isIn(await (await openLogin()).guess(email, PASSWORD))).toBe(true)
    expect(await hashOf(id)).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(isIn(await (await openLogin()).guess(email, PASSWORD))).toBe(true)
  })

  test.each([
    '$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    '$argon2id$v=19$m=19456,t=4294967295,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    '$2b$31$AAAAAAAAAAAAAAAAAAAAAOAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    'not a hash',
    '',
  ])('that ask for too much, or are none, are refused at once: %s', async (hash) => {
    const { id, email } = await someone()
    await plant(id, hash)
    const startedAt = performance.now()
    const page = await (await openLogin()).guess(email, PASSWORD)
    expect(page.status).toBe(200)
    expect(page.body).toContain('That e-mail or password is not right.')
    expect(performance.now() - startedAt).toBeLessThan(10_000)
  })

  async function weakArgon2(): Promise<string> {
    const { hash } = await import('argon2')
    return hash(PASSWORD, { type: 2, memoryCost: 1024, timeCost: 2, parallelism: 1 })
  }
})

describe('LG14: the first owner', () => {
  let unowned: TestServer
  beforeAll(async () => {
    unowned = await startServer({ settings: { PROVISION_FILE: '', LATCHKEY_SETUP_LINK_TTL: '1800' } })
  })
  afterAll(() => unowned?.stop())

  const OWNER = { name: 'The Owner', email: 'owner@people.example', password: PASSWORD, password_again: PASSWORD }
  const accounts = () => run(unowned.databaseUrl, 'SELECT email, roles FROM accounts')
  const link = () => unowned.latchkey.announcements.setup?.url ?? ''

  test('there is no account to begin with, and no link in the log', async () => {
    expect(await accounts()).toEqual([])
    expect(link()).toMatch(/\/setup\?token=[\w-]{40,}$/)
    expect(unowned.log.text).not.toContain(new URL(link()).searchParams.get('token'))
    const file = unowned.latchkey.announcements.setup?.file ?? ''
    expect((await stat(file)).mode & 0o777).toBe(0o600)
  })

  test.each([
    ['no token', () => ''],
    ['a made-up token', () => `setup_${'A'.repeat(43)}`],
    ['a token and more', () => `${new URL(link()).searchParams.get('token')}A`],
    ['a token in other letters', () => String(new URL(link()).searchParams.get('token')).toUpperCase()],
  ])('%s makes nobody', async (_name, token) => {
    const browser = new Browser()
    const page = await browser.open(link())
    const refused = await browser.submit(page, { ...OWNER, token: token() })
    expect(refused.status).toBe(410)
    expect((await browser.open(new URL(`/setup?token=${token()}`, unowned.issuer))).status).toBe(410)
    expect(await accounts()).toEqual([])
  })

  test('ten people with the link at once make one, and then the page is gone for good', async () => {
    const file = unowned.latchkey.announcements.setup?.file ?? ''
    const visitors = Array.from({ length: 10 }, () => new Browser())
    const pages = await Promise.all(visitors.map((browser) => browser.open(link())))
    const answers = await Promise.all(
      visitors.map(async (browser, index) =>
        browser.submit(pages[index] ?? (await browser.open(link())), { ...OWNER, email: `owner${index}@people.example` }),
      ),
    )
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array.from({ length: 9 }, () => 410)])
    expect(await accounts()).toEqual([{ email: expect.stringMatching(/^owner\d@/), roles: ['owner'] }])
    expect((await new Browser().open(link())).status).toBe(410)
    const again = new Browser()
    const first = pages[0]
    if (first === undefined) throw new Error('there was no page')
    for (const [name, value] of [['latchkey_csrf', visitors[0]?.cookie('latchkey_csrf') ?? '']] as const)
      again.setCookie(name, value)
    expect([403, 410]).toContain((await again.submit(first, OWNER)).status)
    expect(await accounts()).toHaveLength(1)
    await expect(stat(file)).rejects.toThrow('ENOENT')
  })

  test('a link is of no use after its half hour', async () => {
    const late = await startServer({ settings: { PROVISION_FILE: '' } })
    try {
      const url = late.latchkey.announcements.setup?.url ?? ''
      const browser = new Browser()
      const page = await browser.open(url)
      expect(page.status).toBe(200)
      await late.advance(1801)
      expect((await browser.submit(page, OWNER)).status).toBe(410)
      expect((await browser.open(url)).status).toBe(410)
      expect(await run(late.databaseUrl, 'SELECT count(*)::int AS accounts FROM accounts')).toEqual([{ accounts: 0 }])
    } finally {
      await late.stop()
    }
  })
})

test('whoever is right is in: the tests above do refuse for their reasons', async () => {
  const { email } = await someone()
  const { guess, browser } = await openLogin()
  const page = await guess(email, PASSWORD)
  expect(isIn(page)).toBe(true)
  expect(callbackParams(await browser.open(String(page.headers.refresh).replace('0;url=', '')))).toHaveProperty('code')
})
