// Tokens by the admin API: what somebody holds, or has seen named in a log, is looked at and ended.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { generateKeyPair, SignJWT } from 'jose'
import { Browser } from '../support/browser.ts'
import { API, BILLING, MACHINE, NOTES, PARTNER, SPA, type TestClient, WEB } from '../support/clients.ts'
import {
  authorizationRequest,
  callbackParams,
  claimsOf,
  headerOf,
  introspect,
  obtainTokens,
  redeem,
  refresh,
  signIn,
  tokenRequest,
} from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { ask, personToken, robotToken, startAdminServer } from './api.ts'

/** An app that gets opaque tokens, and ID tokens that name the session. */
const BILLS: TestClient = {
  client_id: 'bills',
  client_secret: 'a-secret-of-the-bills-app-that-is-long-enough',
  redirect_uri: 'https://bills.example/callback',
  scope: 'openid billing:read',
}

let server: TestServer
/** Another process on the same database. */
let neighbour: TestServer
let token: string

beforeAll(async () => {
  const { client_id, client_secret, redirect_uri, scope } = BILLS
  const bills = {
    ...{ client_id, client_secret, scope, skip_consent: true, backchannel_logout_uri: 'http://127.0.0.1:9/logout' },
    redirect_uris: [redirect_uri],
    grant_types: ['authorization_code', 'refresh_token'],
  }
  server = await startAdminServer({ provision: { clients: [bills] } })
  neighbour = await startAdminServer({
    databaseUrl: server.databaseUrl,
    settings: { ISSUER: server.issuer },
    provision: { clients: [bills] },
  })
  token = await robotToken(server)
})

afterAll(async () => {
  await neighbour?.stop()
  await server?.stop()
})

const entriesOf = (jti: string) => server.latchkey.stores.db.revocation.count({ where: { kind: 'jti', value: jti } })

const inspect = (body: unknown) => ask(server, token, 'POST /tokens/inspection', { body })
const revoke = (body: unknown, by = token) => ask(server, by, 'POST /tokens/revocations', { body })

/** What a token is, after checking that the answer does not hold it. */
async function looked(value: string | undefined) {
  const { status, body } = await inspect({ token: value })
  expect(status).toBe(200)
  const text = JSON.stringify(body)
  for (const part of (value ?? '').split('.').filter((piece) => piece.length > 20)) expect(text).not.toContain(part)
  return body
}

async function signedIn(client: TestClient = SPA, browser = new Browser()) {
  const more = client === BILLS ? { params: { resource: BILLING }, token: { resource: BILLING } } : {}
  const { tokens } = await obtainTokens(server, client, { browser, person: server.grace, ...more })
  return { browser, tokens: tokens.body, claims: claimsOf(tokens.body.id_token) }
}

