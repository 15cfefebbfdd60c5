// Requests of a wrong shape, at every endpoint: each is answered in time and as the fault of whoever sent it, and none is an
// error of the server.
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Browser, formsOf } from '../support/browser.ts'
import { PARTNER, SPA, WEB } from '../support/clients.ts'
import { authorizationRequest, basic, obtainTokens } from '../support/oauth.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { errorLines } from './attempts.ts'

const FORM = 'application/x-www-form-urlencoded'
const TIME_LIMIT_MS = 2000

let server: TestServer
/** A browser with a session, and in the middle of an interaction. */
let browser: Browser
let paths: readonly string[]

beforeAll(async () => {
  server = await startServer()
  const signedIn = await obtainTokens(server, SPA)
  browser = signedIn.browser
  const consent = await browser.open(authorizationRequest(server, PARTNER, { prompt: 'consent' }).url)
  const { pathname } = new URL(consent.url)
  paths = [
    ...['/authorize', '/token', '/par', '/revoke', '/introspect', '/userinfo', '/logout', '/logout/confirm', '/logout/success'],
    ...['/jwks', '/.well-known/openid-configuration', '/.well-known/oauth-authorization-server', '/', '/robots.txt'],
    ...['/setup', '/setup/x', '/account', '/account/password', '/account/callback', '/account/sessions/end', '/no-such-page'],
    pathname,
    ...formsOf(consent).map(({ action }) => new URL(action, server.issuer).pathname),
    `${pathname}/login`,
    pathname.replace('/interactions/', '/authorize/'),
  ]
})

afterAll(async () => {
  await server?.stop()
})

/** Bodies and their types that no endpoint expects. */
const BODIES: readonly (readonly [string, string, string])[] = [
  ['nothing', FORM, ''],
  [
    'every parameter twice',
    FORM,
    twice(['client_id', 'grant_type', 'code', 'token', 'scope', 'state', 'csrf', 'username', 'xsrf']),
  ],
  ['60 KiB in one field', FORM, `token=${'x'.repeat(60 * 1024)}&grant_type=${'y'.repeat(100)}`],
  ['55 KiB in one field', FORM, `grant_type=refresh_token&refresh_token=${'x'.repeat(55 * 1024)}`],
  ['ten thousand fields', FORM, Array.from({ length: 8000 }, (_, index) => `f${index}=`).join('&')],
  [
    'NUL bytes',
    FORM,
    nul(['client_id', 'client_secret', 'grant_type', 'code', 'token', 'username', 'password', 'refresh_token']),
  ],
  [
    'NUL bytes beside good parameters',
    FORM,
    `grant_type=authorization_code&code=%00&redirect_uri=%00&code_verifier=%00&token=%00`,
  ],
  ['percent bytes that are not UTF-8', FORM, 'client_id=%ff%fe&token=%c3%28&grant_type=%ed%a0%80&code=%80&username=%ff'],
  ['broken percent signs', FORM, 'client_id=%&token=%zz&grant_type=%1&code=%u0041&username=%'],
  ['names of objects', FORM, '__proto__=x&constructor=y&__proto__[a]=b&toString=z&hasOwnProperty=1&client_id=constructor'],
  ['brackets', FORM, 'client_id[]=a&client_id[b]=c&grant_type[$ne]=x&token[]=1&username[$gt]='],
  ['only separators', FORM, '&&&===&;=&'],
  ['JSON as a form', FORM, '{"grant_type":"password","client_id":{"$ne":null}}'],
  ['JSON', 'application/json', '{"grant_type":"authorization_code","code":["x"],"client_id":{"$ne":null}}'],
  ['deep JSON', 'application/json', `${'['.repeat(20_000)}${']'.repeat(20_000)}`],
  ['XML', 'application/xml', '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'],
  [
    'several parts',
    'multipart/form-data; boundary=b',
    '--b\r\nContent-Disposition: form-data; name="token"\r\n\r\nx\r\n--b--\r\n',
  ],
  ['a type of its own', 'x', 'token=x'],
  ['another charset', `${FORM}; charset=utf-16`, 'token=x&grant_type=authorization_code'],
  ['a charset that nobody has', `${FORM}; charset=nonsense`, 'token=x&grant_type=authorization_code'],
  ['bytes', 'application/octet-stream', '\u0000\u0001\u0002\u00ff'],
]

