// Clients in the console: found, looked at, suspended and let in again; and a redirect URI that does not match says why.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { adminResourceOf, ROBOT, startAdminServer } from '../admin-api/api.ts'
import { API, NOTES, SPA, WEB } from '../support/clients.ts'
import { introspect, obtainTokens, refresh } from '../support/oauth.ts'
import type { TestServer } from '../support/server.ts'
import { atConsole, send } from './people.ts'

let server: TestServer

beforeAll(async () => {
  server = await startAdminServer()
})

afterAll(() => server?.stop())

test('apps are listed, narrowed, and found by the search box', async () => {
  const { browser, page } = await atConsole(server, 'auditor', '/admin/clients')
  for (const { client_id: id } of [SPA, WEB, API]) expect(page.body).toContain(`href="/admin/clients/${id}"`)
  const spas = await browser.open(`${server.issuer}/admin/clients?kind=spa`)
  expect([spas.body.includes(SPA.client_id), spas.body.includes(`/${WEB.client_id}"`)]).toEqual([true, false])
  expect(spas.body).toContain('Remove<span class="visually-hidden"> Kind')
  const found = await send(browser, page, '/admin/search', { q: WEB.client_id })
  expect(found.url).toBe(`${server.issuer}/admin/clients/${WEB.client_id}`)
  for (const query of ['kind=other', 'status=gone', `q=${'a'.repeat(400)}`]) {
    expect((await browser.open(`${server.issuer}/admin/clients?${query}`)).status).toBe(400)
  }
})

test('one says what is registered, how long what it gets really lives, and nothing of its secrets but their age', async () => {
  const { browser } = await atConsole(server, 'auditor', '/admin/clients')
  const page = await browser.open(`${server.issuer}/admin/clients/${WEB.client_id}`)
  for (const text of [
    WEB.redirect_uri,
    'LATCHKEY_ACCESS_TOKEN_TTL',
    'LATCHKEY_SESSION_IDLE_TTL',
    'sec_',
    'Web app with a server',
  ])
    expect(page.body).toContain(text)
  expect(page.body).not.toContain(WEB.client_secret)
  expect(page.body).not.toContain('/suspension')
  for (const name of ['none', '%00', '%3Cscript%3E', 'latchkey']) {
    const { status, body } = await browser.open(`${server.issuer}/admin/clients/${name}`)
    expect([status, body.includes('href="/admin">Go to the console</a>')]).toEqual([404, true])
  }
})

test('how long what it gets really lives is drawn, and the table says what decides, what else would, and where that is', async () => {
  const { browser } = await atConsole(server, 'auditor', '/admin/clients')
  const page = await browser.open(`${server.issuer}/admin/clients/${WEB.client_id}`)
  const [, card = ''] = /<section class="card lives"([\s\S]*?)<\/section>/.exec(page.body) ?? []
  const cells = [...card.matchAll(/<tr>(.*)<\/tr>/g)].map(([, row = '']) =>
    [...row.matchAll(/<t[hd][^>]*data-label[^>]*>([\s\S]*?)<\/t[hd]>/g)].map(([, cell = '']) =>
      cell.replace(/<[^>]*>/g, ' ').trim(),
    ),
  )
  const rows = new Map(cells.map(([what = '', ...rest]) => [what.split('  ')[0], rest]))
  // The session's idle time is the least of four, though the refresh token has one of its own.
  expect(rows.get('Refresh token, unused')).toEqual([
    '8 hours',
    'LATCHKEY_SESSION_IDLE_TTL',
    expect.stringMatching(/7 days by\s+LATCHKEY_REFRESH_IDLE_TTL[\s\S]*1 day by\s+LATCHKEY_SESSION_TTL/),
  ])
  expect(rows.get('Refresh token, at most')?.slice(0, 2)).toEqual(['1 day', 'LATCHKEY_SESSION_TTL'])
  expect(rows.get('Access token (jwt)')?.slice(0, 2)).toEqual(['15 minutes', 'access_token_ttl'])
  expect(card.match(/<rect class="most"/g)).toHaveLength(6)
  expect(card).not.toMatch(/NaN|undefined|style=/)
  const links = [...card.matchAll(/href="([^"]+)"/g)].map(([, href = '']) => href)
  expect(new Set(links)).toEqual(new Set(['/admin/settings', `/admin/resource-servers/${encodeURIComponent(NOTES)}`]))
  for (const href of new Set(links)) expect((await browser.open(`${server.issuer}${href}`)).status).toBe(200)
})

test('what this server’s own APIs give is set nowhere, and leads to no page', async () => {
  const { browser } = await atConsole(server, 'auditor', '/admin/clients')
  const page = await browser.open(`${server.issuer}/admin/clients/${ROBOT.client_id}`)
  const [, card = ''] = /<section class="card lives"([\s\S]*?)<\/section>/.exec(page.body) ?? []
  expect(card).toContain(adminResourceOf(server))
  expect(card).toContain('nothing: this server is that API')
  for (const [, href = ''] of card.matchAll(/href="([^"]+)"/g))
    expect({ href, status: (await browser.open(`${server.issuer}${href}`)).status }).toEqual({ href, status: 200 })
})

