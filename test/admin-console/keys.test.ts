// Signing keys in the console: what is due is seen, new ones are announced or sign at once, and what somebody else may have is ended.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startAdminServer } from '../admin-api/api.ts'
import { API, SPA } from '../support/clients.ts'
import { headerOf, introspect, obtainTokens, refresh } from '../support/oauth.ts'
import type { TestServer } from '../support/server.ts'
import { atConsole, send } from './people.ts'

let server: TestServer

beforeAll(async () => {
  server = await startAdminServer()
})

afterAll(() => server?.stop())

test('an owner announces new keys with a reason, and they take their turn an hour later', async () => {
  const { browser, page } = await atConsole(server, 'owner', '/admin/keys')
  expect(page.body).toContain('Signing keys')
  expect(page.body.match(/>Signing</g)?.length).toBeGreaterThanOrEqual(2)
  const asking = await browser.open(`${server.issuer}/admin/keys/rotation`)
  const unsaid = await send(browser, asking, '/admin/keys/rotation', { alg: 'ES256', reason: '  ' })
  expect(unsaid.body).toContain('<option value="ES256" selected>')
  const done = await send(browser, unsaid, '/admin/keys/rotation', { alg: 'ES256', reason: 'every quarter' })
  expect(done.body).toContain('New keys are announced. They sign in an hour.')
  expect(done.body).toContain('Announced')
  const again = await send(browser, await browser.open(`${server.issuer}/admin/keys/rotation`), '/admin/keys/rotation', {
    alg: 'ES256',
    reason: 'once more',
  })
  expect([again.status, again.body]).toEqual([
    409,
    expect.stringContaining('A key is announced already for ES256, and has not had its turn.'),
  ])
  const events = await server.latchkey.stores.db.auditEvent.findMany({ where: { name: 'signing_key.announced' } })
  expect(events.map(({ reason }) => reason)).toContain('every quarter')
})

test('keys that are to sign at once are made once, also when the form is sent twice or loaded again', async () => {
  const { browser } = await atConsole(server, 'owner', '/admin/keys')
  const form = await browser.open(`${server.issuer}/admin/keys/rotation`)
  const fields = { alg: 'EdDSA', now: 'yes', reason: 'a double click' }
  const signs = () =>
    server.latchkey.stores.db.auditEvent.count({ where: { name: 'signing_key.activated', reason: fields.reason } })
  const both = await Promise.all([1, 2].map(() => send(browser, form, '/admin/keys/rotation', fields)))
  expect(both.map(({ status }) => status).toSorted()).toEqual([200, 409])
  const reloaded = await send(browser, form, '/admin/keys/rotation', fields)
  expect([reloaded.status, reloaded.body.includes('None was made.')]).toEqual([409, true])
  expect(reloaded.body).toContain('value="a double click"')
  expect(await signs()).toBe(1)
  expect((await send(browser, reloaded, '/admin/keys/rotation', fields)).status).toBe(200)
  expect(await signs()).toBe(2)
})

test('KR2: what somebody else may have signed with is refused at once, and another key signs', async () => {
  const { tokens } = await obtainTokens(server, SPA)
  const { kid } = headerOf(tokens.body.access_token)
  const { browser } = await atConsole(server, 'owner', '/admin/keys')
  const page = await browser.open(`${server.issuer}/admin/keys/${kid}/compromise`)
  expect(page.body).toContain('all that it signed is dead at once')
  const done = await send(browser, page, `/admin/keys/${kid}/compromise`, { reason: 'it lay in a backup' })
  expect(done.url).toBe(`${server.issuer}/admin/keys/${kid}`)
  expect(done.body).toContain('Compromised')
  expect(done.body).not.toContain(`${kid}/compromise`)
  expect(await introspect(server, API, tokens.body.access_token ?? '')).toEqual({ active: false })
  const fresh = await refresh(server, SPA, tokens.body.refresh_token ?? '')
  expect(headerOf(fresh.body.access_token).kid).not.toBe(kid)
})

test('a key that signs hands over, and one that is announced is withdrawn', async () => {
  const { browser } = await atConsole(server, 'owner', '/admin/keys')
  const rotation = await browser.open(`${server.issuer}/admin/keys/rotation`)
  await send(browser, rotation, '/admin/keys/rotation', { alg: 'RS256', reason: 'a drill' })
  const keys = await server.latchkey.stores.db.signingKey.findMany({ where: { alg: 'RS256' } })
  const [announced, signing] = ['announced', 'signing'].map((status) => keys.find((key) => key.status === status)?.id)
  const withdrawal = await browser.open(`${server.issuer}/admin/keys/${announced}/retirement`)
  expect(withdrawal.body).toContain('never signs')
  expect((await send(browser, withdrawal, `/admin/keys/${announced}/retirement`, { reason: 'a drill' })).body).toContain(
    'Removed',
  )
  const handing = await browser.open(`${server.issuer}/admin/keys/${signing}/retirement`)
  expect((await send(browser, handing, `/admin/keys/${signing}/retirement`, { reason: 'a drill' })).body).toContain('Retired')
  const late = await browser.fetch(`${server.issuer}/admin/keys/${signing}/retirement`)
  expect(late.status).toBe(200)
  const refused = await send(browser, late, `/admin/keys/${signing}/retirement`, { reason: 'twice' })
  expect([refused.status, refused.body]).toEqual([409, expect.stringMatching(/signs nothing any more\.[\s\S]*value="twice"/)])
})

test('a rotation that is due is pointed out', async () => {
  await server.advance(91 * 86_400)
  const { page } = await atConsole(server, 'auditor', '/admin/keys')
  expect(page.body).toContain('Rotation is due')
  expect(page.body).not.toContain('/admin/keys/rotation')
})

test('a key that is not there is not there, whatever its name', async () => {
  const { browser } = await atConsole(server, 'owner', '/admin/keys')
  for (const name of ['none', '-x', '%00', 'a'.repeat(300), '%3Cscript%3E']) {
    const page = await browser.open(`${server.issuer}/admin/keys/${name}`)
    expect({ name, status: page.status }).toEqual({ name, status: 404 })
  }
})