describe('a token that is looked at', () => {
  test('a JWT access token: what it says, and what it stands on', async () => {
    const { tokens } = await signedIn()
    const claims = claimsOf(tokens.access_token)
    expect(await looked(tokens.access_token)).toMatchObject({
      active: true,
      reason: null,
      kind: 'access_token',
      format: 'jwt',
      signature: 'good',
      header: { typ: 'at+jwt', alg: 'ES256' },
      claims: { ...claims },
      jti: claims.jti,
      kid: headerOf(tokens.access_token).kid,
      expires_at: new Date(Number(claims.exp) * 1000).toISOString(),
      client: { id: 'notes-spa', status: 'active' },
      account: { id: claims.sub, email: 'grace@people.example', status: 'active' },
      session: { id: claims.sid, state: 'live' },
      grant: { id: claims.grant_id, state: 'live' },
      revocations: [],
    })
    // As it is pasted.
    expect((await inspect({ token: `  Bearer ${tokens.access_token}\n` })).body.active).toBe(true)
  })

  test('an opaque one, and a client’s own', async () => {
    const { tokens } = await signedIn(BILLS)
    expect(await looked(tokens.access_token)).toMatchObject({
      active: true,
      kind: 'access_token',
      format: 'opaque',
      signature: null,
      claims: { aud: BILLING, scope: 'billing:read', client_id: 'bills' },
      grant: { state: 'live' },
    })
    const own = (resource: string, scope: string) =>
      tokenRequest(server, MACHINE, { grant_type: 'client_credentials', resource, scope })
    for (const { body } of [await own(NOTES, 'notes:read'), await own(BILLING, 'billing:read')]) {
      expect(await looked(body.access_token)).toMatchObject({
        active: true,
        kind: 'access_token',
        client: { id: 'reports' },
        account: null,
        session: null,
        grant: null,
      })
    }
  })

  test('says why a dead one is dead', async () => {
    const { tokens } = await signedIn()
    const opaque = await signedIn(BILLS)
    const { sid } = claimsOf(tokens.access_token)
    await ask(server, token, `DELETE /sessions/${sid}`)
    expect(await looked(tokens.access_token)).toMatchObject({
      active: false,
      reason: 'revoked: session_revoked',
      session: { state: 'ended', end_reason: 'session_revoked' },
      grant: { state: 'ended' },
      revocations: [{ kind: 'sid', value: sid }],
    })
    const other = claimsOf(opaque.tokens.id_token)
    expect(other.sid).toBeDefined()
    expect(await looked(opaque.tokens.id_token)).toMatchObject({ active: true, kind: 'id_token', session: { state: 'live' } })
    const { session } = await looked(opaque.tokens.id_token)
    await ask(server, token, `DELETE /sessions/${session.id}`)
    expect(await looked(opaque.tokens.access_token)).toMatchObject({ active: false, reason: 'revoked: session_revoked' })
    expect(await looked(opaque.tokens.id_token)).toMatchObject({ active: false, reason: 'its grant has ended: session_revoked' })
    expect(await looked(opaque.tokens.refresh_token)).toMatchObject({
      active: false,
      reason: 'its family has ended: session_revoked',
    })
  })

  test('a refresh token of each generation', async () => {
    const { tokens } = await signedIn()
    const first = tokens.refresh_token ?? ''
    expect(await looked(first)).toMatchObject({
      active: true,
      kind: 'refresh_token',
      claims: { client_id: 'notes-spa' },
      refresh: { generation: 0, newest_generation: 0, rotated_at: null, replay_until: null, session_bound: true },
    })
    const second = (await refresh(server, SPA, first)).body.refresh_token ?? ''
    const spent = await looked(first)
    expect(spent).toMatchObject({
      active: false,
      reason: 'it was spent by rotation: it is generation 0, and the family is at 1',
      refresh: { generation: 0, newest_generation: 1, rotated_at: expect.any(String), replay_until: expect.any(String) },
    })
    expect((await looked(second)).active).toBe(true)
    const third = (await refresh(server, SPA, second)).body.refresh_token ?? ''
    expect(await looked(first)).toMatchObject({
      active: false,
      reason: 'it was spent by rotation: it is generation 0, and the family is at 2',
      refresh: { replay_until: null },
      grant: { state: 'live' },
    })
    // Looking burns nothing.
    expect((await looked(third)).active).toBe(true)
    const [family, , secret = ''] = third.split('.')
    const forged = `${family}.2.${secret.slice(0, -1)}${secret.endsWith('A') ? 'B' : 'A'}`
    expect((await looked(forged)).reason).toContain('it is forged')
    expect((await looked(`${family}.7.${secret}`)).reason).toContain('has not been given out')
    expect(await looked(`rt_${'A'.repeat(22)}.0.${'A'.repeat(43)}`)).toMatchObject({ active: false, client: null, grant: null })
    expect((await refresh(server, SPA, third)).status).toBe(200)
  })

  test('an authorization code, before and after it was redeemed; looking takes nothing', async () => {
    const browser = new Browser()
    const authorization = authorizationRequest(server, WEB)
    const { code = '' } = callbackParams(await signIn(browser, await browser.open(authorization.url), server.grace))
    expect(await looked(code)).toMatchObject({
      active: true,
      kind: 'authorization_code',
      claims: { redirect_uri: WEB.redirect_uri },
      client: { id: 'notes-web' },
      session: { state: 'live' },
    })
    expect((await redeem(server, WEB, authorization, code)).status).toBe(200)
    expect(await looked(code)).toMatchObject({ active: false, reason: 'it was redeemed', client: { id: 'notes-web' } })
  })

  test('what is not ours, or is nothing, is told so, and stands on nothing', async () => {
    const { privateKey } = await generateKeyPair('ES256')
    const sign = (issuer: string, kid: string, more: object = {}) =>
      new SignJWT({ client_id: 'notes-spa', sid: 'ses_x', html: '<img src=x onerror=alert(1)>', ...more })
        .setProtectedHeader({ alg: 'ES256', kid, typ: 'at+jwt' })
        .setIssuer(issuer)
        .setSubject('acc_x')
        .setJti('j')
        .setIssuedAt()
        .setExpirationTime('5m')
        .sign(privateKey)
    const { tokens } = await signedIn()
    const ours = String(headerOf(tokens.access_token).kid)
    const [head, body, signature] = (tokens.access_token ?? '').split('.')
    const altered = Buffer.from(JSON.stringify({ ...claimsOf(tokens.access_token), sub: 'acc_admin' })).toString('base64url')
    const none = `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${body}.`
    for (const [value, expected, reason] of [
      [await sign('https://other.example', ours), 'unchecked', 'it is of the issuer https://other.example'],
      [await sign(server.issuer, 'nobodys'), 'unknown_key', 'its key is none of this server’s'],
      [await sign(server.issuer, 'k\u0000'), 'unknown_key', 'its key is none of this server’s'],
      [await sign(server.issuer, ours), 'bad', 'its signature is wrong'],
      [`${head}.${altered}.${signature}`, 'bad', 'its signature is wrong'],
      [none, 'bad', 'it is not signed'],
    ] as const) {
      expect(await looked(value)).toMatchObject({
        active: false,
        kind: 'access_token',
        signature: expected,
        reason: expect.stringContaining(reason),
        account: null,
        client: null,
        session: null,
        grant: null,
        revocations: [],
      })
    }
    const deep = `e30.${Buffer.from(`{"a":${'['.repeat(9000)}${']'.repeat(9000)}}`).toString('base64url')}.e30`
    for (const value of [
      'garbage',
      'at_nobody',
      'a.b.c',
      'e30.e30.e30',
      'a.b.c.d.e',
      `${head}.${body}`,
      deep,
      `${'.'.repeat(40)}`,
    ]) {
      expect(await looked(value)).toMatchObject({ active: false, client: null })
    }
  })

  test('a JWT that was signed by a key that is compromised', async () => {
    const { tokens } = await signedIn()
    const kid = String(headerOf(tokens.access_token).kid)
    expect((await inspect({ kid })).body).toMatchObject({ active: true, kind: 'kid', kid })
    await server.latchkey.keys.compromise(kid, { actor: 'system' })
    token = await robotToken(server)
    expect(await looked(tokens.access_token)).toMatchObject({ active: false, signature: 'compromised_key' })
    expect((await inspect({ kid })).body).toMatchObject({ active: false, reason: 'revoked: signing_key_compromised' })
  })
})

