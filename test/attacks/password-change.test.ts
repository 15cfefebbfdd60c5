// Changing a password, over HTTP with two browsers: what it takes, and what it ends (OWASP ASVS 6.2 and 7.4.3, NIST SP
// 800-63B-4 §3.1.1; CVE-2023-34927).
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Browser, type Page } from '../support/browser.ts'
import { API, PARTNER, SPA, WEB } from '../support/clients.ts'
import {
  authorizationRequest,
  callbackParams,
  claimsOf,
  introspect,
  obtainTokens,
  redeem,
  refresh,
  signIn,
} from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { obtainCode } from './attempts.ts'

const SESSION = 'latchkey_session'
const FIRST = 'tangerine orbit 42'

let server: TestServer

beforeAll(async () => {
  server = await startServer()
})

afterAll(async () => {
  await server?.stop()
})

let people = 0

/** Somebody with a password, signed in in a browser. */
async function someone() {
  people += 1
  const person = { username: `person${people}@people.example`, password: FIRST }
  const { id } = await server.latchkey.nouns.accounts.create({ email: person.username, name: 'Peregrin Took', password: FIRST })
  return { id, person, ...(await obtainTokens(server, SPA, { person })) }
}

const address = (path: string) => new URL(path, server.issuer)

/** Fills the form in, and sends it. */
async function change(browser: Browser, current: string, next: string, again = next): Promise<Page> {
  const page = await browser.open(address('/account/password'))
  return browser.submit(page, { current_password: current, new_password: next, new_password_again: again })
}

const hasChanged = (page: Page) => page.status === 200 && page.body.includes('Your password has been changed.')

async function canSignIn(username: string, password: string): Promise<boolean> {
  const browser = new Browser()
  const page = await browser.submit(await browser.open(authorizationRequest(server, SPA).url), { username, password })
  return page.url.includes('code=')
}

const passwordsOf = (id: string) =>
  run(server.databaseUrl, 'SELECT hash, retired_at FROM passwords WHERE account_id = $1 ORDER BY id', [id])

describe('PW1: a change', () => {
  test('needs the current password', async () => {
    const { id, person, browser } = await someone()
    const before = await passwordsOf(id)
    for (const current of ['', 'wrong', FIRST.trim().toUpperCase(), `${FIRST} `]) {
      const page = await change(browser, current, 'a quite different one 7')
      expect(page.status).toBe(422)
      expect(page.body).toContain('The current password is not right.')
    }
    expect(await passwordsOf(id)).toEqual(before)
    expect(await canSignIn(person.username, FIRST)).toBe(true)
  })

  test('needs somebody who is signed in: others are led to the sign-in page, and nothing is changed', async () => {
    const { id, browser } = await someone()
    const page = await browser.open(address('/account/password'))
    const before = await passwordsOf(id)
    const out = new Browser()
    const led = await out.submit(page, { current_password: FIRST, new_password: 'a quite different one 7' })
    expect(led.body).toContain('id="username"')
    // The same with the browser's own form, once the session has ended.
    await browser.submit(await browser.open(address('/logout')))
    const late = await browser.submit(page, { current_password: FIRST, new_password: 'a quite different one 7' })
    expect(late.body).toContain('id="username"')
    expect(await passwordsOf(id)).toEqual(before)
  })

  test('cannot be made by another site, nor by a link', async () => {
    const { id, browser } = await someone()
    const page = await browser.open(address('/account/password'))
    const csrf = /name="csrf" value="([^"]+)"/.exec(page.body)?.[1] ?? ''
    const fields = { csrf, current_password: FIRST, new_password: 'a quite different one 7' }
    const before = await passwordsOf(id)
    for (const headers of [
      { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
      { origin: 'null', 'sec-fetch-site': 'cross-site' },
      { origin: 'https://evil.example', 'sec-fetch-site': '' },
    ]) {
      const forged = await browser.fetch(address('/account/password').href, {
        body: new URLSearchParams(fields).toString(),
        headers,
      })
      expect(forged.status).toBe(403)
    }
    await browser.open(address(`/account/password?${new URLSearchParams(fields)}`))
    expect(await passwordsOf(id)).toEqual(before)
  })

  test('is of one’s own password, whoever is named in the form', async () => {
    const [mine, other] = [await someone(), await someone()]
    const before = await passwordsOf(other.id)
    const page = await mine.browser.open(address('/account/password'))
    await mine.browser.submit(page, {
      username: other.person.username,
      account_id: other.id,
      accountId: other.id,
      current_password: FIRST,
      new_password: 'a quite different one 7',
      new_password_again: 'a quite different one 7',
    })
    expect(await passwordsOf(other.id)).toEqual(before)
    expect(await canSignIn(mine.person.username, 'a quite different one 7')).toBe(true)
  })

  test('typed twice, differently, changes nothing', async () => {
    const { person, browser } = await someone()
    const page = await change(browser, FIRST, 'a quite different one 7', 'a quite different one 8')
    expect(page.status).toBe(422)
    expect(await canSignIn(person.username, FIRST)).toBe(true)
  })
})