/** Queries that no endpoint expects. */
const QUERIES: readonly (readonly [string, string])[] = [
  ['every parameter twice', twice(['client_id', 'redirect_uri', 'state', 'id_token_hint', 'code', 'logout'])],
  [
    'NUL bytes',
    nul(['client_id', 'redirect_uri', 'scope', 'state', 'id_token_hint', 'resource', 'code', 'client_id', 'login_hint']),
  ],
  ['percent bytes that are not UTF-8', 'client_id=%ff%fe&state=%c3%28&scope=%ed%a0%80&code=%80&id_token_hint=%ff.%ff.%ff'],
  ['broken percent signs', 'client_id=%&state=%zz&redirect_uri=%1'],
  ['names of objects', '__proto__=x&constructor=y&client_id=__proto__&toString=z&response_mode=constructor'],
  ['brackets', 'client_id[]=a&client_id[b]=c&state[$ne]=x'],
  ['ten KiB', `client_id=notes-spa&state=${'x'.repeat(10_000)}`],
  ['a thousand fields', Array.from({ length: 1000 }, (_, index) => `f${index}=`).join('&')],
]

/** Good requests, one parameter of which is bent. */
const BENT = [
  '\u0000',
  '%',
  '\ud800',
  '__proto__',
  '[object Object]',
  'x'.repeat(5000),
  '\r\nX-Injected: 1',
  '*',
  ' ',
  '\u202e',
  '٣',
]

describe('bodies', () => {
  test.each(BODIES)('%s', async (_title, type, body) => {
    for (const path of paths) {
      for (const authorization of [undefined, basic(WEB.client_id, WEB.client_secret ?? '')]) {
        const began = performance.now()
        const page = await browser.fetch(`${server.issuer}${path}`, {
          body,
          headers: { 'content-type': type, ...(authorization === undefined ? {} : { authorization }) },
        })
        expectFault(path, page, began)
      }
    }
  })
})

describe('queries', () => {
  test.each(QUERIES)('%s', async (_title, query) => {
    for (const path of paths) {
      const began = performance.now()
      const page = await browser.fetch(`${server.issuer}${path}?${query}`)
      expect({ path, status: page.status, fault: page.status >= 500 }).toMatchObject({ fault: false })
      expect(performance.now() - began).toBeLessThan(TIME_LIMIT_MS)
      expectNothingInside(page.body)
    }
  })
})