describe('what names tokens', () => {
  test('says whether tokens that carry it can be good, and what it names', async () => {
    const { tokens } = await signedIn(BILLS)
    const web = await signedIn(SPA)
    const { sub, sid, grant_id, jti, client_id } = claimsOf(web.tokens.access_token)
    for (const name of [{ sub }, { sid }, { grant_id }, { client_id }]) {
      expect((await inspect(name)).body).toMatchObject({ active: true, reason: null, kind: Object.keys(name)[0] })
    }
    expect((await inspect({ jti })).body).toMatchObject({ active: null, kind: 'jti', jti })
    // A client's own name for the session, as its ID tokens have it.
    const named = (await inspect({ sid: claimsOf(tokens.id_token).sid })).body
    expect(named).toMatchObject({ active: true, session: { state: 'live' }, client: { id: 'bills' } })
    expect((await inspect({ sub: 'reports' })).body).toMatchObject({ active: true, client: { id: 'reports' } })
    expect((await inspect({ grant_id })).body).toMatchObject({
      grant: { id: grant_id },
      session: { id: sid },
      account: { id: sub },
    })
    for (const name of [{ sub: 'acc_x' }, { sid: 'x' }, { grant_id: 'x' }, { client_id: 'x' }, { kid: 'x' }]) {
      expect((await inspect(name)).body).toMatchObject({ active: false, reason: expect.stringContaining('there is no such') })
    }
  })

  test.each([
    [{}, 'exactly one'],
    [{ token: 'a', jti: 'b' }, 'exactly one'],
    [{ token: '' }, 'empty'],
    [{ token: { $ne: null } }, 'text'],
    [{ token: 'a\u0000b' }, 'character'],
    [{ jti: 'a b' }, 'printable'],
    [{ jti: ['a'] }, 'text'],
    [{ kid: 'a\ud800' }, 'printable'],
    [{ token: 'a', active: true }, 'active'],
    [{ token: 'a', family: true }, 'family'],
    [null, 'object'],
  ])('AD3, AD6: %j is refused in words', async (body, words) => {
    const answer = await inspect(body)
    expect(answer.status).toBe(400)
    expect(answer.body.detail).toContain(words)
    expect(answer.body.detail).not.toMatch(/Invalid|expected/)
  })
})