test('a redirect URI that is tried is one of the app’s, or it says why not', async () => {
  const { browser } = await atConsole(server, 'auditor', '/admin/clients')
  const tried = async (uri: string) =>
    (await browser.open(`${server.issuer}/admin/clients/${SPA.client_id}?redirect_uri=${encodeURIComponent(uri)}`)).body
  expect(await tried(SPA.redirect_uri)).toContain('the app is let back there')
  const wrong = await tried(`${SPA.redirect_uri}/`)
  expect(wrong).toContain('It is none of these')
  expect(wrong).toContain('path')
  expect(await tried('<script>alert(1)</script>')).not.toContain('<script>alert')
})

test('an app that is suspended is out at once, and comes back without what it had', async () => {
  const { tokens } = await obtainTokens(server, SPA)
  const { browser } = await atConsole(server, 'operator', '/admin/clients')
  const action = (what: string) => `/admin/clients/${SPA.client_id}/${what}`
  const page = await browser.open(`${server.issuer}${action('suspension')}`)
  expect(page.body).toContain('Grants that end')
  const unsaid = await send(browser, page, action('suspension'), { reason: ' ' })
  expect(unsaid.url).toBe(`${server.issuer}${action('suspension')}`)
  const done = await send(browser, unsaid, action('suspension'), { reason: 'it leaks' })
  expect(done.body).toMatch(/The app is suspended\. Ended: \d+ grants? with \d+ refresh tokens?\./)
  // Nobody uses it now.
  expect(done.body).not.toContain('of people who use it now')
  expect(done.body).toContain('of people who have used it')
  expect(done.body).toContain('Suspended')
  expect(await introspect(server, API, tokens.body.access_token ?? '')).toEqual({ active: false })
  expect((await refresh(server, SPA, tokens.body.refresh_token ?? '')).status).not.toBe(200)
  const back = await send(browser, await browser.open(`${server.issuer}${action('reinstatement')}`), action('reinstatement'), {
    reason: 'mended',
  })
  expect(back.body).toMatch(/People can sign in to it again in \d+ seconds: until then it gets no tokens\./)
  expect(back.body).toMatch(/It gets tokens in \d+ seconds/)
  expect((await refresh(server, SPA, tokens.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
  // Until every process has seen the suspension, its entry covers what it may still make.
  await server.advance(12)
  expect((await browser.open(`${server.issuer}/admin/clients/${SPA.client_id}`)).body).not.toContain('It gets tokens in')
  expect((await obtainTokens(server, SPA)).tokens.status).toBe(200)
  const events = await server.latchkey.stores.db.auditEvent.findMany({
    where: { clientId: SPA.client_id, name: 'client.suspended' },
  })
  expect(events.map(({ reason }) => reason)).toEqual(['it leaks'])
})

test('AD4: an app that may do more than the person is not offered to be stopped, and that they tried is written down', async () => {
  const why = 'scopes of the admin API that you do not have'
  const path = `/admin/clients/${ROBOT.client_id}`
  const { browser, page } = await atConsole(server, 'operator', path)
  expect([page.status, page.body.includes(why)]).toEqual([200, true])
  const csrf = /name="csrf" value="([^"]+)"/.exec(page.body)?.[1] ?? ''
  for (const what of ['suspension', 'reinstatement', 'compromise']) {
    expect(page.body).not.toContain(`${path}/${what}`)
    const asked = await browser.open(`${server.issuer}${path}/${what}`)
    expect([asked.status, asked.body.includes(why)]).toEqual([403, true])
    expect(asked.body).toContain(`href="${path}">Back</a>`)
    for (const reason of ['', 'typed all the same']) {
      const body = new URLSearchParams({ csrf, reason }).toString()
      const sent = await browser.fetch(`${server.issuer}${path}/${what}`, { method: 'POST', body })
      expect([sent.status, sent.body.includes('Out of reach')]).toEqual([403, true])
    }
  }
  await server.latchkey.audit.occasional.flush()
  const { db } = server.latchkey.stores
  expect(await db.auditEvent.count({ where: { name: 'admin_access.refused', reason: 'out_of_reach' } })).toBeGreaterThan(0)
  expect(await db.auditEvent.count({ where: { reason: 'typed all the same' } })).toBe(0)
  expect((await atConsole(server, 'auditor', path)).page.body).not.toContain(why)
  const owner = await atConsole(server, 'owner', path)
  expect([owner.page.body.includes(why), owner.page.body.includes(`${path}/suspension`)]).toEqual([false, true])
})

test('an app whose secret somebody else has loses it with all that it had', async () => {
  const { tokens } = await obtainTokens(server, WEB)
  const { browser } = await atConsole(server, 'operator', '/admin/clients')
  const action = `/admin/clients/${WEB.client_id}/compromise`
  const done = await send(browser, await browser.open(`${server.issuer}${action}`), action, { reason: 'it stood in a chat' })
  expect(done.body).toContain('Its secrets are never good again.')
  expect((await refresh(server, WEB, tokens.body.refresh_token ?? '')).body.error).toBe('invalid_client')
})
