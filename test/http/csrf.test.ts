// WB3: a form is believed when it has the token of the page it was on, and the browser does not say it came from elsewhere.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createCsrf } from '../../server/http/csrf.ts'
import { readForm } from '../../server/http/form.ts'
import { Browser } from '../support/browser.ts'
import { type SmallApp, startSmallApp } from './small-app.ts'

const KEY = Buffer.alloc(32, 5)
let app: SmallApp
let browser: Browser
let token: string

beforeAll(async () => {
  app = await startSmallApp((url) => {
    const csrf = createCsrf({ key: KEY, issuer: url })
    return [
      async (ctx) => {
        if (ctx.method === 'GET') {
          ctx.body = { first: csrf.token(ctx, 'name'), again: csrf.token(ctx, 'name'), other: csrf.token(ctx, 'sessions') }
          return
        }
        csrf.check(ctx, await readForm(ctx), 'name')
        ctx.body = 'done'
      },
    ]
  })
})

afterAll(() => app.stop())

beforeEach(async () => {
  browser = new Browser()
  token = (await tokens(browser)).first
})

async function tokens(of: Browser): Promise<{ first: string; again: string; other: string }> {
  return JSON.parse((await of.fetch(`${app.url}/`)).body)
}

const post = (csrf: string, headers: { readonly [name: string]: string } = {}, of = browser) =>
  of.fetch(`${app.url}/`, { body: new URLSearchParams({ csrf }).toString(), headers })

/** A request without the headers in which browsers say where it comes from. */
const silent = { origin: '', 'sec-fetch-site': '' }

describe('WB3: what is believed', () => {
  test('the form of the page, sent from the page', async () => {
    expect(await post(token)).toMatchObject({ status: 200, body: 'done' })
  })

  test('the same form twice: the page may be a second one, or the answer was lost', async () => {
    await post(token)
    expect((await post(token)).status).toBe(200)
  })

  test.each([
    ['an old browser that says nothing', silent],
    ['one that says only where it comes from', { 'sec-fetch-site': '' }],
    ['our referrer policy makes browsers send Origin: null', { origin: 'null' }],
    ['a person who typed the address', { origin: '', 'sec-fetch-site': 'none' }],
  ])('%s', async (_what, headers) => {
    expect((await post(token, headers)).status).toBe(200)
  })

  test('several forms of a page, and several pages of a browser', async () => {
    const first = await tokens(browser)
    expect(first.first).toBe(first.again)
    expect((await tokens(browser)).first).toBe(token)
    expect(first.other).not.toBe(first.first)
  })
})

describe('WB3: what is not', () => {
  test.each<[what: string, headers: { readonly [name: string]: string }]>([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['a sister site', { 'sec-fetch-site': 'same-site' }],
    ['another origin', { origin: 'https://evil.example' }],
    ['another origin, in a browser that says no more', { origin: 'https://evil.example', 'sec-fetch-site': '' }],
    ['another port', { origin: 'http://127.0.0.1:1', 'sec-fetch-site': '' }],
    ['a sandbox, in a browser that says no more', { origin: 'null', 'sec-fetch-site': '' }],
    ['a sandbox on another site', { origin: 'null', 'sec-fetch-site': 'cross-site' }],
    ['something that no browser says', { 'sec-fetch-site': 'Same-Origin' }],
  ])('the right form from %s', async (_what, headers) => {
    expect((await post(token, headers)).status).toBe(403)
  })

  test.each<[what: string, make: () => Promise<string> | string]>([
    ['no token', () => ''],
    ['a wrong token', () => 'A'.repeat(43)],
    ['a part of the token', () => token.slice(0, -1)],
    ['more than the token', () => `${token}A`],
    ['the token of another form', async () => (await tokens(browser)).other],
    ['the token of another browser', async () => (await tokens(new Browser())).first],
  ])('%s', async (_what, make) => {
    expect((await post(await make(), silent)).status).toBe(403)
  })

  test('the right token without the cookie', async () => {
    expect((await post(token, silent, new Browser())).status).toBe(403)
  })

  test('a cookie that somebody else planted, although they know its token', async () => {
    const attacker = new Browser()
    const { first } = await tokens(attacker)
    const victim = new Browser()
    victim.setCookie('latchkey_csrf', attacker.cookie('latchkey_csrf') ?? '')
    expect((await post(first, silent, victim)).status).toBe(403)
  })

  test('the page of the refusal says what to do, and nothing of tokens', async () => {
    const page = await post('')
    expect(page.headers['content-type']).toMatch(/^text\/html/)
    expect(page.body).toContain('reload the page')
    expect(page.body).not.toMatch(/csrf|token|forge/i)
  })
})

describe('the cookie', () => {
  test('is kept from scripts and from posts of other sites', async () => {
    const [cookie = ''] = [(await new Browser().fetch(`${app.url}/`)).headers['set-cookie'] ?? []].flat()
    expect(cookie).toMatch(/^latchkey_csrf=[\w-]{22}; path=\/; samesite=lax; httponly$/i)
  })

  test('cannot be set by a sister site where the issuer is reached by https', async () => {
    const csrf = createCsrf({ key: KEY, issuer: 'https://id.example' })
    const secure = await startSmallApp(() => [
      (ctx) => {
        ctx.cookies.secure = true
        ctx.body = csrf.token(ctx, 'name')
      },
    ])
    const cookies = [(await new Browser().fetch(`${secure.url}/`)).headers['set-cookie'] ?? []].flat()
    expect(cookies).toHaveLength(2)
    for (const cookie of cookies)
      expect(cookie).toMatch(/^__Host-latchkey_csrf(?:\.sig)?=[\w-]+; path=\/; samesite=lax; secure; httponly$/i)
    await secure.stop()
  })

  test('is not what the token is made of alone: another key makes another token', async () => {
    const other = createCsrf({ key: Buffer.alloc(32, 6), issuer: app.url })
    const elsewhere = await startSmallApp(() => [
      (ctx) => {
        ctx.body = other.token(ctx, 'name')
      },
    ])
    const made = await browser.fetch(`${elsewhere.url}/`)
    expect(made.body).toHaveLength(43)
    expect(made.body).not.toBe(token)
    await elsewhere.stop()
  })
})

describe('what the caller has seen that the browser holds', () => {
  const csrf = createCsrf({ key: KEY, issuer: 'http://localhost' })
  const outcomeOf = async (token: string, held: string) => {
    const guarded = await startSmallApp(() => [
      async (ctx) => {
        if (ctx.method === 'GET') ctx.body = csrf.token(ctx, 'interaction', 'u1')
        else csrf.check(ctx, await readForm(ctx), 'interaction', held)
        ctx.status = 200
      },
    ])
    const visitor = new Browser()
    const page = await visitor.fetch(`${guarded.url}/`)
    const body = new URLSearchParams({ csrf: token === '' ? page.body : token }).toString()
    const { status } = await visitor.fetch(`${guarded.url}/`, { body, headers: silent })
    await guarded.stop()
    return { status, cookies: visitor.cookieNames() }
  }

  test('stands for the cookie, and none is set', async () => {
    expect(await outcomeOf('', 'u1')).toEqual({ status: 200, cookies: [] })
  })

  test('is no good when the browser holds something else', async () => {
    expect(await outcomeOf('', 'u2')).toMatchObject({ status: 403 })
  })

  test('makes no token that is good for another form, or can be made of what it is', async () => {
    expect(await outcomeOf('u1', 'u1')).toMatchObject({ status: 403 })
  })
})
