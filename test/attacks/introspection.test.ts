// Introspection under attack (RFC 7662): who may not ask learns nothing, and nothing that has ended is active.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { API, BILLING, MACHINE, NOTES, SPA, WEB } from '../support/clients.ts'
import { claimsOf, clientRequest, introspect, obtainTokens, refresh, tokenRequest } from '../support/oauth.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { obtainCode } from './attempts.ts'

let server: TestServer

beforeAll(async () => {
  server = await startServer({
    provision: {
      clients: [
        {
          client_id: 'to-be-suspended',
          client_secret: 'a-secret-of-a-client-that-will-be-suspended',
          redirect_uris: ['https://suspended.example/callback'],
          grant_types: ['authorization_code', 'refresh_token'],
          scope: 'openid notes:read',
          skip_consent: true,
        },
      ],
    },
  })
})

afterAll(async () => {
  await server?.stop()
})

const INACTIVE = { active: false }
const SUSPENDED = {
  client_id: 'to-be-suspended',
  client_secret: 'a-secret-of-a-client-that-will-be-suspended',
  redirect_uri: 'https://suspended.example/callback',
  scope: 'openid notes:read',
}

const clientToken = () =>
  tokenRequest(server, MACHINE, { grant_type: 'client_credentials', resource: BILLING, scope: 'billing:read' })

test('IN1: another client, a public client and another API learn nothing, of JWTs and of opaque tokens', async () => {
  const { tokens } = await obtainTokens(server, SPA)
  const opaque = (await clientToken()).body.access_token ?? ''
  for (const client of [WEB, MACHINE, { client_id: SPA.client_id }])
    expect(await introspect(server, client, tokens.body.access_token ?? '')).toEqual(INACTIVE)
  for (const client of [WEB, API, { client_id: SPA.client_id }])
    expect(await introspect(server, client, opaque)).toEqual(INACTIVE)
  // A refresh token is its client's and nobody else's.
  const web = await obtainTokens(server, WEB)
  for (const client of [API, MACHINE])
    expect(await introspect(server, client, web.tokens.body.refresh_token ?? '')).toEqual(INACTIVE)
})

test('IN2 IN6: unknown, garbled, foreign, revoked and expired tokens are answered alike, and no answer is kept', async () => {
  const own = await obtainTokens(server, WEB, { params: { scope: 'openid email' } })
  const foreign = await obtainTokens(server, SPA)
  const old = await obtainTokens(server, SPA)
  const revoked = await obtainTokens(server, SPA)
  await clientRequest(server, '/revoke', WEB, { token: own.tokens.body.access_token ?? '' })
  await clientRequest(server, '/revoke', SPA, { token: revoked.tokens.body.access_token ?? '' })
  await server.advance(901)
  const asked: [{ client_id: string; client_secret?: string }, string | undefined][] = [
    [API, 'never-was'],
    [API, `${foreign.tokens.body.access_token}x`],
    [API, old.tokens.body.access_token],
    [API, revoked.tokens.body.access_token],
    [WEB, own.tokens.body.access_token],
    [WEB, foreign.tokens.body.access_token],
    [API, `at_${'A'.repeat(43)}`],
    [API, `rt_${'A'.repeat(22)}.0.${'B'.repeat(43)}`],
  ]
  for (const [client, token] of asked) {
    const answer = await clientRequest(server, '/introspect', client, { token: token ?? '' })
    expect([answer.status, await answer.text()]).toEqual([200, '{"active":false}'])
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(answer.headers.get('cache-control')).toBe('no-store')
  }
  const living = await obtainTokens(server, SPA)
  const answer = await clientRequest(server, '/introspect', API, { token: living.tokens.body.access_token ?? '' })
  expect(answer.headers.get('cache-control')).toBe('no-store')
})

test('IN3: an ID token, a code and a spent refresh token are no tokens to ask about, nor to bear', async () => {
  const { code } = await obtainCode(server, WEB)
  const { tokens } = await obtainTokens(server, WEB)
  const spent = tokens.body.refresh_token ?? ''
  await refresh(server, WEB, spent)
  for (const token of [code, tokens.body.id_token ?? '', spent]) {
    for (const client of [WEB, API]) expect(await introspect(server, client, token)).toEqual(INACTIVE)
    const userinfo = await fetch(new URL('/userinfo', server.issuer), { headers: { authorization: `Bearer ${token}` } })
    expect(userinfo.status).toBe(401)
  }
})

test('IN4: an answer says for whom, for what, whose and how long, for people’s tokens and for clients’ own', async () => {
  const { tokens } = await obtainTokens(server, SPA)
  const claims = claimsOf(tokens.body.access_token)
  expect(await introspect(server, API, tokens.body.access_token ?? '')).toMatchObject({
    active: true,
    iss: server.issuer,
    aud: NOTES,
    sub: claims.sub,
    client_id: SPA.client_id,
    scope: claims.scope,
    exp: claims.exp,
    iat: claims.iat,
    jti: claims.jti,
    sid: claims.sid,
    token_type: 'Bearer',
  })
  expect(await introspect(server, MACHINE, (await clientToken()).body.access_token ?? '')).toMatchObject({
    active: true,
    aud: BILLING,
    sub: MACHINE.client_id,
    client_id: MACHINE.client_id,
    scope: 'billing:read',
    exp: expect.any(Number),
    iat: expect.any(Number),
    token_type: 'Bearer',
  })
})

describe('IN5: a token is dead by each level alone, and the others hide it from nobody:', () => {
  const db = () => server.latchkey.stores.db
  const levels: readonly (readonly [string, (claims: ReturnType<typeof claimsOf>) => Promise<unknown>])[] = [
    ['the token', ({ jti }) => revokeBy('jti', jti)],
    ['the grant', ({ grant_id: id }) => revokeBy('grant_id', id)],
    ['the session', ({ sid }) => revokeBy('sid', sid)],
    ['the account', ({ sub }) => revokeBy('sub', sub)],
    ['the client', ({ client_id: id }) => revokeBy('client_id', id)],
    [
      'an end of the grant',
      ({ grant_id: id }) => db().grant.update({ where: { id: String(id) }, data: { endedAt: new Date(0) } }),
    ],
    ['an end of the session', ({ sid }) => db().session.update({ where: { id: String(sid) }, data: { endedAt: new Date(0) } })],
    ['a suspended account', ({ sub }) => db().account.update({ where: { id: sub ?? '' }, data: { status: 'suspended' } })],
    [
      'a suspended client',
      ({ client_id: id }) => db().client.update({ where: { id: String(id) }, data: { status: 'suspended' } }),
    ],
  ]

  async function revokeBy(kind: 'jti' | 'grant_id' | 'sid' | 'sub' | 'client_id', value: unknown): Promise<void> {
    await server.latchkey.nouns.endings.run('tried', async (ending) => {
      ending.entries.push({ kind, value: String(value), issuedUntilNow: true })
    })
  }

  afterEach(async () => {
    await db().account.updateMany({ data: { status: 'active' } })
    await db().client.updateMany({ data: { status: 'active' } })
    // What was issued until now is dead for some of them; the next one signs in a moment later.
    await server.advance(2)
  })

  test.each(levels)('%s', async (_, end) => {
    const { tokens } = await obtainTokens(server, SUSPENDED, { person: server.grace })
    expect((await introspect(server, API, tokens.body.access_token ?? '')).active).toBe(true)
    await end(claimsOf(tokens.body.access_token))
    expect(await introspect(server, API, tokens.body.access_token ?? '')).toEqual(INACTIVE)
  })
})
