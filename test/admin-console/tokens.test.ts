// Tokens in the console: one is pasted and explained, and ended; access tokens end by what names them; and the revocations say who did it.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { PASSWORD, startAdminServer } from '../admin-api/api.ts'
import type { Browser } from '../support/browser.ts'
import { API, BILLING, MACHINE, SPA } from '../support/clients.ts'
import { claimsOf, headerOf, introspect, obtainTokens, refresh, tokenRequest } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { atConsole, send, signInAs } from './people.ts'

let server: TestServer

beforeAll(async () => {
  server = await startAdminServer()
})

afterAll(() => server?.stop())

const open = (browser: Browser, path: string) => browser.open(`${server.issuer}${path}`)

async function signedIn() {
  const { tokens } = await obtainTokens(server, SPA, { person: server.grace })
  return { tokens: tokens.body, claims: claimsOf(tokens.body.access_token) }
}

/** Pastes a text, and sees that no part of a token comes back. */
async function look(browser: Browser, token: string | undefined) {
  const found = await send(browser, await open(browser, '/admin/tokens'), '/admin/tokens/inspection', { token: token ?? '' })
  for (const part of (token ?? '').split('.').filter((piece) => piece.length > 40)) expect(found.body).not.toContain(part)
  return found
}

test('RV4: a token that is pasted is explained, and ended alone', async () => {
  const { tokens, claims } = await signedIn()
  const { browser } = await atConsole(server, 'operator', '/admin/tokens')
  const found = await look(browser, tokens.access_token)
  for (const text of [
    'It is good',
    'by a key of this server',
    String(claims.grant_id),
    'grace@people.example',
    '&quot;aud&quot;',
  ])
    expect(found.body).toContain(text)
  const done = await send(browser, found, '/admin/tokens/revocation', { reason: 'seen in a log' })
  expect(done.body).toContain('Ended. APIs that listen refuse these access tokens within a second.')
  expect(done.body).toContain(`<code>${claims.jti}</code>`)
  expect(done.body).toContain('seen in a log')
  expect(await introspect(server, API, tokens.access_token ?? '')).toEqual({ active: false })
  const after = await look(browser, tokens.access_token)
  expect(after.body).toContain('It is not good')
  expect(after.body).toContain('revoked: tokens_revoked')
  // Who did it, and why, as the list has it.
  const [, revocations = ''] = after.body.split('Revocations that name it</h2>')
  expect(revocations).toContain('seen in a log')
  expect(revocations).toMatch(/<a href="\/admin\/accounts\/acc_[^"]+">.*<span class="quiet">access_tokens\.revoked/)
  expect(revocations).not.toContain('nobody')
  expect((await refresh(server, SPA, tokens.refresh_token ?? '')).status).toBe(200)
})

test('RV4: an opaque access token that an app has for itself is ended, though the page does not repeat it', async () => {
  const { body } = await tokenRequest(server, MACHINE, {
    ...{ grant_type: 'client_credentials', resource: BILLING, scope: 'billing:read' },
  })
  const pasted = body.access_token ?? ''
  expect(pasted).toMatch(/^ct_/)
  const { browser } = await atConsole(server, 'operator', '/admin/tokens')
  const found = await look(browser, pasted)
  expect(found.body).not.toContain(pasted)
  const auditor = await atConsole(server, 'auditor', '/admin/tokens')
  expect((await look(auditor.browser, pasted)).body).not.toContain('End this token alone')
  const action = '/admin/tokens/kept/revocation'
  expect((await send(browser, found, action, { reason: ' ' })).status).toBe(400)
  expect((await send(browser, found, action, { reason: 'x', digest: pasted })).status).toBe(400)
  expect((await send(browser, found, action, { reason: 'x', digest: 'A'.repeat(43) })).status).toBe(404)
  // A sign-in that is no longer fresh: the form comes back without the token, and still ends it.
  await server.advance(301)
  const asked = await send(browser, found, action, { reason: 'it stood in a chat' })
  expect(asked.body).toContain('name="password"')
  const again = await signInAs(browser, asked, 'operator')
  expect(again.body).toContain('value="it stood in a chat"')
  expect(again.body).not.toContain(pasted)
  expect((await send(browser, again, action)).body).toContain('The token is dead')
  expect((await send(browser, again, action, { reason: 'twice' })).body).toContain('The token is dead')
  expect((await browser.open(`${server.issuer}${action}?digest=${pasted}`)).status).toBe(400)
  const after = await look(browser, pasted)
  expect(after.body).toContain('it was revoked')
  expect(after.body).not.toContain('End this token alone')
  const rows = await run(
    server.databaseUrl,
    "SELECT reason, client_id FROM audit_events WHERE name = 'access_token.revoked' AND client_id = $1",
    [MACHINE.client_id],
  )
  expect(rows).toEqual([{ reason: 'it stood in a chat', client_id: MACHINE.client_id }])
})

