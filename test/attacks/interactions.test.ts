// What happens between the authorization request and the code: prompts, re-authentication, tabs, and other people's
// browsers (OpenID Connect Core §3.1.2, RFC 9700 §4.7 and §4.12).
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { generateKeyPair, SignJWT } from 'jose'
import { Browser, formsOf, type Page } from '../support/browser.ts'
import { PARTNER, SPA, WEB } from '../support/clients.ts'
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
import { startServer, type TestServer } from '../support/server.ts'
import { authorize, errorLines, expectErrorAtClient, expectErrorPage } from './attempts.ts'

let server: TestServer

beforeAll(async () => {
  server = await startServer()
})

afterAll(async () => {
  await server?.stop()
})

const asksPassword = (page: Page) => page.body.includes('name="password"')

describe('prompts', () => {
  test('AZ7: prompt=none never shows a page', async () => {
    expectErrorAtClient(server, await authorize(server, SPA, { prompt: 'none' }), 'login_required')
    const { browser } = await obtainTokens(server, SPA, { person: server.grace })
    expectErrorAtClient(server, await authorize(server, PARTNER, { prompt: 'none' }, browser), 'consent_required')
    const page = await authorize(server, SPA, { prompt: 'none' }, browser)
    expect(callbackParams(page)).toHaveProperty('code')
  })

  test('AZ8: prompt=none goes with nothing else, and unknown prompts are refused', async () => {
    for (const prompt of ['none login', 'login none', 'none consent', 'create', 'LOGIN']) {
      expectErrorAtClient(server, await authorize(server, SPA, { prompt }), 'invalid_request')
    }
  })

  test('AZ9: prompt=login asks for the password again, and auth_time tells of it', async () => {
    const { browser, tokens } = await obtainTokens(server, SPA)
    await server.advance(30)
    const authorization = authorizationRequest(server, SPA, { prompt: 'login' })
    const page = await browser.open(authorization.url)
    expect(asksPassword(page)).toBe(true)
    const wrong = await browser.submit(page, { username: server.ada.username, password: 'wrong' })
    expect(asksPassword(wrong)).toBe(true)
    const { code = '' } = callbackParams(await signIn(browser, wrong, server.ada))
    const again = await redeem(server, SPA, authorization, code)
    const before = Number(claimsOf(tokens.body.id_token).auth_time ?? claimsOf(tokens.body.access_token).auth_time)
    expect(Number(claimsOf(again.body.id_token).auth_time)).toBeGreaterThanOrEqual(before + 30)
    expect(claimsOf(again.body.access_token).sid).toBe(claimsOf(tokens.body.access_token).sid)
  })

  test('AZ11: max_age asks again once it has passed, and is refused when it is no number of seconds', async () => {
    const { browser } = await obtainTokens(server, SPA)
    expect(callbackParams(await authorize(server, SPA, { max_age: '3600' }, browser))).toHaveProperty('code')
    expect(asksPassword(await authorize(server, SPA, { max_age: '0' }, browser))).toBe(true)
    await server.advance(3)
    const authorization = authorizationRequest(server, SPA, { max_age: '1' })
    const page = await browser.open(authorization.url)
    expect(asksPassword(page)).toBe(true)
    const { code = '' } = callbackParams(await signIn(browser, page, server.ada))
    const tokens = await redeem(server, SPA, authorization, code)
    const { auth_time, iat } = claimsOf(tokens.body.id_token)
    expect(Number(iat) - Number(auth_time)).toBeLessThanOrEqual(1)
    for (const max_age of ['-1', 'abc', '1.5', '1e99', '99999999999999999999', 'NaN', 'Infinity']) {
      expectErrorAtClient(server, await authorize(server, SPA, { max_age }, browser), 'invalid_request')
    }
  })
})

