// Sessions: nobody gets into somebody else's, and what has ended stays ended (OWASP ASVS 3.3 and 7; CVE-2024-7341,
// CVE-2026-7507, CVE-2025-12390).
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import pg from 'pg'
import { Browser, formsOf, type Page } from '../support/browser.ts'
import { API, PARTNER, SPA, WEB } from '../support/clients.ts'
import {
  type Authorization,
  authorizationRequest,
  callbackParams,
  claimsOf,
  introspect,
  obtainTokens,
  redeem,
  refresh,
  signIn,
  type TokenAnswer,
} from '../support/oauth.ts'
import { redisUrl } from '../support/redis.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { errorLines } from './attempts.ts'

const SESSION = 'latchkey_session'
const redis = redisUrl()

let server: TestServer

beforeAll(async () => {
  server = await startServer({ redisUrl: redis })
})

afterAll(async () => {
  await server?.stop()
})

const asksForPassword = (page: Page) => page.body.includes('name="password"')
const openApp = (browser: Browser, params = {}) => browser.open(authorizationRequest(server, SPA, params).url)

async function expectSignedIn(browser: Browser, person: { readonly username: string } | undefined): Promise<void> {
  const page = await browser.open(new URL('/account', server.issuer))
  if (person === undefined) expect(asksForPassword(page)).toBe(true)
  else expect(page.body).toContain(person.username)
}

async function expectDead({ body }: TokenAnswer, client = SPA): Promise<void> {
  expect((await refresh(server, client, body.refresh_token ?? '')).body.error).toBe('invalid_grant')
  expect(await introspect(server, API, body.access_token ?? '')).toEqual({ active: false })
}

describe('SE1: the identifier of a session', () => {
  test('changes at sign-in: whoever planted or copied the one before it is not signed in', async () => {
    const attacker = new Browser()
    await openApp(attacker)
    expect(attacker.cookie(SESSION)).toBeDefined()
    // The attacker's cookies are in the victim's browser, which begins its own sign-in with them.
    const victim = attacker.copy()
    const before = victim.copy()
    const login = await openApp(victim)
    const during = victim.copy()
    expect(callbackParams(await signIn(victim, login, server.ada))).toHaveProperty('code')
    await expectSignedIn(victim, server.ada)
    for (const copy of [attacker, before, during]) {
      expect(copy.cookie(SESSION)).not.toBe(victim.cookie(SESSION))
      expect(asksForPassword(await openApp(copy))).toBe(true)
      await expectSignedIn(copy, undefined)
    }
  })

  test('changes at re-authentication too', async () => {
    const { browser } = await obtainTokens(server, SPA)
    const before = browser.copy()
    await expectSignedIn(before, server.ada)
    const page = await openApp(browser, { prompt: 'login' })
    expect({ status: page.status, asks: asksForPassword(page) }).toEqual({ status: 200, asks: true })
    expect(callbackParams(await signIn(browser, page, server.ada))).toHaveProperty('code')
    expect(browser.cookie(SESSION)).not.toBe(before.cookie(SESSION))
    await expectSignedIn(browser, server.ada)
    await expectSignedIn(before, undefined)
  })

  test('an interaction that the attacker began cannot be finished into the victim’s browser', async () => {
    const attacker = new Browser()
    const login = await openApp(attacker)
    const victim = new Browser()
    // The form of the attacker's interaction, sent by a browser without its cookies.
    const form = formsOf(login).find(({ action }) => action.endsWith('/login'))
    const fields = new URLSearchParams({ ...form?.fields, ...server.ada })
    const page = await victim.fetch(new URL(form?.action ?? '', server.issuer).href, { body: fields.toString() })
    expect(page.status).toBe(400)
    expect(page.body).toContain('expired')
    await expectSignedIn(victim, undefined)
    await expectSignedIn(attacker, undefined)
  })
})

