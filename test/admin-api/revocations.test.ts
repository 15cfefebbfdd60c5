// Revocations by the admin API: what is in force, by whom and why, and how far those have come who listen.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { atConsole } from '../admin-console/people.ts'
import { MACHINE, SPA } from '../support/clients.ts'
import { claimsOf, obtainTokens, refresh, tokenRequest } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { ask, robotToken, startAdminServer } from './api.ts'

let server: TestServer
let token: string

beforeAll(async () => {
  server = await startAdminServer()
  token = await robotToken(server)
})

afterAll(() => server?.stop())

const get = (path: string) => ask(server, token, `GET ${path}`)

async function signedIn(person = server.grace) {
  const { tokens } = await obtainTokens(server, SPA, { person })
  const { sid, grant_id, jti, sub } = claimsOf(tokens.body.access_token)
  return { tokens: tokens.body, sid: String(sid), grantId: String(grant_id), jti: String(jti), sub: String(sub) }
}

/** The latest revocation that names something. */
async function latest(kind: string, value: string) {
  const { status, body } = await get(`/revocations?kind=${kind}&value=${encodeURIComponent(value)}`)
  expect(status).toBe(200)
  return body.items[0]
}

describe('the list', () => {
  test('says what was ended, by whom, why, and until when it is remembered', async () => {
    const { sid } = await signedIn()
    const before = Date.now()
    const { body } = await ask(server, token, `DELETE /sessions/${sid}`, { body: { reason: 'lost laptop' } })
    const entry = await latest('sid', sid)
    expect(entry).toMatchObject({
      sequence: body.sequence,
      kind: 'sid',
      value: sid,
      before: null,
      reason: 'session_revoked',
      event: 'session.revoked',
      actor: 'robot',
      why: 'lost laptop',
    })
    expect(Date.parse(entry.until)).toBeGreaterThan(before + 890_000)
    expect((await get('/revocations')).body.items[0].sequence).toBe(body.sequence)
    expect((await get(`/revocations?value=${sid}`)).body.items).toHaveLength(1)
  })

  test('names whoever did it, for each way in which something ends', async () => {
    const by = (actor: string) => ({ actor, reason: `by ${actor}` })
    const { events } = server.latchkey.nouns
    const grant = await signedIn()
    await events.grants.revokeMany([grant.grantId], by('acc_one'))
    expect(await latest('grant_id', grant.grantId)).toMatchObject({ event: 'grant.revoked', actor: 'acc_one', why: 'by acc_one' })
    const named = await signedIn()
    await events.revokeByName({ kind: 'jti', value: named.jti }, by('acc_two'))
    expect(await latest('jti', named.jti)).toMatchObject({ event: 'access_tokens.revoked', actor: 'acc_two', before: null })
    await events.revokeByName({ kind: 'sub', value: named.sub }, by('acc_three'))
    const ofAccount = await latest('sub', named.sub)
    expect(ofAccount).toMatchObject({ actor: 'acc_three' })
    expect(ofAccount.before).not.toBeNull()
    // The end of an account names its sessions one by one.
    await events.accounts.contain(named.sub, by('acc_four'))
    expect(await latest('sid', named.sid)).toMatchObject({ event: 'account.contained', actor: 'acc_four', why: 'by acc_four' })
    await events.clients.suspend('reports', by('acc_five'))
    expect(await latest('client_id', 'reports')).toMatchObject({ event: 'client.suspended', actor: 'acc_five' })
    await events.clients.reinstate('reports', { actor: 'system' })
    const kid = String(server.latchkey.keys.current().publicJwks.keys.find(({ alg }) => alg === 'EdDSA')?.kid)
    await server.latchkey.keys.compromise(kid, by('acc_six'))
    expect(await latest('kid', kid)).toMatchObject({ event: 'signing_key.compromised', actor: 'acc_six' })
  })

  test('many ends in one transaction and in several at once are each told of by their own', async () => {
    const sessions = await Promise.all(Array.from({ length: 4 }, () => obtainTokens(server, SPA, { person: server.ada })))
    const ids = sessions.map(({ tokens }) => String(claimsOf(tokens.body.access_token).sid))
    const { events } = server.latchkey.nouns
    await Promise.all([
      events.sessions.revoke(ids.slice(0, 2).toSorted(), { actor: 'acc_left' }),
      ...ids.slice(2).map((id) => events.sessions.revoke([id], { actor: `acc_${id}` })),
    ])
    const actors = await Promise.all(ids.map(async (id) => (await latest('sid', id)).actor))
    expect(actors).toEqual(['acc_left', 'acc_left', `acc_${ids[2]}`, `acc_${ids[3]}`])
  })

  test('a spent refresh token that came back was nobody’s deed but the client’s', async () => {
    const { tokens } = await obtainTokens(server, SPA, { person: server.ada })
    const first = tokens.body.refresh_token ?? ''
    const second = (await refresh(server, SPA, first)).body.refresh_token ?? ''
    await refresh(server, SPA, second)
    expect((await refresh(server, SPA, first)).body.error).toBe('invalid_grant')
    const { grant_id } = claimsOf(tokens.body.access_token)
    expect(await latest('grant_id', String(grant_id))).toMatchObject({
      reason: 'refresh_token_reused',
      event: 'refresh_token.reused',
    })
  })

  test('an entry that is of another transaction now, as after a restore, is shown without an event', async () => {
    const { sid } = await signedIn(server.ada)
    await server.latchkey.nouns.events.sessions.revoke([sid], { actor: 'acc_gone' })
    await run(server.databaseUrl, 'UPDATE revocations SET reason = reason WHERE value = $1', [sid])
    expect(await latest('sid', sid)).toMatchObject({ value: sid, event: null, actor: null, why: null })
  })

  test('goes on by sequence where a page ended, and leaves out what is over', async () => {
    const all = (await get('/revocations?limit=200')).body.items.map(({ sequence }: { sequence: number }) => sequence)
    const seen: number[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body } = await get(`/revocations?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`)
      seen.push(...body.items.map(({ sequence }: { sequence: number }) => sequence))
      cursor = body.next_cursor
    }
    expect(seen).toEqual(all)
    expect(seen).toEqual(seen.toSorted((a, b) => b - a))
    await server.advance(3600)
    token = await robotToken(server)
    const kinds = (await get('/revocations')).body.items.map(({ kind }: { kind: string }) => kind)
    // What a key signed is remembered for a month.
    expect(new Set(kinds)).toEqual(new Set(['kid']))
  })

  test.each(['kind=name', 'kind=jti&kind=sid', 'value=', 'value=%00', 'sid=ses_x', 'limit=0', 'cursor=x', 'kind[$ne]=jti'])(
    'AD6: refuses %s in words',
    async (query) => {
      const { status, body } = await get(`/revocations?${query}`)
      expect(status).toBe(400)
      expect(body.detail).not.toMatch(/Invalid|expected|SELECT/i)
    },
  )

  test('AD6: what would end a statement is only text', async () => {
    for (const text of ["' OR 1=1 --", '$1', '%', '{"a":1}']) {
      expect((await get(`/revocations?value=${encodeURIComponent(text)}`)).body).toEqual({ items: [], next_cursor: null })
    }
  })
})

