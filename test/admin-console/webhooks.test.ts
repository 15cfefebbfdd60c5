// Webhooks in the console: made with a secret that is shown once, tried, looked at with what they were told, changed, stopped, deleted.
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { signaturesOf } from '../../server/webhooks/secrets.ts'
import { startAdminServer } from '../admin-api/api.ts'
import type { Browser, Page } from '../support/browser.ts'
import { run } from '../support/postgres.ts'
import { ACCEPT, type ReceivedPost, type Receiver, startReceiver, withStatus } from '../support/receiver.ts'
import type { TestServer } from '../support/server.ts'
import { atConsole, send, signInAs } from './people.ts'

let server: TestServer
let receiver: Receiver
let other: Receiver

beforeAll(async () => {
  receiver = await startReceiver()
  other = await startReceiver()
  server = await startAdminServer()
})

beforeEach(() => {
  for (const one of [receiver, other]) {
    one.answer = ACCEPT
    one.received.length = 0
  }
})

afterAll(async () => {
  await server?.stop()
  await receiver?.stop()
  await other?.stop()
})

const open = (browser: Browser, path: string) => browser.open(`${server.issuer}${path}`)

async function until(asked: () => Promise<boolean> | boolean): Promise<void> {
  const end = performance.now() + 20_000
  while (!(await asked())) {
    if (performance.now() > end) throw new Error('it did not come')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Makes one in the console; its id, its page and the secret that was shown. */
async function made(browser: Browser, fields: { readonly [name: string]: string } = {}) {
  const form = await open(browser, '/admin/webhooks/new')
  const shown = await send(browser, form, '/admin/webhooks', { url: receiver.url, of_client: 'on', ...fields })
  const [, secret = ''] = /id="secret"[^>]*value="(whsec_[^"]+)"/.exec(shown.body) ?? []
  const [, id = ''] = /href="\/admin\/webhooks\/(wh_[\w-]+)">To the webhook/.exec(shown.body) ?? []
  expect({ status: shown.status, hasSecret: secret !== '', fault: faultOf(shown) }).toEqual({ status: 201, hasSecret: true })
  return { id, path: `/admin/webhooks/${id}`, secret }
}

function faultOf({ body }: Page): string | undefined {
  return /role="alert"><p>([^<]*)/.exec(body)?.[1]
}

function isSignedBy({ headers, body }: ReceivedPost, secret: string): boolean {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64')
  const content = { id: String(headers['webhook-id']), timestamp: Number(headers['webhook-timestamp']), body }
  return String(headers['webhook-signature'])
    .split(' ')
    .includes(signaturesOf([key], content))
}

test('AD7: an owner makes one, sees its secret once, tries it, and sees that it was told', async () => {
  const { browser, page } = await atConsole(server, 'owner', '/admin/webhooks')
  expect(page.body).toContain('No webhooks')
  const { id, path, secret } = await made(browser, { description: 'The dashboard', events: 'session.revoked\nsession.expired' })
  const detail = await open(browser, path)
  for (const text of ['The dashboard', 'client.*', 'session.revoked', receiver.url, 'Current', 'No deliveries'])
    expect(detail.body).toContain(text)
  const tested = await send(browser, detail, `${path}/test`)
  expect(tested.body).toContain('webhook.tested')
  expect(new URL(tested.url).pathname).toMatch(new RegExp(`^${path}/deliveries/msg_`))
  await until(() => receiver.received.length === 1)
  const [told] = receiver.received
  expect(told !== undefined && isSignedBy(told, secret)).toBe(true)
  await until(async () => (await open(browser, new URL(tested.url).pathname)).body.includes('Delivered'))
  const list = await open(browser, '/admin/webhooks')
  expect(list.body).toMatch(/The dashboard[\s\S]*Active[\s\S]*Delivered[\s\S]*webhook\.tested/)
  const sealed = await run(server.databaseUrl, "SELECT encode(sealed, 'base64') AS sealed FROM webhook_secrets")
  for (const one of [list, await open(browser, path), await open(browser, `${path}/change`), tested]) {
    expect(one.body).not.toContain(secret.slice(6, 30))
    for (const row of sealed) expect(one.body).not.toContain(String(row.sealed).slice(0, 40))
  }
  const deletion = await open(browser, `${path}/deletion`)
  const gone = await send(browser, deletion, `${path}/deletion`, { reason: 'the dashboard is gone' })
  expect(gone.body).toContain('The webhook is deleted.')
  expect((await open(browser, path)).status).toBe(404)
  const events = await run(
    server.databaseUrl,
    `SELECT name, reason FROM audit_events WHERE detail->>'webhook' = '${id}' ORDER BY id`,
  )
  expect(events).toEqual([
    { name: 'webhook.created', reason: null },
    { name: 'webhook.tested', reason: null },
    { name: 'webhook.deleted', reason: 'the dashboard is gone' },
  ])
})