describe('one parameter that is bent', () => {
  const good: { readonly [path: string]: { readonly [name: string]: string } } = {
    '/token': {
      grant_type: 'authorization_code',
      code: 'x',
      redirect_uri: WEB.redirect_uri,
      code_verifier: 'v'.repeat(43),
      scope: 'openid',
      resource: 'https://notes.example/api',
      refresh_token: 'x',
      client_assertion: 'x',
    },
    '/revoke': { token: 'x', token_type_hint: 'access_token' },
    '/introspect': { token: 'x', token_type_hint: 'refresh_token' },
  }

  test.each(Object.entries(good))('%s', async (path, params) => {
    for (const name of [...Object.keys(params), 'client_id']) {
      for (const value of BENT) {
        for (const grant_type of path === '/token' ? ['authorization_code', 'refresh_token', 'client_credentials'] : ['']) {
          const began = performance.now()
          const response = await fetch(new URL(path, server.issuer), {
            method: 'POST',
            headers: { authorization: basic(WEB.client_id, WEB.client_secret ?? ''), accept: 'application/json' },
            body: new URLSearchParams({ ...params, grant_type, [name]: value }),
          })
          const text = await response.text()
          expect({ path, name, value, grant_type, fault: response.status >= 500 }).toMatchObject({ fault: false })
          expect(performance.now() - began).toBeLessThan(TIME_LIMIT_MS)
          expectNothingInside(text)
        }
      }
    }
  })

  test.each(['/authorize', '/par'])('%s', async (path) => {
    const params = Object.fromEntries(new URL(authorizationRequest(server, WEB).url).searchParams)
    const names = ['prompt', 'max_age', 'login_hint', 'id_token_hint', 'resource', 'response_mode', 'request', 'request_uri']
    for (const name of [...Object.keys(params), ...names, 'acr_values', 'claims', 'ui_locales', 'display', 'dpop_jkt']) {
      for (const value of BENT) {
        const query = new URLSearchParams({ ...params, [name]: value })
        const page =
          path === '/authorize'
            ? await browser.fetch(`${server.issuer}${path}?${query}`)
            : await browser.fetch(`${server.issuer}${path}`, {
                body: query.toString(),
                headers: { authorization: basic(WEB.client_id, WEB.client_secret ?? '') },
              })
        expect({ name, value, fault: page.status >= 500 }).toMatchObject({ fault: false })
        expect(page.headers).not.toHaveProperty('x-injected')
        expectNothingInside(page.body)
      }
    }
  })

  test('the sign-in form', async () => {
    const stranger = new Browser()
    const login = await stranger.open(authorizationRequest(server, SPA).url)
    for (const value of BENT) {
      for (const fields of [{ username: value }, { password: value }, { username: value, password: value }, { csrf: value }]) {
        const page = await stranger.submit(login, { ...server.ada, password: 'wrong', ...fields })
        expect({ fields, fault: page.status >= 500 }).toMatchObject({ fault: false })
        expectNothingInside(page.body)
      }
    }
  })
})

