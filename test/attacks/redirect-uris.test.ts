// Where browsers are sent: registered addresses as they are written, and nowhere else (RFC 9700 §2.1 and §4.1.3, RFC 8252).
// What can be registered is told in test/clients/redirect-uris.test.ts.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { parseProvisionFile } from '../../server/commands/provision-file.ts'
import { Browser, type Page } from '../support/browser.ts'
import { SPA, type TestClient } from '../support/clients.ts'
import { authorizationRequest, clientRequest, obtainTokens, redeem, signIn, tokenRequest } from '../support/oauth.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { authorize, errorLines, expectErrorPage, obtainCode } from './attempts.ts'

const CALLBACK = 'https://app.example/cb'
const APP: TestClient = { ...SPA, client_id: 'app', redirect_uri: CALLBACK }
const NATIVE: TestClient = { ...SPA, client_id: 'native', redirect_uri: 'http://127.0.0.1:4711/cb' }
const OWN_SCHEME = 'com.example.app:/cb'

let server: TestServer

beforeAll(async () => {
  server = await startServer({
    provision: {
      clients: [
        publicClient(APP, [CALLBACK, 'https://app.example/other'], {
          post_logout_redirect_uris: [CALLBACK, 'https://app.example/other'],
        }),
        publicClient(NATIVE, [NATIVE.redirect_uri, 'http://[::1]/cb', OWN_SCHEME], {
          application_type: 'native',
          post_logout_redirect_uris: ['http://127.0.0.1/bye'],
        }),
      ],
    },
  })
})

afterAll(async () => {
  await server?.stop()
})

function publicClient(client: TestClient, redirect_uris: readonly string[], more: object): object {
  return {
    client_id: client.client_id,
    client_name: 'An app',
    token_endpoint_auth_method: 'none',
    redirect_uris,
    grant_types: ['authorization_code', 'refresh_token'],
    scope: client.scope,
    skip_consent: true,
    ...more,
  }
}

/** Addresses that look like the registered one to somebody: a prefix check, a regular expression, a lenient parser. */
const CONFUSED: readonly (readonly [string, string])[] = [
  ['RU1', 'https://app.example/cb.evil'],
  ['RU1', 'https://app.example/cb/x'],
  ['RU1', 'https://app.example/cb/../evil'],
  ['RU1', 'https://app.example/cb/..%2fevil'],
  ['RU1', 'https://app.example/cb/%252e%252e/evil'],
  ['RU1', 'https://app.example/cb/..;/evil'],
  ['RU1', 'https://app.example/./cb'],
  ['RU1', 'https://app.example/%63b'],
  ['RU2', 'https://app.example.evil.test/cb'],
  ['RU2', 'https://fooaexample.test/cb'],
  ['RU2', 'https://appxexample/cb'],
  ['RU2', 'https://app.example@evil.test/cb'],
  ['RU2', 'https://evil.test\\@app.example/cb'],
  ['RU2', 'https://user:pass@app.example/cb'],
  ['RU2', 'https://app.example\\.evil.test/cb'],
  ['RU2', 'https://evil.test#@app.example/cb'],
  ['RU3', 'HTTPS://APP.EXAMPLE/CB'],
  ['RU3', 'https://APP.example/cb'],
  ['RU3', 'https://app.example/CB'],
  ['RU3', 'https://app.example/cb?x=1'],
  ['RU3', 'https://app.example/cb?'],
  ['RU3', 'https://app.example/cb#'],
  ['RU3', 'https://app.example/cb#x'],
  ['RU3', 'https://app.example/cb/'],
  ['RU3', 'https://app.example:443/cb'],
  ['RU3', 'https://app.example:8443/cb'],
  ['RU3', 'https://аpp.example/cb'],
  ['RU3', 'https://app.example./cb'],
  ['RU3', ' https://app.example/cb'],
  ['RU3', 'https://app.example/cb\u0000'],
  ['RU3', 'https://app.example/cb\r\nSet-Cookie: a=b'],
  ['RU4', 'javascript:alert(1)//app.example/cb'],
  ['RU4', 'data:text/html,<script>alert(1)</script>'],
  ['RU4', 'vbscript:x'],
  ['RU4', 'file:///etc/passwd'],
  ['RU4', '\thttps://evil.test'],
  ['RU4', '//evil.test'],
  ['RU4', '/\\evil.test'],
  ['RU4', '/cb'],
  ['RU4', 'cb'],
  ['RU5', 'http://app.example/cb'],
]