describe('SE2: cookies', () => {
  test('of a server on https can be read by no script, sent by no other site and planted by no neighbour', async () => {
    const secure = await startServer({ settings: { ISSUER: 'https://id.people.test' } })
    try {
      const browser = new Browser()
      const here = (url: string) => url.replace('https://id.people.test', secure.issuer)
      const lines: string[] = []
      const visit = async (url: string, body?: string) => {
        const page = await browser.fetch(here(url), {
          ...(body === undefined ? {} : { body }),
          headers: body === undefined ? {} : { origin: 'https://id.people.test' },
        })
        lines.push(...[page.headers['set-cookie'] ?? []].flat())
        return page
      }
      const started = await visit(authorizationRequest({ ...secure, issuer: 'https://id.people.test' }, SPA).url)
      const login = await visit(new URL(String(started.headers.location), 'https://id.people.test').href)
      const form = formsOf(login).find(({ action }) => action.endsWith('/login'))
      const posted = await visit(
        `https://id.people.test${form?.action}`,
        new URLSearchParams({ ...form?.fields, ...secure.ada }).toString(),
      )
      const back = await visit(String(posted.headers.refresh).replace('0;url=', ''))
      expect(String(back.headers.location)).toContain('code=')
      await visit('https://id.people.test/account')
      const names = new Set(lines.map((line) => line.split('=', 1)[0]?.replace('.sig', '')))
      expect(names).toEqual(
        new Set(['__Host-latchkey_session', '__Host-latchkey_csrf', 'latchkey_interaction', 'latchkey_resume']),
      )
      for (const line of lines) {
        const attributes = line
          .split(';')
          .slice(1)
          .map((attribute) => attribute.trim().toLowerCase())
        expect({ line, attributes }).toEqual({
          line,
          attributes: expect.arrayContaining(['secure', 'httponly', 'samesite=lax', expect.stringMatching(/^path=\//)]),
        })
        expect(line.toLowerCase()).not.toContain('domain=')
        // RFC 6265bis §4.1.3.2
        if (line.startsWith('__Host-')) expect(attributes).toContain('path=/')
      }
    } finally {
      await secure.stop()
    }
  })

  test.each([
    ['without its signature', (browser: Browser) => browser.setCookie(`${SESSION}.sig`, '')],
    ['with a signature of another value', (browser: Browser) => browser.setCookie(SESSION, 'A'.repeat(43))],
    ['with a byte of the signature changed', (browser: Browser) => flip(browser, `${SESSION}.sig`)],
    ['with a byte of the value changed', (browser: Browser) => flip(browser, SESSION)],
    ['with the public id of the session', (browser: Browser, uid: string) => browser.setCookie(SESSION, uid)],
  ])('a session cookie %s opens nothing', async (_name, spoil) => {
    const { browser, tokens } = await obtainTokens(server, SPA)
    await expectSignedIn(browser, server.ada)
    const copy = browser.copy()
    spoil(copy, String(claimsOf(tokens.body.access_token).sid).replace('ses_', ''))
    await expectSignedIn(copy, undefined)
    await expectSignedIn(browser, server.ada)
  })

  test('holds a random value, of 128 bits or more, and nothing else', async () => {
    const values = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const browser = new Browser()
        await openApp(browser)
        return browser.cookie('latchkey_interaction') ?? ''
      }),
    )
    const { browser } = await obtainTokens(server, SPA)
    for (const value of [...values, browser.cookie(SESSION) ?? '']) expect(value).toMatch(/^[A-Za-z0-9_-]{21,}$/)
    expect(new Set(values).size).toBe(values.length)
  })
})

describe('LO1: a link to the sign-out, in whatever page it stands,', () => {
  /** OpenID Connect RP-Initiated Logout 1.0 §2 and §6: without a hint nobody knows that the person wants it. */
  const LINKS: { readonly [link: string]: { readonly [name: string]: string } } = {
    'with nothing': {},
    'with an app and a way back': { client_id: WEB.client_id, post_logout_redirect_uri: 'https://web.example/', state: 'bye' },
    'with the word for all sessions': { scope: 'account' },
    'with a secret made up': { xsrf: 'made-up', logout: 'yes' },
  }

  test.each(Object.keys(LINKS))('%s: the person is asked, and stays signed in until they have answered', async (link) => {
    const { browser, tokens } = await obtainTokens(server, SPA)
    const url = new URL('/logout', server.issuer)
    const params = new URLSearchParams(LINKS[link])
    await browser.fetch(url.href, { body: params.toString() })
    url.search = params.toString()
    const page = await browser.open(url)
    const [form] = formsOf(page)
    expect({ url: page.url, action: form?.action }).toEqual({ url: url.href, action: expect.stringContaining('/logout/confirm') })
    await expectSignedIn(browser, server.ada)
    expect((await introspect(server, API, tokens.body.access_token ?? '')).active).toBe(true)
    // The answer counts with the secret of the question only.
    const answer = new URLSearchParams({ ...form?.fields, xsrf: 'made-up', logout: 'yes' }).toString()
    expect((await browser.fetch(new URL(form?.action ?? '', page.url).href, { body: answer })).status).toBe(400)
    await expectSignedIn(browser, server.ada)
    await browser.submit(await browser.open(url))
    await expectSignedIn(browser, undefined)
    await expectDead(tokens)
  })
})