describe('RV4: ending by token', () => {
  test('a JWT access token, and nothing else', async () => {
    const { tokens } = await signedIn()
    const { jti, grant_id, sub, sid, exp } = claimsOf(tokens.access_token)
    const other = (await refresh(server, SPA, tokens.refresh_token ?? '')).body
    expect((await revoke({ token: tokens.access_token, dry_run: true })).body).toEqual({
      dry_run: true,
      access_tokens: 'one',
      grant: null,
    })
    const { status, body } = await revoke({ token: tokens.access_token, reason: 'seen in a log' })
    expect(status).toBe(200)
    expect(body).toMatchObject({ sessions: 0, grants: 0, refresh_families: 0 })
    expect(body.sequence).toBeGreaterThan(0)
    expect(await introspect(server, API, tokens.access_token ?? '')).toEqual({ active: false })
    expect(await introspect(server, API, other.access_token ?? '')).toMatchObject({ active: true })
    expect(await looked(tokens.access_token)).toMatchObject({ active: false, reason: 'revoked: token_revoked' })
    expect((await inspect({ jti })).body).toMatchObject({ active: false, reason: 'revoked: token_revoked' })
    const audit = `SELECT actor, reason, account_id, session_id, detail FROM audit_events WHERE name = 'access_token.revoked' AND grant_id = $1`
    const written = [{ actor: 'robot', reason: 'seen in a log', account_id: sub, session_id: sid, detail: { jti } }]
    expect(await run(server.databaseUrl, audit, [grant_id])).toEqual(written)
    const until = "SELECT EXTRACT(EPOCH FROM until)::float8 AS until FROM revocations WHERE kind = 'jti' AND value = $1"
    expect(await run(server.databaseUrl, until, [jti])).toEqual([{ until: (exp ?? 0) + 60 }])
    // Again: there is nothing left to end.
    expect((await revoke({ token: tokens.access_token })).status).toBe(200)
    expect((await revoke({ token: tokens.access_token, dry_run: true })).body).toMatchObject({ access_tokens: 'none' })
    expect(await run(server.databaseUrl, audit, [grant_id])).toEqual(written)
  })

  test.each([
    ['by the token', 'access_token.revoked', ({ token }: { token: string; jti: string }) => ({ token })],
    ['by its `jti`', 'access_tokens.revoked', ({ jti }: { token: string; jti: string }) => ({ jti })],
  ])('fifty at once, at two nodes, write one entry and one event: %s', async (_, event, body) => {
    const { tokens } = await signedIn()
    const jti = String(claimsOf(tokens.access_token).jti)
    const asked = { body: body({ token: tokens.access_token ?? '', jti }) }
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        ask(index % 2 === 0 ? server : neighbour, token, 'POST /tokens/revocations', asked),
      ),
    )
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    const written = await run(
      server.databaseUrl,
      `SELECT (SELECT count(*)::int FROM audit_events WHERE name = $2 AND $1 IN (detail->>'jti', detail->>'value')) AS events,
         sequence::int FROM revocations WHERE kind = 'jti' AND value = $1`,
      [jti, event],
    )
    expect(written).toEqual([{ events: 1, sequence: expect.any(Number) }])
    // Whoever came second is told how far the list had come: what it asked for is in there.
    for (const { body } of answers) expect(body.sequence).toBeGreaterThanOrEqual(written[0]?.sequence)
    expect((await ask(neighbour, token, 'POST /tokens/revocations', asked)).status).toBe(200)
    expect(await entriesOf(jti)).toBe(1)
  })

  test('by its `jti`, one that was ended otherwise before is not ended again', async () => {
    const { tokens } = await signedIn()
    const jti = String(claimsOf(tokens.access_token).jti)
    await revoke({ token: tokens.access_token })
    expect((await revoke({ jti })).status).toBe(200)
    expect(await entriesOf(jti)).toBe(1)
  })

  test('an opaque access token', async () => {
    const { tokens } = await signedIn(BILLS)
    expect((await revoke({ token: tokens.access_token })).status).toBe(200)
    expect(await looked(tokens.access_token)).toMatchObject({ active: false, reason: 'it was revoked', grant: { state: 'live' } })
    expect((await refresh(server, BILLS, tokens.refresh_token ?? '')).status).toBe(200)
  })

  test('RV3: with its family, the grant ends with all its tokens', async () => {
    for (const client of [SPA, BILLS]) {
      const { tokens } = await signedIn(client)
      const preview = (await revoke({ token: tokens.access_token, family: true, dry_run: true })).body
      expect(preview).toMatchObject({ access_tokens: 'of_the_grant', grant: { grants: 1, refresh_families: 1 } })
      expect((await revoke({ token: tokens.access_token, family: true })).body).toMatchObject({ grants: 1, refresh_families: 1 })
      expect((await looked(tokens.access_token)).active).toBe(false)
      expect((await refresh(server, client, tokens.refresh_token ?? '')).body.error).toBe('invalid_grant')
    }
  })

  test('RV3: a refresh token, spent or not, ends its grant', async () => {
    const { tokens } = await signedIn()
    const first = tokens.refresh_token ?? ''
    const second = (await refresh(server, SPA, first)).body
    await refresh(server, SPA, second.refresh_token ?? '')
    expect((await revoke({ token: first, reason: 'found on a disk' })).body).toMatchObject({ grants: 1, refresh_families: 1 })
    expect(await introspect(server, API, second.access_token ?? '')).toEqual({ active: false })
    expect(await looked(first)).toMatchObject({ active: false, reason: 'its family has ended: grant_revoked' })
  })

  test('an ID token or a code opens no API: refused, unless its grant is meant', async () => {
    const { tokens } = await signedIn(BILLS)
    const { status, body } = await revoke({ token: tokens.id_token })
    expect([status, body.type]).toEqual([409, 'urn:latchkey:problem:refused'])
    expect(body.detail).toContain('ID token')
    expect((await revoke({ token: tokens.id_token, family: true })).body).toMatchObject({ grants: 1 })
    const { body: own } = await tokenRequest(server, MACHINE, {
      grant_type: 'client_credentials',
      resource: NOTES,
      scope: 'notes:read',
    })
    expect((await revoke({ token: own.access_token, family: true })).status).toBe(409)
    expect((await revoke({ token: own.access_token })).status).toBe(200)
    expect((await looked(own.access_token)).active).toBe(false)
  })

  test('AD2: what is no token of this server is 404, and says why', async () => {
    for (const value of ['garbage', `rt_${'A'.repeat(22)}.0.${'A'.repeat(43)}`, 'e30.e30.e30']) {
      const { status, body } = await revoke({ token: value })
      expect([status, body.type]).toEqual([404, 'urn:latchkey:problem:not-found'])
      expect(body.detail).not.toContain(value)
    }
  })
})

