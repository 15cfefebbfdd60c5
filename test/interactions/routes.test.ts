// The pages between `/authorize` and the code, over HTTP, with a fake of the protocol behind them.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { HashingBusy } from '../../server/accounts/hashing-pool.ts'
import { createCsrf } from '../../server/http/csrf.ts'
import { routesOf } from '../../server/http/routes.ts'
import type { SignIn } from '../../server/interactions/interaction-port.ts'
import { createInteractionRoutes } from '../../server/interactions/routes.ts'
import { StorageUnavailable } from '../../server/storage/errors.ts'
import { type SmallApp, startSmallApp } from '../http/small-app.ts'
import { Browser, formsOf, type Page } from '../support/browser.ts'
import { COOKIE, type FakePort, fakePort, pendingLogin } from './fake-port.ts'

const RIGHT = { username: 'ada@example.com', password: ' correct  horse ' }

let app: SmallApp
let port: FakePort
let browser: Browser
let coming = 0
let lost: string[]
let asked: Parameters<SignIn>[0][]
let answer: () => ReturnType<SignIn>

beforeEach(async () => {
  port = fakePort(pendingLogin())
  asked = []
  lost = []
  coming = 0
  answer = async () => {
    const { username, password } = asked.at(-1) ?? { username: '', password: '' }
    const right = username === RIGHT.username && password === RIGHT.password
    return right ? { outcome: 'ok', account: { id: 'acc_ada' }, afterEnd: '7/3' } : { outcome: 'refused' }
  }
  const signIn: SignIn = (request) => {
    asked.push(request)
    return answer()
  }
  const passwordComes = () => {
    coming += 1
  }
  app = await startSmallApp((url) => {
    const csrf = createCsrf({ key: Buffer.alloc(32, 3), issuer: url })
    return [
      routesOf(
        createInteractionRoutes({ port, signIn, passwordComes, lost: (ctx) => lost.push(`${ctx.method} ${ctx.path}`), csrf }),
      ),
    ]
  })
  browser = inInteraction('u1')
})

afterEach(() => app.stop())

/** A browser that has begun an interaction. It does not go on by itself. */
function inInteraction(uid: string): Browser {
  const made = new Browser({ stopAt: () => true })
  made.setCookie(COOKIE, uid)
  return made
}

const open = (uid = 'u1', of = browser) => of.fetch(`${app.url}/interactions/${uid}`)

function send(path: string, fields: { readonly [name: string]: string }, of = browser, headers = {}): Promise<Page> {
  return of.fetch(`${app.url}/interactions/${path}`, { body: new URLSearchParams(fields).toString(), headers })
}

async function csrfOf(uid = 'u1', of = browser): Promise<string> {
  return formsOf(await open(uid, of))[0]?.fields.csrf ?? ''
}

function askConsent(): void {
  const pending = port.pending.get('u1')
  if (pending === undefined) return
  pending.prompt = 'consent'
  pending.email = RIGHT.username
  pending.missing = { openid: ['openid', 'email', 'offline_access'], resources: { 'https://notes.example/api': ['notes:read'] } }
}

