// Consent: people see what they agree to, and nobody agrees for them (OWASP ASVS 10.7, RFC 9700 §4.16).
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Browser, formsOf, type Page } from '../support/browser.ts'
import { API, NOTES, PARTNER, SPA, type TestClient, WEB } from '../support/clients.ts'
import { authorizationRequest, callbackParams, claimsOf, introspect, obtainTokens, redeem, refresh } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer

/** A client with a look of its own. */
const NOSY: TestClient = {
  client_id: 'nosy',
  client_secret: 'a-secret-of-the-nosy-one-that-is-long-enough',
  redirect_uri: 'https://nosy.example/callback',
  scope: 'openid profile email offline_access notes:read notes:write',
}

beforeAll(async () => {
  server = await startServer({
    provision: {
      clients: [
        {
          client_id: NOSY.client_id,
          client_secret: NOSY.client_secret,
          client_name: 'Nosy & <b>Sons</b>',
          client_uri: 'https://nosy.example/about?a=1&b="2"',
          policy_uri: 'https://nosy.example/privacy',
          tos_uri: 'https://nosy.example/terms',
          redirect_uris: [NOSY.redirect_uri],
          grant_types: ['authorization_code', 'refresh_token'],
          scope: NOSY.scope,
        },
      ],
    },
  })
})

afterAll(async () => {
  await server?.stop()
})

let people = 0

/** Somebody who has agreed to nothing yet. */
async function someone() {
  people += 1
  const person = { username: `person${people}@people.example`, password: 'tangerine orbit 42' }
  const { id } = await server.latchkey.nouns.accounts.create({ email: person.username, password: person.password })
  return { ...person, id }
}

const ask = (client: TestClient, scope: string, more = {}) => authorizationRequest(server, client, { scope, ...more })
const isConsent = (page: Page) => page.status === 200 && page.body.includes('>Allow</button>')

/** Client by client, every scope that somebody has agreed to. */
async function consents(accountId: string): Promise<object[]> {
  const rows = await server.latchkey.stores.db.consent.findMany({ where: { accountId } })
  return rows.map(({ clientId, openid, resources }) => {
    const ofApis: unknown[] = Object.values(resources ?? {}).flat()
    return { clientId, scopes: [...new Set([...openid, ...ofApis])].toSorted() }
  })
}

