// Clients and tokens that are known by a certificate (RFC 8705), against those who have another one, none, or only the header in
// which a proxy would hand one over.
import { X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Certificate, OLD, OTHER, REPORTS } from '../support/certificates.ts'
import { API, BILLING, SPA, type TestClient } from '../support/clients.ts'
import { claimsOf, clientRequest, introspect, type TokenAnswer, tokenRequest } from '../support/oauth.ts'
import { redisUrl } from '../support/redis.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { errorLines, obtainCode } from './attempts.ts'

const BOUND: TestClient = { ...SPA, client_id: 'bound', redirect_uri: 'https://bound.example/callback' }
const CREDENTIALS = { grant_type: 'client_credentials', scope: 'notes:read' }
const HEADER = 'client-cert'
const SETTINGS = { LATCHKEY_CLIENT_CERTIFICATE_HEADER: HEADER, LATCHKEY_CLIENT_CERTIFICATE_CHAIN: 'checked' }
/** The tests speak to the server as its proxy does. */
const NEAR = { ...SETTINGS, TRUST_PROXY: 'loopback' }
/** They do not: its proxy is elsewhere. */
const FAR = { ...SETTINGS, TRUST_PROXY: '10.0.0.0/8' }

/** A client for each way of knowing a certificate. */
const SUBJECTS: readonly (readonly [string, string])[] = [
  ['tls_client_auth_subject_dn', 'CN=reports,O=Example\\, Inc.,C=DE'],
  ['tls_client_auth_san_dns', 'reports.example'],
  ['tls_client_auth_san_uri', 'spiffe://example/reports'],
  ['tls_client_auth_san_email', 'reports@example.test'],
  ['tls_client_auth_san_ip', '10.1.2.3'],
]
/** Names that the certificate does not quite have. */
const NEAR_NAMES: readonly (readonly [string, string])[] = [
  ['tls_client_auth_subject_dn', 'CN=reports'],
  ['tls_client_auth_subject_dn', 'C=DE,O=Example\\, Inc.,CN=reports'],
  ['tls_client_auth_subject_dn', 'CN=REPORTS,O=Example\\, Inc.,C=DE'],
  ['tls_client_auth_san_dns', 'reports.exampl'],
  ['tls_client_auth_san_dns', '*.example'],
  ['tls_client_auth_san_dns', 'spiffe://example/reports'],
  ['tls_client_auth_san_ip', '10.1.2.30'],
]
const SELF_SIGNED = { client_id: 'self-signed' }
const KEPT: TestClient = { ...SPA, client_id: 'kept', redirect_uri: 'https://kept.example/callback' }

let server: TestServer
/** The same service, to which nobody here is a proxy. */
let unproxied: TestServer

beforeAll(async () => {
  const redis = redisUrl()
  const machine = { grant_types: ['client_credentials'], scope: 'notes:read billing:read' }
  const jwk = new X509Certificate(Buffer.from(REPORTS.x5c, 'base64')).publicKey.export({ format: 'jwk' })
  const selfSigned = {
    token_endpoint_auth_method: 'self_signed_tls_client_auth',
    jwks: { keys: [{ ...jwk, x5c: [REPORTS.x5c] }] },
  }
  const clients = [
    {
      client_id: BOUND.client_id,
      token_endpoint_auth_method: 'none',
      redirect_uris: [BOUND.redirect_uri],
      grant_types: ['authorization_code', 'refresh_token'],
      scope: BOUND.scope,
      skip_consent: true,
      tls_client_certificate_bound_access_tokens: true,
    },
    ...SUBJECTS.map(([member, name]) => ({
      ...machine,
      client_id: member,
      token_endpoint_auth_method: 'tls_client_auth',
      [member]: name,
      tls_client_certificate_bound_access_tokens: true,
    })),
    ...NEAR_NAMES.map(([member, name], index) => ({
      ...machine,
      client_id: `near-${index}`,
      token_endpoint_auth_method: 'tls_client_auth',
      [member]: name,
    })),
    { ...machine, ...SELF_SIGNED, ...selfSigned },
    {
      ...selfSigned,
      client_id: KEPT.client_id,
      redirect_uris: [KEPT.redirect_uri],
      grant_types: ['authorization_code', 'refresh_token'],
      scope: KEPT.scope,
      skip_consent: true,
      tls_client_certificate_bound_access_tokens: true,
      rotate_refresh_tokens: false,
    },
  ]
  server = await startServer({ redisUrl: redis, settings: NEAR, provision: { clients } })
  const settings = { ...FAR, ISSUER: server.issuer }
  unproxied = await startServer({ redisUrl: redis, databaseUrl: server.databaseUrl, settings, provision: { clients } })
})

afterAll(async () => {
  await unproxied?.stop()
  await server?.stop()
})

const shown = (certificate: Certificate | undefined): { [name: string]: string } =>
  certificate === undefined ? {} : { [HEADER]: certificate.inHeader }

const ask = (client: { client_id: string }, params: { readonly [name: string]: string }, by?: Certificate, node = server) =>
  tokenRequest(node, client, params, shown(by))