test('one that does not take what it is told is seen to fail, and is told again by hand', async () => {
  const { browser } = await atConsole(server, 'owner', '/admin/webhooks')
  const { path } = await made(browser)
  receiver.answer = withStatus(500)
  const tested = await send(browser, await open(browser, path), `${path}/test`)
  const delivery = new URL(tested.url).pathname
  await until(async () => (await open(browser, delivery)).body.includes('Trying again'))
  expect((await open(browser, '/admin/webhooks')).body).toMatch(/Failing[\s\S]*Trying again/)
  expect((await open(browser, `${path}?state=retrying`)).body).toContain(delivery)
  expect((await open(browser, `${path}?state=delivered`)).body).not.toContain(delivery)
  expect((await open(browser, `${path}?state=lost`)).status).toBe(400)
  receiver.answer = ACCEPT
  const again = await send(browser, await open(browser, delivery), `${delivery}/attempts`)
  expect(again.body).toContain('It is sent again, for a day if need be.')
  await until(async () => (await open(browser, delivery)).body.includes('Delivered'))
  expect((await open(browser, '/admin/webhooks')).body).not.toContain('Failing')
  await send(browser, await open(browser, `${path}/deletion`), `${path}/deletion`, { reason: 'done' })
})

test('what cannot be is said, and nothing that was filled in is lost', async () => {
  const { browser } = await atConsole(server, 'owner', '/admin/webhooks')
  const form = await open(browser, '/admin/webhooks/new')
  for (const [fields, fault] of [
    [{ url: 'http://hooks.example/' }, 'https'],
    [{ url: 'hooks' }, 'not a URL'],
    [{ url: 'https://10.0.0.1/' }, 'LATCHKEY_WEBHOOK_PRIVATE_ADDRESSES'],
    [{ url: 'https://hooks.example/', of_session: '' }, 'must name an event'],
    [{ url: 'https://hooks.example/', events: 'client.dropped' }, 'no event is called'],
    [{ url: 'https://hooks.example/', events: '<script>alert(1)</script>' }, 'No event is called'],
    [{ url: 'https://hooks.example/', description: `a${'b'.repeat(300)}` }, '200 characters'],
    [{ url: 'https://hooks.example/', description: 'turned \u202E round' }, 'plain text'],
  ] as const) {
    const filled = { description: 'The dashboard', of_session: 'on', ...fields }
    const refused = await send(browser, form, '/admin/webhooks', filled)
    expect({ fields, status: refused.status, fault: faultOf(refused)?.toLowerCase() }).toEqual({
      fields,
      status: 422,
      fault: expect.stringContaining(fault.toLowerCase()),
    })
    if (filled.of_session === 'on') expect(refused.body).toMatch(/name="of_session" value="on" checked/)
    expect(refused.body).not.toContain('<script>alert')
  }
  expect((await open(browser, '/admin/webhooks')).body).toContain('No webhooks')
})

test('a form that was open for too long comes back with all that was filled in', async () => {
  const { browser } = await atConsole(server, 'owner', '/admin/webhooks')
  const form = await open(browser, '/admin/webhooks/new')
  await server.advance(301)
  const fields = { url: `${receiver.url}/hook?key=1`, description: 'The dashboard', of_session: 'on', events: 'client.created' }
  const asked = await send(browser, form, '/admin/webhooks', fields)
  expect(asked.body).toContain('name="password"')
  const back = await signInAs(browser, asked, 'owner')
  for (const text of [
    `value="${receiver.url}/hook?key=1"`,
    'The dashboard',
    'of_session" value="on" checked',
    'client.created</textarea>',
  ])
    expect(back.body).toContain(text)
})