describe('the redirect URI of a request', () => {
  test.each(CONFUSED)('%s: %j gets a page and not the answer', async (_id, redirect_uri) => {
    const { browser } = await signedIn()
    expectErrorPage(server, await authorize(server, APP, { redirect_uri }, browser))
    const pushed = await clientRequest(server, '/par', APP, pushable(redirect_uri))
    expect(pushed.status).toBe(400)
  })

  test('RU3: none, or an empty one, gets a page too, although only one could be meant', async () => {
    expectErrorPage(server, await authorize(server, SPA, { redirect_uri: undefined }))
    expectErrorPage(server, await authorize(server, SPA, { redirect_uri: '' }))
  })

  test('RU11: whatever else is wrong, an error does not go to an address that is not registered', async () => {
    for (const wrong of [
      { response_type: 'token' },
      { response_type: undefined },
      { scope: 'openid billing:read' },
      { code_challenge: undefined },
      { prompt: 'none' },
      { prompt: 'none login' },
      { request: 'x' },
      { response_mode: 'nonsense' },
      { response_mode: 'form_post' },
      { id_token_hint: 'x' },
      { client_id: 'nobody' },
      { client_id: undefined },
    ]) {
      const page = await authorize(server, APP, { redirect_uri: 'https://evil.test/', ...wrong })
      expectErrorPage(server, page)
      expect(page.body).not.toContain('href="https://evil.test')
    }
  })

  test('RU6: a native app chooses its port on this machine, but neither host nor path', async () => {
    for (const redirect_uri of [
      'http://127.0.0.1:4711/cb',
      'http://127.0.0.1:65535/cb',
      'http://127.0.0.1/cb',
      'http://[::1]:9/cb',
    ]) {
      const browser = new Browser({ stopAt: (url) => ['127.0.0.1', '[::1]'].includes(url.hostname) })
      const end = await signInNatively(browser, redirect_uri)
      expect(end.url.startsWith(`${redirect_uri}?code=`)).toBe(true)
    }
    for (const redirect_uri of [
      'http://127.0.0.1:4711/cb/x',
      'http://127.0.0.1:4711/cb?x=1',
      'http://localhost.evil.test/cb',
      'http://localhost/cb',
      'http://127.0.0.1.evil.test/cb',
      'http://127.0.0.2/cb',
      'http://127.1/cb',
      'http://2130706433/cb',
      'http://0x7f000001/cb',
      'http://[::ffff:127.0.0.1]/cb',
      'http://127.0.0.1:4711@evil.test/cb',
      'http://evil.test\\@127.0.0.1/cb',
      'https://127.0.0.1:4711/cb',
      'http://127.0.0.1:99999/cb',
    ]) {
      expectErrorPage(server, await authorize(server, NATIVE, { redirect_uri }))
    }
    // A web client's address on this machine is exact, port and all.
    expectErrorPage(server, await authorize(server, APP, { redirect_uri: 'http://127.0.0.1:4711/cb' }))
  })

  test('RU7: a scheme of an app’s own is exact', async () => {
    const browser = new Browser({ stopAt: (url) => url.protocol === 'com.example.app:' })
    expect((await signInNatively(browser, OWN_SCHEME)).url).toMatch(/^com\.example\.app:\/cb\?code=/)
    for (const redirect_uri of [
      'com.example.app:/cb2',
      'com.example.app://cb',
      'com.example.app2:/cb',
      'example:/cb',
      'com.example.app:cb',
    ]) {
      expectErrorPage(server, await authorize(server, NATIVE, { redirect_uri }))
    }
  })
})

describe('RU5 RU7 RU8: what the provision file may register', () => {
  test.each([
    ['http for a web client', { redirect_uris: ['http://app.example/cb'] }],
    ['a wildcard host', { redirect_uris: ['https://*.app.example/cb'] }],
    ['a wildcard path', { redirect_uris: ['https://app.example/*'] }],
    ['an encoded wildcard', { redirect_uris: ['https://app.example/%2a'] }],
    ['a wildcard after signing out', { redirect_uris: [CALLBACK], post_logout_redirect_uris: ['https://app.example/*'] }],
    ['a scheme of its own for a web client', { redirect_uris: [OWN_SCHEME] }],
    ['a scheme without a dot', { redirect_uris: ['example:/cb'], application_type: 'native' }],
    ['javascript', { redirect_uris: ['javascript:alert(1)'], application_type: 'native' }],
  ])('%s is refused', (_title, metadata) => {
    const text = JSON.stringify({ clients: [publicClient(APP, [], metadata)] })
    const rules = { environment: 'test', issuer: server.issuer, clientCertificates: undefined, isUsableHash: () => true } as const
    expect(() => parseProvisionFile(text, 'provision.json', rules)).toThrow(/redirect_uris/)
    const right = JSON.stringify({ clients: [publicClient(APP, [CALLBACK], {})] })
    expect(parseProvisionFile(right, 'provision.json', rules).clients).toHaveLength(1)
  })
})

