// Why authorization requests and sign-outs are refused, told by the id that the error page shows, or the answer carries.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { robotToken, startAdminServer } from '../admin-api/api.ts'
import { authorize } from '../attacks/attempts.ts'
import { Browser, type Page } from '../support/browser.ts'
import { BILLING, MACHINE, NOTES, SPA, type TestClient, WEB } from '../support/clients.ts'
import { authorizationRequest, callbackParams, clientRequest, obtainTokens, signIn } from '../support/oauth.ts'
import type { TestServer } from '../support/server.ts'
import { type Explained, expectWords, explained, requestIdOf } from './explained.ts'

let server: TestServer
let token: string

beforeAll(async () => {
  server = await startAdminServer()
  token = await robotToken(server)
}, 60_000)

afterAll(() => server?.stop())

/** Asks in a fresh browser; of an answer that goes back to the app, only its headers say which request it was. */
async function refused(client: TestClient, params: { readonly [name: string]: string | undefined }): Promise<Explained> {
  const answer = await new Browser().fetch(authorizationRequest(server, client, params).url)
  expect([303, 400]).toContain(answer.status)
  const request = await explained(server, token, requestIdOf(answer))
  expect(request.endpoint).toBe('authorization')
  expectWords(request)
  return request
}

/** What is known of a sign-in that is lost: nothing of whose it was. */
const LOST = {
  cause: 'sign_in_lost',
  endpoint: 'authorization',
  error: 'invalid_request',
  error_description: 'authorization request has expired',
  client_id: null,
  client_known: false,
  expected: null,
  received: null,
  reasons: [],
}

describe('the error page', () => {
  test('shows the id by which the request is found, and where', async () => {
    const page: Page = await authorize(server, SPA, { redirect_uri: 'https://spa.example/Callback' })
    expect(page.status).toBe(400)
    const [, id = ''] = /name this: <code>([^<]+)<\/code>/.exec(page.body) ?? []
    expect(id).toBe(requestIdOf(page))
    expect(page.body).toContain(`<a href="/admin/refused-requests/${id}">Refused requests</a>`)
    expect(await explained(server, token, id)).toMatchObject({
      cause: 'redirect_uri',
      error: 'invalid_redirect_uri',
      client_id: SPA.client_id,
      expected: SPA.redirect_uri,
      received: 'https://spa.example/Callback',
      reasons: ['the path is /Callback and /callback is registered: upper and lower case differ in paths'],
    })
  })

  test('an app that is not registered, and a sign-in that is lost', async () => {
    expect(await refused({ ...SPA, client_id: 'notes-app' }, {})).toMatchObject({
      cause: 'client_unknown',
      client_known: false,
      received: 'notes-app',
    })
    const lost = await new Browser().open(`${server.issuer}/authorize/never-begun`)
    expect(await explained(server, token, requestIdOf(lost))).toMatchObject(LOST)
  })

  test('a sign-in page without its cookie, a form of it, and one whose sign-in is finished', async () => {
    const browser = new Browser()
    const page = await browser.open(authorizationRequest(server, SPA).url)
    const { pathname } = new URL(page.url)
    expect(pathname).toMatch(/^\/interactions\/[\w-]+$/)
    const elsewhere = (path: string, body?: string) =>
      new Browser().fetch(`${server.issuer}${path}`, body === undefined ? {} : { body })
    const pages = [
      await elsewhere(pathname),
      await elsewhere(`${pathname}/login`, 'username=a&password=b'),
      await elsewhere(`${pathname}/consent`, ''),
      await elsewhere(`${pathname}/abort`, ''),
      await elsewhere('/interactions/never-begun'),
    ]
    expect(callbackParams(await signIn(browser, page, server.ada)).code).toBeDefined()
    pages.push(await browser.fetch(page.url))
    for (const lost of pages) {
      expect(lost.status).toBe(400)
      const [, id = ''] = /name this: <code>([^<]+)<\/code>/.exec(lost.body) ?? []
      const request = await explained(server, token, id)
      expectWords(request)
      expect(request).toMatchObject(LOST)
      expect(JSON.stringify(request)).not.toContain(pathname)
    }
  })
})

test('a program without people is not told to register addresses: it signs nobody in', async () => {
  const machine = { ...MACHINE, redirect_uri: 'https://reports.example/cb', scope: 'openid' }
  for (const [params, received] of [
    [{}, machine.redirect_uri],
    [{ redirect_uri: undefined }, 'response_type: code'],
  ] as const) {
    const request = await refused(machine, params)
    expect(request).toMatchObject({ cause: 'signs_nobody_in', client_known: true, received, reasons: [] })
    expect(request.change).not.toMatch(/redirect/)
  }
})

