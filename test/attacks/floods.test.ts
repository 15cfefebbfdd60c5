// Floods, against the program as it is run: what is too large is not read, what is too slow is cut off, and what is too much
// is told to come back, while everybody else is answered (OWASP ASVS 2.4 and 4.1).
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { Browser, formsOf, type Page } from '../support/browser.ts'
import { MACHINE, SPA, WEB } from '../support/clients.ts'
import { quickest } from '../support/in-time.ts'
import { authorizationRequest, basic, clientRequest, obtainTokens, refresh, tokenRequest } from '../support/oauth.ts'
import { createDatabase, run, type TestDatabase } from '../support/postgres.ts'
import { freePorts, type Program, startProgram } from '../support/program.ts'
import { redisUrl } from '../support/redis.ts'
import { ADA, PROVISION } from '../support/server.ts'
import { rawRequest } from './raw-request.ts'

/** Hashes that may wait; few, so that a flood of sixty is one. */
const HASH_QUEUE = 8
const SIGN_INS = 60

const WEB_CREDENTIALS = basic(WEB.client_id, WEB.client_secret ?? '')

const redis = redisUrl()
let folder: string
let database: TestDatabase
let program: Program
let server: Program & { readonly ada: typeof ADA }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-floods-'))
  database = await createDatabase()
  await writeFile(join(folder, 'provision.json'), JSON.stringify(PROVISION))
  program = await startProgram(await freePorts(), {
    DATA_DIR: folder,
    DATABASE_URL: database.url,
    REDIS_URL: redis,
    PROVISION_FILE: join(folder, 'provision.json'),
    LATCHKEY_RATE_LIMITS: 'off',
    LATCHKEY_HASH_QUEUE: String(HASH_QUEUE),
    LATCHKEY_HASH_CONCURRENCY: '1',
  })
  server = { ...program, ada: ADA }
}, 60_000)

afterAll(async () => {
  await program?.kill()
  await database?.drop()
  await rm(folder, { recursive: true, force: true })
})

const address = (path: string) => new URL(path, program.issuer).href

/** Whether somebody else is answered, and soon. */
async function expectAnswers(): Promise<void> {
  const took = await quickest(3000, async () => expect((await fetch(address('/jwks'))).status).toBe(200))
  expect(took).toBeLessThan(3000)
}