describe('the redirect URI at the token endpoint', () => {
  test('RU9 RU10: must be the one of the authorization request, not merely a registered one', async () => {
    const { authorization, code } = await obtainCode(server, APP)
    for (const redirect_uri of [
      'https://app.example/other',
      'https://evil.test/',
      '',
      `${CALLBACK}/`,
      'HTTPS://app.example/cb',
    ]) {
      const answer = await redeem(server, APP, authorization, code, { redirect_uri })
      expect(answer.status).toBe(400)
      expect(answer.body.error).toBe(redirect_uri === '' ? 'invalid_request' : 'invalid_grant')
    }
    const without = { grant_type: 'authorization_code', code, code_verifier: authorization.verifier }
    expect((await tokenRequest(server, APP, without)).status).toBe(400)
    expect((await redeem(server, APP, authorization, code)).status).toBe(200)
  })
})

describe('RU12: after signing out', () => {
  test.each(CONFUSED)('RU12 like %s: %j is not gone to', async (_id, post_logout_redirect_uri) => {
    const { browser, idToken } = await signedIn()
    for (const who of [{ client_id: APP.client_id }, { id_token_hint: idToken }]) {
      const query = new URLSearchParams({ ...who, post_logout_redirect_uri })
      expectErrorPage(server, await browser.open(`${server.issuer}/logout?${query}`))
    }
  })

  test('RU12: without a client no address is gone to, and with one its own is', async () => {
    const nobody = await obtainTokens(server, APP)
    const query = new URLSearchParams({ post_logout_redirect_uri: CALLBACK })
    const out = await nobody.browser.submit(await nobody.browser.open(`${server.issuer}/logout?${query}`))
    expect(new URL(out.url).origin).toBe(server.issuer)
    const known = await obtainTokens(server, APP)
    query.set('client_id', APP.client_id)
    expect((await known.browser.submit(await known.browser.open(`${server.issuer}/logout?${query}`))).url).toBe(CALLBACK)
    const native = new URLSearchParams({
      client_id: NATIVE.client_id,
      post_logout_redirect_uri: 'http://127.0.0.1.evil.test/bye',
    })
    expectErrorPage(server, await new Browser().open(`${server.issuer}/logout?${native}`))
  })
})

describe('RU13: the return addresses of our own pages', () => {
  test.each([
    '//evil.test',
    '/\\evil.test',
    '\\\\evil.test',
    'https://evil.test',
    'https:evil.test',
    'javascript:alert(1)',
    '/\t/evil.test',
    '/%09/evil.test',
    '/..//evil.test',
    '/account/..//evil.test',
    '@evil.test',
    '.evil.test',
  ])('%j is never gone to', async (target) => {
    const { browser } = await obtainTokens(server, APP)
    const names = ['return_to', 'next', 'continue', 'redirect', 'returnTo', 'url']
    for (const path of ['/account', '/account/password', '/', '/account/callback', '/setup', '/logout/success']) {
      const query = new URLSearchParams(names.map((name): [string, string] => [name, target]))
      for (const visitor of [browser, new Browser()]) {
        const page = await visitor.open(`${server.issuer}${path}?${query}`)
        expect(new URL(page.url).origin).toBe(server.issuer)
        expect(page.body).not.toMatch(/(?:href|action)="[^"]*evil\.test/)
      }
    }
  })

  test('a person who was sent to sign in by the account page ends there', async () => {
    const browser = new Browser()
    const login = await browser.open(`${server.issuer}/account/password`)
    const end = await signIn(browser, login, server.ada)
    expect(new URL(end.url).origin).toBe(server.issuer)
    expect(new URL(end.url).pathname).toBe('/account/password')
  })
})

test('nothing of it was an error of the server', () => {
  expect(errorLines(server)).toEqual([])
})

/** A native app asks for consent each time: anyone can be at its address (RFC 8252 §8.6). */
async function signInNatively(browser: Browser, redirect_uri: string): Promise<Page> {
  const login = await browser.open(authorizationRequest(server, NATIVE, { redirect_uri }).url)
  return browser.submit(await browser.submit(login, server.ada))
}

let session: Promise<{ readonly browser: Browser; readonly idToken: string }> | undefined

/** A browser that is signed in: if an address were accepted, the code would go there at once. */
function signedIn() {
  session ??= obtainTokens(server, APP).then(({ browser, tokens }) => ({ browser, idToken: tokens.body.id_token ?? '' }))
  return session
}

function pushable(redirect_uri: string): { readonly [name: string]: string } {
  return Object.fromEntries(new URL(authorizationRequest(server, APP, { redirect_uri }).url).searchParams)
}
