// Introspection of every kind of token, plain (RFC 7662) and signed (RFC 9701).
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { API, BILLING, MACHINE, NOTES, PARTNER, SPA, WEB } from '../support/clients.ts'
import { claimsOf, clientRequest, introspect, obtainTokens, tokenRequest } from '../support/oauth.ts'
import { startServer, type TestServer } from '../support/server.ts'

const SIGNED = 'application/token-introspection+jwt'

/** An API that wants its answers signed by another algorithm. */
const CAREFUL = { client_id: 'careful-api', client_secret: 'a-secret-of-the-careful-api-that-is-long-enough' }

let server: TestServer

beforeAll(async () => {
  server = await startServer({
    provision: {
      clients: [
        {
          ...CAREFUL,
          grant_types: ['client_credentials'],
          scope: 'notes:read',
          introspection_signed_response_alg: 'ES256',
        },
      ],
    },
  })
})

afterAll(async () => {
  await server?.stop()
})

type Asking = Parameters<typeof introspect>[1]

const ask = (client: Asking, token: string, accept: string) => clientRequest(server, '/introspect', client, { token }, { accept })

const ownToken = async (client: Asking, resource: string, scope: string) =>
  (await tokenRequest(server, client, { grant_type: 'client_credentials', resource, scope })).body.access_token ?? ''

describe('what is told of', () => {
  test('a refresh token: whose it is, its grant, and the session on which it depends', async () => {
    const { tokens } = await obtainTokens(server, WEB)
    const { sub, sid, grant_id } = claimsOf(tokens.body.access_token)
    const told = await introspect(server, WEB, tokens.body.refresh_token ?? '')
    expect(told).toMatchObject({ active: true, sub, sid, grant_id, client_id: WEB.client_id, iss: server.issuer })
    expect(told.scope).toContain('notes:read')
    expect(told.token_type).toBeUndefined()
    expect(JSON.stringify(told)).not.toContain(tokens.body.refresh_token?.split('.')[2])
  })

  test('a refresh token that depends on no session: none', async () => {
    const { tokens } = await obtainTokens(server, PARTNER, { params: { prompt: 'consent' } })
    const told = await introspect(server, PARTNER, tokens.body.refresh_token ?? '')
    expect(told).toMatchObject({ active: true, grant_id: claimsOf(tokens.body.access_token).grant_id })
    expect(told.sid).toBeUndefined()
  })

  test.each([
    ['a JWT', NOTES, 'notes:read'],
    ['opaque', BILLING, 'billing:read'],
  ])('a client’s own token that is %s: the client is its subject', async (_, resource, scope) => {
    const told = await introspect(server, MACHINE, await ownToken(MACHINE, resource, scope))
    const { client_id } = MACHINE
    expect(told).toMatchObject({ active: true, sub: client_id, client_id, aud: resource, scope, token_type: 'Bearer' })
  })
})

describe('a signed answer', () => {
  const verify = (answer: string, audience: string) =>
    jwtVerify(answer, createRemoteJWKSet(new URL('/jwks', server.issuer)), {
      issuer: server.issuer,
      audience,
      typ: 'token-introspection+jwt',
    })

  test.each([
    ['a JWT', API, async () => (await obtainTokens(server, SPA)).tokens.body.access_token],
    [
      'an opaque token',
      WEB,
      async () => (await obtainTokens(server, WEB, { params: { scope: 'openid' } })).tokens.body.access_token,
    ],
    ['a refresh token', WEB, async () => (await obtainTokens(server, WEB)).tokens.body.refresh_token],
    ['a client’s own JWT', MACHINE, () => ownToken(MACHINE, NOTES, 'notes:read')],
    ['a client’s own opaque token', MACHINE, () => ownToken(MACHINE, BILLING, 'billing:read')],
  ])('IN6: about %s says the same as the plain one, to whoever asked', async (_, client, get) => {
    const token = (await get()) ?? ''
    const answer = await ask(client, token, SIGNED)
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, SIGNED])
    expect(answer.headers.get('cache-control')).toBe('no-store')
    const { payload, protectedHeader } = await verify(await answer.text(), client.client_id)
    expect(payload.token_introspection).toEqual(await introspect(server, client, token))
    expect(Object.keys(payload).sort()).toEqual(['aud', 'iat', 'iss', 'token_introspection'])
    expect(protectedHeader).toMatchObject({ alg: 'RS256', typ: 'token-introspection+jwt' })
  })

  test('is signed as the client’s registration says', async () => {
    const token = await ownToken(CAREFUL, NOTES, 'notes:read')
    const { protectedHeader } = await verify(await (await ask(CAREFUL, token, SIGNED)).text(), CAREFUL.client_id)
    expect(protectedHeader.alg).toBe('ES256')
  })

  test('IN6: about a token that is dead, foreign or none says as little as the plain one', async () => {
    const foreign = (await obtainTokens(server, SPA)).tokens.body.access_token ?? ''
    for (const token of [foreign, 'never-was', `${foreign}x`]) {
      const payload = decodeJwt(await (await ask(MACHINE, token, SIGNED)).text())
      expect(payload).toMatchObject({ aud: MACHINE.client_id, token_introspection: { active: false } })
    }
  })

  test('is none of the tokens that it tells of: it opens nothing, and is not active', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    const answer = await (await ask(API, tokens.body.access_token ?? '', SIGNED)).text()
    expect(await introspect(server, API, answer)).toEqual({ active: false })
    const userinfo = await fetch(new URL('/userinfo', server.issuer), { headers: { authorization: `Bearer ${answer}` } })
    expect(userinfo.status).toBe(401)
  })

  test.each(['application/json', '*/*', `application/json, ${SIGNED};q=0.5`])('is not given for Accept: %s', async (accept) => {
    const answer = await ask(MACHINE, await ownToken(MACHINE, NOTES, 'notes:read'), accept)
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
    expect(await answer.json()).toMatchObject({ active: true })
  })

  test('is given to nobody who has not shown who they are', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    const stranger = await ask({ ...API, client_secret: 'wrong' }, tokens.body.access_token ?? '', SIGNED)
    expect([stranger.status, stranger.headers.get('content-type')]).toEqual([401, 'application/json; charset=utf-8'])
    const publicClient = await ask({ client_id: SPA.client_id }, tokens.body.access_token ?? '', SIGNED)
    expect(await publicClient.json()).toEqual({ active: false })
  })

  test('is told of in discovery', async () => {
    const discovery = await fetch(new URL('/.well-known/openid-configuration', server.issuer))
    const { introspection_signing_alg_values_supported: algorithms } = (await discovery.json()) as { [name: string]: unknown }
    expect(algorithms).toEqual(['ES256', 'RS256', 'EdDSA'])
    expect(decodeProtectedHeader(await (await ask(API, 'never-was', SIGNED)).text()).kid).toBeDefined()
  })
})
