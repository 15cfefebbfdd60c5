// What scopes are made of, and which are reserved.
import { expect, test } from '@jest/globals'
import { ADMIN_SCOPES, isReservedScope, isScopeToken, scopeTokens } from '../../config/scopes.ts'

test('a scope token is of the characters of RFC 6749 §3.3', () => {
  for (const scope of ['openid', 'notes:read', 'https://a.test/x', '!', 'a'.repeat(200)]) expect(isScopeToken(scope)).toBe(true)
  for (const scope of ['', 'a b', 'a"b', 'a\\b', 'ä', 'a\n', 'a'.repeat(201)]) expect(isScopeToken(scope)).toBe(false)
})

test('a scope value is of tokens between single spaces, none twice', () => {
  expect(scopeTokens('openid notes:read')).toEqual(['openid', 'notes:read'])
  for (const scope of ['', ' openid', 'openid ', 'a  b', 'a a', 'a\tb']) expect(scopeTokens(scope)).toBeUndefined()
})

test('the scopes of the admin API are those of the contract', () => {
  expect(ADMIN_SCOPES).toHaveLength(21)
  expect(ADMIN_SCOPES).toEqual(expect.arrayContaining(['accounts:read', 'webhooks:write', 'sessions:revoke', 'tokens:revoke']))
})

test('scopes of this server and of OpenID Connect are reserved', () => {
  for (const scope of ['openid', 'offline_access', 'sessions:revoke', 'revocations:read'])
    expect(isReservedScope(scope)).toBe(true)
  for (const scope of ['notes:read', 'toString', '__proto__', 'session:revoke']) expect(isReservedScope(scope)).toBe(false)
})