test('AD7: at another origin it gets a new secret, which is shown once; a change that came in between is not undone', async () => {
  const { browser } = await atConsole(server, 'owner', '/admin/webhooks')
  const { path, secret } = await made(browser)
  const form = await open(browser, `${path}/change`)
  expect(form.body).toMatch(/name="of_client" value="on" checked/)
  const kept = { of_client: 'on', reason: 'a clearer name' }
  const unsaid = await send(browser, form, `${path}/change`, { ...kept, reason: ' ', description: 'Of the shop' })
  expect([unsaid.status, faultOf(unsaid)]).toEqual([409, expect.stringContaining('say why')])
  expect(unsaid.body).toContain('value="Of the shop"')
  const saved = await send(browser, unsaid, `${path}/change`, { ...kept, description: 'Of the shop' })
  expect(saved.body).toContain('Saved.')
  const stale = await send(browser, form, `${path}/change`, { ...kept, description: 'Of the office' })
  expect([stale.status, faultOf(stale)]).toEqual([409, expect.stringContaining('has been changed since')])
  expect((await open(browser, path)).body).toContain('Of the shop')
  const moved = await send(browser, await open(browser, `${path}/change`), `${path}/change`, { ...kept, url: other.url })
  expect(moved.body).toContain('the secrets before are good no longer')
  const [, second = ''] = /id="secret"[^>]*value="(whsec_[^"]+)"/.exec(moved.body) ?? []
  await send(browser, await open(browser, path), `${path}/test`)
  await until(() => other.received.length === 1)
  const [told] = other.received
  expect([told !== undefined && isSignedBy(told, secret), told !== undefined && isSignedBy(told, second)]).toEqual([false, true])
  await send(browser, await open(browser, `${path}/deletion`), `${path}/deletion`, { reason: 'done' })
})

test('two secrets are good while one replaces the other, and one alone when somebody else may have it', async () => {
  const { browser } = await atConsole(server, 'owner', '/admin/webhooks')
  const { path, secret } = await made(browser)
  const action = `${path}/secrets`
  const unsaid = await send(browser, await open(browser, action), action, { overlap: '3600', reason: ' ' })
  expect(unsaid.body).toContain('<option value="3600" selected>')
  // What is no choice is asked for again.
  const odd = await send(browser, unsaid, action, { overlap: '99999999', reason: 'every quarter' })
  expect(odd.body).not.toContain('whsec_')
  const shown = await send(browser, unsaid, action, { overlap: '3600', reason: 'every quarter' })
  const secretIn = ({ body }: Page) => /id="secret"[^>]*value="(whsec_[^"]+)"/.exec(body)?.[1] ?? ''
  expect(shown.body).toContain('The one before is good for an hour.')
  const detail = await open(browser, path)
  expect(detail.body).toContain('Good as well')
  await send(browser, detail, `${path}/test`)
  await until(() => receiver.received.length === 1)
  const both = receiver.received[0]
  expect(both !== undefined && isSignedBy(both, secret) && isSignedBy(both, secretIn(shown))).toBe(true)
  const last = await send(browser, await open(browser, action), action, { overlap: '0', reason: 'it stood in a chat' })
  await send(browser, await open(browser, path), `${path}/test`)
  await until(() => receiver.received.length === 2)
  const alone = receiver.received[1]
  expect(alone !== undefined && isSignedBy(alone, secretIn(last))).toBe(true)
  expect(alone !== undefined && isSignedBy(alone, secretIn(shown))).toBe(false)
  await send(browser, await open(browser, `${path}/deletion`), `${path}/deletion`, { reason: 'done' })
})