describe('SE4: after sign-out', () => {
  test('a saved cookie is worth nothing, at every page and for every app', async () => {
    const { browser, tokens } = await obtainTokens(server, SPA)
    const saved = browser.copy()
    await expectSignedIn(saved, server.ada)
    const signedOut = await browser.submit(await browser.open(new URL('/logout', server.issuer)))
    expect(signedOut.body).toContain('signed out')
    await expectSignedIn(saved, undefined)
    expect(asksForPassword(await openApp(saved))).toBe(true)
    expect(callbackParams(await openApp(saved.copy(), { prompt: 'none' })).error).toBe('login_required')
    await expectDead(tokens)
  })

  test('a request that was in flight does not bring the session back', async () => {
    const { browser } = await obtainTokens(server, SPA)
    const saved = browser.copy()
    const page = await browser.open(new URL('/logout', server.issuer))
    await Promise.all([browser.submit(page), ...Array.from({ length: 10 }, () => openApp(saved.copy()).catch(() => undefined))])
    await expectSignedIn(saved.copy(), undefined)
    expect(asksForPassword(await openApp(saved.copy()))).toBe(true)
  })
})

describe('SE6: the list of sessions', () => {
  const sessionRows = (page: Page) => [...page.body.matchAll(/\/account\/sessions\/(ses_[^/]+)\/revocation/g)].map(([, id]) => id)

  test('shows device, address, times and apps of one’s own, and of nobody else', async () => {
    const firefox = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0'
    const there = await obtainTokens(server, WEB, { browser: new Browser({ userAgent: firefox }), person: server.grace })
    const here = await obtainTokens(server, SPA, { person: server.grace })
    const other = await obtainTokens(server, SPA)
    const page = await here.browser.open(new URL('/account', server.issuer))
    expect(page.body).toContain('Firefox on Windows')
    expect(page.body).toContain('Chrome on Linux')
    expect(page.body).toContain('127.0.0.1')
    expect(page.body).toContain('App notes-web')
    expect(page.body.match(/<time datetime="[^"]+">/g)?.length).toBeGreaterThanOrEqual(4)
    expect(sessionRows(page)).toContain(claimsOf(there.tokens.body.access_token).sid)
    expect(page.body).not.toContain(String(claimsOf(other.tokens.body.access_token).sid))
    expect(page.body).not.toContain(server.ada.username)
  })

  test('ending one ends just it, with its tokens; somebody else’s cannot be ended', async () => {
    const here = await obtainTokens(server, SPA, { person: server.grace })
    const there = await obtainTokens(server, SPA, { person: server.grace })
    const third = await obtainTokens(server, SPA, { person: server.grace })
    const other = await obtainTokens(server, SPA)
    const page = await here.browser.open(new URL('/account', server.issuer))
    for (const { tokens } of [other, there]) {
      expect((await endSession(here.browser, page, claimsOf(tokens.body.access_token).sid)).status).toBe(303)
    }
    await expectDead(there.tokens)
    await expectSignedIn(there.browser, undefined)
    for (const alive of [here, third, other]) {
      expect(await introspect(server, API, alive.tokens.body.access_token ?? '')).toMatchObject({ active: true })
      await expectSignedIn(alive.browser, alive === other ? server.ada : server.grace)
    }
  })

  test('ending all others leaves this one', async () => {
    const there = await obtainTokens(server, SPA, { person: server.grace })
    const here = await obtainTokens(server, SPA, { person: server.grace })
    const other = await obtainTokens(server, SPA)
    const page = await here.browser.open(new URL('/account', server.issuer))
    const form = formsOf(page).find(({ action }) => action.endsWith('/others/revocation'))
    const after = await here.browser.fetch(new URL(form?.action ?? '', server.issuer).href, {
      body: new URLSearchParams(form?.fields ?? {}).toString(),
    })
    expect(after.status).toBe(303)
    expect(sessionRows(await here.browser.open(new URL('/account', server.issuer)))).toEqual([])
    await expectDead(there.tokens)
    await expectSignedIn(there.browser, undefined)
    await expectSignedIn(here.browser, server.grace)
    await expectSignedIn(other.browser, server.ada)
    expect((await refresh(server, SPA, here.tokens.body.refresh_token ?? '')).status).toBe(200)
  })
})

describe('SE7 and AZ10: two people, one browser', () => {
  test('the second is asked to sign the first out; then the first’s tokens are dead and nothing is mixed', async () => {
    const first = await obtainTokens(server, SPA)
    const offline = await obtainTokens(server, PARTNER, { browser: first.browser, params: { prompt: 'consent' } })
    const { browser } = first
    const saved = browser.copy()
    const authorization = authorizationRequest(server, WEB, { prompt: 'login' })
    const asked = await browser.submit(await browser.open(authorization.url), server.grace)
    expect(asked.status).toBe(200)
    expect(asked.body).toContain('Another account is signed in here')
    // Nothing has happened yet: not to the first, and not for the second.
    expect(await introspect(server, API, first.tokens.body.access_token ?? '')).toMatchObject({ active: true })
    const done = await browser.submit(asked)
    const { code } = callbackParams(done)
    const second = await redeem(server, WEB, authorization, code ?? '')
    expect(second.status).toBe(200)

    const [ada, grace] = [claimsOf(first.tokens.body.access_token), claimsOf(second.body.access_token)]
    expect(grace.sub).not.toBe(ada.sub)
    expect(grace.sid).not.toBe(ada.sid)
    expect(claimsOf(second.body.id_token).sub).toBe(grace.sub)
    await expectDead(first.tokens)
    // Whoever is signed over did not sign out: also what would have outlived a sign-out ends.
    await expectDead(offline.tokens, PARTNER)
    await expectSignedIn(browser, server.grace)
    await expectSignedIn(saved, undefined)
    const sessions = await server.latchkey.nouns.sessions.list(String(ada.sub))
    expect(sessions.map(({ id }) => id)).not.toContain(ada.sid)

    // The first one's apps ask again, and get the second's subject and session.
    const next = authorizationRequest(server, SPA)
    const tokens = await redeem(server, SPA, next, callbackParams(await browser.open(next.url)).code ?? '')
    expect(claimsOf(tokens.body.access_token)).toMatchObject({ sub: grace.sub, sid: grace.sid })
  })

  test('the consent of the first is not the second’s', async () => {
    const { browser } = await obtainTokens(server, PARTNER, { params: { scope: 'openid notes:read' } })
    const authorization = authorizationRequest(server, PARTNER, { prompt: 'login', scope: 'openid notes:read' })
    const asked = await browser.submit(await browser.open(authorization.url), server.grace)
    const consent = await browser.submit(asked)
    expect(consent.body).toContain('Let <bdi>App partner</bdi> in?')
    expect(consent.body).toContain(server.grace.username)
    expect(consent.body).not.toContain(server.ada.username)
  })

  test('whoever does not go on with it leaves the first one’s session as it was', async () => {
    const first = await obtainTokens(server, SPA)
    const asked = await first.browser.submit(await openApp(first.browser, { prompt: 'login' }), server.grace)
    expect(asked.body).toContain('Another account is signed in here')
    await expectSignedIn(first.browser, server.ada)
    expect(await introspect(server, API, first.tokens.body.access_token ?? '')).toMatchObject({ active: true })
    expect((await refresh(server, SPA, first.tokens.body.refresh_token ?? '')).status).toBe(200)
    // A code that is got now is the first one's.
    const next = authorizationRequest(server, SPA)
    const tokens = await redeem(server, SPA, next, callbackParams(await first.browser.open(next.url)).code ?? '')
    expect(claimsOf(tokens.body.access_token).sub).toBe(claimsOf(first.tokens.body.access_token).sub)
  })

  test('at once, in two tabs: one session of one person at the end, and no token of the one names the other', async () => {
    const browser = new Browser()
    const [a, b] = [authorizationRequest(server, SPA), authorizationRequest(server, WEB)]
    const tabs = [await browser.open(a.url), await browser.open(b.url)] as const
    const ends = await Promise.allSettled([signIn(browser, tabs[0], server.ada), signIn(browser, tabs[1], server.grace)])
    const sessions = new Map<unknown, unknown>()
    for (const [index, end] of ends.entries()) {
      const code = end.status === 'fulfilled' && end.value.url.includes('code=') ? callbackParams(end.value).code : undefined
      if (code === undefined) continue
      const tokens = await redeem(server, index === 0 ? SPA : WEB, index === 0 ? a : b, code)
      if (tokens.status !== 200) continue
      const claims = claimsOf(tokens.body.access_token)
      expect(sessions.get(claims.sid) ?? claims.sub).toBe(claims.sub)
      sessions.set(claims.sid, claims.sub)
    }
    expect(sessions.size).toBeGreaterThan(0)
    const page = await browser.open(new URL('/account', server.issuer))
    const shown = [server.ada, server.grace].filter(({ username }) => page.body.includes(username))
    expect(asksForPassword(page) ? 1 : shown.length).toBe(1)
  })
})

describe('AZ23: two apps that sign in at once in one browser', () => {
  test('both end up in the session of the one person, each with its own code and state', async () => {
    const browser = new Browser()
    const requests = [authorizationRequest(server, SPA), authorizationRequest(server, WEB)] as const
    const pages = [await browser.open(requests[0].url), await browser.open(requests[1].url)] as const
    expect(pages.map(asksForPassword)).toEqual([true, true])
    // The tab that was opened first is sent last.
    const second = await signIn(browser, pages[1], server.ada)
    const first = await signIn(browser, pages[0], server.ada)
    expect(callbackParams(first).state).toBe(requests[0].state)
    expect(callbackParams(second).state).toBe(requests[1].state)
    const spa = await redeem(server, SPA, requests[0], callbackParams(first).code ?? '')
    const web = await redeem(server, WEB, requests[1], callbackParams(second).code ?? '')
    expect([spa.status, web.status]).toEqual([200, 200])
    await expectOneSession(spa, web)
    await expectSignedIn(browser, server.ada)
  })

  test('also when both are sent in the same moment', async () => {
    const { browser, requests, pages } = await openBoth()
    const answers = await Promise.all([signIn(browser, pages[0], server.ada), signIn(browser, pages[1], server.ada)])
    await expectBothIn(browser, requests, answers)
  })

  test('also when the session of the first is stored and its record is not yet written', async () => {
    const { browser, requests, pages } = await openBoth()
    const holder = new pg.Client({ connectionString: server.databaseUrl })
    await holder.connect()
    try {
      await holder.query('BEGIN')
      await holder.query('LOCK TABLE sessions IN SHARE ROW EXCLUSIVE MODE')
      const first = signIn(browser, pages[0], server.ada)
      await untilBlocked(holder, 1)
      const second = signIn(browser, pages[1], server.ada)
      await untilBlocked(holder, 2)
      await holder.query('COMMIT')
      await expectBothIn(browser, requests, [await first, await second])
    } finally {
      await holder.end()
    }
  })

  async function openBoth() {
    const browser = new Browser()
    const requests = [authorizationRequest(server, SPA), authorizationRequest(server, WEB)] as const
    const pages = [await browser.open(requests[0].url), await browser.open(requests[1].url)] as const
    return { browser, requests, pages }
  }

  async function expectBothIn(browser: Browser, requests: readonly [Authorization, Authorization], pages: readonly [Page, Page]) {
    const spa = await redeem(server, SPA, requests[0], callbackParams(pages[0]).code ?? '')
    const web = await redeem(server, WEB, requests[1], callbackParams(pages[1]).code ?? '')
    expect([spa.status, web.status]).toEqual([200, 200])
    await expectOneSession(spa, web)
    await expectSignedIn(browser, server.ada)
  }

  /** Until so many statements wait for a lock. */
  async function untilBlocked(holder: pg.Client, count: number): Promise<void> {
    for (;;) {
      const { rows } = await holder.query<{ blocked: string }>(
        `SELECT count(*) AS blocked FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      )
      if (Number(rows[0]?.blocked) >= count) return
    }
  }

  async function expectOneSession(spa: TokenAnswer, web: TokenAnswer): Promise<void> {
    const [one, other] = [claimsOf(spa.body.access_token), claimsOf(web.body.access_token)]
    expect(other).toMatchObject({ sub: one.sub, sid: one.sid })
    const sessions = await server.latchkey.nouns.sessions.list(String(one.sub))
    const session = sessions.find(({ id }) => id === one.sid)
    expect(session?.clients.map(({ clientId }) => clientId).toSorted()).toEqual([SPA.client_id, WEB.client_id])
  }
})

describe('SE8: live state that cannot be read', () => {
  test.each([
    ['bytes that are no ciphertext', () => Buffer.from('{"accountId":"acc_x"}')],
    ['bytes that are no JSON', () => Buffer.from([0xff, 0xfe, 0, 1, 2])],
    ['nothing', () => Buffer.alloc(0)],
    ['an entry of 1 MiB', () => Buffer.alloc(1024 * 1024, 7)],
  ])('is as good as none: %s', async (_name, make) => {
    const client = new Redis(redis)
    // Only this browser's session is to be there.
    await client.flushdb()
    const { browser, tokens } = await obtainTokens(server, SPA)
    let spoiled = 0
    for (const key of await client.keys('*')) {
      if (!/(?:^|:)(?:session|cookie):/.test(key)) continue
      spoiled += 1
      const ttl = await client.pttl(key)
      if ((await client.type(key)) === 'hash') {
        for (const field of await client.hkeys(key)) await client.hset(key, field, make())
      } else {
        await client.set(key, make(), 'PX', Math.max(1, ttl))
      }
    }
    await client.quit()
    expect(spoiled).toBeGreaterThanOrEqual(2)
    const page = await openApp(browser)
    expect(page.status).toBe(200)
    expect(asksForPassword(page)).toBe(true)
    expect(callbackParams(await signIn(browser, page, server.ada))).toHaveProperty('code')
    await expectSignedIn(browser, server.ada)
    expect(errorLines(server)).toEqual([])
    // Tokens do not hang on the live state.
    expect((await refresh(server, SPA, tokens.body.refresh_token ?? '')).status).toBe(200)
  })
})

describe('SE9: when a session ends', () => {
  test.each(['signed out', 'ended at the account page'])(
    'its tokens die, and those with offline_access go on only after a sign-out: %s',
    async (how) => {
      const { browser, tokens } = await obtainTokens(server, SPA, { person: server.grace })
      const offline = await obtainTokens(server, PARTNER, { browser, params: { prompt: 'consent' }, person: server.grace })
      const opaque = await obtainTokens(server, WEB, { browser, params: { scope: 'openid email' }, person: server.grace })
      if (how === 'signed out') {
        await browser.submit(await browser.open(new URL('/logout', server.issuer)))
      } else {
        const elsewhere = await obtainTokens(server, SPA, { person: server.grace })
        const page = await elsewhere.browser.open(new URL('/account', server.issuer))
        await endSession(elsewhere.browser, page, claimsOf(tokens.body.access_token).sid)
      }
      await expectDead(tokens)
      await expectDead(opaque.tokens, WEB)
      expect(await introspect(server, WEB, opaque.tokens.body.access_token ?? '')).toEqual({ active: false })
      expect(await introspect(server, API, offline.tokens.body.access_token ?? '')).toEqual({ active: false })
      const next = await refresh(server, PARTNER, offline.tokens.body.refresh_token ?? '')
      expect(next.status).toBe(how === 'signed out' ? 200 : 400)
    },
  )
})

// Last, since it moves the clock.
describe('SE3: a session is over', () => {
  test('a day after signing in, however much it is used; its tokens go with it', async () => {
    const { browser, tokens } = await obtainTokens(server, SPA)
    const day = 86_400
    for (const hours of [6, 6, 6, 5]) {
      await server.advance(hours * 3600)
      expect(callbackParams(await openApp(browser, { prompt: 'none' }))).toHaveProperty('code')
    }
    await server.advance(day - 23 * 3600 + 1)
    expect(callbackParams(await openApp(browser, { prompt: 'none' })).error).toBe('login_required')
    await expectSignedIn(browser, undefined)
    const { sub } = claimsOf(tokens.body.access_token)
    expect((await server.latchkey.nouns.sessions.list(String(sub))).map(({ id }) => id)).not.toContain(
      claimsOf(tokens.body.access_token).sid,
    )
    expect((await refresh(server, SPA, tokens.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
  })
})

/** Sends the form that ends a session, whether or not the page shows one for it. */
function endSession(browser: Browser, page: Page, sid: unknown): Promise<Page> {
  const form = formsOf(page).find(({ action }) => action.endsWith('/revocation'))
  return browser.fetch(new URL(`/account/sessions/${String(sid)}/revocation`, server.issuer).href, {
    body: new URLSearchParams(form?.fields ?? {}).toString(),
  })
}

function flip(browser: Browser, name: string): void {
  const value = browser.cookie(name) ?? ''
  browser.setCookie(name, `${value.startsWith('A') ? 'B' : 'A'}${value.slice(1)}`)
}