describe('those who listen', () => {
  test('RV11: are shown with how far they have come, a page at a time', async () => {
    const { acknowledgements } = server.latchkey.revocations
    const { body: empty } = await get('/revocations/listeners')
    expect(empty).toMatchObject({ items: [], next_cursor: null })
    const newest = empty.sequence
    expect(newest).toBeGreaterThan(0)
    for (const [clientId, instance, behind] of [
      ['notes-api', 'a', 0],
      ['notes-api', 'b', 2],
      ['other-api', 'a', 1],
    ] as const) {
      acknowledgements.note({ clientId, instance, sequence: newest - behind })
    }
    await acknowledgements.write()
    const { body } = await get('/revocations/listeners?limit=2')
    expect(body.items).toMatchObject([
      { client_id: 'notes-api', instance: 'a', sequence: newest, behind: 0, acknowledged_at: expect.any(String), silent: false },
      { client_id: 'notes-api', instance: 'b', sequence: newest - 2, behind: 2 },
    ])
    const rest = await get(`/revocations/listeners?limit=2&cursor=${body.next_cursor}`)
    expect(rest.body).toMatchObject({ items: [{ client_id: 'other-api', behind: 1 }], next_cursor: null, sequence: newest })
    expect((await get('/revocations/listeners?client=other-api')).body.items).toHaveLength(1)
    expect((await get('/revocations/listeners?client=nobody')).body.items).toEqual([])
    expect((await get(`/revocations/listeners?client=other-api&cursor=${body.next_cursor}`)).status).toBe(400)
    expect((await get('/revocations/listeners?instance=a')).status).toBe(400)
  })

  test('one that was stopped is told apart from one that is not there yet', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    const sessionId = String(claimsOf(tokens.body.access_token).sid)
    expect((await ask(server, token, `DELETE /sessions/${sessionId}`)).status).toBe(200)
    await run(server.databaseUrl, 'DELETE FROM revocation_acknowledgements')
    await run(
      server.databaseUrl,
      `INSERT INTO revocation_acknowledgements (client_id, instance, sequence, acknowledged_at) VALUES
         ('notes-api', 'gone', 1, latchkey_now() - interval '2 minutes'), ('notes-api', 'late', 1, latchkey_now()),
         ('notes-api', 'there', 1000000, latchkey_now())`,
    )
    const told = (items: { instance: string; applied: boolean; silent: boolean }[]) =>
      items.map(({ instance, applied, silent }) => [instance, applied, silent])
    // Whoever reads it wants to know who still takes the token: those who are gone come last.
    expect(told((await get(`/sessions/${sessionId}`)).body.guards)).toEqual([
      ['late', false, false],
      ['there', true, false],
      ['gone', false, true],
    ])
    const { browser, page } = await atConsole(server, 'auditor', `/admin/sessions/${sessionId}`)
    for (const state of ['Not there yet', 'Refuses them', 'Gone, or cut off']) expect(page.body).toContain(state)
    expect((await browser.open(`${server.issuer}/admin/tokens/listeners`)).body).toContain('Gone, or cut off')
  })

  test('a client of its own scope alone learns nothing of it', async () => {
    const { body } = await tokenRequest(server, MACHINE, { grant_type: 'client_credentials', scope: 'notes:read' })
    expect((await ask(server, body.access_token ?? '', 'GET /revocations/listeners')).status).toBe(401)
  })
})
