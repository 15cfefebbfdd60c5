// Why token requests are refused, told by the id of the request: who asks, the code, its verifier, the refresh token, the scope.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { clientSecretDigest } from '../../server/clients/client-secrets.ts'
import type { Client } from '../../server/clients/clients.ts'
import { causeOf } from '../../server/refused-requests/cause-of.ts'
import { explain } from '../../server/refused-requests/explain.ts'
import type { Refusal } from '../../server/refused-requests/refusal.ts'
import { robotToken, startAdminServer } from '../admin-api/api.ts'
import { obtainCode } from '../attacks/attempts.ts'
import { API, MACHINE, NOTES, SPA, WEB } from '../support/clients.ts'
import { makeProofKey } from '../support/dpop.ts'
import { basic, obtainTokens, redeem, refresh, tokenRequest } from '../support/oauth.ts'
import type { TestServer } from '../support/server.ts'
import { type Explained, expectWords, explained, requestIdOf } from './explained.ts'

let server: TestServer
let token: string
let signer: CryptoKey

const ROTATED = { client_id: 'rotated', client_secret: 'the-secret-of-the-rotated-one-that-is-long-enough' }
const OLD = 'an-old-secret-of-the-rotated-one-that-is-long-enough'
const ENCODED = { client_id: 'encoded', client_secret: 'a%20secret+with/characters=that-forms-encode' }
const PERCENT = { client_id: 'percent', client_secret: 'a-secret-with-100%-of-what-is-not-encoded' }
const OLD_APP = {
  client_id: 'old-app',
  client_secret: 'a-secret-of-the-old-app-that-is-long-enough',
  redirect_uri: 'https://old.example/callback',
  scope: 'openid',
}

