// Apps in the console: registered by their kind, with a secret that is shown once; changed; and deleted.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { startAdminServer } from '../admin-api/api.ts'
import type { Browser, Page } from '../support/browser.ts'
import { API, NOTES, SPA, WEB } from '../support/clients.ts'
import { introspect, obtainTokens, tokenRequest } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { atConsole, send, signInAs } from './people.ts'

let server: TestServer

beforeAll(async () => {
  server = await startAdminServer()
})

afterAll(() => server?.stop())

const open = (browser: Browser, path: string) => browser.open(`${server.issuer}${path}`)
const form = (browser: Browser, kind: string) => open(browser, `/admin/clients/new?kind=${kind}`)
const inputValue = ({ body }: Page, name: string) => new RegExp(`name="${name}"[^>]* value="([^"]*)"`).exec(body)?.[1] ?? ''
const shownSecret = ({ body }: Page) => /id="secret"[^>]* value="([^"]*)"/.exec(body)?.[1] ?? ''

function faultsOf({ body }: Page): string[] {
  const [, inside = ''] = /role="alert">([\s\S]*?)<\/div>/.exec(body) ?? []
  return [...inside.matchAll(/<p>([^<]*)/g)].map(([, fault = '']) => fault)
}

let made = 0

/** Registers an app with a name of its own; its id, and the page that follows. */
async function registered(browser: Browser, kind: string, fields: { readonly [name: string]: string } = {}) {
  made += 1
  const id = `made-${made}`
  const people =
    kind === 'machine' || kind === 'api' ? {} : { redirect_uris: `https://${id}.example/callback`, scope_openid: 'on' }
  const page = await send(browser, await form(browser, kind), '/admin/clients', {
    ...{ client_id: id, name: `App ${id}`, auth: 'client_secret_basic', ...people },
    ...fields,
  })
  expect({ faults: faultsOf(page), id }).toEqual({ faults: [], id })
  return { id, page, path: `/admin/clients/${id}` }
}

const metadataOf = async (id: string) => {
  const [row] = await run(server.databaseUrl, `SELECT metadata FROM clients WHERE id = '${id}'`)
  return row?.metadata
}

const eventsOf = (id: string) =>
  run(server.databaseUrl, `SELECT name, reason FROM audit_events WHERE client_id = '${id}' AND name LIKE 'client%' ORDER BY id`)

