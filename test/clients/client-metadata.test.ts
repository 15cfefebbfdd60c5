// What a client may register: defaults, every refusal with its place, and what a pasted registration may bring along.
import { describe, expect, test } from '@jest/globals'
import { readClientMetadata } from '../../server/clients/client-metadata.ts'
import type { MetadataIssue } from '../../server/clients/client-metadata-rules.ts'

const WEB = { client_id: 'web', redirect_uris: ['https://app.example/cb'] }
const PUBLIC = { ...WEB, token_endpoint_auth_method: 'none' }
const MACHINE = { client_id: 'machine', grant_types: ['client_credentials'] }

function issuesOf(registration: Record<string, unknown>): readonly MetadataIssue[] {
  const result = readClientMetadata(registration)
  return 'issues' in result ? result.issues : []
}

function metadataOf(registration: Record<string, unknown>) {
  const result = readClientMetadata(registration)
  if ('issues' in result) throw new Error(JSON.stringify(result.issues))
  return result.metadata
}

describe('defaults', () => {
  test('of a web client', () => {
    expect(metadataOf(WEB)).toEqual({
      client_id: 'web',
      application_type: 'web',
      redirect_uris: ['https://app.example/cb'],
      post_logout_redirect_uris: [],
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['authorization_code'],
      response_types: ['code'],
      scope: 'openid',
      backchannel_logout_session_required: true,
      skip_consent: false,
      require_pkce: true,
    })
  })

  test('a client that acts for itself has no response type and needs no redirect URI', () => {
    expect(metadataOf(MACHINE)).toMatchObject({ response_types: [], redirect_uris: [], scope: 'openid' })
  })

  test('what is right is right when it is read again', () => {
    const metadata = metadataOf({
      ...WEB,
      client_name: 'Notes',
      scope: 'openid notes:read',
      require_pkce: false,
      refresh_replay_window: 0,
    })
    expect(metadataOf(metadata)).toEqual(metadata)
  })
})

test('the example of the contract', () => {
  const registration = {
    client_id: 'notes-spa',
    client_name: 'Notes',
    application_type: 'web',
    token_endpoint_auth_method: 'none',
    redirect_uris: ['http://localhost:4001/callback'],
    post_logout_redirect_uris: ['http://localhost:4001/'],
    backchannel_logout_uri: 'http://localhost:4001/backchannel-logout',
    backchannel_logout_session_required: true,
    grant_types: ['authorization_code', 'refresh_token'],
    scope: 'openid profile email offline_access notes:read',
  }
  expect(metadataOf(registration)).toMatchObject(registration)
})

test('a pasted registration answer: null, what is not supported and not wanted, and what the other server added', () => {
  const pasted = {
    ...WEB,
    client_name: 'Notes',
    contacts: ['ada@app.example'],
    logo_uri: 'https://app.example/logo.png',
    policy_uri: null,
    dpop_bound_access_tokens: false,
    default_acr_values: [],
    client_id_issued_at: 1_700_000_000,
    subject_type: 'public',
    id_token_signed_response_alg: 'RS256',
    require_auth_time: false,
    software_id: 'notes',
  }
  const metadata = metadataOf(pasted)
  expect(metadata).toMatchObject({ contacts: ['ada@app.example'], software_id: 'notes' })
  expect(Object.keys(metadata)).not.toEqual(expect.arrayContaining(['policy_uri']))
  expect(metadata).not.toHaveProperty('client_id_issued_at')
})

test('everything that is wrong is told at once, with its place', () => {
  const issues = issuesOf({
    client_id: 'a b',
    redirect_uri: ['https://app.example/cb'],
    redirect_uris: ['https://app.example/cb', 'https://*.example/cb'],
    grant_types: ['authorization_code', 'password'],
    scope: 'openid  notes',
    require_pkce: 'no',
    client_name: 'x\u202ey',
  })
  expect(issues.map(({ path, key }) => [path.join('.'), key])).toEqual([
    ['client_id', undefined],
    ['', 'redirect_uri'],
    ['grant_types.1', undefined],
    ['scope', undefined],
    ['require_pkce', undefined],
    ['client_name', undefined],
    ['redirect_uris.1', undefined],
  ])
  expect(issues[1]?.message).toContain('did you mean redirect_uris?')
})