beforeAll(async () => {
  const pair = await generateKeyPair('ES256')
  signer = pair.privateKey
  const publicJwk = { ...(await exportJWK(pair.publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' }
  const machine = { grant_types: ['client_credentials'], scope: 'billing:read' }
  const { redirect_uri, ...oldApp } = OLD_APP
  server = await startAdminServer({
    provision: {
      clients: [
        { client_id: 'signer', jwks: { keys: [publicJwk] }, token_endpoint_auth_method: 'private_key_jwt', ...machine },
        { ...ROTATED, client_secret: OLD, ...machine },
        { ...ENCODED, ...machine },
        { ...PERCENT, ...machine },
        { client_id: 'stopped', client_secret: 'a-secret-of-the-stopped-one-that-is-long', ...machine },
        { ...oldApp, redirect_uris: [redirect_uri], require_pkce: false, skip_consent: true },
      ],
    },
  })
  token = await robotToken(server)
  const { registered, clients } = server.latchkey.nouns.events
  const rotated = { clientId: ROTATED.client_id, secret: ROTATED.client_secret, overlapSeconds: 60 }
  await server.latchkey.nouns.endings.run('client_suspended', async (ending) => {
    await registered.clients.addSecret(ending, rotated, { actor: 'test' })
  })
  await clients.suspend('stopped', { actor: 'test' })
  await server.advance(120)
}, 60_000)

afterAll(() => server?.stop())

/** Sends a token request and asks why it was refused. */
async function refusedBecause(
  params: { readonly [name: string]: string },
  headers: { readonly [name: string]: string } = {},
): Promise<Explained> {
  const response = await fetch(new URL('/token', server.issuer), {
    method: 'POST',
    headers,
    body: new URLSearchParams(params),
  })
  expect(response.status).toBeGreaterThanOrEqual(400)
  const request = await explained(server, token, requestIdOf(response))
  expect(request).toMatchObject({ endpoint: 'token', error: ((await response.json()) as { error: string }).error })
  expectWords(request)
  return request
}

const CREDENTIALS = { grant_type: 'client_credentials', scope: 'billing:read' }
/** What is sent as it is, encoded or not. */
const headerOf = (id: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
})
const asBasic = (id: string, secret: string) => refusedBecause(CREDENTIALS, { authorization: basic(id, secret) })

describe('who asks', () => {
  test('an app that is not registered, is suspended, or has exchanged id and secret', async () => {
    expect(await asBasic('nobody', 'whatever')).toMatchObject({
      cause: 'client_unknown',
      client_id: 'nobody',
      client_known: false,
    })
    expect(await asBasic('stopped', 'whatever')).toMatchObject({ cause: 'client_suspended', client_known: true })
    const exchanged = await asBasic(MACHINE.client_secret, MACHINE.client_id)
    expect(exchanged).toMatchObject({ cause: 'client_secret_as_id', client_id: null })
    expect(JSON.stringify(exchanged)).not.toContain(MACHINE.client_secret)
  })

  test('a wrong secret: its age, and what is nearly right', async () => {
    const wrong = await asBasic(MACHINE.client_id, 'a wrong secret')
    expect(wrong).toMatchObject({ cause: 'secret_wrong', client_id: MACHINE.client_id, client_known: true })
    expect(wrong.reasons).toEqual([expect.stringMatching(/^secret 1: made \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ, no end$/)])
    expect(await asBasic(ROTATED.client_id, OLD)).toMatchObject({
      cause: 'secret_expired',
      received: 'one whose time is over',
      reasons: [expect.stringContaining('good until'), expect.stringContaining('no end')],
    })
    const blank = await refusedBecause({ ...CREDENTIALS, ...MACHINE, client_secret: `${MACHINE.client_secret}\n` })
    expect(blank).toMatchObject({ cause: 'secret_with_spaces' })
    const twice = await refusedBecause(
      CREDENTIALS,
      headerOf(ENCODED.client_id, encodeURIComponent(encodeURIComponent(ENCODED.client_secret))),
    )
    expect(twice).toMatchObject({ cause: 'secret_encoded' })
    const never = await refusedBecause(CREDENTIALS, headerOf(ENCODED.client_id, ENCODED.client_secret))
    expect(never).toMatchObject({ client_id: 'encoded' })
  })

  test.each([
    ['a line break as it is', '\n'],
    ['a line break that is encoded', '%0A'],
    ['a line break of another system', '%0D%0A'],
    ['a space that is not broken', '%C2%A0'],
  ])('the right secret with %s after it, in the header', async (_what, more) => {
    const secret = `${encodeURIComponent(MACHINE.client_secret)}${more}`
    const request = await refusedBecause(CREDENTIALS, headerOf(MACHINE.client_id, secret))
    expect(request).toMatchObject({
      cause: 'secret_with_spaces',
      error: 'invalid_request',
      client_id: MACHINE.client_id,
      client_known: true,
      expected: 'the secret',
      received: 'the secret with blank characters',
      reasons: [expect.stringMatching(/^secret 1: made .*, no end$/)],
    })
    expect(JSON.stringify(request)).not.toContain(MACHINE.client_secret)
  })

  test('a header that can be read, but for what is in it', async () => {
    expect(await refusedBecause(CREDENTIALS, headerOf(PERCENT.client_id, PERCENT.client_secret))).toMatchObject({
      cause: 'secret_encoded',
      client_id: PERCENT.client_id,
      received: 'the secret in another encoding',
    })
    expect(await refusedBecause(CREDENTIALS, headerOf(MACHINE.client_id, 'a-wrong-secret\n'))).toMatchObject({
      cause: 'secret_wrong',
      received: 'something else',
      reasons: [
        'the client_secret has characters that are not printable ASCII, such as a line break',
        expect.stringMatching(/^secret 1: /),
      ],
    })
    expect(await refusedBecause(CREDENTIALS, headerOf(MACHINE.client_id, ''))).toMatchObject({
      cause: 'secret_wrong',
      client_id: MACHINE.client_id,
      received: 'an empty secret',
    })
    // Whose it is cannot be told then.
    expect(await refusedBecause(CREDENTIALS, headerOf(`${MACHINE.client_id}%0A`, MACHINE.client_secret))).toMatchObject({
      cause: 'client_auth_header',
      client_known: false,
      received: 'a client_id or secret that is not encoded so',
      reasons: ['the client_id has characters that are not printable ASCII, such as a line break'],
    })
    expect(await refusedBecause(CREDENTIALS, headerOf('100%', 'a-secret-of-nobody'))).toMatchObject({
      cause: 'client_auth_header',
      received: 'a client_id or secret that is not encoded so',
      reasons: [],
    })
  })

  test('a secret that is right by now, and one of an app that cannot be looked up, are not said to be over', () => {
    const { client_id: clientId, client_secret: secret } = MACHINE
    const refusal: Refusal = {
      ...{ at: Date.now(), requestId: 'r1', address: '127.0.0.1', endpoint: 'token', params: {} },
      ...{ error: { code: 'invalid_client', detail: 'invalid secret provided' }, clientId, secret, known: true },
      shownBy: 'client_secret_basic',
    }
    const known = { issuer: server.issuer, testRedirectUri: () => ({ ok: true, reasons: [] }) as never }
    const client = { secrets: [{ id: 'sec_1', digest: clientSecretDigest(secret), expiresAt: undefined }] } as unknown as Client
    expect(explain(causeOf(refusal), refusal, { ...known, client })).toMatchObject({ cause: 'client_just_changed' })
    expect(explain(causeOf(refusal), refusal, known)).toMatchObject({ cause: 'secret_wrong', received: 'something else' })
  })

  test('another way than the registered one, two ways, none, or two names', async () => {
    expect(await refusedBecause({ ...CREDENTIALS, client_id: MACHINE.client_id })).toMatchObject({
      cause: 'client_auth_method',
      expected: 'client_secret_basic',
      received: 'none',
      reasons: ['no secret came with the request'],
    })
    const header = { authorization: basic(MACHINE.client_id, MACHINE.client_secret) }
    expect(await refusedBecause({ ...CREDENTIALS, ...MACHINE }, header)).toMatchObject({ cause: 'client_auth_twice' })
    expect(await refusedBecause(CREDENTIALS)).toMatchObject({ cause: 'client_auth_missing', client_id: null })
    expect(await refusedBecause({ ...CREDENTIALS, client_id: API.client_id }, header)).toMatchObject({
      cause: 'client_id_mismatch',
    })
    expect(await refusedBecause(CREDENTIALS, { authorization: 'Bearer nothing' })).toMatchObject({ cause: 'client_auth_header' })
  })

  test('a body that is no form, and a page of another origin', async () => {
    const response = await fetch(new URL('/token', server.issuer), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    })
    expect(await explained(server, token, requestIdOf(response))).toMatchObject({
      cause: 'content_type',
      received: 'Content-Type: application/json',
    })
    const params = { grant_type: 'authorization_code', client_id: SPA.client_id, code: 'x', redirect_uri: SPA.redirect_uri }
    expect(await refusedBecause(params, { origin: 'https://other.example' })).toMatchObject({
      cause: 'origin_not_allowed',
      expected: 'one of: https://spa.example',
      received: 'https://other.example',
    })
    // A program without people has no page, and no redirect URI to register for one.
    const basic = `Basic ${Buffer.from(`${MACHINE.client_id}:${MACHINE.client_secret}`).toString('base64')}`
    expect(await refusedBecause(CREDENTIALS, { authorization: basic, origin: 'https://other.example' })).toMatchObject({
      cause: 'signs_nobody_in',
      received: 'a page of https://other.example',
    })
  })

  test('an assertion: its clock, its audience, its key', async () => {
    const seconds = Math.floor(Date.now() / 1000)
    const send = async (claims: object, header: object = {}, key = signer) => {
      const good = { iss: 'signer', sub: 'signer', aud: server.issuer, jti: randomUUID(), iat: seconds, exp: seconds + 60 }
      const assertion = await new SignJWT({ ...good, ...claims })
        .setProtectedHeader({ alg: 'ES256', kid: 'k1', ...header })
        .sign(key)
      return refusedBecause({
        ...CREDENTIALS,
        client_assertion: assertion,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      })
    }
    const late = await send({ exp: seconds - 90, iat: seconds - 150 })
    expect(late).toMatchObject({ cause: 'assertion_clock', client_id: 'signer', client_known: true })
    expect(late.received).toMatch(/^exp: \d{4}-/)
    expect(late.reasons[0]).toMatch(/^exp is .*: (8[89]|9[0-2]) seconds before the server’s time$/)
    expect(await send({ nbf: seconds + 600, exp: seconds + 700 })).toMatchObject({ cause: 'assertion_clock' })
    expect(await send({ exp: seconds + 86_400 })).toMatchObject({ cause: 'assertion_clock' })
    expect(await send({ aud: 'https://elsewhere.example' })).toMatchObject({
      cause: 'assertion_audience',
      expected: server.issuer,
      received: 'aud: https://elsewhere.example',
    })
    expect(await send({ iss: 'another' })).toMatchObject({ cause: 'assertion_issuer', received: 'iss: another, sub: signer' })
    const other = await generateKeyPair('ES256')
    expect(await send({}, {}, other.privateKey)).toMatchObject({
      cause: 'assertion_signature',
      expected: 'one of the registered keys, by kid: k1 (ES256)',
    })
    expect(await send({}, { kid: 'k2' })).toMatchObject({ cause: 'assertion_signature', received: 'kid: k2, alg: ES256' })
    expect(await refusedBecause({ ...CREDENTIALS, client_id: 'signer', client_assertion: 'nonsense' })).toMatchObject({
      cause: 'assertion_malformed',
    })
  })
})

describe('grant types and scopes', () => {
  test('that are not known, or not registered', async () => {
    const header = { authorization: basic(MACHINE.client_id, MACHINE.client_secret) }
    expect(await refusedBecause({ grant_type: 'password' }, header)).toMatchObject({
      cause: 'grant_type_unsupported',
      expected: 'authorization_code, refresh_token or client_credentials',
      received: 'password',
    })
    expect(await refusedBecause({ grant_type: 'refresh_token', refresh_token: 'x' }, header)).toMatchObject({
      cause: 'grant_type_not_allowed',
      error: 'unauthorized_client',
      expected: 'client_credentials',
      received: 'refresh_token',
    })
    expect(await refusedBecause({ grant_type: 'client_credentials', scope: 'openid notes:write' }, header)).toMatchObject({
      cause: 'scope_not_allowed',
      expected: 'some of: notes:read billing:read',
      received: 'openid notes:write',
    })
    expect(await refusedBecause({}, header)).toMatchObject({ cause: 'parameter_missing', expected: "'grant_type'" })
  })

  test('resources', async () => {
    const header = { authorization: basic(MACHINE.client_id, MACHINE.client_secret) }
    const about = (resource: string) => refusedBecause({ ...CREDENTIALS, resource }, header)
    expect(await about(`${NOTES}/`)).toMatchObject({
      cause: 'resource_unknown',
      received: `${NOTES}/`,
      expected: expect.stringContaining(NOTES),
      reasons: [`registered as ${NOTES}: identifiers are compared as they are written`],
    })
    expect(await about(`${server.issuer}/admin/api`)).toMatchObject({
      cause: 'resource_not_allowed',
      expected: expect.stringContaining('sessions:read'),
      received: 'scope of the registration: notes:read billing:read',
    })
    expect(await about('notes')).toMatchObject({ cause: 'resource_malformed', received: 'notes' })
  })
})

describe('codes', () => {
  const refusedCode = async (answer: ReturnType<typeof redeem>) => {
    const request = await explained(server, token, requestIdOf(await answer))
    expectWords(request)
    return request
  }

  test('that are none, over, spent, or another app’s', async () => {
    const first = await obtainCode(server, SPA)
    expect(await refusedCode(redeem(server, SPA, first.authorization, 'no-code'))).toMatchObject({
      cause: 'code_unknown',
      received: 'something of 7 characters that is no code, or none any more',
    })
    expect(await refusedCode(redeem(server, WEB, first.authorization, first.code))).toMatchObject({
      cause: 'other_client',
      expected: 'the app that it was given to: notes-spa',
      received: 'notes-web',
    })
    await redeem(server, SPA, first.authorization, first.code)
    expect(await refusedCode(redeem(server, SPA, first.authorization, first.code))).toMatchObject({ cause: 'code_used' })
    const second = await obtainCode(server, SPA)
    await server.advance(61)
    expect(await refusedCode(redeem(server, SPA, second.authorization, second.code))).toMatchObject({ cause: 'code_unknown' })
  })

  test('with another redirect URI, or another verifier', async () => {
    const { authorization, code } = await obtainCode(server, SPA)
    const send = (more: { readonly [name: string]: string }) => refusedCode(redeem(server, SPA, authorization, code, more))
    expect(await send({ redirect_uri: `${SPA.redirect_uri}/` })).toMatchObject({
      cause: 'code_redirect_uri',
      expected: SPA.redirect_uri,
      received: `${SPA.redirect_uri}/`,
    })
    const wrong = await send({ code_verifier: 'a'.repeat(50) })
    expect(wrong).toMatchObject({ cause: 'pkce_verifier_wrong', received: 'another one, of 50 characters' })
    expect(await send({ code_verifier: '' })).toMatchObject({ cause: 'pkce_verifier_missing' })
    expect(await send({ code_verifier: 'short' })).toMatchObject({
      cause: 'pkce_verifier_malformed',
      received: '5 characters',
    })
    const verifier = 'b'.repeat(43)
    const plain = await obtainCode(server, SPA, { params: { code_challenge: verifier } })
    expect(await refusedCode(redeem(server, SPA, plain.authorization, plain.code, { code_verifier: verifier }))).toMatchObject({
      cause: 'pkce_verifier_plain',
    })
    const none = await obtainCode(server, OLD_APP, { params: { code_challenge: undefined, code_challenge_method: undefined } })
    expect(await refusedCode(redeem(server, OLD_APP, none.authorization, none.code))).toMatchObject({
      cause: 'pkce_verifier_unexpected',
    })
  })

  test('bound to a key that the request does not show, and a proof of another time', async () => {
    const key = await makeProofKey()
    const bound = await obtainCode(server, SPA, { params: { dpop_jkt: key.jkt } })
    expect(await refusedCode(redeem(server, SPA, bound.authorization, bound.code))).toMatchObject({
      cause: 'sender_key',
      expected: 'a proof by its key',
      received: 'no DPoP proof',
    })
    const proof = await key.proof({ htu: `${server.issuer}/token`, claims: { iat: Math.floor(Date.now() / 1000) - 900 } })
    const header = { authorization: basic(MACHINE.client_id, MACHINE.client_secret) }
    expect(await refusedBecause(CREDENTIALS, { ...header, dpop: proof })).toMatchObject({ cause: 'proof_clock' })
    const elsewhere = await key.proof({ htu: 'https://elsewhere.example/token' })
    expect(await refusedBecause(CREDENTIALS, { ...header, dpop: elsewhere })).toMatchObject({
      cause: 'proof_malformed',
      received: 'htm: POST, htu: https://elsewhere.example/token',
    })
    // That a nonce is due is told to every client, and is no refusal (RFC 9449 §8).
    const stale = await key.proof({ htu: `${server.issuer}/token`, claims: { nonce: 'stale' } })
    const told = await tokenRequest(server, MACHINE, CREDENTIALS, { dpop: stale })
    expect(told.body.error).toBe('use_dpop_nonce')
    await refusedBecause({ grant_type: 'password' }, header)
    expect(await server.latchkey.administration.refusedRequests.find(requestIdOf(told))).toBeUndefined()
  })
})

describe('refresh tokens', () => {
  const refusedRefresh = async (answer: ReturnType<typeof refresh>) => explained(server, token, requestIdOf(await answer))

  test('that are none, another app’s, spent, or of a grant that has ended', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    const first = tokens.body.refresh_token ?? ''
    expect(await refusedRefresh(refresh(server, SPA, 'no-refresh-token'))).toMatchObject({
      cause: 'refresh_token_unknown',
      reasons: ['what came has not the shape of a refresh token: 16 characters'],
    })
    expect(await refusedRefresh(refresh(server, WEB, first))).toMatchObject({
      cause: 'other_client',
      expected: 'the app that it was given to: notes-spa',
    })
    expect(await refusedRefresh(refresh(server, SPA, first, { scope: 'openid billing:read' }))).toMatchObject({
      cause: 'scope_not_granted',
      received: 'openid billing:read',
      reasons: ['not allowed: billing:read'],
    })
    const { body } = await refresh(server, SPA, first)
    await refresh(server, SPA, body.refresh_token ?? '')
    expect(await refusedRefresh(refresh(server, SPA, first))).toMatchObject({
      cause: 'refresh_token_reused',
      expected: 'generation 2, the newest of its family',
      received: 'generation 0',
    })
    const over = await refusedRefresh(refresh(server, SPA, first))
    expect(over).toMatchObject({ cause: 'refresh_token_unknown', received: 'generation 0 of a family that is over' })
    expect(over.reasons[0]).toMatch(/ended/)
    expect(JSON.stringify(over)).not.toContain(first)
  })
})