async function obtain(
  by: Certificate | undefined,
  params: { readonly [name: string]: string } = {},
  client = BOUND,
): Promise<TokenAnswer> {
  const { authorization, code } = await obtainCode(server, client, { params })
  const { redirect_uri } = client
  return ask(client, { grant_type: 'authorization_code', code, redirect_uri, code_verifier: authorization.verifier }, by)
}

const refresh = (token: string, by?: Certificate, node = server) =>
  ask(BOUND, { grant_type: 'refresh_token', refresh_token: token }, by, node)

const refreshTokenOf = (answer: TokenAnswer) => answer.body.refresh_token ?? ''
const accessTokenOf = (answer: TokenAnswer) => answer.body.access_token ?? ''
const REFUSED = { status: 400, body: { error: 'invalid_grant' } }
const MISREGISTERED = { status: 400, body: { error: 'invalid_client_metadata' } }
const STRANGER = { status: 401, body: { error: 'invalid_client' } }

describe('a client that is known by its certificate', () => {
  test.each(SUBJECTS)('%s: is known by exactly that name', async (client_id) => {
    const answer = await ask({ client_id }, CREDENTIALS, REPORTS)
    expect(answer.status).toBe(200)
    expect(claimsOf(accessTokenOf(answer)).cnf).toEqual({ 'x5t#S256': REPORTS.thumbprint })
    for (const certificate of [OTHER, OLD, undefined]) {
      // The certificate of somebody else is for the same address.
      const known = certificate === OTHER && client_id === 'tls_client_auth_san_ip'
      expect(await ask({ client_id }, CREDENTIALS, certificate)).toMatchObject(known ? { status: 200 } : STRANGER)
    }
  })

  test.each(NEAR_NAMES.map((row, index) => [...row, index] as const))('is not known by %s %s', async (_, __, index) => {
    expect(await ask({ client_id: `near-${index}` }, CREDENTIALS, REPORTS)).toMatchObject(STRANGER)
  })

  test('self-signed: is known by exactly that certificate', async () => {
    expect((await ask(SELF_SIGNED, CREDENTIALS, REPORTS)).status).toBe(200)
    for (const certificate of [OTHER, OLD, undefined]) {
      expect(await ask(SELF_SIGNED, CREDENTIALS, certificate)).toMatchObject(STRANGER)
    }
  })

  test('and by any form in which proxies hand it over; by nothing else', async () => {
    const send = (value: string) => tokenRequest(server, SELF_SIGNED, CREDENTIALS, { [HEADER]: value })
    expect((await send(REPORTS.escaped)).status).toBe(200)
    for (const value of [
      '',
      'SUCCESS',
      REPORTS.x5c,
      `:${REPORTS.x5c}`,
      `${REPORTS.inHeader}, ${OTHER.inHeader}`,
      `${OTHER.inHeader}, ${REPORTS.inHeader}`,
      `${REPORTS.escaped}${OTHER.escaped}`,
      `${REPORTS.escaped}, ${OTHER.escaped}`,
      ':MIIB:',
      '%E0%A4%A',
      REPORTS.thumbprint,
    ]) {
      expect(await send(value)).toMatchObject(STRANGER)
    }
  })

  test('CA9: the header of somebody who is not the proxy is not looked at', async () => {
    for (const client of [SELF_SIGNED, ...SUBJECTS.map(([client_id]) => ({ client_id }))]) {
      expect((await ask(client, CREDENTIALS, REPORTS)).status).toBe(200)
      expect(await ask(client, CREDENTIALS, REPORTS, unproxied)).toMatchObject(STRANGER)
    }
    // Nor does it help to say that the proxy's address sent it.
    const headers = { ...shown(REPORTS), 'x-forwarded-for': '10.0.0.1', 'x-real-ip': '10.0.0.1' }
    expect(await tokenRequest(unproxied, SELF_SIGNED, CREDENTIALS, headers)).toMatchObject(STRANGER)
  })
})