describe('methods and headers', () => {
  test.each(['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', 'TRACE', 'PROPFIND', 'LOCK', 'PURGE', 'QUERY'])(
    '%s',
    async (method) => {
      for (const path of paths) {
        const began = performance.now()
        const page = await browser.fetch(`${server.issuer}${path}`, { method })
        expect({ path, fault: page.status >= 500 }).toMatchObject({ fault: false })
        expect(performance.now() - began).toBeLessThan(TIME_LIMIT_MS)
      }
    },
  )

  test('headers of odd values', async () => {
    for (const [name, value] of [
      ['cookie', 'latchkey_session=%00; latchkey_session.sig=x; latchkey_interaction=__proto__; =; ;;; a'],
      ['cookie', `latchkey_session=${'x'.repeat(8000)}`],
      ['cookie', 'latchkey_session=\u00ff; latchkey_session.sig=\u00ff'],
      ['authorization', 'Bearer'],
      ['authorization', 'Bearer \u00ff'],
      ['authorization', `Bearer ${'x'.repeat(8000)}`],
      ['authorization', 'Bearer at_%00'],
      ['authorization', 'Negotiate x'],
      ['authorization', ','],
      ['accept', 'x'.repeat(5000)],
      ['accept', ';;;,,,q=x'],
      ['accept-language', '*;q=9,,,\u00ff'],
      ['user-agent', ''],
      ['user-agent', '\u00ff\u00fe'],
      ['user-agent', 'x'.repeat(8000)],
      ['origin', 'null'],
      ['origin', 'not an origin'],
      ['referer', '%%%'],
      ['x-forwarded-for', ',,, , 999.1.1.1, ::::, \u00ff'],
      ['x-forwarded-proto', 'javascript'],
      ['forwarded', 'for="_x";host="evil.test"'],
      ['content-type', ';;;='],
      ['if-none-match', '"\u00ff'],
      ['range', 'bytes=999-1'],
      ['expect', 'nothing'],
      ['dpop', 'x'],
    ] as const) {
      for (const path of paths) {
        const page = await browser.fetch(`${server.issuer}${path}`, { headers: { [name]: value } })
        expect({ path, name, value, fault: page.status >= 500 }).toMatchObject({ fault: false })
        expectNothingInside(page.body)
      }
    }
  })

  test.each([
    ['two lengths', 'POST /token HTTP/1.1\r\nHost: @\r\nContent-Length: 5\r\nContent-Length: 50\r\n\r\nabcde'],
    [
      'a length and chunks',
      'POST /token HTTP/1.1\r\nHost: @\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['no host', 'GET / HTTP/1.1\r\n\r\n'],
    ['two hosts', 'GET / HTTP/1.1\r\nHost: @\r\nHost: evil.test\r\n\r\n'],
    ['an absolute address', 'GET http://evil.test/authorize HTTP/1.1\r\nHost: @\r\n\r\n'],
    ['a NUL in the path', 'GET /\u0000 HTTP/1.1\r\nHost: @\r\n\r\n'],
    ['nonsense', 'x\r\n\r\n'],
    ['an upgrade', 'GET / HTTP/1.1\r\nHost: @\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
    ['a tunnel', 'CONNECT evil.test:443 HTTP/1.1\r\nHost: @\r\n\r\n'],
    ['headers of 40 KiB', `GET / HTTP/1.1\r\nHost: @\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`],
  ])('on the wire: %s', async (_title, request) => {
    const { host, port } = new URL(server.issuer)
    const answer = await wire(Number(port), request.replace('Host: @', `Host: ${host}`))
    expect(answer).not.toMatch(/^HTTP\/1\.1 5/)
    expectNothingInside(answer)
  })

  test('a body that is shorter than it says, and one that never comes, hold nobody up', async () => {
    const { host, port } = new URL(server.issuer)
    const head = `POST /token HTTP/1.1\r\nHost: ${host}\r\nContent-Type: ${FORM}\r\nContent-Length: 500\r\n\r\n`
    const halves = Array.from({ length: 20 }, () => wire(Number(port), `${head}token=x`, 200))
    const began = performance.now()
    expect((await fetch(new URL('/jwks', server.issuer))).status).toBe(200)
    expect(performance.now() - began).toBeLessThan(TIME_LIMIT_MS)
    await Promise.all(halves)
    // Whoever hangs up leaves a line for those who look for it, and no stack on the terminal.
    const noted = () => server.log.lines.some(({ msg }) => msg === 'a client broke off')
    for (let tries = 0; tries < 100 && !noted(); tries += 1) await fetch(new URL('/robots.txt', server.issuer))
    expect(noted()).toBe(true)
  })
})

test('nothing of it was an error of the server, and it works as before', async () => {
  expect(errorLines(server)).toEqual([])
  expect((await obtainTokens(server, SPA)).tokens.status).toBe(200)
})

/** A body of a wrong shape is the fault of whoever sent it; where nothing reads a body, the page may come all the same. */
function expectFault(path: string, page: { readonly status: number; readonly body: string }, began: number): void {
  expect({ path, status: page.status, fault: page.status >= 500 }).toMatchObject({ fault: false })
  expect(performance.now() - began).toBeLessThan(TIME_LIMIT_MS)
  expectNothingInside(page.body)
}

/** No answer shows a stack trace, a path of this machine, or a word of the database. */
function expectNothingInside(text: string): void {
  expect(text).not.toMatch(/\bat \S+ \(|node_modules|node:internal|\.ts:\d|prisma|postgres|ioredis|SELECT |\/work\//i)
}

function twice(names: readonly string[]): string {
  return names.flatMap((name) => [`${name}=a`, `${name}=b`]).join('&')
}

function nul(names: readonly string[]): string {
  return names.map((name) => `${name}=a%00b`).join('&')
}

/** Writes bytes, and reads what comes until the other side closes or `milliseconds` are over. */
function wire(port: number, bytes: string, milliseconds = 300): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    let answer = ''
    const done = () => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(milliseconds, done)
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('utf8')
    })
    socket.on('error', done)
    socket.on('close', done)
  })
}
