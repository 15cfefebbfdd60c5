// Resource servers in the console: registered, looked at as people see their scopes, changed, their scopes added and taken away, deleted.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { consentPage } from '../../views/interactions/consent.ts'
import { startAdminServer } from '../admin-api/api.ts'
import type { Browser, Page } from '../support/browser.ts'
import { API, BILLING, NOTES, SPA } from '../support/clients.ts'
import { introspect, obtainTokens } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { atConsole, send, signInAs } from './people.ts'

let server: TestServer

const SHOP_APP = {
  client_id: 'shop',
  redirect_uris: ['https://shop.example/callback'],
  token_endpoint_auth_method: 'none',
  scope: 'openid orders:read orders:write',
}

beforeAll(async () => {
  server = await startAdminServer({ provision: { clients: [SHOP_APP] } })
})

afterAll(() => server?.stop())

const open = (browser: Browser, path: string) => browser.open(`${server.issuer}${path}`)

let made = 0

/** Registers one in the console; the address of its page. */
async function registered(browser: Browser, fields: { readonly [name: string]: string } = {}): Promise<string> {
  made += 1
  const form = await open(browser, '/admin/resource-servers/new')
  const done = await send(browser, form, '/admin/resource-servers', {
    identifier: `https://made-${made}.example/api`,
    scopes: `made${made}:read Read what is made\nmade${made}:write`,
    format: 'jwt',
    ...fields,
  })
  expect({ faults: faultsOf(done), path: new URL(done.url).pathname }).toEqual({
    faults: [],
    path: expect.stringMatching(/^\/admin\/resource-servers\/rs_/),
  })
  return new URL(done.url).pathname
}

function faultsOf({ body }: Page): string[] {
  const [, inside = ''] = /role="alert">([\s\S]*?)<\/div>/.exec(body) ?? []
  return [...inside.matchAll(/<p>([^<]*)/g)].map(([, fault = '']) => fault)
}

