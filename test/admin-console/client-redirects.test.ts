// A redirect URI that is tried in the console: it says what the server would do, and why.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { startAdminServer } from '../admin-api/api.ts'
import { Browser } from '../support/browser.ts'
import type { TestServer } from '../support/server.ts'
import { SCRIPT_PAYLOADS } from '../views/script-payloads.ts'
import { atConsole } from './people.ts'

let server: TestServer
let browser: Browser

const DESK = {
  client_id: 'desk',
  application_type: 'native',
  token_endpoint_auth_method: 'none',
  redirect_uris: ['http://127.0.0.1/callback', 'com.example.desk:/callback'],
}
const SHOP = {
  client_id: 'shop',
  token_endpoint_auth_method: 'none',
  redirect_uris: ['https://shop.example/callback', 'https://shop.example/callback?tenant=a', 'http://localhost:4001/callback'],
  post_logout_redirect_uris: ['https://shop.example/bye'],
}

beforeAll(async () => {
  server = await startAdminServer({ provision: { clients: [DESK, SHOP] } })
  browser = (await atConsole(server, 'auditor', '/admin/clients')).browser
})

afterAll(() => server?.stop())

/** What the page of an app says of something that was pasted. */
async function tried(id: string, text: string): Promise<string> {
  const { body } = await browser.open(`${server.issuer}/admin/clients/${id}?${new URLSearchParams({ redirect_uri: text })}`)
  const [, said = ''] = /Try it<\/button><\/p>\n<\/form>([\s\S]*?)<\/section>/.exec(body) ?? []
  return said
}

const MATCHES = 'the app is let back there'

/** Whether the server itself lets an app back there. */
async function isTaken(id: string, uri: string): Promise<boolean> {
  const { body } = await new Browser().open(
    `${server.issuer}/authorize?${new URLSearchParams({
      ...{ client_id: id, redirect_uri: uri, response_type: 'code', scope: 'openid', state: 's', nonce: 'n' },
      ...{ code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256' },
    })}`,
  )
  return !body.includes('invalid_redirect_uri')
}

describe.each([
  ['shop', 'https://shop.example/callback', MATCHES],
  ['shop', 'https://shop.example/callback?tenant=a', MATCHES],
  ['shop', 'http://shop.example/callback', 'the scheme is http: and https: is registered'],
  ['shop', 'https://www.shop.example/callback', 'the host is www.shop.example and shop.example is registered'],
  ['shop', 'https://shop.example:8443/callback', 'the port is 8443 and 443 is registered'],
  ['shop', 'https://shop.example/other', 'the path is /other and /callback is registered'],
  ['shop', 'https://shop.example/callback/', 'it ends with a slash and /callback is registered without'],
  ['shop', 'https://shop.example/Callback', 'upper and lower case differ in paths'],
  ['shop', 'HTTPS://SHOP.example/callback', 'upper and lower case differ, and the two are compared as they are written'],
  ['shop', 'https://shop.example/callback?tenant=b', 'the query is ?tenant=b and ?tenant=a is registered'],
  ['shop', 'https://shop.example/callback?x=1', 'it has the query ?x=1 and none is registered'],
  ['shop', 'https://shop.example/callback#x', 'it has a fragment'],
  ['shop', 'https://shop.example:443/callback', 'it is written otherwise'],
  ['shop', 'http://localhost:9999/callback', 'only a client with application_type native may choose its port'],
  ['shop', 'http://127.0.0.1:4001/callback', 'names of this machine are compared as they are written'],
  ['shop', 'https://shop.example/bye', 'it is one of the post_logout_redirect_uris'],
  ['shop', 'https%3A%2F%2Fshop.example%2Fcallback', 'it is percent-encoded once too often'],
  ['shop', ' https://shop.example/callback', 'there is a space or a line break before or after it'],
  ['shop', '/callback', 'it is not an absolute URI'],
  ['shop', '*', 'it is not an absolute URI'],
  ['desk', 'http://127.0.0.1/callback', MATCHES],
  ['desk', 'http://127.0.0.1:51004/callback', 'a native app may choose its port on this machine (RFC 8252 §7.3)'],
  ['desk', 'http://localhost:51004/callback', 'names of this machine are compared as they are written'],
  ['desk', 'http://127.0.0.1:51004/other', 'the path is /other and /callback is registered'],
  ['desk', 'com.example.desk:/callback', MATCHES],
  ['desk', 'com.example.desk://callback', 'com.example.desk'],
])('%s: %s', (id, uri, says) => {
  test('says what the server does, and why', async () => {
    const said = await tried(id, uri)
    expect(said).toContain(says)
    expect(said.includes(MATCHES)).toBe(await isTaken(id, uri))
  })
})

test('what differs stands part by part, and what is only passed over is no reason', async () => {
  const said = await tried('shop', 'http://shop.example/callback/')
  for (const part of ['scheme', 'host', 'port', 'path']) expect(said).toContain(`data-label="Part">${part}<`)
  expect(said.match(/<span class="badge bad">No<\/span>/g)).toHaveLength(3)
  expect(await tried('desk', 'http://127.0.0.1:51004/other')).not.toContain('the port is')
})

test('the whole address of an authorization request is taken as well', async () => {
  const request = (more: { readonly [name: string]: string }) =>
    `${server.issuer}/authorize?${new URLSearchParams({ client_id: 'shop', response_type: 'code', scope: 'openid', ...more })}`
  const good = await tried('shop', request({ redirect_uri: 'https://shop.example/callback?tenant=a' }))
  for (const text of ['The request asks to come back to <code>https://shop.example/callback?tenant=a', MATCHES])
    expect(good).toContain(text)
  expect(await tried('shop', request({ redirect_uri: 'https://shop.example/callback/' }))).toContain('it ends with a slash')
  expect(await tried('shop', request({}))).toContain('it has no redirect_uri')
  expect(await tried('shop', request({ request_uri: 'urn:x' }))).toContain('what was pushed to /par counts')
  const twice = `${request({ redirect_uri: 'https://shop.example/callback' })}&redirect_uri=https://other.example/`
  expect(await tried('shop', twice)).toContain('it has redirect_uri twice')
  const other = await tried('shop', request({ client_id: 'desk', redirect_uri: 'https://shop.example/callback' }))
  expect(other).toContain('The request is of the app <code>desk</code> and not of this one')
})

test('WB4: nothing that is pasted runs', async () => {
  for (const payload of SCRIPT_PAYLOADS.slice(0, 10)) {
    const { body } = await browser.open(`${server.issuer}/admin/clients/shop?${new URLSearchParams({ redirect_uri: payload })}`)
    expect(body).not.toContain(payload)
    expect(body).toContain('It is none of these')
  }
})

test('what is too long, empty or there twice is no address to try', async () => {
  const { status, body } = await browser.open(`${server.issuer}/admin/clients/shop?redirect_uri=a&redirect_uri=b`)
  expect([status, body.includes('It is none of these')]).toEqual([200, false])
  expect(await tried('shop', '  ')).not.toContain('It is none')
  expect(await tried('shop', `https://shop.example/${'a'.repeat(7900)}`)).toContain('it is longer than 2000 characters')
})
