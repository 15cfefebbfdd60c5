// What a provision file may say: every fault at once, each with its line.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import {
  type ProvisionFile,
  ProvisionFileError,
  type ProvisionRules,
  parseProvisionFile,
  readProvisionFile,
} from '../../server/commands/provision-file.ts'

const RULES: ProvisionRules = {
  environment: 'development',
  issuer: 'http://localhost:3000',
  clientCertificates: undefined,
  isUsableHash: (hash) => hash.startsWith('$argon2id$'),
}
const PRODUCTION: ProvisionRules = { ...RULES, environment: 'production' }

function parse(text: string, rules = RULES): ProvisionFile {
  return parseProvisionFile(text, '/etc/latchkey/p.yaml', rules)
}

function faultsOf(text: string, rules = RULES): string[] {
  try {
    parse(text, rules)
    return []
  } catch (error) {
    if (!(error instanceof ProvisionFileError)) throw error
    return error.message.replaceAll('/etc/latchkey/', '').split('\n')
  }
}

test('the file of the documentation is right', () => {
  const page = readFileSync(new URL('../../docs/provision-file.md', import.meta.url), 'utf8')
  const [, example = ''] = /```yaml\n(.*?)```/s.exec(page) ?? []
  const file = parse(example)
  expect(file.clients.map(({ entry }) => entry.metadata.client_id)).toEqual(['notes-spa', 'reports', 'notes-api'])
  expect(file.resourceServers).toHaveLength(1)
  expect(file.accounts).toHaveLength(1)
})

test.each(['', '{}', 'clients:\n', 'clients: []\naccounts: null\n', '# nothing\n'])(
  'a file with nothing in it is right (%j)',
  (text) => {
    expect(parse(text)).toEqual({ clients: [], resourceServers: [], accounts: [], hasSettings: false })
  },
)

test('JSON is YAML', () => {
  const text = JSON.stringify(
    { clients: [{ client_id: 'a', token_endpoint_auth_method: 'none', redirect_uris: ['https://a.test/cb'] }] },
    null,
    '\t',
  )
  expect(parse(text).clients).toHaveLength(1)
})

test('everything that is wrong is told at once, in the order of the file, each with its line', () => {
  const text = `clients:
  - client_id: notes-spa
    client_nam: Notes
    token_endpoint_auth_method: none
    redirect_uris: [http://localhost:4001/callback, "https://*.x.test/cb", javascript:alert(1)]
  - client_id: reports
    client_secret: "sh0rt"
    grant_types: [client_credentials]
  - client_secret: 12
  - nope
resource_servers:
  - identifier: http://localhost:3000/admin/api
    scopes: [notes:read, openid]
    acess_token_ttl: 900
  - scopes: 4
accounts:
  - email: ada
    roles: [king]
    pasword: x
settings: {acess_token_ttl: 3, password_history: 99}
client: []
`
  expect(faultsOf(text)).toEqual([
    'p.yaml:3:5: there is no "client_nam"; did you mean client_name?',
    'p.yaml:5:53: redirect_uris[1]: wildcards are not possible: register each address by itself',
    'p.yaml:5:76: redirect_uris[2]: the scheme javascript: is not for redirects',
    'p.yaml:7:20: client_secret: it must have 32 characters or more (this has 5)',
    'p.yaml:9:5: client_id is missing',
    'p.yaml:9:5: redirect_uris is missing: the grant type authorization_code needs one or more',
    'p.yaml:9:20: client_secret: it must be text (in quotes)',
    'p.yaml:10:5: it must be keys with values',
    'p.yaml:12:17: identifier: it stands for this server itself',
    'p.yaml:13:26: scopes[1]: it is a scope of this server itself or of OpenID Connect; take another name',
    'p.yaml:14:5: there is no "acess_token_ttl"; did you mean access_token_ttl?',
    'p.yaml:15:5: identifier: it is missing',
    'p.yaml:15:13: scopes: it must be a list',
    'p.yaml:17:12: email: it must be an e-mail address',
    'p.yaml:18:13: roles[0]: it must be one of owner, operator, auditor, helpdesk',
    'p.yaml:19:5: there is no "pasword"; did you mean password?',
    'p.yaml:20:12: settings.acess_token_ttl: a key that there is not, did you mean access_token_ttl?',
    'p.yaml:20:32: settings.password_history: "99", wanted a whole number from 0 to 24',
    'p.yaml:21:1: there is no "client"; did you mean clients?',
  ])
})