test('what is sent twice, by a double click or a reload, is made once', async () => {
  const { browser } = await atConsole(server, 'owner', '/admin/webhooks')
  const form = await open(browser, '/admin/webhooks/new')
  const fields = { url: receiver.url, all: 'on', description: 'Twice' }
  const both = await Promise.all([1, 2].map(() => send(browser, form, '/admin/webhooks', fields)))
  expect(both.filter(({ body }) => body.includes('whsec_'))).toHaveLength(1)
  const reloaded = await send(browser, form, '/admin/webhooks', fields)
  expect([reloaded.body.includes('whsec_'), reloaded.body.includes('The webhook was made already')]).toEqual([false, true])
  const path = new URL(reloaded.url).pathname
  const rows = await run(server.databaseUrl, "SELECT id FROM webhooks WHERE description = 'Twice'")
  expect(rows.map(({ id }) => `/admin/webhooks/${id}`)).toEqual([path])
  const action = `${path}/secrets`
  const rotation = await open(browser, action)
  const twice = await Promise.all([1, 2].map(() => send(browser, rotation, action, { overlap: '3600', reason: 'x' })))
  expect(twice.map(({ status }) => status).toSorted()).toEqual([201, 409])
  const late = await send(browser, rotation, action, { overlap: '0', reason: 'x' })
  expect([late.status, late.body.includes('No secret was made.')]).toEqual([409, true])
  const events = await run(
    server.databaseUrl,
    `SELECT name FROM audit_events WHERE detail->>'webhook' = $1 AND name IN ('webhook.created', 'webhook_secret.rotated') ORDER BY id`,
    [path.split('/').at(-1)],
  )
  expect(events).toEqual([{ name: 'webhook.created' }, { name: 'webhook_secret.rotated' }])
  // What the page says by now holds.
  expect((await send(browser, late, action, { overlap: '0', reason: 'x' })).status).toBe(201)
  await send(browser, await open(browser, `${path}/deletion`), `${path}/deletion`, { reason: 'done' })
})

test('one that is disabled is told nothing until it is enabled again', async () => {
  const { browser } = await atConsole(server, 'owner', '/admin/webhooks')
  const { path } = await made(browser)
  const form = await open(browser, path)
  const off = await send(browser, await open(browser, `${path}/disablement`), `${path}/disablement`, { reason: 'it is moved' })
  expect(off.body).toContain('The webhook is disabled')
  expect(off.body).not.toContain('Send a test')
  const refused = await send(browser, form, `${path}/test`)
  expect([refused.status, refused.body]).toEqual([409, expect.stringContaining('disabled')])
  const on = await send(browser, await open(browser, `${path}/enablement`), `${path}/enablement`, { reason: 'it is back' })
  expect(on.body).toContain('Send a test')
  expect(receiver.received).toEqual([])
  await send(browser, await open(browser, `${path}/deletion`), `${path}/deletion`, { reason: 'done' })
})

test('its address is for owners: path and query may hold a secret', async () => {
  const { browser } = await atConsole(server, 'owner', '/admin/webhooks')
  const { path } = await made(browser, { url: `${receiver.url}/T0KEN?key=unseen` })
  const auditor = await atConsole(server, 'auditor', path)
  for (const one of [auditor.page, await open(auditor.browser, '/admin/webhooks')]) {
    expect(one.body).not.toMatch(/T0KEN|unseen/)
    expect(one.body).toContain(new URL(receiver.url).origin)
    expect(one.body).not.toMatch(/<form[^>]*webhooks|\/webhooks\/new|\/deletion/)
  }
})

test.each(['wh_nobody', 'nobody', '%00', "wh_'--", '%3Cscript%3E'])('AD2: %s is not there', async (name) => {
  const { browser } = await atConsole(server, 'owner', '/admin/webhooks')
  for (const below of ['', '/change', '/secrets', '/deletion', '/deliveries/msg_1'])
    expect([below, (await open(browser, `/admin/webhooks/${name}${below}`)).status]).toEqual([below, 404])
})

test('AD2: a delivery is one of its own webhook only', async () => {
  const { browser } = await atConsole(server, 'owner', '/admin/webhooks')
  const [one, two] = [await made(browser), await made(browser)]
  const tested = await send(browser, await open(browser, one.path), `${one.path}/test`)
  const delivery = new URL(tested.url).pathname.split('/').at(-1)
  expect((await open(browser, `${two.path}/deliveries/${delivery}`)).status).toBe(404)
})