describe('refused', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['no client_id', { redirect_uris: WEB.redirect_uris }, ''],
    ['a client_id that looks like an account', { ...WEB, client_id: 'acc_1234' }, 'client_id'],
    ['a client_id with a space', { ...WEB, client_id: 'a b' }, 'client_id'],
    ['a client_id of other letters', { ...WEB, client_id: 'ä' }, 'client_id'],
    ['no redirect URI', { client_id: 'web' }, ''],
    ['an empty list of redirect URIs', { ...WEB, redirect_uris: [] }, ''],
    ['a redirect URI twice', { ...WEB, redirect_uris: ['https://a.test/', 'https://a.test/'] }, 'redirect_uris'],
    ['a redirect URI that is no list', { ...WEB, redirect_uris: 'https://a.test/' }, 'redirect_uris'],
    ['a wildcard after sign-out', { ...WEB, post_logout_redirect_uris: ['https://*.test/'] }, 'post_logout_redirect_uris.0'],
    [
      'RU12 a fragment after sign-out',
      { ...WEB, post_logout_redirect_uris: ['https://a.test/#x'] },
      'post_logout_redirect_uris.0',
    ],
    ['a custom scheme of a web client', { ...WEB, redirect_uris: ['com.example.app:/cb'] }, 'redirect_uris.0'],
    ['the implicit grant', { ...WEB, grant_types: ['implicit'] }, 'grant_types.0'],
    ['AZ3 a token as response', { ...WEB, response_types: ['token'] }, 'response_types.0'],
    ['AZ4 the password grant', { ...WEB, grant_types: ['password'] }, 'grant_types.0'],
    ['no grant', { ...WEB, grant_types: [] }, 'grant_types'],
    ['client credentials of a public client', { ...PUBLIC, grant_types: ['client_credentials'] }, 'grant_types'],
    ['refresh without code', { ...MACHINE, grant_types: ['client_credentials', 'refresh_token'] }, 'grant_types'],
    ['code without its grant', { ...MACHINE, response_types: ['code'] }, 'response_types'],
    ['the grant without code', { ...WEB, response_types: [] }, 'response_types'],
    ['client_secret_jwt', { ...WEB, token_endpoint_auth_method: 'client_secret_jwt' }, 'token_endpoint_auth_method'],
    ['private_key_jwt without keys', { ...WEB, token_endpoint_auth_method: 'private_key_jwt' }, 'token_endpoint_auth_method'],
    [
      'a self-signed certificate that is not registered',
      { ...WEB, token_endpoint_auth_method: 'self_signed_tls_client_auth' },
      'token_endpoint_auth_method',
    ],
    ['a certificate of no name', { ...WEB, token_endpoint_auth_method: 'tls_client_auth' }, 'token_endpoint_auth_method'],
    [
      'a certificate of two names',
      {
        ...WEB,
        token_endpoint_auth_method: 'tls_client_auth',
        tls_client_auth_san_dns: 'a.test',
        tls_client_auth_san_uri: 'https://a.test/',
      },
      'token_endpoint_auth_method',
    ],
    ['the name of a certificate that is not asked for', { ...WEB, tls_client_auth_san_dns: 'a.test' }, 'tls_client_auth_san_dns'],
    ['RT19 a token that is neither bound nor rotated', { ...PUBLIC, rotate_refresh_tokens: false }, 'rotate_refresh_tokens'],
    [
      'RT19 a secret and no rotation',
      { ...WEB, dpop_bound_access_tokens: true, rotate_refresh_tokens: false },
      'rotate_refresh_tokens',
    ],
    ['keys in two places', { ...WEB, jwks: { keys: [{ kty: 'EC' }] }, jwks_uri: 'https://a.test/jwks' }, 'jwks_uri'],
    ['a private key', { ...WEB, jwks: { keys: [{ kty: 'EC', d: 'x' }] } }, 'jwks.keys.0'],
    ['a symmetric key', { ...WEB, jwks: { keys: [{ kty: 'oct', k: 'x' }] } }, 'jwks.keys.0.kty'],
    [
      'a signing algorithm without private_key_jwt',
      { ...WEB, token_endpoint_auth_signing_alg: 'ES256' },
      'token_endpoint_auth_signing_alg',
    ],
    ['PK1 a public client without PKCE', { ...PUBLIC, require_pkce: false }, 'require_pkce'],
    ['ID tokens that are not signed', { ...WEB, id_token_signed_response_alg: 'none' }, 'id_token_signed_response_alg'],
    ['pairwise subjects', { ...WEB, subject_type: 'pairwise' }, 'subject_type'],
    ['DPoP that is half wanted', { ...WEB, dpop_bound_access_tokens: 'yes' }, 'dpop_bound_access_tokens'],
    ['a logo that is a script', { ...WEB, logo_uri: 'javascript:alert(1)' }, 'logo_uri'],
    ['a name that is too long', { ...WEB, client_name: 'x'.repeat(201) }, 'client_name'],
    ['a scope twice', { ...WEB, scope: 'openid openid' }, 'scope'],
    ['a replay window that is too long', { ...WEB, refresh_replay_window: 301 }, 'refresh_replay_window'],
    [
      'a back-channel logout URI over the network in clear',
      { ...WEB, backchannel_logout_uri: 'http://a.test/x' },
      'backchannel_logout_uri',
    ],
    [
      'a front-channel logout URI of another host',
      { ...WEB, frontchannel_logout_uri: 'https://evil.example/logout' },
      'frontchannel_logout_uri',
    ],
    [
      'a front-channel logout URI that is a script',
      { ...WEB, frontchannel_logout_uri: 'javascript:alert(1)' },
      'frontchannel_logout_uri',
    ],
    ['a sign-in page that is not https', { ...WEB, initiate_login_uri: 'http://localhost/x' }, 'initiate_login_uri'],
    ['an address that is none', { ...WEB, contacts: ['nobody'] }, 'contacts.0'],
    ['a member of nothing', { ...WEB, constructor: 1 }, ''],
  ])('%s', (_, registration, place) => {
    expect(issuesOf(registration).map((issue) => issue.path.join('.'))).toEqual([place])
  })

  test('AD3 members that are none of JSON’s own', () => {
    const registration = JSON.parse('{"client_id":"web","redirect_uris":["https://a.test/cb"],"__proto__":{"skip_consent":true}}')
    expect(issuesOf(registration)).toMatchObject([{ key: '__proto__' }])
  })
})

test('private_key_jwt with a public key', () => {
  const jwks = { keys: [{ kty: 'EC', crv: 'P-256', x: 'x', y: 'y', kid: '1' }] }
  expect(
    metadataOf({ ...WEB, token_endpoint_auth_method: 'private_key_jwt', jwks, token_endpoint_auth_signing_alg: 'ES256' }),
  ).toMatchObject({ jwks })
})

test('PK8 a confidential client can be let off PKCE by name', () => {
  expect(metadataOf({ ...WEB, require_pkce: false }).require_pkce).toBe(false)
})