describe('refused', () => {
  test.each([
    ['a file that is no YAML', 'clients: [', /^p\.yaml:1:/],
    ['a list', '- a', /p\.yaml:1:1: it must be keys with values/],
    ['a section that is no list', 'clients: {a: 1}', /p\.yaml:1:10: it must be a list/],
    ['a key twice', 'clients: []\nclients: []\n', /p\.yaml:2:1: /],
    ['settings that are no keys', 'settings: 5', /wanted keys with values/],
    [
      'a client twice',
      'clients:\n- &a {client_id: a, token_endpoint_auth_method: none, redirect_uris: ["https://a.test/"]}\n- *a',
      /a is there already, at p\.yaml:2:/,
    ],
    [
      'a resource server twice',
      'resource_servers:\n- {identifier: "urn:a", scopes: [x]}\n- {identifier: "urn:a", scopes: [y]}',
      /urn:a is there already/,
    ],
    [
      'an account twice, by another spelling',
      'accounts:\n- email: ada@a.test\n- email: ADA@a.test',
      /ada@a\.test is there already, at p\.yaml:2:/,
    ],
    ['a hash of no known form', 'accounts:\n- {email: a@a.test, password_hash: md5}', /password_hash: it must be a hash/],
    [
      'a password and a hash',
      'accounts:\n- {email: a@a.test, password: x, password_hash: $argon2id$x}',
      /must not be both password and password_hash/,
    ],
    ['a claim that is no claim', 'accounts:\n- {email: a@a.test, profile: {given_nam: x}}', /there is no "given_nam"/],
    [
      'a secret in two places',
      'clients:\n- {client_id: a, client_secret: x, client_secret_file: /nowhere, grant_types: [client_credentials]}',
      /must not be both client_secret and/,
    ],
    [
      'a secret file that is not there',
      'clients:\n- {client_id: a, client_secret_file: nowhere, grant_types: [client_credentials]}',
      /"nowhere" cannot be read \(ENOENT\)/,
    ],
    [
      'a secret of a public client',
      `clients:\n- {client_id: a, client_secret: ${'x'.repeat(32)}, token_endpoint_auth_method: none, redirect_uris: ["https://a.test/"]}`,
      /has no secret/,
    ],
    [
      'a secret that expires',
      'clients:\n- {client_id: a, client_secret_expires_at: 5, grant_types: [client_credentials]}',
      /client_secret_expires_at: it must be 0/,
    ],
    [
      'a life of access tokens beyond a day',
      'resource_servers:\n- {identifier: "urn:a", scopes: [x], access_token_ttl: 86401}',
      /access_token_ttl: it must be 86400 at most/,
    ],
  ])('%s', (_, text, message) => {
    expect(faultsOf(text).join('\n')).toMatch(message)
  })

  test('a file that is not there', () => {
    expect(() => readProvisionFile('/nowhere/p.yaml', RULES)).toThrow('/nowhere/p.yaml: the file cannot be read (ENOENT)')
  })

  test('in production: a password in clear, and a secret of a few characters', () => {
    const password = 'accounts:\n- {email: a@a.test, password: x}'
    expect(faultsOf(password)).toEqual([])
    expect(faultsOf(password, PRODUCTION)).toEqual([
      'p.yaml:2:21: password is for development only: give password_hash, or neither',
    ])
    const secret = `clients:\n- {client_id: a, client_secret: ${'x'.repeat(32)}, grant_types: [client_credentials]}`
    expect(faultsOf(secret)).toEqual([])
    expect(faultsOf(secret, PRODUCTION).join()).toContain('a few characters only')
  })
})

test('no fault repeats a secret', () => {
  const text =
    'clients:\n- {client_id: a, client_secret: hunter2-hunter2, grant_types: [client_credentials]}\naccounts:\n- {email: a@a.test, password_hash: hunter3}'
  expect(faultsOf(text)).toHaveLength(2)
  expect(faultsOf(text).join()).not.toMatch(/hunter/)
})

test('clients that count on certificates are refused where none are handed over, and names where nobody checks them', () => {
  const text = `clients:
  - client_id: by-name
    token_endpoint_auth_method: tls_client_auth
    tls_client_auth_san_dns: reports.example
    grant_types: [client_credentials]
  - client_id: bound
    token_endpoint_auth_method: none
    redirect_uris: [https://a.test/cb]
    tls_client_certificate_bound_access_tokens: true
`
  expect(faultsOf(text)).toEqual([
    expect.stringMatching(/^p\.yaml:3:\d+: token_endpoint_auth_method: .*LATCHKEY_CLIENT_CERTIFICATE_HEADER$/),
    expect.stringMatching(/^p\.yaml:9:\d+: tls_client_certificate_bound_access_tokens: .*LATCHKEY_CLIENT_CERTIFICATE_HEADER$/),
  ])
  const header = 'client-cert'
  expect(faultsOf(text, { ...RULES, clientCertificates: { header, chainChecked: false } })).toEqual([
    expect.stringMatching(/^p\.yaml:3:\d+: .*LATCHKEY_CLIENT_CERTIFICATE_CHAIN=checked$/),
  ])
  expect(faultsOf(text, { ...RULES, clientCertificates: { header, chainChecked: true } })).toEqual([])
})