describe('PW2: a password that was used before', () => {
  test('is refused while it is one of the last five, and taken after that', async () => {
    const { id, person, browser } = await someone()
    const used = [FIRST]
    for (const next of ['walnut kettle 1', 'walnut kettle 22', 'walnut kettle 333', 'walnut kettle 4444']) {
      for (const old of used) {
        const refused = await change(browser, used.at(-1) ?? '', old)
        expect(refused.status).toBe(422)
        expect(refused.body).toContain('You have used this password before.')
      }
      expect(hasChanged(await change(browser, used.at(-1) ?? '', next))).toBe(true)
      used.push(next)
    }
    expect((await change(browser, 'walnut kettle 4444', FIRST)).status).toBe(422)
    expect(hasChanged(await change(browser, 'walnut kettle 4444', 'walnut kettle 55555'))).toBe(true)
    expect(hasChanged(await change(browser, 'walnut kettle 55555', FIRST))).toBe(true)
    expect(await canSignIn(person.username, FIRST)).toBe(true)
    // What is kept of old ones is bounded, and is hashes.
    const kept = await passwordsOf(id)
    expect(kept.length).toBeLessThanOrEqual(5)
    for (const { hash } of kept) expect(hash).toMatch(/^\$argon2id\$/)
    expect(kept.filter(({ retired_at }) => retired_at === null)).toHaveLength(1)
  }, 60_000)
})

describe('PW3: a new password', () => {
  test.each([
    ['short one', 'is too short', 'is too short: it needs at least 12 characters'],
    ['x'.repeat(257), 'is too long', 'is too long'],
    ['password1234', 'is guessed first', 'one of those that are guessed first'],
    ['qwertyuiop123', 'is guessed first', 'one of those that are guessed first'],
    ['peregrintook', 'is the name', 'mostly made of your name'],
    ['latchkeylatchkey', 'is the name of the service', 'the name of this service'],
  ])('is refused with the reason: %.16s %s', async (next, _why, reason) => {
    const { person, browser } = await someone()
    const page = await change(browser, FIRST, next)
    expect(page.status).toBe(422)
    expect(page.body).toContain(reason)
    expect(page.body).not.toContain(next)
    expect(await canSignIn(person.username, FIRST)).toBe(true)
  })

  test.each(['all lower case words are fine', '90713356284419068257', 'ЖЖЖЖ пароль из слов', '   with   spaces   around   '])(
    'needs no mixture of kinds: %s',
    async (next) => {
      const { person, browser } = await someone()
      expect(hasChanged(await change(browser, FIRST, next))).toBe(true)
      expect(await canSignIn(person.username, next)).toBe(true)
      expect(await canSignIn(person.username, FIRST)).toBe(false)
    },
  )

  test('is not asked for because the old one is old', async () => {
    const { person } = await someone()
    await run(server.databaseUrl, `UPDATE passwords SET created_at = now() - interval '10 years'`)
    expect(await canSignIn(person.username, FIRST)).toBe(true)
  })
})

