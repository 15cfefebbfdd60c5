// Secrets of apps in the console: how old they are, another one with an overlap, the end of one, and none by a slip.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startAdminServer } from '../admin-api/api.ts'
import type { Browser, Page } from '../support/browser.ts'
import { MACHINE, SPA, WEB } from '../support/clients.ts'
import { tokenRequest } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { atConsole, send, signInAs } from './people.ts'

let server: TestServer

beforeAll(async () => {
  server = await startAdminServer()
})

afterAll(() => server?.stop())

const open = (browser: Browser, path: string) => browser.open(`${server.issuer}${path}`)
const shownSecret = ({ body }: Page) => /id="secret"[^>]* value="([^"]*)"/.exec(body)?.[1] ?? ''
const secretIds = ({ body }: Page) => [...new Set([...body.matchAll(/<code>(sec_[\w-]+)/g)].map(([, id = '']) => id))]

/** What the token endpoint says to a secret; other processes take over within a second what was changed. */
async function expectAnswer(clientId: string, secret: string, wanted: string): Promise<void> {
  const client = { client_id: clientId, client_secret: secret }
  const end = performance.now() + 10_000
  for (;;) {
    const { body } = await tokenRequest(server, client, { grant_type: 'refresh_token', refresh_token: 'none' })
    if (body.error === wanted || performance.now() > end) return expect(body.error).toBe(wanted)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** The secret is good, if not the request; or it is not. */
const GOOD = 'unauthorized_client'
const BAD = 'invalid_client'

/** Asks for a new secret; the page that follows. */
async function rotated(browser: Browser, clientId: string, overlap: string): Promise<Page> {
  const path = `/admin/clients/${clientId}/secrets`
  return send(browser, await open(browser, path), path, { overlap, reason: 'it is due' })
}

test('AD7: a new secret is shown once, and the one before is good for as long as one says', async () => {
  const { browser } = await atConsole(server, 'owner', '/admin/clients')
  const path = `/admin/clients/${MACHINE.client_id}`
  const page = await rotated(browser, MACHINE.client_id, '3600')
  const secret = shownSecret(page)
  expect([page.status, secret.length]).toEqual([201, 43])
  expect(page.body).toContain('The one before is good for an hour.')
  await expectAnswer(MACHINE.client_id, secret, GOOD)
  await expectAnswer(MACHINE.client_id, MACHINE.client_secret, GOOD)
  const detail = await open(browser, path)
  for (const text of ['Being replaced', 'In use', 'good until', 'End it now']) expect(detail.body).toContain(text)
  expect(detail.body).not.toContain(secret)
  await server.advance(3600)
  await expectAnswer(MACHINE.client_id, MACHINE.client_secret, BAD)
  await expectAnswer(MACHINE.client_id, secret, GOOD)
  const events = await run(
    server.databaseUrl,
    `SELECT reason, detail->>'overlap_seconds' AS overlap FROM audit_events
     WHERE client_id = '${MACHINE.client_id}' AND name = 'client_secret.created' ORDER BY id DESC LIMIT 1`,
  )
  expect(events).toEqual([{ reason: 'it is due', overlap: '3600' }])
})

test('of two secrets the old one is ended now, and the last one after a warning', async () => {
  const { browser } = await atConsole(server, 'owner', '/admin/clients')
  const path = `/admin/clients/${WEB.client_id}`
  const secret = shownSecret(await rotated(browser, WEB.client_id, '604800'))
  const [old = '', young = ''] = secretIds(await open(browser, path))
  const asking = await open(browser, `${path}/secrets/${old}/deletion`)
  expect(asking.body).not.toContain('It is the only one that is good')
  const done = await send(browser, asking, `${path}/secrets/${old}/deletion`, { reason: 'it is in place' })
  expect(done.body).toContain('The secret is good no longer.')
  await expectAnswer(WEB.client_id, WEB.client_secret ?? '', BAD)
  await expectAnswer(WEB.client_id, secret, 'invalid_grant')
  const last = await open(browser, `${path}/secrets/${young}/deletion`)
  expect(last.body).toContain('It is the only one that is good')
  const none = await send(browser, last, `${path}/secrets/${young}/deletion`, { reason: 'for now' })
  expect(none.body).toContain('gets no tokens until it has one')
  expect((await open(browser, `${path}/secrets/${young}/deletion`)).status).toBe(404)
  await expectAnswer(WEB.client_id, secret, BAD)
})

test('the same form again makes no second secret, which would end the one that may be in place', async () => {
  const { browser } = await atConsole(server, 'owner', '/admin/clients')
  const path = `/admin/clients/${MACHINE.client_id}/secrets`
  const form = await open(browser, path)
  const asked = { overlap: '86400', reason: 'it is due' }
  const answers = await Promise.all(Array.from({ length: 50 }, () => send(browser, form, path, asked)))
  const made = answers.filter(({ status }) => status === 201)
  expect(made).toHaveLength(1)
  // When the machine is too busy for all of them, some are told to come again.
  for (const refused of answers.filter((answer) => answer.status !== 201 && answer.status !== 503)) {
    expect([refused.status, refused.body.includes('No secret was made.')]).toEqual([409, true])
  }
  const [secret = ''] = made.map(shownSecret)
  await expectAnswer(MACHINE.client_id, secret, GOOD)
})

test('an overlap that is none of the choices, or no reason, is asked for again', async () => {
  const { browser } = await atConsole(server, 'owner', '/admin/clients')
  const path = `/admin/clients/${MACHINE.client_id}/secrets`
  const before = await run(
    server.databaseUrl,
    `SELECT id FROM client_secrets WHERE client_id = '${MACHINE.client_id}' ORDER BY id`,
  )
  for (const asked of [
    { overlap: '99999999', reason: 'why' },
    { overlap: '', reason: 'why' },
    { overlap: '3600', reason: ' ' },
    { overlap: '-1', reason: 'why' },
  ]) {
    const again = await send(browser, await open(browser, path), path, asked)
    expect([again.status, again.body.includes('A new secret')]).toEqual([400, true])
  }
  const after = await run(
    server.databaseUrl,
    `SELECT id FROM client_secrets WHERE client_id = '${MACHINE.client_id}' ORDER BY id`,
  )
  expect(after).toEqual(before)
})

test('what was chosen is still there after signing in again', async () => {
  const { browser } = await atConsole(server, 'owner', '/admin/clients')
  const path = `/admin/clients/${MACHINE.client_id}/secrets`
  const form = await open(browser, path)
  await server.advance(301)
  const asked = await send(browser, form, path, { overlap: '604800', reason: 'it is due' })
  expect(asked.body).toContain('name="password"')
  const back = await signInAs(browser, asked, 'owner')
  expect(back.body).toContain('<option value="604800" selected>')
  expect(back.body).toContain('value="it is due"')
})

test('a secret of more than ninety days is warned of', async () => {
  const { browser } = await atConsole(server, 'auditor', '/admin/clients')
  const page = () => open(browser, `/admin/clients/${MACHINE.client_id}`)
  expect((await page()).body).not.toContain('older than 90 days')
  await run(
    server.databaseUrl,
    `UPDATE client_secrets SET created_at = created_at - interval '91 days' WHERE client_id = '${MACHINE.client_id}'`,
  )
  const { body } = await page()
  for (const text of ['older than 90 days', '91 days old', '>Old<']) expect(body).toContain(text)
  // By the moment, not by whole days: every page says the same of it.
  await run(
    server.databaseUrl,
    `UPDATE client_secrets SET created_at = latchkey_now() - interval '90 days 1 hour 1 minute' WHERE client_id = '${MACHINE.client_id}'`,
  )
  expect((await open(browser, '/admin/secrets?state=due')).body).toContain('Overdue for 1 hour<')
  const just = (await page()).body
  for (const text of ['older than 90 days', '90 days old', '>Old<']) expect(just).toContain(text)
  expect(body).not.toContain('New secret')
})

test('an app without a secret gets none', async () => {
  const { browser } = await atConsole(server, 'owner', '/admin/clients')
  const path = `/admin/clients/${SPA.client_id}/secrets`
  expect((await open(browser, `/admin/clients/${SPA.client_id}`)).body).not.toContain('id="secrets"')
  const refused = await send(browser, await open(browser, path), path, { overlap: '3600', reason: 'a trial' })
  expect([refused.status, refused.body.includes('authenticates by none, and has no secret')]).toEqual([409, true])
})