describe('DS1: what is too large', () => {
  const posts = (login: Page) => [
    '/token',
    '/introspect',
    '/revoke',
    '/par',
    '/logout/confirm',
    '/setup',
    '/account/name',
    '/account/password',
    '/account/sessions/others/revocation',
    formsOf(login)[0]?.action ?? '',
    formsOf(login)[1]?.action ?? '',
  ]

  test.each([
    ['a field of 60 KiB', `a=${'x'.repeat(60 * 1024)}`],
    ['ten thousand fields', Array.from({ length: 10_000 }, (_, index) => `f${index}=1`).join('&')],
    ['a megabyte', `a=${'x'.repeat(1024 * 1024)}`],
  ])('%s is refused at every address that takes a form, and nothing breaks', async (_name, body) => {
    const { browser } = await obtainTokens(server, SPA)
    const login = await browser.open(authorizationRequest(server, SPA, { prompt: 'login' }).url)
    for (const path of posts(login)) {
      const page = await browser
        .fetch(address(path), { body, headers: { authorization: WEB_CREDENTIALS } })
        .then(({ status }) => status)
        // The server may close the connection before it has been told everything.
        .catch(({ code }: { readonly code?: string }) => code)
      expect({ path, refused: ['400', '413', 'ECONNRESET', 'EPIPE'].includes(String(page)), page }).toMatchObject({
        path,
        refused: true,
      })
    }
    await expectAnswers()
  })

  test('JSON a thousand deep is refused, unread', async () => {
    const deep = '['.repeat(1000) + ']'.repeat(1000)
    for (const path of ['/token', '/introspect', '/revoke', '/par', '/setup']) {
      const { status } = await fetch(address(path), {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: WEB_CREDENTIALS },
        body: deep,
      })
      expect([400, 415]).toContain(status)
    }
  })

  test('a header of 20 KiB, five thousand headers, an address of 20 KB', async () => {
    const host = `Host: ${new URL(program.issuer).host}`
    expect(await rawRequest(server, ['GET /jwks HTTP/1.1', host, `X-Long: ${'x'.repeat(20_000)}`])).toMatch(/^HTTP\/1\.1 431 /)
    const many = Array.from({ length: 5000 }, (_, index) => `X-${index}: 1`)
    expect(await rawRequest(server, ['GET /jwks HTTP/1.1', host, ...many])).toMatch(/^HTTP\/1\.1 431 /)
    expect(await rawRequest(server, [`GET /jwks?${'x'.repeat(20_000)} HTTP/1.1`, host])).toMatch(/^HTTP\/1\.1 431 /)
  })

  test('the program does not grow by it', async () => {
    await expectAnswers()
    const before = await residentMiB()
    const body = `a=${'x'.repeat(5 * 1024 * 1024)}`
    for (let round = 0; round < 5; round += 1) {
      await Promise.all(
        Array.from({ length: 10 }, () =>
          fetch(address('/token'), {
            method: 'POST',
            body,
            headers: { 'content-type': 'application/x-www-form-urlencoded' },
          }).catch(() => undefined),
        ),
      )
    }
    // A quarter of a gigabyte was sent.
    expect((await residentMiB()) - before).toBeLessThan(120)
    await expectAnswers()
  })

  async function residentMiB(): Promise<number> {
    const status = await readFile(`/proc/${program.pid}/status`, 'utf8')
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024
  }
})

describe('DS2: what is too slow', () => {
  test('five hundred connections that never finish are cut off in time, and others are answered meanwhile', async () => {
    const { host, port } = new URL(program.issuer)
    const head = `POST /token HTTP/1.1\r\nHost: ${host}\r\n`
    const startedAt = performance.now()
    const kinds = {
      nothing: await open(100, port, ''),
      headers: await open(200, port, head),
      body: await open(
        200,
        port,
        `${head}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\ngrant_type=`,
      ),
    }
    // Each sends a byte now and then, so that no connection is idle.
    const drip = setInterval(() => {
      for (const socket of kinds.headers) if (socket.writable) socket.write('X-A: 1\r\n')
      for (const socket of kinds.body) if (socket.writable) socket.write('x')
    }, 1000)
    try {
      await expectAnswers()
      expect((await tokenRequest(server, MACHINE, { grant_type: 'client_credentials', scope: 'notes:read' })).status).toBe(200)
      await Promise.all([...kinds.headers, ...kinds.body].map(closed))
      // The limits are 10 s for headers and 20 s for a request; Node looks every 2 s, and a busy machine is late.
      expect(performance.now() - startedAt).toBeLessThan(30_000)
      await expectAnswers()
    } finally {
      clearInterval(drip)
      for (const socket of Object.values(kinds).flat()) socket.destroy()
    }
  }, 60_000)

  test('readers that do not read hold up nobody', async () => {
    const { host, port } = new URL(program.issuer)
    const requests = `GET /jwks HTTP/1.1\r\nHost: ${host}\r\n\r\n`.repeat(200)
    const sockets = await open(50, port, requests)
    for (const socket of sockets) socket.pause()
    await expectAnswers()
    for (const socket of sockets) socket.destroy()
    await expectAnswers()
  })

  /** However it ends: `once` would say of a connection that was reset that it failed. */
  function closed(socket: Socket): Promise<void> {
    return new Promise((resolve) => {
      if (socket.closed) resolve()
      else socket.once('close', () => resolve())
    })
  }

  async function open(count: number, port: string, text: string): Promise<Socket[]> {
    return Promise.all(
      Array.from({ length: count }, async () => {
        const socket = connect(Number(port), '127.0.0.1')
        // Whatever ends them is as good as an end.
        socket.on('error', () => undefined)
        socket.resume()
        await once(socket, 'connect')
        if (text !== '') socket.write(text)
        return socket
      }),
    )
  }
})