describe('a new app', () => {
  test('is asked for its kind, and then for what that needs and nothing else', async () => {
    const { browser, page } = await atConsole(server, 'owner', '/admin/clients')
    expect(page.body).toContain('href="/admin/clients/new"')
    const kinds = await open(browser, '/admin/clients/new')
    for (const kind of ['web', 'spa', 'native', 'machine', 'api']) expect(kinds.body).toContain(`name="kind" value="${kind}"`)
    expect((await form(browser, 'other')).body).toContain('name="kind" value="web"')
    const has = async (kind: string) => {
      const { body } = await form(browser, kind)
      const names = ['redirect_uris', 'backchannel_logout_uri', 'auth', 'skip_consent', 'scope_openid', 'scope_revocations:read']
      return names.filter((name) => body.includes(`name="${name}"`))
    }
    expect(await has('web')).toEqual(['redirect_uris', 'backchannel_logout_uri', 'auth', 'skip_consent', 'scope_openid'])
    expect(await has('spa')).toEqual(['redirect_uris', 'skip_consent', 'scope_openid'])
    expect(await has('native')).toEqual(['redirect_uris', 'scope_openid'])
    expect(await has('machine')).toEqual(['auth'])
    expect(await has('api')).toEqual(['auth', 'scope_revocations:read'])
  })

  test('with a server gets a secret, which is shown once and works', async () => {
    const { browser } = await atConsole(server, 'owner', '/admin/clients')
    const { id, page, path } = await registered(browser, 'web', { 'scope_notes:read': 'on' })
    const secret = shownSecret(page)
    expect([page.status, secret.length]).toEqual([201, 43])
    expect(page.body).toContain(`href="${path}#next"`)
    expect(await metadataOf(id)).toMatchObject({
      ...{ client_id: id, client_name: `App ${id}`, application_type: 'web', scope: 'openid notes:read' },
      ...{ token_endpoint_auth_method: 'client_secret_basic', grant_types: ['authorization_code', 'refresh_token'] },
      ...{ redirect_uris: [`https://${id}.example/callback`], skip_consent: false, require_pkce: true },
    })
    const app = { client_id: id, client_secret: secret, redirect_uri: `https://${id}.example/callback`, scope: 'openid' }
    await server.advance(2)
    expect((await obtainTokens(server, app)).tokens.status).toBe(200)
    const detail = await open(browser, path)
    expect([detail.body.includes(secret), detail.body.includes('In use')]).toEqual([false, true])
    expect((await eventsOf(id)).slice(0, 2)).toMatchObject([{ name: 'client.created' }, { name: 'client_secret.created' }])
    const [kept] = await run(
      server.databaseUrl,
      `SELECT count(*)::int AS n FROM audit_events WHERE detail::text LIKE '%${secret}%'`,
    )
    expect(kept?.n).toBe(0)
  })

  test('in a browser or on a device has no secret, and one lands on its page', async () => {
    const { browser } = await atConsole(server, 'owner', '/admin/clients')
    const spa = await registered(browser, 'spa', { skip_consent: 'on', auth: 'client_secret_basic' })
    expect(new URL(spa.page.url).pathname).toBe(spa.path)
    expect(spa.page.body).toContain('Next: put it in your app')
    expect(await metadataOf(spa.id)).toMatchObject({ token_endpoint_auth_method: 'none', skip_consent: true })
    const native = await registered(browser, 'native', {
      redirect_uris: 'http://127.0.0.1/callback\r\ncom.example.made:/callback\r\n',
      skip_consent: 'on',
    })
    // What the form does not show for a kind does not count.
    expect(await metadataOf(native.id)).toMatchObject({
      ...{ application_type: 'native', token_endpoint_auth_method: 'none', skip_consent: false },
      redirect_uris: ['http://127.0.0.1/callback', 'com.example.made:/callback'],
    })
  })

  test('without people gets tokens for itself, and an API listens', async () => {
    const { browser } = await atConsole(server, 'owner', '/admin/clients')
    const machine = await registered(browser, 'machine', { 'scope_notes:read': 'on', redirect_uris: 'https://made.example/' })
    const client = { client_id: machine.id, client_secret: shownSecret(machine.page) }
    const { body } = await tokenRequest(server, client, {
      grant_type: 'client_credentials',
      scope: 'notes:read',
      resource: NOTES,
    })
    expect(body.access_token).toBeDefined()
    expect(await metadataOf(machine.id)).toMatchObject({ grant_types: ['client_credentials'], redirect_uris: [] })
    const api = await registered(browser, 'api', { 'scope_revocations:read': 'on', auth: 'client_secret_post' })
    expect(await metadataOf(api.id)).toMatchObject({
      scope: 'revocations:read',
      token_endpoint_auth_method: 'client_secret_post',
    })
  })

  test('that is sent twice is one app, and its secret is not shown again', async () => {
    const { browser } = await atConsole(server, 'owner', '/admin/clients')
    const page = await form(browser, 'web')
    expect(inputValue(page, 'client_id')).toMatch(/^app_/)
    const fields = { name: 'Twice', redirect_uris: 'https://twice.example/', auth: 'client_secret_basic' }
    const answers = await Promise.all(Array.from({ length: 50 }, () => send(browser, page, '/admin/clients', fields)))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    // When the machine is too busy for all of them, some are told to come again.
    for (const { status } of answers) expect([201, 422, 503]).toContain(status)
    expect(faultsOf(answers.find(({ status }) => status === 422) ?? page)).toEqual([expect.stringContaining('is there already')])
  })

  test('may have a scope that two APIs have, and ticks it once', async () => {
    await run(
      server.databaseUrl,
      `INSERT INTO resource_servers (identifier, scopes, access_token_format, access_token_ttl, is_default)
       VALUES ('https://twin.example/api', ARRAY['notes:read', 'twin:read'], 'jwt', 900, false)`,
    )
    const { browser } = await atConsole(server, 'owner', '/admin/clients')
    const page = await form(browser, 'machine')
    expect(page.body.match(/name="scope_notes:read"/g)).toHaveLength(1)
    expect(page.body).toContain('name="scope_twin:read"')
    await run(server.databaseUrl, "DELETE FROM resource_servers WHERE identifier = 'https://twin.example/api'")
  })

  test('AD3: takes no member that the form does not have', async () => {
    const { browser } = await atConsole(server, 'owner', '/admin/clients')
    const { id } = await registered(browser, 'spa', {
      ...{ require_pkce: 'false', managed_by: 'provision', status: 'suspended', __proto__x: 'x', client_secret: 'x'.repeat(40) },
      ...{ grant_types: 'client_credentials', token_endpoint_auth_method: 'client_secret_basic', application_type: 'native' },
    })
    expect(await metadataOf(id)).toMatchObject({
      require_pkce: true,
      application_type: 'web',
      token_endpoint_auth_method: 'none',
    })
  })
})