describe('CN1: the consent page', () => {
  test('names the app and where it leads, the person, each scope and each API', async () => {
    const person = await someone()
    const browser = new Browser()
    const page = await browser.submit(await browser.open(ask(NOSY, NOSY.scope, { prompt: 'consent' }).url), person)
    expect(isConsent(page)).toBe(true)
    for (const shown of [
      'Nosy &amp; &lt;b&gt;Sons&lt;/b&gt;',
      'nosy.example',
      person.username,
      'See your profile',
      'See your e-mail address',
      'Stay connected while you are away',
      'Even after you sign out, until you or an administrator end it.',
      NOTES,
      'notes:read',
      'notes:write',
      'https://nosy.example/privacy',
      'https://nosy.example/terms',
    ]) {
      expect(page.body).toContain(shown)
    }
    expect(page.body).not.toContain('<b>Sons')
    // Each once: a list that repeats itself is not read.
    expect(page.body.match(/notes:(?:read|write)/g)).toEqual(['notes:read', 'notes:write'])
    expect(await consents(person.id)).toEqual([])
  })

  test('names no scope that is not asked for, or that the client may not have', async () => {
    const person = await someone()
    const browser = new Browser()
    const page = await browser.submit(await browser.open(ask(PARTNER, 'openid email').url), person)
    expect(page.body).toContain('See your e-mail address')
    for (const absent of ['See your profile', 'Stay connected', 'notes:read', 'notes:write']) {
      expect(page.body).not.toContain(absent)
    }
    await browser.submit(page)
    const wide = callbackParams(await browser.open(ask(PARTNER, 'openid notes:write').url))
    expect(wide.error).toBe('invalid_scope')
  })

  test('is left out for the apps that are registered so, and for no other; what was given is written down', async () => {
    const person = await someone()
    const own = await obtainTokens(server, SPA, { person })
    expect(own.tokens.status).toBe(200)
    for (const client of [PARTNER, NOSY]) {
      const page = await own.browser.open(ask(client, 'openid').url)
      expect(isConsent(page)).toBe(true)
      expect(page.body).toContain('Know who you are')
      const silent = await own.browser.open(ask(client, 'openid', { prompt: 'none' }).url)
      expect(callbackParams(silent).error).toBe('consent_required')
    }
    // Which apps skip it is decided by whoever registers them, and that is in the audit log.
    const { browser } = own
    await browser.submit(await browser.open(ask(PARTNER, 'openid email').url))
    const given = await server.latchkey.stores.db.auditEvent.findMany({ where: { name: 'consent.given', accountId: person.id } })
    expect(given).toMatchObject([{ clientId: PARTNER.client_id, actor: person.id, detail: { openid: ['openid', 'email'] } }])
    const registered = await server.latchkey.stores.db.auditEvent.findMany({
      where: { clientId: SPA.client_id, name: { startsWith: 'client.' } },
    })
    expect(JSON.stringify(registered.map(({ detail }) => detail))).toContain('skip_consent')
  })

  test('is asked for again with prompt=consent, and a “no” takes nothing that was agreed to before', async () => {
    const person = await someone()
    const { browser, tokens } = await obtainTokens(server, PARTNER, { person, params: { scope: 'openid notes:read' } })
    const page = await browser.open(ask(PARTNER, 'openid notes:read', { prompt: 'consent' }).url)
    expect(isConsent(page)).toBe(true)
    expect(page.body).toContain(NOTES)
    expect(page.body).toContain('notes:read')
    expect(callbackParams(await browser.submit(page, {}, 'deny')).error).toBe('access_denied')
    expect(callbackParams(await browser.open(ask(PARTNER, 'openid notes:read').url))).toHaveProperty('code')
    expect((await introspect(server, API, tokens.body.access_token ?? '')).active).toBe(true)
  })
})

describe('CN2: consent', () => {
  test('to some scopes is not consent to more: the page asks for the rest, and tokens have no more than was agreed to', async () => {
    const person = await someone()
    const { browser, tokens } = await obtainTokens(server, NOSY, { person, params: { scope: 'openid notes:read' } })
    expect(tokens.body.scope).toBe('notes:read')
    expect(callbackParams(await browser.open(ask(NOSY, 'openid notes:read').url))).toHaveProperty('code')
    for (const more of ['openid notes:read notes:write', 'openid email notes:read', 'openid profile']) {
      const silent = await browser.open(ask(NOSY, more, { prompt: 'none' }).url)
      expect(callbackParams(silent).error).toBe('consent_required')
      expect(isConsent(await browser.open(ask(NOSY, more).url))).toBe(true)
    }
    // By refreshing nobody gets more either.
    const wider = await refresh(server, NOSY, tokens.body.refresh_token ?? '', { scope: 'openid notes:read notes:write' })
    expect(wider.body.error).toBe('invalid_scope')
    expect(await consents(person.id)).toEqual([{ clientId: NOSY.client_id, scopes: ['notes:read', 'openid'] }])
  })

  test('to one app is not consent to another, and of one person not of another', async () => {
    const [person, other] = [await someone(), await someone()]
    const { browser } = await obtainTokens(server, NOSY, { person, params: { scope: 'openid notes:read' } })
    expect(isConsent(await browser.open(ask(PARTNER, 'openid notes:read').url))).toBe(true)
    const theirs = new Browser()
    expect(isConsent(await theirs.submit(await theirs.open(ask(NOSY, 'openid notes:read').url), other))).toBe(true)
    expect(await consents(other.id)).toEqual([])
  })

  test('that is taken away is asked for again in the next session', async () => {
    const person = await someone()
    await obtainTokens(server, NOSY, { person, params: { scope: 'openid notes:read' } })
    await run(server.databaseUrl, 'DELETE FROM consents WHERE account_id = $1', [person.id])
    const next = new Browser()
    expect(isConsent(await next.submit(await next.open(ask(NOSY, 'openid notes:read').url), person))).toBe(true)
  })
})