describe('RV4: ending by name', () => {
  test('by jti, the one token', async () => {
    const { tokens } = await signedIn()
    const { jti } = claimsOf(tokens.access_token)
    expect((await revoke({ jti, dry_run: true })).body).toEqual({ dry_run: true, access_tokens: 'one', grant: null })
    expect((await looked(tokens.access_token)).active).toBe(true)
    expect((await revoke({ jti })).status).toBe(200)
    expect(await looked(tokens.access_token)).toMatchObject({ active: false, reason: 'revoked: tokens_revoked' })
  })

  test.each(['grant_id', 'sid', 'sub', 'client_id'])(
    'by %s, the access tokens that were issued until now; a refresh brings new ones',
    async (kind) => {
      const { tokens } = await signedIn()
      const value = claimsOf(tokens.access_token)[kind]
      expect((await revoke({ [kind]: value, dry_run: true })).body).toMatchObject({ access_tokens: 'issued_until_now' })
      expect((await revoke({ [kind]: value, reason: 'an alert' })).body).toMatchObject({ grants: 0, refresh_families: 0 })
      expect(await introspect(server, API, tokens.access_token ?? '')).toEqual({ active: false })
      const next = await refresh(server, SPA, tokens.refresh_token ?? '')
      expect(next.status).toBe(200)
      expect((await looked(next.body.access_token)).active).toBe(true)
      expect((await looked(next.body.refresh_token)).active).toBe(true)
    },
  )

  test('by a client’s own name for a session, the tokens of that session', async () => {
    const browser = new Browser()
    const { tokens } = await signedIn(BILLS, browser)
    const web = await signedIn(SPA, browser)
    expect((await revoke({ sid: claimsOf(tokens.id_token).sid })).status).toBe(200)
    expect(await introspect(server, API, web.tokens.access_token ?? '')).toEqual({ active: false })
  })

  test('a grant_id with its family is the grant', async () => {
    const { tokens } = await signedIn()
    const { grant_id } = claimsOf(tokens.access_token)
    expect((await revoke({ grant_id, family: true, dry_run: true })).body.grant).toMatchObject({ grants: 1 })
    expect((await revoke({ grant_id, family: true })).body).toMatchObject({ grants: 1, refresh_families: 1 })
    expect((await refresh(server, SPA, tokens.refresh_token ?? '')).body.error).toBe('invalid_grant')
  })

  test('AD1: a key’s tokens are everybody’s: it takes keys:write, and of people the owner', async () => {
    const { tokens } = await signedIn()
    const { kid } = headerOf(tokens.access_token)
    const less = await robotToken(server, 'tokens:revoke tokens:read')
    expect((await revoke({ kid }, less)).body.type).toBe('urn:latchkey:problem:insufficient-scope')
    expect((await revoke({ kid }, await personToken(server, 'operator'))).body.type).toBe(
      'urn:latchkey:problem:insufficient-role',
    )
    expect((await revoke({ kid: 'nobodys' })).status).toBe(404)
    expect((await looked(tokens.access_token)).active).toBe(true)
    expect((await revoke({ kid })).status).toBe(200)
    // The robot's own token was signed with it.
    expect((await inspect({ kid })).status).toBe(401)
    await server.advance(2)
    token = await robotToken(server)
    expect(await looked(tokens.access_token)).toMatchObject({ active: false, reason: 'revoked: tokens_revoked' })
    expect((await refresh(server, SPA, tokens.refresh_token ?? '')).status).toBe(200)
  })

  test('AD2: names of what is not there are 404', async () => {
    for (const name of [{ grant_id: 'gra_x' }, { sid: 'ses_x' }, { sub: 'acc_x' }, { client_id: 'x' }]) {
      for (const dry_run of [true, false]) expect((await revoke({ ...name, dry_run })).status).toBe(404)
    }
    // A client's own tokens are named by client_id.
    expect((await revoke({ sub: 'reports' })).status).toBe(409)
  })

  test.each([
    [{ family: true }, 'exactly one'],
    [{ sub: 'acc_x', family: true }, '/grants/revocations'],
    [{ jti: 'x', family: true }, 'family'],
    [{ sid: 'a', client_id: 'b' }, 'exactly one'],
    [{ jti: { contains: 'a' } }, 'text'],
    [{ jti: 'a', dry_run: 1 }, 'true or false'],
    [{ jti: 'a', actor: 'acc_x' }, 'actor'],
    [{ jti: 'x'.repeat(301) }, '300'],
  ])('AD3, AD6: %j is refused in words', async (body, words) => {
    const answer = await revoke(body)
    expect(answer.status).toBe(400)
    expect(answer.body.detail).toContain(words)
  })
})