describe('sign-in', () => {
  test('is prepared for when its page is shown, and the page of consent needs nothing', async () => {
    await open()
    expect(coming).toBe(1)
    askConsent()
    await open()
    expect(coming).toBe(1)
  })

  test('goes on with 200 and Refresh, never with a redirect, and with a link that can be seen', async () => {
    const page = await browser.fetch(`${app.url}/interactions/u1`)
    const done = await browser.submit(page, RIGHT)
    expect(port.calls).toEqual(['login u1 acc_ada pwd after 7/3'])
    expect(done.status).toBe(200)
    expect(done.headers.refresh).toBe('0;url=https://id.example/authorize/u1')
    expect(done.headers.location).toBeUndefined()
    expect(done.body).toContain('href="https://id.example/authorize/u1"')
  })

  test('LG12: the password is taken as it was typed, and where it came from is told', async () => {
    const csrf = await csrfOf()
    for (const password of [' a ', 'пароль 🔑', 'a'.repeat(1024), 'é', 'a\tb']) {
      await send('u1/login', { csrf, username: ' Ada@Example.com', password })
      expect(asked.at(-1)).toMatchObject({ username: ' Ada@Example.com', password })
    }
    expect(asked[0]?.origin).toMatchObject({ address: '127.0.0.1', requestId: expect.stringMatching(/^[\da-f-]{36}$/) })
  })

  test.each([
    ['a password of more than 1 KiB', { username: 'ada@example.com', password: 'a'.repeat(1025) }],
    ['one of fewer characters, but more bytes', { username: 'ada@example.com', password: '🔑'.repeat(257) }],
    ['an address of more than 1 KiB', { username: 'a'.repeat(1025), password: 'right' }],
  ])('LG12: %s is refused before anything is computed', async (_what, fields) => {
    const page = await send('u1/login', { csrf: await csrfOf(), ...fields })
    expect([page.status, asked.length]).toEqual([200, 0])
    expect(page.body).toContain('That e-mail or password is not right.')
  })

  test('LG1: a wrong password and an account that does not exist get the same answer', async () => {
    const csrf = await csrfOf()
    const known = await send('u1/login', { csrf, username: 'ada@example.com', password: 'wrong' })
    const unknown = await send('u1/login', { csrf, username: 'eve@example.com', password: 'wrong' })
    expect(known.body.replace('ada@', 'eve@')).toBe(unknown.body)
    const told = ({ status, headers }: Page) => [status, Object.keys(headers).sort(), headers['set-cookie']]
    expect(told(known)).toEqual(told(unknown))
  })

  test('a wrong password keeps the address, says so in the title and at the fields, and can be tried again', async () => {
    const page = await send('u1/login', { csrf: await csrfOf(), username: 'eda@example.com', password: 'hunter2-wrong' })
    expect(page.status).toBe(200)
    expect(page.body).toContain('<title>Sign-in failed – Sign in – Latchkey</title>')
    expect(page.body).not.toContain('hunter2-wrong')
    expect(formsOf(page)[0]?.fields).toMatchObject({ username: 'eda@example.com', password: '' })
    await browser.submit(page, RIGHT)
    expect(port.calls).toEqual(['login u1 acc_ada pwd after 7/3'])
  })

  test('too many failures: the page and a header say when to come back', async () => {
    answer = async () => ({ outcome: 'refused', retryAfterSeconds: 130 })
    const page = await send('u1/login', { csrf: await csrfOf(), ...RIGHT })
    expect([page.status, page.headers['retry-after']]).toEqual([429, '130'])
    expect(page.body).toContain('in 3 minutes')
    expect(port.calls).toEqual([])
  })

  test.each([
    ['a store that is out of reach', () => new StorageUnavailable('postgres', 'no route to 10.0.0.3')],
    ['too many passwords to hash', () => new HashingBusy('the queue is full')],
  ])('%s is told in plain words, with when to come back', async (_what, make) => {
    const csrf = await csrfOf()
    answer = () => Promise.reject(make())
    const page = await send('u1/login', { csrf, ...RIGHT })
    expect([page.status, page.headers['retry-after']]).toEqual([503, '5'])
    expect(page.body).toContain('try again')
    expect(page.body).not.toMatch(/10\.0\.0\.3|queue|Storage/)
    expect(port.calls).toEqual([])
  })

  test('a store that is out of reach before the page can be shown', async () => {
    port.fault = new StorageUnavailable('redis', 'timed out')
    for (const page of [await open(), await send('u1/login', RIGHT), await send('u1/abort', {})]) expect(page.status).toBe(503)
  })

  test('the hint of the app stands in the field; so does the address of who must confirm', async () => {
    const pending = port.pending.get('u1')
    if (pending !== undefined) pending.loginHint = 'grace@example.com'
    expect(formsOf(await open())[0]?.fields.username).toBe('grace@example.com')
    port.pending.set('u1', { ...pendingLogin(), email: RIGHT.username, reauthentication: true })
    expect(formsOf(await open())[0]?.fields.username).toBe(RIGHT.username)
  })

  test('going back to the app ends it as denied', async () => {
    const page = await open()
    const done = await browser.submit(page, {}, 'cancel')
    expect(port.calls).toEqual(['deny u1'])
    expect([done.status, done.headers.refresh]).toEqual([200, '0;url=https://id.example/authorize/u1'])
  })
})