describe('CN3: the form of the consent page', () => {
  /** The page of somebody who is signed in, and its form. */
  async function openConsent() {
    const person = await someone()
    const browser = new Browser()
    const authorization = ask(NOSY, 'openid notes:read')
    const page = await browser.submit(await browser.open(authorization.url), person)
    const form = formsOf(page).find(({ action }) => action.endsWith('/consent'))
    if (form === undefined) throw new Error(`no consent page: ${page.body.slice(0, 400)}`)
    const action = new URL(form.action, server.issuer).href
    return { person, browser, authorization, page, action, body: new URLSearchParams(form.fields).toString() }
  }

  test('is taken from the browser that has the interaction and the session, and from no other', async () => {
    const mine = await openConsent()
    const attacker = await obtainTokens(server, SPA, { person: await someone() })
    for (const browser of [new Browser(), attacker.browser]) {
      expect((await browser.fetch(mine.action, { body: mine.body })).status).toBe(400)
    }
    expect(await consents(mine.person.id)).toEqual([])
    const agreed = await mine.browser.submit(mine.page)
    const tokens = await redeem(server, NOSY, mine.authorization, callbackParams(agreed).code ?? '')
    expect(claimsOf(tokens.body.access_token).sub).toBe(mine.person.id)
  })

  test('that the attacker got for their own request is nothing for the victim’s browser', async () => {
    const attacker = await openConsent()
    const victim = await openConsent()
    // The attacker's form, sent by the victim's browser; and the victim's address with the attacker's token.
    expect((await victim.browser.fetch(attacker.action, { body: attacker.body })).status).toBe(400)
    expect((await victim.browser.fetch(victim.action, { body: attacker.body })).status).toBe(403)
    expect(await consents(victim.person.id)).toEqual([])
    expect(await consents(attacker.person.id)).toEqual([])
  })

  test('is good once: sent again it makes no second grant', async () => {
    const { browser, page, person, action, body } = await openConsent()
    expect(callbackParams(await browser.submit(page))).toHaveProperty('code')
    const again = await browser.fetch(action, { body })
    expect(again.status).toBe(400)
    const grants = await run(server.databaseUrl, 'SELECT count(*)::int AS grants FROM grants WHERE account_id = $1', [person.id])
    expect(grants).toEqual([{ grants: 1 }])
  })

  test('is not there before the person has signed in', async () => {
    const browser = new Browser()
    const login = await browser.open(ask(NOSY, 'openid').url)
    const form = formsOf(login)[0]
    const page = await browser.fetch(new URL((form?.action ?? '').replace('/login', '/consent'), server.issuer).href, {
      body: new URLSearchParams(form?.fields).toString(),
    })
    expect(page.status).toBe(400)
    expect(
      await run(server.databaseUrl, 'SELECT 1 FROM consents WHERE client_id = $1 AND openid = $2', [NOSY.client_id, []]),
    ).toEqual([])
  })

  test('can be framed by nobody', async () => {
    const { page } = await openConsent()
    expect(page.headers['content-security-policy']).toContain("frame-ancestors 'none'")
    expect(page.headers['x-frame-options']).toBe('DENY')
  })

  test('gives no more than the page showed, whatever else is sent', async () => {
    const { browser, page, person, authorization } = await openConsent()
    const agreed = await browser.submit(page, {
      scope: 'openid profile email notes:read notes:write',
      openid: 'email',
      resources: NOTES,
      accountId: 'acc_0',
      client_id: WEB.client_id,
    })
    const tokens = await redeem(server, NOSY, authorization, callbackParams(agreed).code ?? '')
    expect(tokens.body.scope).toBe('notes:read')
    expect(await consents(person.id)).toEqual([{ clientId: NOSY.client_id, scopes: ['notes:read', 'openid'] }])
  })
})