describe('PW7: after a change', () => {
  test('every other session is over with its tokens; this one goes on by a new cookie, and the old cookie opens nothing', async () => {
    const { id, person, browser, tokens } = await someone()
    const there = await obtainTokens(server, SPA, { person })
    const theirWeb = await obtainTokens(server, WEB, { browser: there.browser, params: { scope: 'openid email' } })
    const offline = await obtainTokens(server, PARTNER, { browser: there.browser, person, params: { prompt: 'consent' } })
    const inFlight = await obtainCode(server, WEB, { browser: there.browser, person })
    const copied = browser.copy()
    const oldCookie = browser.cookie(SESSION)

    const page = await change(browser, FIRST, 'a quite different one 7')
    expect(hasChanged(page)).toBe(true)
    expect(page.body).toContain('You have been signed out of 1 other device.')

    // There: the session, refresh tokens, JWTs, opaque tokens, what was offline, and a code that was on its way.
    expect((await there.browser.open(address('/account'))).body).toContain('id="username"')
    const silent = await there.browser.open(authorizationRequest(server, SPA, { prompt: 'none' }).url)
    expect(callbackParams(silent).error).toBe('login_required')
    for (const [client, { body }] of [
      [SPA, there.tokens],
      [WEB, theirWeb.tokens],
      [PARTNER, offline.tokens],
    ] as const) {
      expect((await refresh(server, client, body.refresh_token ?? '')).body.error).toBe('invalid_grant')
      for (const asker of [API, client]) {
        if (asker.client_secret === undefined) continue
        expect(await introspect(server, asker, body.access_token ?? '')).toEqual({ active: false })
      }
      const userinfo = await fetch(address('/userinfo'), { headers: { authorization: `Bearer ${body.access_token}` } })
      expect(userinfo.status).toBe(401)
    }
    const late = await redeem(server, WEB, inFlight.authorization, inFlight.code)
    expect(late.body.error).toBe('invalid_grant')

    // Here: signed in, with another cookie.
    expect(browser.cookie(SESSION)).not.toBe(oldCookie)
    const account = await browser.open(address('/account'))
    expect(account.body).toContain(person.username)
    expect(account.body).not.toContain('/account/sessions/')
    expect((await copied.open(address('/account'))).body).toContain('id="username"')
    expect((await copied.open(authorizationRequest(server, SPA).url)).body).toContain('id="username"')
    expect((await browser.open(address('/account'))).body).toContain(person.username)
    const [session, ...others] = await server.latchkey.nouns.sessions.list(id)
    expect(others).toEqual([])
    expect(session?.id).toBe(claimsOf(tokens.body.access_token).sid)
    expect((await introspect(server, API, tokens.body.access_token ?? '')).active).toBe(true)
    expect((await refresh(server, SPA, tokens.body.refresh_token ?? '')).status).toBe(200)

    expect(await canSignIn(person.username, FIRST)).toBe(false)
    expect(await canSignIn(person.username, 'a quite different one 7')).toBe(true)
  })

  test('somebody else’s sessions go on, and nothing is said to have ended', async () => {
    const [mine, other] = [await someone(), await someone()]
    const page = await change(mine.browser, FIRST, 'a quite different one 7')
    expect(hasChanged(page)).toBe(true)
    expect(page.body).not.toContain('signed out')
    expect((await introspect(server, API, other.tokens.body.access_token ?? '')).active).toBe(true)
    expect((await refresh(server, SPA, other.tokens.body.refresh_token ?? '')).status).toBe(200)
    expect((await other.browser.open(address('/account'))).body).toContain(other.person.username)
  })

  test('a sign-in page that was open with the old password leads nowhere', async () => {
    const { person, browser } = await someone()
    const waiting = new Browser()
    const login = await waiting.open(authorizationRequest(server, SPA).url)
    await change(browser, FIRST, 'a quite different one 7')
    const page = await waiting.submit(login, person)
    expect(page.body).toContain('That e-mail or password is not right.')
    const right = await signIn(waiting, page, { ...person, password: 'a quite different one 7' })
    expect(callbackParams(right)).toHaveProperty('code')
  })

  test('a refresh at the same moment leaves nothing alive, whichever comes first', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { person, browser } = await someone()
      const there = await obtainTokens(server, SPA, { person })
      const page = await browser.open(address('/account/password'))
      const fields = { current_password: FIRST, new_password: `a quite different one ${round}7` }
      const [changed, ...answers] = await Promise.all([
        browser.submit(page, { ...fields, new_password_again: fields.new_password }),
        ...Array.from({ length: 5 }, () => refresh(server, SPA, there.tokens.body.refresh_token ?? '')),
      ])
      expect(hasChanged(changed)).toBe(true)
      for (const { body } of answers) {
        if (body.refresh_token === undefined) continue
        expect((await refresh(server, SPA, body.refresh_token)).body.error).toBe('invalid_grant')
        expect(await introspect(server, API, body.access_token ?? '')).toEqual({ active: false })
      }
    }
  }, 60_000)

  test('two changes at once from two browsers: one is made, and one session is left', async () => {
    const { id, person, browser } = await someone()
    const there = await obtainTokens(server, SPA, { person })
    const pages = await Promise.all([
      change(browser, FIRST, 'a quite different one 7'),
      change(there.browser, FIRST, 'a quite different one 8'),
    ])
    expect(pages.filter(hasChanged)).toHaveLength(1)
    expect(await server.latchkey.nouns.sessions.list(id)).toHaveLength(1)
    const works = [
      await canSignIn(person.username, FIRST),
      await canSignIn(person.username, 'a quite different one 7'),
      await canSignIn(person.username, 'a quite different one 8'),
    ]
    expect(works[0]).toBe(false)
    expect(works.filter(Boolean)).toHaveLength(1)
  })
})
