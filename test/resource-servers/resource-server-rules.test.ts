// What a resource server may be called, and which scopes it may have.
import { expect, test } from '@jest/globals'
import { identifierFault, resourceScopeFault, scopeListFault } from '../../server/resource-servers/resource-server-rules.ts'

const ISSUER = 'https://id.acme.test'

test.each([
  'https://notes.example/api',
  'http://localhost:3003/',
  'urn:acme:notes',
  'https://id.acme.test/api',
  'https://notes.example/api?tenant=1',
])('an identifier: %s', (identifier) => {
  expect(identifierFault(identifier, ISSUER)).toBeUndefined()
})

test.each([
  ['notes', 'absolute URI'],
  ['/api', 'absolute URI'],
  ['', 'absolute URI'],
  ['https://notes.example/a b', 'absolute URI'],
  ['https://notes.example/\napi', 'absolute URI'],
  ['https://notes.example/api#x', 'fragment'],
  ['https://notes.example/#', 'fragment'],
  ['https://*.example/api', 'wildcards'],
  ['https://u:p@notes.example/', 'user name'],
  ['javascript:alert(1)', 'scheme'],
  ['data:x', 'scheme'],
  [`https://notes.example/${'a'.repeat(500)}`, 'longer'],
])('RFC 8707 §2 no identifier: %s', (identifier, why) => {
  expect(identifierFault(identifier, ISSUER)).toContain(why)
})

test.each(['', '/', '/admin/api', '/admin/api/', '/revocations', '/revocations/'])(
  'the server’s own audiences are reserved: <issuer>%s',
  (path) => {
    expect(identifierFault(`${ISSUER}${path}`, ISSUER)).toContain('this server itself')
  },
)

test('scopes of this server and of OpenID Connect are nobody else’s', () => {
  for (const scope of ['notes:read', 'https://notes.example/read', 'write']) expect(resourceScopeFault(scope)).toBeUndefined()
  for (const scope of ['openid', 'offline_access', 'sessions:revoke', 'accounts:read', 'revocations:read', 'a b', '', 'ä'])
    expect(resourceScopeFault(scope)).toBeDefined()
})

test('an API has a scope, and 200 at most', () => {
  expect(scopeListFault([])).toBeDefined()
  expect(scopeListFault(['a'])).toBeUndefined()
  expect(scopeListFault(Array.from({ length: 201 }, (_, index) => `s${index}`))).toBeDefined()
})
