// The surface that browsers see, over HTTP: forged forms, other origins, caches, and errors that tell too much
// (OWASP ASVS 3 and 16.5; CVE-2026-37977, CVE-2023-34927).
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Browser, type Form, formsOf, type Page } from '../support/browser.ts'
import { API, MACHINE, PARTNER, SPA, WEB } from '../support/clients.ts'
import { authorizationRequest, basic, callbackParams, introspect, obtainTokens, refresh } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer

beforeAll(async () => {
  server = await startServer()
})

afterAll(async () => {
  await server?.stop()
})

const address = (path: string) => new URL(path, server.issuer).href

describe('WB3: a forged form does nothing', () => {
  /** Each form that changes something, as the browser that may send it has it before it. */
  const forms: readonly { readonly name: string; open(): Promise<Opened> }[] = [
    { name: 'sign-in', open: () => openInteraction('/login', { ...server.ada }) },
    { name: 'going back to the app', open: () => openInteraction('/abort', {}) },
    { name: 'consent', open: () => openInteraction('/consent', {}) },
    { name: 'the name', open: () => openAccount('/account', '/account/name', { name: 'Mallory' }) },
    { name: 'ending a session', open: () => openAccount('/account', '/revocation', {}) },
    { name: 'ending the other sessions', open: () => openAccount('/account', '/others/revocation', {}) },
    {
      name: 'the password',
      open: () =>
        openAccount('/account/password', '/account/password', {
          current_password: server.grace.password,
          new_password: 'a password that Mallory knows 12',
          new_password_again: 'a password that Mallory knows 12',
        }),
    },
  ]

  const forgeries: readonly (readonly [string, (form: Opened) => Forgery | Promise<Forgery>])[] = [
    ['without a token', () => ({ csrf: undefined })],
    ['with an empty token', () => ({ csrf: '' })],
    ['with a made-up token', () => ({ csrf: 'A'.repeat(43) })],
    ['with the token of another browser', async ({ again }) => ({ csrf: (await again()).form.fields.csrf })],
    ['with the token of another form', async ({ otherToken }) => ({ csrf: await otherToken() })],
    [
      'without the cookie that the token belongs to',
      ({ form }) => ({ without: form.action.startsWith('/interactions') ? 'latchkey_interaction' : 'latchkey_csrf' }),
    ],
    ['from another site', () => ({ headers: { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' } })],
    ['from another site, as old browsers say it', () => ({ headers: { 'sec-fetch-site': '', origin: 'https://evil.example' } })],
    ['from a neighbour of our site', () => ({ headers: { 'sec-fetch-site': 'same-site', origin: 'http://localhost:1' } })],
    ['from a sandboxed page', () => ({ headers: { 'sec-fetch-site': 'cross-site', origin: 'null' } })],
  ]

  // First: the last of the forms changes a password.
  test('nothing comes of an address that is only opened', async () => {
    for (const { open } of forms) {
      const { browser, form, values } = await open()
      const before = await traces()
      const query = new URLSearchParams({ ...form.fields, ...values }).toString()
      const page = await browser.fetch(address(`${form.action}?${query}`))
      expect(page.status === 405 || form.action === '/account/password').toBe(true)
      expect(await traces()).toEqual(before)
    }
  })

  describe.each(forms)('$name', ({ open }) => {
    test.each(forgeries)('%s', async (_name, forge) => {
      const form = await open()
      const forgery = await forge(form)
      const before = await traces()
      const page = await send(form, forgery)
      // Without the cookie of an interaction there is none to be in.
      expect(page.status).toBe(forgery.without === 'latchkey_interaction' ? 400 : 403)
      expect(page.headers.refresh).toBeUndefined()
      expect(await traces()).toEqual(before)
    })

    test('and the form itself, as it is, does', async () => {
      const page = await send(await open(), {})
      expect(page.headers.refresh ?? page.headers.location).toBeDefined()
    })
  })

  test('the form of the sign-out page needs the token of the session that sees it', async () => {
    const { browser, tokens } = await obtainTokens(server, SPA)
    const page = await browser.open(address('/logout'))
    const other = await obtainTokens(server, SPA)
    const foreign = await other.browser.open(address('/logout'))
    for (const xsrf of ['', 'A'.repeat(48), formsOf(foreign)[0]?.fields.xsrf ?? '']) {
      const refused = await browser.submit(page, { xsrf })
      expect(refused.status).toBe(400)
    }
    // By its address alone nobody is signed out.
    await browser.open(address('/logout?logout=yes'))
    expect(await introspect(server, API, tokens.body.access_token ?? '')).toMatchObject({ active: true })
    expect((await browser.open(address('/account'))).body).toContain(server.ada.username)
  })

  interface Opened {
    readonly browser: Browser
    readonly form: Form
    readonly values: { readonly [name: string]: string }
    /** The same form in another browser. */
    again(): Promise<Opened>
    /** The token of another form in the same browser. */
    otherToken(): Promise<string>
  }

  interface Forgery {
    /** Another token; `undefined` for none. */
    readonly csrf?: string | undefined
    readonly headers?: { readonly [name: string]: string }
    /** The name of a cookie that is not sent. */
    readonly without?: string
  }

  async function openInteraction(action: string, values: Opened['values']): Promise<Opened> {
    const browser = new Browser()
    const begin = () => browser.open(authorizationRequest(server, PARTNER, { prompt: 'login consent' }).url)
    const login = await begin()
    const page = action === '/consent' ? await browser.submit(login, server.ada) : login
    return {
      browser,
      form: formTo(page, action),
      values,
      again: () => openInteraction(action, values),
      otherToken: async () => formsOf(await begin())[0]?.fields.csrf ?? '',
    }
  }

  async function openAccount(path: string, action: string, values: Opened['values']): Promise<Opened> {
    await obtainTokens(server, SPA, { person: server.grace })
    const { browser } = await obtainTokens(server, SPA, { person: server.grace })
    const other = path === '/account' ? '/account/password' : '/account'
    return {
      browser,
      form: formTo(await browser.open(address(path)), action),
      values,
      again: () => openAccount(path, action, values),
      otherToken: async () => formsOf(await browser.open(address(other)))[0]?.fields.csrf ?? '',
    }
  }

  function formTo(page: Page, action: string): Form {
    const form = formsOf(page).find((candidate) => candidate.action.endsWith(action))
    if (form === undefined) throw new Error(`no form to ${action} on ${page.url}: ${page.body.slice(0, 400)}`)
    return form
  }

  function send({ browser, form, values }: Opened, forgery: Forgery): Promise<Page> {
    const body = new URLSearchParams({ ...form.fields, ...values })
    if ('csrf' in forgery) body.delete('csrf')
    if (forgery.csrf !== undefined) body.set('csrf', forgery.csrf)
    const cookies = browser.cookieHeader(new URL(address(form.action)).pathname).split('; ')
    const sent = cookies.filter((cookie) => !cookie.startsWith(forgery.without ?? '='))
    return browser.fetch(address(form.action), {
      body: body.toString(),
      headers: { ...forgery.headers, cookie: sent.join('; ') },
    })
  }

  /** What forms change. */
  function traces() {
    return run(
      server.databaseUrl,
      `SELECT (SELECT json_agg(name ORDER BY id) FROM accounts) AS names,
              (SELECT json_agg(hash ORDER BY id) FROM passwords) AS passwords,
              (SELECT count(*) FROM consents) AS consents,
              (SELECT count(*) FROM sessions WHERE ended_at IS NOT NULL) AS ended,
              (SELECT count(*) FROM audit_events WHERE name NOT LIKE '%_refused') AS events`,
    )
  }
})

describe('WB5: pages of other origins', () => {
  const preflight = (path: string, origin: string) =>
    fetch(address(path), {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization, dpop' },
    })
  const EVIL = [
    'https://evil.example',
    'https://evil.spa.example',
    'https://spa.example.evil.example',
    'https://spa.example:8443',
    'http://spa.example',
    'https://web.example',
    'null',
  ]

  test.each(['https://spa.example', ...EVIL])('the token endpoint is for %s as far as the client is its', async (origin) => {
    const { tokens, browser } = await obtainTokens(server, SPA)
    const mine = origin === 'https://spa.example'
    const ask = (path: string, params: { readonly [name: string]: string }, headers = {}) =>
      fetch(address(path), {
        method: 'POST',
        headers: { origin, ...headers },
        body: new URLSearchParams({ client_id: SPA.client_id, ...params }),
      })
    const refreshed = await ask('/token', { grant_type: 'refresh_token', refresh_token: tokens.body.refresh_token ?? '' })
    expect(refreshed.status).toBe(mine ? 200 : 400)
    expect(refreshed.headers.get('access-control-allow-origin')).toBe(mine ? origin : null)
    const revoked = await ask('/revoke', { token: tokens.body.access_token ?? '' })
    expect(revoked.status).toBe(mine ? 200 : 400)
    expect(revoked.headers.get('access-control-allow-origin')).toBe(mine ? origin : null)
    expect((await introspect(server, API, tokens.body.access_token ?? '')).active).toBe(!mine)
    const fresh = await obtainTokens(server, SPA, { browser })
    const userinfo = await fetch(address('/userinfo'), {
      headers: { origin, authorization: `Bearer ${fresh.tokens.body.access_token}` },
    })
    expect(userinfo.status).toBe(mine ? 200 : 400)
    expect(userinfo.headers.get('access-control-allow-origin')).toBe(mine ? origin : null)
    for (const answer of [refreshed, revoked, userinfo]) {
      expect(answer.headers.get('vary')).toMatch(/origin/i)
      expect(answer.headers.get('access-control-allow-credentials')).toBeNull()
    }
  })

  test('discovery and keys are for everybody, without cookies', async () => {
    for (const path of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server', '/jwks']) {
      const answer = await fetch(address(path), { headers: { origin: 'https://anybody.example' } })
      expect(answer.status).toBe(200)
      expect(answer.headers.get('access-control-allow-origin')).toMatch(/^(?:\*|https:\/\/anybody\.example)$/)
      expect(answer.headers.get('access-control-allow-credentials')).toBeNull()
    }
  })

  test.each(['/token', '/revoke', '/userinfo'])(
    'preflight of %s is answered, may be kept, and allows no cookies',
    async (path) => {
      const answer = await preflight(path, 'https://spa.example')
      expect(answer.status).toBe(204)
      expect(answer.headers.get('access-control-allow-headers')).toMatch(/authorization, dpop/i)
      expect(Number(answer.headers.get('access-control-max-age'))).toBeGreaterThan(0)
      expect(answer.headers.get('access-control-allow-credentials')).toBeNull()
    },
  )

  test('pages, and what needs the cookie, are for nobody else', async () => {
    const { browser } = await obtainTokens(server, SPA)
    for (const path of [
      '/',
      '/account',
      '/account/password',
      '/logout',
      new URL(authorizationRequest(server, SPA).url).pathname,
    ]) {
      for (const options of [{}, { method: 'OPTIONS', headers: { 'access-control-request-method': 'POST' } }]) {
        const page = await browser.fetch(address(path), {
          ...options,
          headers: { origin: 'https://spa.example', ...options.headers },
        })
        expect(Object.keys(page.headers).filter((name) => name.startsWith('access-control-'))).toEqual([])
      }
    }
  })
})

describe('WB6: what caches may keep', () => {
  test('answers with tokens, answers about tokens, and pages: nothing', async () => {
    const { browser, tokens } = await obtainTokens(server, SPA)
    const login = await new Browser().open(authorizationRequest(server, SPA).url)
    const consent = await new Browser().open(authorizationRequest(server, PARTNER, { prompt: 'consent' }).url)
    const back = await browser.fetch(authorizationRequest(server, SPA).url)
    const pages = [login, consent, back, await new Browser().open(authorizationRequest(server, SPA, { client_id: 'nobody' }).url)]
    for (const path of ['/', '/account', '/account/password', '/logout', '/nothing', '/setup?token=x']) {
      pages.push(await browser.open(address(path)))
    }
    expect(pages.map(({ url, headers }) => [url, headers['cache-control']])).toEqual(pages.map(({ url }) => [url, 'no-store']))
    const post = (path: string, params: { readonly [name: string]: string }) =>
      fetch(address(path), {
        method: 'POST',
        headers: { authorization: basic(API.client_id, API.client_secret) },
        body: new URLSearchParams(params),
      })
    const token = tokens.body.access_token ?? ''
    const answers = [
      await post('/token', { grant_type: 'client_credentials' }),
      await post('/token', { grant_type: 'refresh_token', refresh_token: 'nothing' }),
      await post('/introspect', { token }),
      await post('/revoke', { token }),
      await fetch(address('/userinfo'), { headers: { authorization: `Bearer ${token}` } }),
      await fetch(address('/userinfo')),
    ]
    expect(tokens.headers.get('cache-control')).toBe('no-store')
    expect(answers.map(({ url, headers }) => [url, headers.get('cache-control')])).toEqual(
      answers.map(({ url }) => [url, 'no-store']),
    )
  })

  test('discovery and keys: for minutes, so that a new key is seen in time; style sheets: for ever', async () => {
    for (const path of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server', '/jwks']) {
      const { headers } = await fetch(address(path))
      const age = /^public, max-age=(\d+)$/.exec(headers.get('cache-control') ?? '')?.[1]
      expect(Number(age)).toBeGreaterThan(0)
      expect(Number(age)).toBeLessThanOrEqual(3600)
      // The answer tells the origin that asked.
      expect(headers.get('vary')).toMatch(/origin/i)
      expect(headers.get('set-cookie')).toBeNull()
    }
    const page = await new Browser().open(address('/'))
    const sheet = /href="(\/assets\/[^"]+\.css)"/.exec(page.body)?.[1] ?? ''
    expect((await fetch(address(sheet))).headers.get('cache-control')).toContain('immutable')
  })
})

describe('WB7: errors tell nothing of our insides', () => {
  const INSIDES =
    /node_modules|\.[cm]?[jt]s:\d|\bat [\w.]+ \(|file:\/\/|\/(?:work|home|tmp|usr|var)\/|prisma|postgres|redis|SELECT|INSERT|relation "|koa|oidc-provider|node\.js|\bv?\d+\.\d+\.\d+\b/i

  function expectNothingTold(body: string, headers: Page['headers']): void {
    expect(body.replace(/<svg[\s\S]*?<\/svg>/g, '').replace(/127\.0\.0\.1/g, '')).not.toMatch(INSIDES)
    expect(headers).not.toHaveProperty('x-powered-by')
    expect(headers).not.toHaveProperty('server')
  }

  test.each([
    ['GET', '/nothing', 404],
    ['GET', '/account/nothing', 404],
    ['GET', '/interactions', 404],
    ['GET', '/.git/config', 404],
    ['GET', '/server/main.ts', 404],
    ['GET', '/assets/../server/main.ts', 404],
    ['GET', '/assets/%2e%2e/%2e%2e/etc/passwd', 404],
    ['GET', '/%', 404],
    ['GET', '/interactions/%ff', 400],
    ['GET', '/%00', 404],
    ['GET', `/${'a'.repeat(8000)}`, 404],
    ['DELETE', '/account', 405],
    ['PUT', '/setup', 405],
    ['GET', '/account/name', 405],
    ['GET', '/token', 405],
    ['PUT', '/token', 405],
    ['GET', '/revoke', 405],
    ['GET', '/introspect', 405],
    ['GET', '/par', 405],
    ['POST', '/jwks', 405],
    ['PUT', '/authorize', 405],
    ['DELETE', '/userinfo', 405],
    ['GET', '/logout/confirm', 405],
    ['POST', '/jwks/', 405],
    ['GET', '/token/x', 404],
    ['GET', '/logout/x', 404],
    ['GET', '/authorize', 400],
    ['GET', '/interactions/nobody', 400],
    ['POST', '/interactions/nobody/login', 400],
    ['GET', '/authorize/nobody', 400],
    ['GET', '/userinfo', 401],
    ['POST', '/token', 400],
    ['POST', '/introspect', 400],
    ['POST', '/par', 400],
    ['POST', '/logout/confirm', 400],
  ] as const)('%s %s: %i, for people and for programs', async (method, path, status) => {
    for (const accept of ['text/html', 'application/json']) {
      const page = await new Browser().fetch(address(path), {
        method,
        ...(method === 'GET' || method === 'DELETE' ? {} : { body: '' }),
        headers: { accept },
      })
      expect(page.status).toBe(status)
      if (status === 405) expect(page.headers.allow).toMatch(/GET|POST/)
      const type = String(page.headers['content-type'])
      // Where only programs ask, nobody reads a page.
      const forPrograms = /^\/(?:token|revoke|introspect|par|jwks|userinfo)\/?$/.test(path)
      if (forPrograms || (accept !== 'text/html' && /json/.test(type))) {
        expect(type).toMatch(/^application\/(?:problem\+)?json/)
        expect(JSON.parse(page.body)).toEqual(expect.any(Object))
      } else {
        expect(type).toMatch(/^text\/html/)
        expect(page.body).toContain('<h1>')
      }
      expectNothingTold(page.body, page.headers)
    }
  })

  test('a body of another type is refused: 415 at our pages, an OAuth error at the endpoints', async () => {
    const browser = new Browser()
    const login = await browser.open(authorizationRequest(server, SPA).url)
    const { browser: signedIn } = await obtainTokens(server, SPA)
    const action = formsOf(login)[0]?.action ?? ''
    for (const type of ['application/json', 'multipart/form-data; boundary=x', 'text/plain', 'application/xml']) {
      const headers = { 'content-type': type }
      for (const [by, path] of [
        [browser, action],
        [signedIn, '/account/name'],
        [signedIn, '/account/password'],
        [browser, '/setup'],
      ] as const) {
        const page = await by.fetch(address(path), { body: '{"csrf":"x"}', headers })
        expect({ path, type, status: page.status }).toEqual({ path, type, status: 415 })
        expectNothingTold(page.body, page.headers)
      }
      const token = await browser.fetch(address('/token'), {
        body: '{"grant_type":"client_credentials"}',
        headers: { ...headers, accept: 'application/json', authorization: basic(MACHINE.client_id, MACHINE.client_secret) },
      })
      expect({ status: token.status, error: JSON.parse(token.body).error }).toEqual({ status: 400, error: 'invalid_request' })
      expectNothingTold(token.body, token.headers)
    }
  })

  test('what nobody thought of: 500, a number to ask by, and the cause in the log only', async () => {
    const { browser, tokens } = await obtainTokens(server, SPA)
    await run(server.databaseUrl, 'ALTER TABLE sessions RENAME TO gone')
    try {
      const account = await browser.open(address('/account'))
      expect(account.status).toBe(500)
      expect(account.body).toContain('Something went wrong')
      const app = await browser.open(authorizationRequest(server, SPA).url)
      expect(app.status).toBe(500)
      expect(app.body).toContain('If you ask for help, name this')
      const refreshed = await refresh(server, SPA, tokens.body.refresh_token ?? '')
      expect(refreshed).toMatchObject({ status: 500, body: { error: 'server_error' } })
      expectNothingTold(account.body, account.headers)
      expectNothingTold(app.body, app.headers)
      expectNothingTold(JSON.stringify(refreshed.body), Object.fromEntries(refreshed.headers))
    } finally {
      await run(server.databaseUrl, 'ALTER TABLE gone RENAME TO sessions')
    }
    const causes = server.log.lines.filter((line) => Number(line.level) >= 50)
    expect(causes.length).toBeGreaterThanOrEqual(3)
    expect(JSON.stringify(causes)).toContain('sessions')
    expect(callbackParams(await browser.open(authorizationRequest(server, WEB).url))).toHaveProperty('code')
  })
})