describe('consent', () => {
  beforeEach(askConsent)

  test('CN1: the page says which app, where it goes, what it may, where and for how long, and who agrees', async () => {
    const page = await open()
    for (const told of [
      'Notes of the Secret Project',
      'notes.example',
      'https://notes.example/api',
      'notes:read',
      RIGHT.username,
    ]) {
      expect(page.body).toContain(told)
    }
    expect(page.body).toMatch(/e-mail address/)
    expect(page.body).toContain('It can do this until you or an administrator end it')
    const pending = port.pending.get('u1')
    if (pending !== undefined) pending.missing = { openid: ['openid'], resources: {} }
    expect((await open()).body).toContain('It can do this until you sign out, and your answer is remembered')
  })

  test('the first button of the first form agrees, the other one does not', async () => {
    await browser.submit(await open())
    await browser.submit(await open(), {}, 'deny')
    expect(port.calls).toEqual(['consent u1', 'deny u1'])
  })

  test('CN3, AZ20: nobody agrees by looking, and no other site agrees for them', async () => {
    const csrf = await csrfOf()
    expect((await browser.fetch(`${app.url}/interactions/u1/consent`)).status).toBe(405)
    for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }]) {
      expect((await send('u1/consent', { csrf }, browser, headers)).status).toBe(403)
    }
    expect((await send('u1/consent', { csrf: '' })).status).toBe(403)
    expect((await send('u1/consent', { csrf }, new Browser())).status).toBe(400)
    expect(port.calls).toEqual([])
  })

  test('CN3: the page cannot be framed', async () => {
    const { headers } = await open()
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'")
    expect(headers['x-frame-options']).toBe('DENY')
  })
})

describe('WB3: each form needs its token', () => {
  test.each(['login', 'consent', 'abort'])('%s', async (action) => {
    if (action === 'consent') askConsent()
    port.pending.set('u2', pendingLogin('u2'))
    const theirs = await csrfOf('u2', inInteraction('u2'))
    await open()
    for (const csrf of ['', 'A'.repeat(43), theirs]) {
      expect((await send(`u1/${action}`, { csrf, ...RIGHT })).status).toBe(403)
    }
    expect([port.calls, asked]).toEqual([[], []])
  })

  test('AZ26: the form of one interaction is no good in another', async () => {
    port.pending.set('u2', pendingLogin('u2'))
    const other = await csrfOf('u2', inInteraction('u2'))
    await open()
    expect((await send('u1/login', { csrf: other, ...RIGHT })).status).toBe(403)
    // The cookie says u1, the address u2.
    expect((await send('u2/login', { csrf: other, ...RIGHT })).status).toBe(400)
    expect([port.calls, asked]).toEqual([[], []])
  })

  test('AZ26: no password is tried at the step that asks for consent, and nobody agrees before they have signed in', async () => {
    const csrf = await csrfOf()
    expect((await send('u1/consent', { csrf })).status).toBe(400)
    askConsent()
    expect((await send('u1/login', { csrf, ...RIGHT })).status).toBe(400)
    expect([port.calls, asked]).toEqual([[], []])
  })
})