describe('what cannot be registered', () => {
  test.each([
    ['web', { name: ' ' }, 'Name: it must not be empty'],
    ['web', { name: 'turned \u202E round' }, 'Name: it must not have control characters'],
    ['web', { client_id: 'two words' }, 'client_id: it must be of 1 to 200 printable'],
    ['web', { client_id: 'acc_mine' }, 'client_id: it must not begin like an id of the server'],
    ['web', { client_id: SPA.client_id }, 'is there already'],
    ['web', { redirect_uris: '' }, 'Redirect URIs: there must be one'],
    [
      'web',
      { redirect_uris: 'https://a.example/\nhttp://b.example/' },
      'Redirect URIs: http://b.example/: http is for this machine',
    ],
    ['web', { redirect_uris: 'https://a.example/\nhttps://a.example/' }, 'Redirect URIs: it must not have an entry twice'],
    ['web', { redirect_uris: '<script>alert(1)</script>' }, 'it is not an absolute URI'],
    ['spa', { redirect_uris: 'com.example.app:/cb' }, 'is for clients with application_type native'],
    ['native', { redirect_uris: 'https://localhost/cb' }, 'a native app uses http on this machine'],
    [
      'web',
      { post_logout_redirect_uris: 'https://a.example/#x' },
      'Where people may land after signing out: https://a.example/#x',
    ],
    ['web', { backchannel_logout_uri: 'http://a.example/' }, 'Where its server is told that a session is over: it must be https'],
    ['web', { scopes: 'a"b' }, 'Scopes: it must be scopes'],
    ['web', { auth: 'private_key_jwt' }, 'private_key_jwt needs jwks or jwks_uri'],
    ['web', { auth: 'client_secret_jwt' }, 'How it proves that it is itself: it must be one of'],
    ['machine', {}, 'Scopes: tick or write one'],
  ] as const)('%s with %j', async (kind, fields, fault) => {
    const { browser } = await atConsole(server, 'owner', '/admin/clients')
    const refused = await send(browser, await form(browser, kind), '/admin/clients', {
      ...{ client_id: 'never', name: 'Kept', redirect_uris: 'https://kept.example/', auth: 'client_secret_basic' },
      ...fields,
    })
    expect({ status: refused.status, faults: faultsOf(refused) }).toEqual({
      status: 422,
      faults: [expect.stringContaining(fault)],
    })
    // Nothing that was filled in is lost.
    if (!('name' in fields)) expect(refused.body).toContain('value="Kept"')
    if (kind !== 'machine' && !('redirect_uris' in fields)) expect(refused.body).toContain('https://kept.example/</textarea>')
    expect(refused.body).not.toContain('<script>alert')
    expect(await metadataOf('never')).toBeUndefined()
  })

  test('is said all at once', async () => {
    const { browser } = await atConsole(server, 'owner', '/admin/clients')
    const refused = await send(browser, await form(browser, 'web'), '/admin/clients', {
      ...{ client_id: 'a b', name: '', redirect_uris: 'cb', auth: 'client_secret_basic', scope_email: 'on' },
    })
    expect(faultsOf(refused)).toHaveLength(3)
    expect(refused.body).toMatch(/name="scope_email" value="on" checked/)
  })
})

test('a form that was open for too long comes back with all that was filled in', async () => {
  const { browser } = await atConsole(server, 'owner', '/admin/clients')
  const page = await form(browser, 'web')
  await server.advance(301)
  const asked = await send(browser, page, '/admin/clients', {
    ...{ client_id: 'late-app', name: 'Late', redirect_uris: 'https://late.example/a\nhttps://late.example/b' },
    ...{ scope_email: 'on', auth: 'client_secret_post', skip_consent: 'on', scopes: 'notes:later' },
  })
  expect(asked.body).toContain('name="password"')
  const back = await signInAs(browser, asked, 'owner')
  for (const text of ['value="Late"', 'https://late.example/a\nhttps://late.example/b</textarea>', 'value="notes:later"'])
    expect(back.body).toContain(text)
  for (const field of [
    'name="scope_email" value="on"',
    'name="auth" value="client_secret_post"',
    'name="skip_consent" value="on"',
  ])
    expect(back.body).toContain(`${field} checked`)
  expect(back.body).not.toContain('name="scope_profile" value="on" checked')
  expect(await metadataOf('late-app')).toBeUndefined()
})