/** A token of the shop with both scopes; that there is another API, each process sees within a second. */
async function shopToken(): Promise<string> {
  const end = performance.now() + 10_000
  for (;;) {
    // Before, the app is refused what it asks for, or gets an opaque token that is for no API.
    const { body } = await obtainTokens(server, { ...SHOP_APP, redirect_uri: 'https://shop.example/callback' }).then(
      ({ tokens }) => tokens,
      (error: unknown) => ({ body: { access_token: '', scope: String(error) } }),
    )
    const { access_token: token = '', scope = '' } = body
    const isJwt = token.split('.').length === 3
    if (isJwt && scope.includes('orders:read') && scope.includes('orders:write')) return token
    if (performance.now() > end) throw new Error(`the shop gets no token for its API: ${scope}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

const events = (identifier: string) =>
  run(
    server.databaseUrl,
    `SELECT name, reason, detail->'members' AS members FROM audit_events WHERE detail->>'identifier' = '${identifier}' ORDER BY id`,
  )

test('APIs are listed, narrowed, and found by the search box', async () => {
  const { browser, page } = await atConsole(server, 'auditor', '/admin/resource-servers')
  for (const text of [NOTES, BILLING, 'JWT', 'Opaque', 'by its scopes alone']) expect(page.body).toContain(text)
  expect(page.body).not.toContain('/resource-servers/new')
  const narrowed = await open(browser, '/admin/resource-servers?q=https://b')
  expect([narrowed.body.includes(BILLING), narrowed.body.includes(`<bdi>${NOTES}`)]).toEqual([true, false])
  const found = await send(browser, page, '/admin/search', { q: NOTES })
  expect(new URL(found.url).pathname).toMatch(/^\/admin\/resource-servers\/rs_/)
  expect(found.body).toContain(`/admin/clients/${API.client_id}`)
  expect(found.body).toContain(`/admin/clients/${SPA.client_id}`)
  expect((await open(browser, `/admin/resource-servers?q=${'a'.repeat(400)}`)).status).toBe(400)
})

test('an owner registers one, and sees what people will read of it', async () => {
  const { browser } = await atConsole(server, 'owner', '/admin/resource-servers')
  const identifier = 'https://shop.example/api'
  const path = await registered(browser, {
    ...{ identifier, name: 'The shop', ttl: '10m', clients: 'notes-api', default: 'on' },
    scopes: 'orders:read See your orders\n\n  orders:write  \n',
  })
  const page = await open(browser, path)
  for (const text of ['The shop', 'orders:write', '10 minutes (600 s)', 'by hand', 'within a second', '/admin/clients/shop"'])
    expect(page.body).toContain(text)
  // The very words of the consent page.
  const consent = consentPage({
    ...{ action: '/', abortAction: '/', csrf: '', client: { id: 'shop', name: 'Shop' }, redirectHost: '', email: '', openid: [] },
    resources: { [identifier]: ['orders:read', 'orders:write'] },
    apis: { [identifier]: { name: 'The shop', scopes: { 'orders:read': 'See your orders' } } },
  })
  const [read = 'nothing'] = /<li><div class="row-main"><strong>Act for you at[\s\S]*?<\/li>/.exec(String(consent)) ?? []
  expect(page.body).toContain(read)
  expect(await events(identifier)).toEqual([{ name: 'resource_server.created', reason: null, members: null }])
  await send(browser, await open(browser, `${path}/deletion`), `${path}/deletion`, { reason: 'done' })
})

test('what cannot be is said in words, all of it at once, and nothing that was filled in is lost', async () => {
  const { browser } = await atConsole(server, 'owner', '/admin/resource-servers')
  const form = await open(browser, '/admin/resource-servers/new')
  const right = { identifier: 'https://odd.example/api', name: 'Odd', scopes: 'odd:read', format: 'jwt' }
  for (const [fields, ...faults] of [
    [{ identifier: 'odd', scopes: '' }, 'Identifier: it must be an absolute URI', 'Scopes: it must have a scope'],
    [{ identifier: server.issuer }, 'Identifier: it stands for this server itself'],
    [{ identifier: NOTES }, 'is there already'],
    [{ scopes: 'odd:read\nopenid Everything' }, 'Scopes: openid: it is a scope of this server itself'],
    [{ scopes: 'odd:read\nodd:write\nodd:read' }, 'Scopes: odd:read: it stands there twice'],
    [{ scopes: `odd:read ${'a'.repeat(300)}` }, 'What people read: odd:read: it must have 200'],
    [{ scopes: 'odd:read turned \u202E round' }, 'What people read: odd:read: it must be one line'],
    [{ name: 'turned \u202E round' }, 'Name: it must not have control characters'],
    [{ format: 'other' }, 'Access tokens: it must be jwt or opaque'],
    [{ ttl: 'soon' }, 'Good for: it must be written as'],
    [
      {
        ...{ identifier: 'odd', name: 'turned \u202E round' },
        scopes: 'openid\nprofile Your name',
        format: 'other',
        ttl: 'soon',
      },
      'Identifier: it must be an absolute URI',
      'Name: it must not have control characters',
      'Scopes: openid: it is a scope of this server itself',
      'Scopes: profile: it is a scope of this server itself',
      'Access tokens: it must be jwt or opaque',
      'Good for: it must be written as',
    ],
    [{ ttl: '400d' }, 'Good for: it must be'],
    [{ clients: 'nobody' }, 'There is no client nobody'],
    [{ clients: '<script>alert(1)</script>' }, 'There is no client'],
  ] as const) {
    const refused = await send(browser, form, '/admin/resource-servers', { ...right, ...fields })
    expect({ fields, status: refused.status, faults: faultsOf(refused) }).toEqual({
      fields,
      status: 422,
      faults: faults.map((fault) => expect.stringContaining(fault)),
    })
    expect(refused.body).not.toContain('<script>alert')
    if (!('name' in fields)) expect(refused.body).toContain('value="Odd"')
  }
  expect((await open(browser, '/admin/resource-servers')).body).not.toContain('odd.example')
})

test('what is wrong stands at its field as well, and is what describes it', async () => {
  const { browser } = await atConsole(server, 'owner', '/admin/resource-servers')
  const fields = {
    identifier: 'odd',
    name: '',
    scopes: 'openid Everything\nodd:read',
    format: 'jwt',
    ttl: 'soon',
    clients: 'a b',
  }
  const form = await open(browser, '/admin/resource-servers/new')
  const refused = await send(browser, form, '/admin/resource-servers', fields)
  expect(faultsAtFields(refused)).toEqual({
    identifier: ['It must be an absolute URI, such as https://notes.example/api.'],
    scopes: ['openid: it is a scope of this server itself or of OpenID Connect; take another name.'],
    ttl: ['It must be written as 10m, 1h or 900.'],
    clients: ['a b: it must be a client_id.'],
  })
  const path = await registered(browser)
  const change = { format: 'jwt', name: 'x'.repeat(201), ttl: 'soon', clients: 'a\na', reason: ' ' }
  const unsaved = await send(browser, await open(browser, `${path}/change`), `${path}/change`, change)
  expect(faultsAtFields(unsaved)).toEqual({
    name: ['It must have 200 characters at most.'],
    ttl: ['It must be written as 10m, 1h or 900.'],
    clients: ['a: it stands there twice.'],
  })
  expect(faultsOf(unsaved)).toHaveLength(4)
  expect(unsaved.body).toContain('id="reason-missing"')
})

/** By field, of those whose tag says that they are wrong, and that this describes them. */
function faultsAtFields({ body }: Page): { readonly [field: string]: readonly string[] } {
  const wrong = [...body.matchAll(/id="(\w+)"[^>]*aria-invalid="true" aria-describedby="[\w-]+ ([\w-]+)"/g)]
  return Object.fromEntries(
    wrong.flatMap(([, field = '', described]) => {
      const [, inside] = new RegExp(`<div class="error" id="${described}">([\\s\\S]*?)</div>`).exec(body) ?? []
      return inside === undefined ? [] : [[field, [...inside.matchAll(/<p>([^<]*)/g)].map(([, fault = '']) => fault)]]
    }),
  )
}

test('a form that was open for too long comes back with all that was filled in', async () => {
  const { browser } = await atConsole(server, 'owner', '/admin/resource-servers')
  const path = await registered(browser, { ttl: '600' })
  const form = await open(browser, `${path}/change`)
  await server.advance(301)
  const asked = await send(browser, form, `${path}/change`, {
    format: 'opaque',
    name: 'Late',
    clients: API.client_id,
    reason: 'a trial',
  })
  expect(asked.body).toContain('name="password"')
  const back = await signInAs(browser, asked, 'owner')
  for (const text of ['value="Late"', 'value="opaque" checked', `${API.client_id}</textarea>`, 'value="a trial"'])
    expect(back.body).toContain(text)
  const saved = await send(browser, back, `${path}/change`, { format: 'opaque', clients: API.client_id })
  expect(saved.body).toContain('Saved.')
  for (const text of ['Late', 'Opaque', '10 minutes']) expect(saved.body).toContain(text)
})

test('a change that came in between is not undone', async () => {
  const { browser } = await atConsole(server, 'owner', '/admin/resource-servers')
  const path = await registered(browser)
  const [form, scopes] = [await open(browser, `${path}/change`), await open(browser, `${path}/scopes`)]
  const kept = { format: 'jwt', clients: '' }
  const unsaid = await send(browser, form, `${path}/change`, { ...kept, name: 'First', reason: ' ' })
  expect([unsaid.status, faultsOf(unsaid)]).toEqual([409, [expect.stringContaining('say why')]])
  await send(browser, unsaid, `${path}/change`, { ...kept, name: 'First', reason: 'a name' })
  const stale = await send(browser, form, `${path}/change`, { ...kept, name: 'Second', reason: 'another name' })
  expect([stale.status, faultsOf(stale)]).toEqual([409, [expect.stringContaining('has been changed since')]])
  const late = await send(browser, scopes, `${path}/scopes`, { scope: 'late:read', reason: 'more' })
  expect([late.status, faultsOf(late)]).toEqual([409, [expect.stringContaining('has been changed since')]])
  const page = await open(browser, path)
  expect([page.body.includes('First'), page.body.includes('Second'), page.body.includes('late:read')]).toEqual([
    true,
    false,
    false,
  ])
})

test('scopes come with a text, the text changes, and with a scope that goes the tokens go that may carry it', async () => {
  const { browser } = await atConsole(server, 'owner', '/admin/resource-servers')
  const identifier = 'https://orders.example/api'
  const path = await registered(browser, { identifier, scopes: 'orders:read', default: 'on', clients: API.client_id })
  const refused = await send(browser, await open(browser, `${path}/scopes`), `${path}/scopes`, {
    scope: 'orders:read',
    reason: 'more',
  })
  expect(faultsOf(refused)).toEqual(['The API has that scope already.'])
  const added = await send(browser, refused, `${path}/scopes`, {
    scope: 'orders:write',
    text: 'Order for you',
    reason: 'the app orders',
  })
  expect(added.body).toContain('The scope is there.')
  const scope = `${path}/scopes/${encodeURIComponent('orders:write')}`
  const renamed = await send(browser, await open(browser, scope), scope, { text: 'Order in your name', reason: 'clearer' })
  expect(renamed.body).toContain('<bdi>Order in your name</bdi>')
  // Until every process has seen that another API is gone, its entry covers what it may still make.
  await server.advance(12)
  const token = await shopToken()
  expect(await introspect(server, API, token)).toMatchObject({ active: true, scope: 'orders:read orders:write' })
  const asking = await open(browser, `${scope}/removal`)
  expect(asking.body).toContain('all of <bdi>shop</bdi>')
  const unsaid = await send(browser, asking, `${scope}/removal`, { reason: ' ' })
  expect(unsaid.body).toContain('all of <bdi>shop</bdi>')
  const gone = await send(browser, unsaid, `${scope}/removal`, { reason: 'it orders no more' })
  expect(gone.body).toContain('The scope is gone')
  expect(gone.body).not.toContain('orders:write')
  expect(await introspect(server, API, token)).toEqual({ active: false })
  expect((await open(browser, `${scope}/removal`)).status).toBe(404)
  expect(await events(identifier)).toEqual([
    { name: 'resource_server.created', reason: null, members: null },
    { name: 'resource_server.updated', reason: 'the app orders', members: ['scopes', 'scope_descriptions'] },
    { name: 'resource_server.updated', reason: 'clearer', members: ['scope_descriptions'] },
    { name: 'resource_server.updated', reason: 'it orders no more', members: ['scopes', 'scope_descriptions'] },
  ])
  // The last one stays: an API without a scope is none.
  const last = `${path}/scopes/${encodeURIComponent('orders:read')}/removal`
  expect((await send(browser, await open(browser, last), last, { reason: 'all' })).status).toBe(409)
  const deletion = await send(browser, await open(browser, `${path}/deletion`), `${path}/deletion`, {
    reason: 'the shop is closed',
  })
  expect(deletion.body).toContain('The API is deleted')
  expect((await open(browser, path)).status).toBe(404)
})

test('what a provision file has made is changed there', async () => {
  const { browser, page } = await atConsole(server, 'owner', '/admin/resource-servers')
  const [, path = ''] = new RegExp(`href="(/admin/resource-servers/rs_[^"]+)"><bdi>${NOTES}`).exec(page.body) ?? []
  const detail = await open(browser, path)
  expect(detail.body).toContain('a provision file: it is changed there')
  expect(detail.body).not.toMatch(/\/(deletion|change|removal|scopes)"/)
  expect((await open(browser, `${path}/deletion`)).status).toBe(409)
  const form = await open(browser, `${path}/change`)
  const refused = await send(browser, form, `${path}/change`, { format: 'jwt', name: 'Mine', reason: 'mine' })
  expect([refused.status, faultsOf(refused)]).toEqual([409, [expect.stringContaining('managed by the provision file')]])
})

test.each(['rs_nobody', 'nobody', '%00', '%3Cscript%3E', encodeURIComponent('https://nobody.example/')])(
  'AD2: %s is not there',
  async (name) => {
    const { browser } = await atConsole(server, 'owner', '/admin/resource-servers')
    for (const below of ['', '/change', '/scopes', '/scopes/a', '/scopes/a/removal', '/deletion'])
      expect([below, (await open(browser, `/admin/resource-servers/${name}${below}`)).status]).toEqual([below, 404])
  },
)