test('RV4: what names tokens ends them where it is found', async () => {
  const { tokens, claims } = await signedIn()
  const { browser } = await atConsole(server, 'operator', '/admin/tokens')
  const named = async (token: unknown) =>
    send(browser, await open(browser, '/admin/tokens'), '/admin/tokens/inspection', { token: String(token) })
  const found = await named(claims.sid)
  expect(found.body).toContain('End the access tokens that carry it')
  await send(browser, found, '/admin/tokens/revocation', { reason: 'an alert' })
  expect(await introspect(server, API, tokens.access_token ?? '')).toEqual({ active: false })
  const ended = (await named(claims.sid)).body.split('Revocations that name it</h2>')[1]
  expect(ended).toContain('<bdi>an alert</bdi>')
  // What a key has signed is everybody's: that takes an owner.
  const kid = String(headerOf(tokens.access_token).kid)
  const key = await named(kid)
  expect(key.body).toContain(`<a href="/admin/keys/${kid}">a signing key of this server</a>`)
  expect(key.body).not.toContain('It leads to nothing that is known here.')
  expect(key.body).not.toContain('End the access tokens')
})

test('a spent refresh token says so, and leads to the end of its grant', async () => {
  const { tokens, claims } = await signedIn()
  await refresh(server, SPA, tokens.refresh_token ?? '')
  const { browser } = await atConsole(server, 'operator', '/admin/tokens')
  const found = await look(browser, tokens.refresh_token)
  expect(found.body).toContain('it was spent by rotation: it is generation 0, and the family is at 1')
  expect(found.body).toContain(`/admin/grants/revocation?id=${claims.grant_id}`)
})

test('the search box takes a token, and what names one; nothing of it stands in an address or the log', async () => {
  const { tokens, claims } = await signedIn()
  const { browser, page } = await atConsole(server, 'auditor')
  for (const [q, text] of [
    [tokens.access_token, 'Access token'],
    [tokens.refresh_token, 'Refresh token'],
    [tokens.id_token, 'ID token'],
    [String(headerOf(tokens.access_token).kid), 'Tokens that a key signed'],
    // As it stands in the header of a request.
    [`Bearer ${tokens.access_token}`, 'Access token'],
    [`Authorization: DPoP ${tokens.access_token}`, 'Access token'],
  ] as const) {
    const found = await send(browser, page, '/admin/search', { q: q ?? '' })
    expect([text, found.status, found.url]).toEqual([text, 200, `${server.issuer}/admin/search`])
    expect(found.body).toContain(`<h1>${text}</h1>`)
    expect(found.body).not.toContain('End this token alone')
  }
  expect((await send(browser, page, '/admin/search', { q: String(claims.jti) })).status).toBe(404)
  for (const token of [tokens.access_token, tokens.refresh_token]) expect(server.log.text).not.toContain(token)
  // Whoever may see no tokens is told of none.
  const other = await atConsole(server, 'helpdesk')
  expect((await send(other.browser, other.page, '/admin/search', { q: tokens.access_token ?? '' })).status).toBe(404)
})