describe('a change', () => {
  /** The fields of the form as a browser would send them. */
  const kept = { name: 'Changed', redirect_uris: 'https://changed.example/callback', scope_openid: 'on', refreshes: 'on' }

  test('takes what is filled in, keeps the rest, and ends the tokens of an app that may ask for less', async () => {
    const { browser } = await atConsole(server, 'owner', '/admin/clients')
    const { id, path, page } = await registered(browser, 'web', { 'scope_notes:read': 'on', redirect_uris: kept.redirect_uris })
    await run(
      server.databaseUrl,
      `UPDATE clients SET metadata = metadata || '{"tos_uri": "https://t.example/"}' WHERE id = '${id}'`,
    )
    await server.advance(2)
    const app = { client_id: id, client_secret: shownSecret(page), redirect_uri: kept.redirect_uris, scope: 'openid notes:read' }
    const { tokens } = await obtainTokens(server, app)
    expect(await introspect(server, API, tokens.body.access_token ?? '')).toMatchObject({ active: true })
    const change = await open(browser, `${path}/change`)
    expect(change.body).toContain('name="scope_notes:read" value="on" checked')
    const unsaid = await send(browser, change, `${path}/change`, { ...kept, auth: 'client_secret_basic', reason: ' ' })
    expect([unsaid.status, faultsOf(unsaid)]).toEqual([409, [expect.stringContaining('say why')]])
    const saved = await send(browser, unsaid, `${path}/change`, {
      ...kept,
      auth: 'client_secret_basic',
      reason: 'it reads no notes',
    })
    expect(saved.body).toContain('Saved: client_name, scope.')
    expect(await metadataOf(id)).toMatchObject({ client_name: 'Changed', scope: 'openid', tos_uri: 'https://t.example/' })
    expect(await introspect(server, API, tokens.body.access_token ?? '')).toEqual({ active: false })
    expect((await eventsOf(id)).at(-1)).toEqual({ name: 'client.updated', reason: 'it reads no notes' })
    const same = await send(browser, await open(browser, `${path}/change`), `${path}/change`, {
      ...{ ...kept, auth: 'client_secret_basic', reason: 'nothing' },
    })
    expect(same.body).toContain('Nothing was different.')
  })

  test('that came in between is not undone', async () => {
    const { browser } = await atConsole(server, 'owner', '/admin/clients')
    const { id, path } = await registered(browser, 'spa')
    const [first, second] = [await open(browser, `${path}/change`), await open(browser, `${path}/change`)]
    await send(browser, first, `${path}/change`, { ...kept, reason: 'one' })
    const stale = await send(browser, second, `${path}/change`, { ...kept, name: 'Other', reason: 'two' })
    expect([stale.status, faultsOf(stale)]).toEqual([409, [expect.stringContaining('has been changed since')]])
    expect(stale.body).toContain('value="Other"')
    expect(await metadataOf(id)).toMatchObject({ client_name: 'Changed' })
  })

  test('that was filled in before signing in again is still there, and still stale when it was', async () => {
    const { browser } = await atConsole(server, 'owner', '/admin/clients')
    const { id, path } = await registered(browser, 'spa')
    const page = await open(browser, `${path}/change`)
    await run(server.databaseUrl, `UPDATE clients SET metadata = metadata || '{"client_name": "Theirs"}' WHERE id = '${id}'`)
    await server.advance(301)
    const asked = await send(browser, page, `${path}/change`, { ...kept, name: 'Mine', reason: 'late' })
    const back = await signInAs(browser, asked, 'owner')
    for (const text of ['value="Mine"', 'value="late"', `${kept.redirect_uris}</textarea>`]) expect(back.body).toContain(text)
    const stale = await send(browser, back, `${path}/change`, kept)
    expect([stale.status, faultsOf(stale)]).toEqual([409, [expect.stringContaining('has been changed since')]])
  })

  test('from keys of its own to a secret shows the secret, and to keys takes the secrets away', async () => {
    const { browser } = await atConsole(server, 'owner', '/admin/clients')
    const { id, path, page } = await registered(browser, 'machine', {
      ...{ auth: 'private_key_jwt', jwks_uri: 'https://made.example/keys', scopes: 'notes:read' },
    })
    expect([page.status, shownSecret(page)]).toEqual([200, ''])
    const change = { name: 'Keyed', scopes: 'notes:read', reason: 'another way' }
    const shown = await send(browser, await open(browser, `${path}/change`), `${path}/change`, {
      ...{ ...change, auth: 'client_secret_basic' },
    })
    expect(shownSecret(shown)).toHaveLength(43)
    expect(await metadataOf(id)).not.toHaveProperty('jwks_uri')
    await send(browser, await open(browser, `${path}/change`), `${path}/change`, {
      ...{ ...change, auth: 'private_key_jwt', jwks_uri: 'https://made.example/keys' },
    })
    expect(await run(server.databaseUrl, `SELECT 1 FROM client_secrets WHERE client_id = '${id}'`)).toEqual([])
  })

  test('of what a provision file has made is made there', async () => {
    const { browser } = await atConsole(server, 'owner', '/admin/clients')
    const path = `/admin/clients/${WEB.client_id}`
    const detail = await open(browser, path)
    expect(detail.body).toContain('a provision file: it is changed there')
    expect(detail.body).not.toMatch(new RegExp(`${path}/(change|deletion)`))
    const refused = await send(browser, await open(browser, `${path}/change`), `${path}/change`, {
      ...{ ...kept, auth: 'client_secret_basic', reason: 'mine' },
    })
    expect([refused.status, faultsOf(refused)]).toEqual([409, [expect.stringContaining('managed by the provision file')]])
    expect((await open(browser, `${path}/deletion`)).status).toBe(409)
  })
})