describe('DS3: a flood of sign-ins', () => {
  test('is answered as far as it can be, and otherwise told when to come back; tokens and keys are served meanwhile', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    const visitors = await Promise.all(
      Array.from({ length: SIGN_INS }, async () => {
        const browser = new Browser()
        return { browser, login: await browser.open(authorizationRequest(server, SPA).url) }
      }),
    )
    const flood = visitors.map(({ browser, login }) => {
      const form = formsOf(login)[0]
      const body = new URLSearchParams({ ...form?.fields, ...ADA }).toString()
      return browser.fetch(address(form?.action ?? ''), { body })
    })
    const others: number[] = []
    let newest = tokens.body.refresh_token ?? ''
    for (let round = 0; round < 5; round += 1) {
      const startedAt = performance.now()
      const next = await refresh(server, SPA, newest)
      expect(next.status).toBe(200)
      newest = next.body.refresh_token ?? ''
      expect((await fetch(address('/jwks'))).status).toBe(200)
      others.push(performance.now() - startedAt)
    }
    const pages = await Promise.all(flood)
    const busy = pages.filter(({ status }) => status === 503)
    const done = pages.filter(({ status, headers }) => status === 200 && headers.refresh !== undefined)
    expect(busy.length + done.length).toBe(SIGN_INS)
    expect(done.length).toBeGreaterThan(0)
    expect(busy.length).toBeGreaterThan(0)
    for (const { headers, body } of busy) {
      expect(Number(headers['retry-after'])).toBeGreaterThan(0)
      expect(Number(headers['retry-after'])).toBeLessThanOrEqual(30)
      expect(body).toContain('A great many people are signing in just now.')
    }
    expect(Math.max(...others)).toBeLessThan(3000)
    // Whoever was turned away gets in by the same page.
    const late = visitors[pages.findIndex(({ status }) => status === 503)]
    if (late === undefined) throw new Error('nobody was turned away')
    expect((await late.browser.submit(late.login, ADA)).url).toContain('code=')
  }, 60_000)
})

describe('DS4: a flood without signing in', () => {
  test('leaves nothing in PostgreSQL, and in Redis only what goes by itself', async () => {
    const rows = () =>
      run(
        database.url,
        `SELECT (SELECT count(*)::int FROM sessions) AS sessions, (SELECT count(*)::int FROM grants) AS grants,
                (SELECT jsonb_object_agg(name, many) FROM (SELECT name, count(*) AS many FROM audit_events GROUP BY name) e) AS events`,
      )
    const before = await rows()
    const store = new Redis(redis)
    const keysBefore = await store.keys('*')
    const count = 200
    for (let round = 0; round < count / 20; round += 1) {
      await Promise.all(
        Array.from({ length: 20 }, async () => {
          await new Browser().open(authorizationRequest(server, SPA).url)
          const { url } = authorizationRequest(server, WEB)
          await clientRequest(server, '/par', WEB, Object.fromEntries(new URL(url).searchParams))
        }),
      )
    }
    expect(await rows()).toEqual(before)
    const keys = (await store.keys('*')).filter((key) => !keysBefore.includes(key))
    // An interaction, what finds it, and a session of nobody with its cookie; and a pushed request.
    expect(keys.length).toBeLessThanOrEqual(count * 6)
    for (const key of keys) {
      const seconds = await store.ttl(key)
      expect({ key, seconds, bounded: seconds > 0 && seconds <= 25 * 3600 }).toEqual({ key, seconds, bounded: true })
    }
    const sizes = await Promise.all(keys.map((key) => store.memory('USAGE', key)))
    expect(Math.max(...sizes.map(Number))).toBeLessThan(16 * 1024)
    await store.quit()
  }, 60_000)
})