test('AD7: no token that was pasted stands in the database or the log afterwards', async () => {
  const { tokens } = await signedIn(PARTNER)
  const canary = tokens.access_token ?? ''
  const signature = canary.split('.')[2] ?? ''
  for (const body of [{ token: canary }, { token: tokens.refresh_token }]) {
    await ask(server, token, 'POST /tokens/inspection', { body, headers: { 'idempotency-key': `k${Math.random()}` } })
    await ask(server, token, 'POST /tokens/revocations', { body: { ...body, dry_run: true } })
    await ask(server, token, 'POST /tokens/revocations', { body })
  }
  const secret = tokens.refresh_token?.split('.')[2] ?? 'missing'
  const opaque = `ct_${'A1b2C3d4'.repeat(5)}xyz`
  // A code has the form of a jti, and is known.
  const { code } = await obtainTokens(server, WEB, { person: server.grace })
  // So has a secret of an app that was made here; one of a provision file has any form.
  const made = (await ask(server, token, `POST /clients/${WEB.client_id}/secrets`, { body: {} })).body.client_secret
  expect(made).toMatch(/^[\w-]{43}$/)
  const given = MACHINE.client_secret ?? ''
  for (const pasted of [canary, tokens.refresh_token ?? '', opaque, code, `pwd_${code}`, made, given]) {
    const jti = pasted.slice(0, 300)
    for (const dry_run of [true, false]) {
      const refused = await revoke({ jti, dry_run })
      expect([refused.status, refused.body.type]).toEqual([409, 'urn:latchkey:problem:refused'])
      expect(refused.body.detail).toContain('is no jti but a token, code, link or secret itself')
    }
    for (const kind of ['sid', 'grant_id', 'kid', 'sub', 'client_id'])
      expect([kind, [404, 409].includes((await revoke({ [kind]: jti })).status)]).toEqual([kind, true])
  }
  for (const text of [signature, secret, opaque, code, made, given]) {
    const found = await run(
      server.databaseUrl,
      `SELECT count(*)::int AS n FROM (SELECT to_jsonb(a) AS row FROM audit_events a UNION ALL SELECT to_jsonb(r) FROM revocations r) AS written
       WHERE row::text LIKE '%' || $1 || '%'`,
      [text],
    )
    expect(found).toEqual([{ n: 0 }])
    expect(server.log.text).not.toContain(text)
  }
})