describe('SC6: a token that is bound to a certificate', () => {
  test('says so, and is nothing without it', async () => {
    const jwt = await obtain(REPORTS)
    const opaque = await obtain(REPORTS, { scope: 'openid email' })
    expect(claimsOf(accessTokenOf(jwt)).cnf).toEqual({ 'x5t#S256': REPORTS.thumbprint })
    expect(await introspect(server, API, accessTokenOf(jwt))).toMatchObject({
      active: true,
      token_type: 'Bearer',
      cnf: { 'x5t#S256': REPORTS.thumbprint },
    })
    for (const answer of [jwt, opaque]) {
      const userinfo = async (by: Certificate | undefined, node = server) => {
        const headers = { authorization: `Bearer ${accessTokenOf(answer)}`, ...shown(by) }
        return (await fetch(new URL('/userinfo', node.issuer), { headers })).status
      }
      expect(await userinfo(REPORTS)).toBe(200)
      for (const certificate of [OTHER, OLD, undefined]) expect(await userinfo(certificate)).toBe(401)
      expect(await userinfo(REPORTS, unproxied)).toBe(401)
    }
  })

  test('also when it is opaque and a client’s own: introspection tells x5t#S256', async () => {
    const [[client_id] = ['']] = SUBJECTS
    const { body } = await ask({ client_id }, { ...CREDENTIALS, scope: 'billing:read', resource: BILLING }, REPORTS)
    const response = await clientRequest(server, '/introspect', { client_id }, { token: body.access_token ?? '' }, shown(REPORTS))
    expect(await response.json()).toMatchObject({ active: true, cnf: { 'x5t#S256': REPORTS.thumbprint } })
  })

  test('is all that its client gets: without a certificate there is none', async () => {
    expect(await obtain(undefined)).toMatchObject(REFUSED)
  })

  test('is refused when certificates are no longer handed over, and not taken for one that is not bound', async () => {
    const bound = await obtain(REPORTS)
    const bare = await startServer({ redisUrl: redisUrl(), databaseUrl: server.databaseUrl, settings: { ISSUER: server.issuer } })
    try {
      const headers = { authorization: `Bearer ${accessTokenOf(bound)}`, ...shown(REPORTS) }
      expect((await fetch(new URL('/userinfo', bare.issuer), { headers })).status).toBe(401)
      expect(await refresh(refreshTokenOf(bound), REPORTS, bare)).toMatchObject(MISREGISTERED)
      // Nor are its clients served without what they count on.
      const { redirect_uri } = BOUND
      const redeeming = { grant_type: 'authorization_code', code: 'x', redirect_uri, code_verifier: 'x'.repeat(43) }
      expect(await ask(BOUND, redeeming, REPORTS, bare)).toMatchObject(MISREGISTERED)
      expect(await ask(SELF_SIGNED, CREDENTIALS, REPORTS, bare)).toMatchObject(MISREGISTERED)
      expect(errorLines(bare)).toEqual([])
    } finally {
      await bare.stop()
    }
  })
})

describe('RT18: a refresh token that is bound to a certificate', () => {
  test('is refused with another or none, which burns nothing, spent or not', async () => {
    const first = await obtain(REPORTS)
    for (const certificate of [OTHER, OLD, undefined]) {
      expect(await refresh(refreshTokenOf(first), certificate)).toMatchObject(REFUSED)
    }
    const second = await refresh(refreshTokenOf(first), REPORTS)
    expect(claimsOf(accessTokenOf(second)).cnf).toEqual({ 'x5t#S256': REPORTS.thumbprint })
    const third = await refresh(refreshTokenOf(second), REPORTS)
    for (const token of [refreshTokenOf(first), refreshTokenOf(second)]) {
      for (const certificate of [OTHER, undefined]) expect(await refresh(token, certificate)).toMatchObject(REFUSED)
      expect(await refresh(token, REPORTS, unproxied)).toMatchObject(REFUSED)
    }
    const fourth = await refresh(refreshTokenOf(third), REPORTS)
    expect(fourth.status).toBe(200)
    expect(await refresh(refreshTokenOf(first), REPORTS)).toMatchObject(REFUSED)
    expect(await refresh(refreshTokenOf(fourth), REPORTS)).toMatchObject(REFUSED)
  })
})

test('RT19: a client that is known by its certificate may keep one refresh token, which is of use to nobody else', async () => {
  const first = await obtain(REPORTS, {}, KEPT)
  const params = { grant_type: 'refresh_token', refresh_token: refreshTokenOf(first) }
  for (let use = 0; use < 3; use += 1) {
    const answer = await ask(KEPT, params, REPORTS)
    expect({ status: answer.status, token: refreshTokenOf(answer) }).toEqual({ status: 200, token: params.refresh_token })
  }
  for (const certificate of [OTHER, undefined]) expect(await ask(KEPT, params, certificate)).toMatchObject(STRANGER)
  expect((await ask(KEPT, params, REPORTS)).status).toBe(200)
})

test('DI3: discovery tells of certificates where they are handed over, and of names in them where their issuers are checked', async () => {
  const told = async (node: TestServer) => {
    const response = await fetch(new URL('/.well-known/openid-configuration', node.issuer))
    const document = (await response.json()) as { [name: string]: unknown }
    const { tls_client_certificate_bound_access_tokens: bound, token_endpoint_auth_methods_supported: methods } = document
    return { bound, methods: [methods].flat().filter((method) => String(method).includes('tls')) }
  }
  expect(await told(server)).toEqual({ bound: true, methods: ['tls_client_auth', 'self_signed_tls_client_auth'] })
  const unchecked = await startServer({
    settings: { LATCHKEY_CLIENT_CERTIFICATE_HEADER: HEADER, TRUST_PROXY: 'loopback' },
  })
  try {
    expect(await told(unchecked)).toEqual({ bound: true, methods: ['self_signed_tls_client_auth'] })
  } finally {
    await unchecked.stop()
  }
})

test('no answer of all these was an error that nobody expected', () => {
  expect([...errorLines(server), ...errorLines(unproxied)]).toEqual([])
})