describe('an interaction that is not there', () => {
  const SECRETS = /Secret Project|notes\.example|grace@|u1/

  test.each(['GET', 'login', 'consent', 'abort'])('AZ24: another browser learns nothing (%s)', async (action) => {
    const pending = port.pending.get('u1')
    if (pending !== undefined) pending.loginHint = 'grace@example.com'
    const stranger = new Browser({ stopAt: () => true })
    const page = action === 'GET' ? await open('u1', stranger) : await send(`u1/${action}`, RIGHT, stranger)
    expect(page.status).toBe(400)
    expect(page.body).toContain('This sign-in has expired')
    expect(page.body).not.toMatch(SECRETS)
    const nowhere = await open('unknown', stranger)
    const withoutIds = (text: string) => text.replaceAll(/[\da-f]{8}-[\da-f-]{27}/g, '')
    expect(withoutIds(nowhere.body)).toBe(withoutIds(page.body))
    expect(asked).toEqual([])
    const first = action === 'GET' ? 'GET /interactions/u1' : `POST /interactions/u1/${action}`
    expect(lost).toEqual([first, 'GET /interactions/unknown'])
  })

  test('AZ25: a form that is sent again when all is over gets the page that says so', async () => {
    const page = await open()
    await browser.submit(page, RIGHT)
    port.pending.delete('u1')
    const again = await browser.submit(page, RIGHT)
    expect(again.status).toBe(400)
    expect(again.body).toContain('already finished')
    expect(port.calls).toHaveLength(1)
  })

  test('AZ25: a double click is two answers that lead to the same place', async () => {
    const page = await open()
    const both = await Promise.all([browser.submit(page, RIGHT), browser.submit(page, RIGHT)])
    expect(both.map(({ status, headers }) => [status, headers.refresh])).toEqual([
      [200, '0;url=https://id.example/authorize/u1'],
      [200, '0;url=https://id.example/authorize/u1'],
    ])
  })

  test.each(['%00', '%2e%2e', '..%2f..', '%E0%A4%A', '<script>alert(1)</script>', '__proto__'])(
    'a name like %j is none',
    async (uid) => {
      const page = await open(uid)
      expect([400, 404]).toContain(page.status)
      expect(page.body).not.toContain('<script>')
    },
  )
})

test('a name of four thousand letters is none', async () => {
  expect((await open('a'.repeat(4000))).status).toBe(400)
})

describe('WB6, WB7: every answer', () => {
  test('is kept by nobody', async () => {
    const pages = [
      await open(),
      await open('unknown'),
      await send('u1/login', {}),
      await send('u1/login', { csrf: await csrfOf(), ...RIGHT }),
    ]
    expect(pages.map(({ status, headers }) => [status, headers['cache-control']])).toEqual([
      [200, 'no-store'],
      [400, 'no-store'],
      [403, 'no-store'],
      [200, 'no-store'],
    ])
  })

  test.each<[what: string, body: string, type: string, status: number]>([
    ['JSON', '{"username":"ada"}', 'application/json', 415],
    ['a field twice', 'username=a&username=b', 'application/x-www-form-urlencoded', 400],
    ['60 KiB', `password=${'a'.repeat(60 * 1024)}`, 'application/x-www-form-urlencoded', 413],
    ['a NUL', 'username=a%00', 'application/x-www-form-urlencoded', 400],
    ['nothing', '', 'application/x-www-form-urlencoded', 403],
  ])('to %s is a page with the right status', async (_what, body, type, status) => {
    await open()
    const page = await browser.fetch(`${app.url}/interactions/u1/login`, { body, headers: { 'content-type': type } })
    expect(page.status).toBe(status)
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8')
    expect(asked).toEqual([])
  })
})

test('AZ27, WB4: markup in what clients and people send stays text', async () => {
  const evil = '"><img src=x onerror=alert(1)>'
  const client = { id: evil, name: evil, clientUri: 'javascript:alert(1)', policyUri: evil, tosUri: `https://a.example/${evil}` }
  port.pending.set('u1', { ...pendingLogin(), client, loginHint: evil, redirectHost: evil })
  const wrong = await send('u1/login', { csrf: await csrfOf(), username: evil, password: evil })
  const login = await open()
  askConsent()
  const pending = port.pending.get('u1')
  if (pending !== undefined) pending.missing = { openid: [evil], resources: { [evil]: [evil] } }
  for (const page of [wrong, login, await open()]) {
    expect(page.status).toBe(200)
    expect(page.body).toContain('&lt;img src=x onerror=alert(1)&gt;')
    expect(page.body).not.toMatch(/<img|javascript:/)
  }
})