describe('ending by name', () => {
  const named = async (browser: Browser, values: { readonly [name: string]: string }) =>
    send(browser, await open(browser, '/admin/tokens'), '/admin/tokens/revocation', values)

  test('RV4: access tokens that carry it end, and nothing else', async () => {
    const { tokens, claims } = await signedIn()
    const { browser } = await atConsole(server, 'operator')
    const done = await named(browser, { kind: 'sid', value: String(claims.sid), reason: 'an alert' })
    expect(done.body).toContain('an alert')
    expect(await introspect(server, API, tokens.access_token ?? '')).toEqual({ active: false })
    expect((await refresh(server, SPA, tokens.refresh_token ?? '')).status).toBe(200)
  })

  test('AU1: a token that is pasted in the place of a name is written down nowhere, also on the way through a sign-in', async () => {
    const { tokens } = await signedIn()
    const { browser, page } = await atConsole(server, 'operator', '/admin/tokens')
    const pasted = tokens.refresh_token ?? ''
    const named = (kind: string, reason: string) =>
      send(browser, page, '/admin/tokens/revocation', { kind, value: pasted, reason })
    expect((await named('jti', 'x')).body).toContain('That is no jti')
    for (const kind of ['jti', 'sid', 'grant_id', 'sub', 'client_id'])
      expect([kind, [400, 404, 409].includes((await named(kind, 'x')).status)]).toEqual([kind, true])
    expect((await named('jti', ' ')).url).not.toContain(pasted)
    await server.advance(301)
    const asked = await named('jti', 'x')
    expect(asked.url).not.toContain(pasted)
    const back = await signInAs(browser, asked, 'operator')
    expect(back.url).not.toContain(pasted)
    const secret = pasted.split('.').at(-1) ?? ''
    const rows = await run(server.databaseUrl, 'SELECT e::text FROM audit_events e UNION ALL SELECT r::text FROM revocations r')
    expect(JSON.stringify(rows)).not.toContain(secret)
    expect(server.log.text).not.toContain(secret)
  })

  test('not without a reason, not what is not there, and a key’s only by an owner', async () => {
    const { claims, tokens } = await signedIn()
    const { browser } = await atConsole(server, 'operator')
    const asked = await named(browser, { kind: 'sub', value: String(claims.sub), reason: ' ' })
    expect(asked.body).toContain(`value="${claims.sub}"`)
    for (const [kind, value, status] of [
      ['sub', 'acc_nobody', 404],
      ['sub', 'a b', 400],
      ['name', 'ab', 400],
      ['sub', 'notes-spa', 409],
    ] as const) {
      expect([kind, value, (await named(browser, { kind, value, reason: 'x' })).status]).toEqual([kind, value, status])
    }
    const kid = String(headerOf(tokens.access_token).kid)
    expect((await named(browser, { kind: 'kid', value: kid, reason: 'x' })).status).toBe(403)
    expect(await introspect(server, API, tokens.access_token ?? '')).toMatchObject({ active: true })
    const { browser: owners } = await atConsole(server, 'owner')
    expect((await named(owners, { kind: 'kid', value: kid, reason: 'x' })).status).toBe(200)
    expect(await introspect(server, API, tokens.access_token ?? '')).toEqual({ active: false })
  })

  test('takes somebody who has just proved who they are; after signing in the form is filled in', async () => {
    const { claims } = await signedIn()
    const { browser, page } = await atConsole(server, 'operator', '/admin/tokens')
    await server.advance(301)
    const values = { kind: 'sub', value: String(claims.sub), reason: 'lost & found' }
    const asked = await send(browser, page, '/admin/tokens/revocation', values)
    expect(asked.body).toContain('name="password"')
    const again = await browser.submit(asked, { username: 'operator@staff.example', password: PASSWORD })
    expect(again.body).toContain(`value="${claims.sub}"`)
    expect(again.body).toContain('value="lost &amp; found"')
  })
})

test('the revocations say who did it and why, a filter narrows them, and those who listen are shown', async () => {
  const { claims } = await signedIn()
  const { acknowledgements } = server.latchkey.revocations
  await server.latchkey.nouns.events.sessions.revoke([String(claims.sid)], { actor: 'acc_somebody', reason: '<b>lost</b>' })
  acknowledgements.note({ clientId: 'notes-api', instance: 'api-1', sequence: 1 })
  await acknowledgements.write()
  const { browser, page } = await atConsole(server, 'auditor', `/admin/tokens?kind=sid&value=${claims.sid}`)
  for (const text of ['/admin/accounts/acc_somebody', '&lt;b&gt;lost&lt;/b&gt;', 'session revoked', 'session.revoked'])
    expect(page.body).toContain(text)
  // An auditor looks, and ends nothing.
  expect(page.body).not.toContain('End them')
  expect((await open(browser, '/admin/tokens?kind=name')).status).toBe(400)
  expect((await open(browser, '/admin/tokens?value=nothing')).body).toContain('No revocations')
  const listeners = await open(browser, '/admin/tokens/listeners')
  expect(listeners.body).toContain('api-1')
  expect(listeners.body).toMatch(/\d+ behind/)
})