describe('AZ10: another person signs in over a living session', () => {
  test('AZ10: the old session never carries the new person, and no client’s tokens move', async () => {
    const old = await obtainTokens(server, SPA, { person: server.ada })
    const { browser } = old
    const authorization = authorizationRequest(server, WEB, { prompt: 'login' })
    const login = await browser.open(authorization.url)
    const { code = '' } = callbackParams(await signIn(browser, login, server.grace))
    const tokens = await redeem(server, WEB, authorization, code)
    const before = claimsOf(old.tokens.body.access_token)
    const after = claimsOf(tokens.body.access_token)
    expect(after.sub).not.toBe(before.sub)
    expect(after.sid).not.toBe(before.sid)
    // What the first person had in this browser is over; it has not become the second one's.
    expect((await refresh(server, SPA, old.tokens.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
    const owners = await server.latchkey.stores.db.session.findMany({
      where: { id: { in: [String(before.sid), String(after.sid)] } },
    })
    expect(new Map(owners.map(({ id, accountId }) => [id, accountId]))).toEqual(
      new Map([
        [before.sid, before.sub],
        [after.sid, after.sub],
      ]),
    )
    const silent = authorizationRequest(server, SPA, { prompt: 'none' })
    const page = callbackParams(await browser.open(silent.url))
    const spa = await redeem(server, SPA, silent, page.code ?? '')
    expect(claimsOf(spa.body.access_token)).toMatchObject({ sub: after.sub, sid: after.sid })
    expect(claimsOf(spa.body.access_token).grant_id).not.toBe(before.grant_id)
  })

  test('AZ10: whoever gives up leaves the old session as it was', async () => {
    const old = await obtainTokens(server, SPA, { person: server.ada })
    const login = await authorize(server, WEB, { prompt: 'login' }, old.browser)
    await old.browser.submit(login, { username: server.grace.username, password: 'wrong' })
    const silent = authorizationRequest(server, SPA, { prompt: 'none' })
    const { code = '' } = callbackParams(await old.browser.open(silent.url))
    const tokens = await redeem(server, SPA, silent, code)
    expect(claimsOf(tokens.body.access_token)).toMatchObject({
      sub: claimsOf(old.tokens.body.access_token).sub,
      sid: claimsOf(old.tokens.body.access_token).sid,
      auth_time: claimsOf(old.tokens.body.access_token).auth_time,
    })
  })
})

describe('AZ12: id_token_hint', () => {
  test('AZ12: of another person never signs that one in, nor gives this one’s code silently', async () => {
    const ada = await obtainTokens(server, SPA, { person: server.ada })
    const grace = await obtainTokens(server, SPA, { person: server.grace })
    const id_token_hint = ada.tokens.body.id_token
    const silent = await authorize(server, SPA, { prompt: 'none', id_token_hint }, grace.browser)
    expectErrorAtClient(server, silent, 'login_required')
    expect(asksPassword(await authorize(server, SPA, { id_token_hint }, grace.browser))).toBe(true)
    const authorization = authorizationRequest(server, SPA, { prompt: 'none', id_token_hint: grace.tokens.body.id_token })
    const { code = '' } = callbackParams(await grace.browser.open(authorization.url))
    const tokens = await redeem(server, SPA, authorization, code)
    expect(claimsOf(tokens.body.id_token).sub).toBe(claimsOf(grace.tokens.body.id_token).sub)
  })

  test('AZ12 TK2: of another client, tampered with, unsigned, or signed by someone else is refused', async () => {
    const { tokens, browser } = await obtainTokens(server, SPA)
    const idToken = tokens.body.id_token ?? ''
    const [head = '', body = '', signature = ''] = idToken.split('.')
    const claims = claimsOf(idToken)
    const forged = Buffer.from(JSON.stringify({ ...claims, sub: 'acc_other' })).toString('base64url')
    const { privateKey } = await generateKeyPair('RS256')
    const header = JSON.parse(Buffer.from(head, 'base64url').toString()) as { kid: string }
    const jwks = (await (await fetch(new URL('/jwks', server.issuer))).json()) as { keys: readonly object[] }
    const hints = [
      (await obtainTokens(server, WEB)).tokens.body.id_token ?? '',
      tokens.body.access_token ?? '',
      `${head}.${forged}.${signature}`,
      `${head}.${body}.`,
      `${head}.${body}`,
      ...['none', 'None', 'nOnE'].map((alg) => `${encode({ alg })}.${body}.`),
      ...['none', 'HS256'].map((alg) => `${encode({ alg, kid: header.kid })}.${body}.${signature}`),
      await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: header.kid }).sign(privateKey),
      await new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256', kid: header.kid })
        .sign(Buffer.from(JSON.stringify(jwks.keys[0]))),
      'x',
      'a.b.c',
      `${'a'.repeat(3000)}.${'b'.repeat(3000)}.c`,
    ]
    for (const id_token_hint of hints) {
      expectErrorAtClient(server, await authorize(server, SPA, { prompt: 'none', id_token_hint }, browser), 'invalid_request')
    }
  })

  const encode = (header: object) => Buffer.from(JSON.stringify(header)).toString('base64url')
})

describe('requests from elsewhere', () => {
  test('AZ20: neither an authorization request from another site nor a form of its gives consent', async () => {
    const { browser } = await obtainTokens(server, SPA, { person: server.ada })
    const query = new URL(authorizationRequest(server, PARTNER, { prompt: 'consent' }).url).searchParams
    const headers = { origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' }
    const posted = await browser.fetch(`${server.issuer}/authorize`, { body: query.toString(), headers })
    // It is sent on as a navigation, which asks like any other.
    expect(posted.status).toBe(303)
    expect(posted.headers.location).toBe(`/authorize?${query}`)
    const consent = await browser.open(`${server.issuer}/authorize?${query}`)
    const form = formsOf(consent).find(({ action }) => action.includes('/consent'))
    expect(form).toBeDefined()
    const url = new URL(form?.action ?? '', server.issuer).href
    const body = new URLSearchParams(form?.fields).toString()
    const tries = [
      await browser.fetch(url, { body, headers }),
      await browser.fetch(url, { body, headers: { 'sec-fetch-site': 'same-site', origin: 'http://other.localhost' } }),
      await browser.fetch(url, { body, headers: { origin: 'null', 'sec-fetch-site': 'cross-site' } }),
      await browser.fetch(url, { body: 'consent=yes' }),
      await browser.fetch(url, { body: body.replace(/csrf=.{5}/, 'csrf=aaaaa') }),
      await browser.fetch(url, { body, headers: { 'content-type': 'text/plain' } }),
    ]
    expect(tries.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403, 415])
    const got = await browser.fetch(`${url}?${body}`)
    expect(got.status).toBe(405)
    expect(await server.latchkey.stores.db.consent.count({ where: { clientId: PARTNER.client_id } })).toBe(0)
    expect(callbackParams(await browser.submit(consent, {}))).toHaveProperty('code')
  })

  test('AZ21: after the password there is no redirect that would repeat the form elsewhere', async () => {
    const browser = new Browser()
    const login = await browser.open(authorizationRequest(server, SPA).url)
    const [form] = formsOf(login)
    const answer = await browser.fetch(new URL(form?.action ?? '', server.issuer).href, {
      body: new URLSearchParams({ ...form?.fields, ...server.ada }).toString(),
    })
    expect(answer.status).toBe(200)
    expect(answer.headers.location).toBeUndefined()
    const onward = String(answer.headers.refresh).replace(/^0;url=/, '')
    expect(onward).toMatch(new RegExp(`^${server.issuer}/authorize/`))
    const next = await browser.fetch(onward)
    expect(next.status).toBe(303)
  })

  test('AZ24: an interaction is for the browser that began it, and tells nobody else whose it is', async () => {
    const browser = new Browser()
    const page = await browser.open(authorizationRequest(server, SPA, { login_hint: server.ada.username }).url)
    expect(page.body).toContain(server.ada.username)
    const thief = new Browser()
    const [form] = formsOf(page)
    const seen = await thief.open(page.url)
    const posted = await thief.fetch(new URL(form?.action ?? '', server.issuer).href, {
      body: new URLSearchParams({ ...form?.fields, ...server.grace }).toString(),
    })
    const resumed = await thief.fetch(page.url.replace('/interactions/', '/authorize/'))
    for (const stolen of [seen, posted, resumed]) {
      expect(stolen.status).toBe(400)
      expect(stolen.body).not.toContain(server.ada.username)
      expect(stolen.body).not.toContain('Notes')
      expect(stolen.headers.location).toBeUndefined()
    }
    expect(callbackParams(await signIn(browser, page, server.ada))).toHaveProperty('code')
  })

  test('AZ24: an attacker’s interaction, planted in the victim’s browser, does not sign the attacker in', async () => {
    const attacker = new Browser()
    const begun = await attacker.open(authorizationRequest(server, SPA).url)
    const victim = new Browser()
    const { pathname } = new URL(begun.url)
    // Somebody who could plant the cookies of the interaction, as from another host of the domain.
    for (const name of attacker.cookieNames()) victim.setCookie(name, attacker.cookie(name) ?? '', '/')
    expect(pathname).toMatch(/^\/interactions\//)
    const page = await signIn(victim, await victim.open(begun.url), server.ada)
    expect(callbackParams(page)).toHaveProperty('code')
    // The victim signed in; the attacker holds the same cookies as before, and is nobody.
    expectErrorAtClient(server, await authorize(server, SPA, { prompt: 'none' }, attacker), 'login_required')
  })
})

describe('tabs', () => {
  test('AZ23: two tabs finished in the opposite order each end at their own client with their own state', async () => {
    const browser = new Browser()
    const first = authorizationRequest(server, SPA)
    const second = authorizationRequest(server, WEB)
    const firstTab = await browser.open(first.url)
    const secondTab = await browser.open(second.url)
    const secondEnd = await signIn(browser, secondTab, server.ada)
    const firstEnd = await signIn(browser, firstTab, server.ada)
    expect(callbackParams(secondEnd)).toMatchObject({ state: second.state, code: expect.any(String) })
    expect(new URL(secondEnd.url).origin).toBe('https://web.example')
    expect(callbackParams(firstEnd)).toMatchObject({ state: first.state, code: expect.any(String) })
    expect(new URL(firstEnd.url).origin).toBe('https://spa.example')
  })

  test('AZ25: a sign-in that is sent twice gives one code, and its page afterwards is over', async () => {
    const browser = new Browser()
    const login = await browser.open(authorizationRequest(server, SPA).url)
    const answers = await Promise.all([browser.submit(login, server.ada), browser.submit(login, server.ada)])
    for (const page of answers) expect(page.status).toBeLessThan(500)
    expect(answers.filter(({ url }) => url.includes('code=')).length).toBe(1)
    const back = await browser.submit(login, server.ada)
    expect(back.status).toBe(400)
    expect(back.url).not.toContain('code=')
  })

  test('AZ25: a consent that is sent ten times gives one code and one grant', async () => {
    const browser = new Browser()
    const request = authorizationRequest(server, PARTNER, { prompt: 'consent' })
    const consent = await browser.submit(await browser.open(request.url), server.grace)
    expect(asksPassword(consent)).toBe(false)
    const clientId = PARTNER.client_id
    const grants = () => server.latchkey.stores.db.grant.count({ where: { clientId, endedAt: null } })
    const before = await grants()
    const answers = await Promise.all(Array.from({ length: 10 }, () => browser.submit(consent)))
    for (const page of answers) expect(page.status).toBeLessThan(500)
    const codes = answers.flatMap((page) => new URL(page.url).searchParams.get('code') ?? [])
    expect(new Set(codes).size).toBe(1)
    expect(await grants()).toBe(before + 1)
    const tokens = await redeem(server, PARTNER, request, codes[0] ?? '')
    expect(await introspect(server, PARTNER, tokens.body.access_token ?? '')).toMatchObject({ active: true })
  })

  test('AZ26: the form of one interaction is no good for another', async () => {
    const browser = new Browser()
    const a = await browser.open(authorizationRequest(server, PARTNER).url)
    const b = await browser.open(authorizationRequest(server, SPA).url)
    const [formA] = formsOf(a)
    const [formB] = formsOf(b)
    const crossed = await browser.fetch(new URL(formB?.action ?? '', server.issuer).href, {
      body: new URLSearchParams({ ...formA?.fields, ...server.ada }).toString(),
    })
    expect(crossed.status).toBe(403)
    // The sign-in of one cannot be answered by the consent of another, nor skipped by asking for the step after it.
    const skip = await browser.fetch(new URL(`${new URL(b.url).pathname}/consent`, server.issuer).href, {
      body: new URLSearchParams(formB?.fields).toString(),
    })
    expect(skip.status).toBe(400)
    const resumed = await browser.open(b.url.replace('/interactions/', '/authorize/'))
    expect(resumed.url).not.toContain('code=')
  })
})

test('the pages of errors say what is wrong', async () => {
  expectErrorPage(server, await authorize(server, SPA, { client_id: 'nobody' }))
})

test('nothing of it was an error of the server', () => {
  expect(errorLines(server)).toEqual([])
})