test('an app that is deleted is gone with all that it had', async () => {
  const { browser } = await atConsole(server, 'owner', '/admin/clients')
  const { id, path } = await registered(browser, 'spa')
  const asking = await open(browser, `${path}/deletion`)
  expect(asking.body).toContain('Grants that end')
  const done = await send(browser, asking, `${path}/deletion`, { reason: 'a trial' })
  expect(done.body).toContain('The app is deleted.')
  expect(new URL(done.url).pathname).toBe('/admin/clients')
  expect((await open(browser, path)).status).toBe(404)
  expect((await eventsOf(id)).at(-1)).toEqual({ name: 'client.deleted', reason: 'a trial' })
})

test('WB4: markup in what others write stays text, on every page of an app, and no page weighs much', async () => {
  const { browser } = await atConsole(server, 'owner', '/admin/clients')
  const markup = '"><img src=x onerror=alert(1)><script>alert(1)</script>'
  const { id, path } = await registered(browser, 'web', {
    ...{ name: markup, redirect_uris: 'https://made.example/?x=<script>alert(1)</script>'.replace(/[<>]/g, encodeURIComponent) },
    scopes: '<script>alert(1)</script>'.replace('"', ''),
  })
  const [secret] = await run(server.databaseUrl, `SELECT id FROM client_secrets WHERE client_id = '${id}'`)
  for (const below of [
    '',
    '/change',
    '/secrets',
    `/secrets/${secret?.id}/deletion`,
    '/deletion',
    '/suspension',
    '?redirect_uri=<b>x',
  ]) {
    const { body, status } = await open(browser, `${path}${below}`)
    expect([below, status, /<(img|script>|b>x)/.test(body)]).toEqual([below, 200, false])
    expect(Buffer.byteLength(body)).toBeLessThan(60_000)
  }
  const { body } = await open(browser, '/admin/clients')
  expect([body.includes('onerror'), body.includes('<img')]).toEqual([true, false])
})

test('those who only look or stop see no way to register or change', async () => {
  for (const person of ['auditor', 'operator'] as const) {
    const { browser, page } = await atConsole(server, person, '/admin/clients')
    expect(page.body).not.toContain('/admin/clients/new')
    const { body } = await open(browser, `/admin/clients/${SPA.client_id}`)
    expect(body).not.toMatch(/\/admin\/clients\/[^"]+\/(change|deletion|secrets)"/)
  }
})

test.each(['none', '%00', '%3Cscript%3E', 'latchkey-account'])('AD2: %s is not there', async (name) => {
  const { browser } = await atConsole(server, 'owner', '/admin/clients')
  for (const below of ['', '/change', '/secrets', '/secrets/sec_x/deletion', '/deletion'])
    expect([below, (await open(browser, `/admin/clients/${name}${below}`)).status]).toEqual([below, 404])
})