describe('a refresh token of the newest generation that has another secret', () => {
  test.each([
    ['changed at its end', (newest: string) => `${newest.slice(0, -4)}${newest.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`],
    ['in small letters', (newest: string) => newest.replace(/[^.]+$/, (secret) => `a${secret.slice(1).toLowerCase()}`)],
  ])('%s', async (_how, change) => {
    const { tokens } = await obtainTokens(server, SPA)
    const { body } = await refresh(server, SPA, tokens.body.refresh_token ?? '')
    const changed = change(body.refresh_token ?? '')
    const request = await explained(server, token, requestIdOf(await refresh(server, SPA, changed)))
    expectWords(request)
    expect(request).toMatchObject({
      cause: 'refresh_token_changed',
      error: 'invalid_grant',
      client_id: SPA.client_id,
      expected: 'the refresh token of generation 1, the newest of its family, as it was given',
      received: 'one of generation 1 with another secret',
    })
    expect(request.summary).not.toContain('used before')
    expect(JSON.stringify(request)).not.toContain(changed)
  })
})

test('at revocation, introspection and pushed authorization requests', async () => {
  const wrong = { authorization: basic(WEB.client_id, 'wrong') }
  for (const [path, endpoint] of [
    ['/revoke', 'revocation'],
    ['/introspect', 'introspection'],
    ['/par', 'pushed_authorization_request'],
  ]) {
    const response = await fetch(new URL(path ?? '', server.issuer), {
      method: 'POST',
      headers: wrong,
      body: new URLSearchParams({ token: 'x' }),
    })
    expect(await explained(server, token, requestIdOf(response))).toMatchObject({ endpoint, cause: 'secret_wrong' })
  }
  const { tokens } = await obtainTokens(server, WEB)
  const response = await fetch(new URL('/revoke', server.issuer), {
    method: 'POST',
    headers: { authorization: basic(WEB.client_id, WEB.client_secret ?? '') },
    body: new URLSearchParams({ token: tokens.body.access_token ?? '' }),
  })
  expect(response.status).toBe(200)
  const { status } = await tokenRequest(server, WEB, { grant_type: 'refresh_token', refresh_token: 'x' })
  expect(status).toBe(400)
  const found = await server.latchkey.administration.refusedRequests.find(requestIdOf(response))
  // What was answered was not refused, whatever the library said of it.
  expect(found).toBeUndefined()
})