describe('what goes back to the app', () => {
  test.each<[params: { readonly [name: string]: string | undefined }, told: object]>([
    [{ redirect_uri: undefined }, { cause: 'parameter_missing', expected: "'redirect_uri'" }],
    [
      { code_challenge: undefined, code_challenge_method: undefined },
      { cause: 'pkce_missing', received: 'neither' },
    ],
    [{ code_challenge_method: 'plain' }, { cause: 'pkce_method', received: expect.stringContaining('plain') }],
    [{ code_challenge_method: undefined }, { cause: 'pkce_method' }],
    [{ code_challenge: 'ab'.repeat(32) }, { cause: 'pkce_challenge_malformed', received: '64 characters' }],
    [
      { code_challenge: `${'a'.repeat(42)}=` },
      { cause: 'pkce_challenge_malformed', reasons: [expect.stringContaining('base64')] },
    ],
    [{ response_type: 'token' }, { cause: 'response_type', expected: 'code', received: 'token' }],
    [{ response_mode: 'fragmented' }, { cause: 'response_mode', received: 'fragmented' }],
    [
      { scope: 'openid billing:read' },
      {
        cause: 'scope_not_allowed',
        expected: `some of: ${SPA.scope} offline_access`,
        received: 'openid billing:read',
        reasons: ['not allowed: billing:read'],
      },
    ],
    [{ scope: 'openid "notes"' }, { cause: 'scope_malformed', received: 'openid "notes"' }],
    [{ resource: `${NOTES}/v2` }, { cause: 'resource_unknown', expected: NOTES, received: `${NOTES}/v2` }],
    [{ resource: BILLING }, { cause: 'resource_not_allowed', reasons: [`resource: ${BILLING}`] }],
    [{ scope: 'notes:read' }, { cause: 'openid_missing', received: 'scope: notes:read' }],
    [{ prompt: 'sometimes' }, { cause: 'prompt', received: 'sometimes' }],
    [{ max_age: 'long' }, { cause: 'max_age', received: 'long' }],
    [{ id_token_hint: 'nonsense' }, { cause: 'id_token_hint' }],
    [{ request: 'eyJhbGciOiJub25lIn0.e30.' }, { cause: 'not_supported', received: 'request' }],
    [{ prompt: 'none' }, { cause: 'login_required', error: 'login_required', received: 'prompt: none' }],
  ])('%j', async (params, told) => {
    expect(await refused(SPA, params)).toMatchObject({ client_id: SPA.client_id, client_known: true, ...told })
  })

  test('a parameter that came twice', async () => {
    const url = `${authorizationRequest(server, SPA).url}&scope=openid`
    const answer = await new Browser().fetch(url)
    const request = await explained(server, token, requestIdOf(answer))
    expect(request).toMatchObject({ cause: 'parameter_repeated', received: "twice: 'scope'" })
  })

  test('that the person went back', async () => {
    const browser = new Browser()
    const page = await browser.open(authorizationRequest(server, SPA).url)
    const declined = await browser.submit(page, {}, 'cancel')
    expect(callbackParams(declined).error).toBe('access_denied')
    const { body } = await listed('cause=person_declined')
    expect(body.items[0]).toMatchObject({ cause: 'person_declined', endpoint: 'authorization', client_id: SPA.client_id })
  })
})

async function listed(query: string): Promise<{ readonly body: Explained }> {
  const { refusedRequests } = server.latchkey.administration
  const until = performance.now() + 10_000
  const cause = new URLSearchParams(query).get('cause')
  while (
    (await refusedRequests.page({ filter: { cause: cause as never }, limit: 1 })).length === 0 &&
    performance.now() < until
  ) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const response = await fetch(`${server.issuer}/admin/api/v1/refused-requests?${query}`, {
    headers: { authorization: `Bearer ${token}` },
  })
  return { body: await response.json() }
}

test('a pushed request: refused at once, or spent', async () => {
  const pushed = await clientRequest(server, '/par', WEB, {
    client_id: WEB.client_id,
    response_type: 'code',
    redirect_uri: 'https://web.example/callback?from=there',
    scope: 'openid',
  })
  expect(pushed.status).toBe(400)
  expect(await explained(server, token, requestIdOf(pushed))).toMatchObject({
    endpoint: 'pushed_authorization_request',
    cause: 'redirect_uri',
    error: 'invalid_request',
    reasons: ['it has the query ?from=there and none is registered'],
  })
  const spent = 'urn:ietf:params:oauth:request_uri:gone'
  expect(await refused(WEB, { request_uri: spent })).toMatchObject({ cause: 'pushed_request_spent' })
})

test('a sign-out that may not come back where it wants to', async () => {
  const { browser, tokens } = await obtainTokens(server, SPA)
  const url = new URL('/logout', server.issuer)
  url.searchParams.set('id_token_hint', tokens.body.id_token ?? '')
  url.searchParams.set('post_logout_redirect_uri', 'https://spa.example/bye')
  const page = await browser.open(url)
  expect(page.status).toBe(400)
  const request = await explained(server, token, requestIdOf(page))
  expect(request).toMatchObject({
    endpoint: 'end_session',
    cause: 'post_logout_redirect_uri',
    expected: 'https://spa.example/',
    received: 'https://spa.example/bye',
  })
  expect(JSON.stringify(request)).not.toContain(tokens.body.id_token)
})
