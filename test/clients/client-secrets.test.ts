// Client secrets: how good they must be, what is kept of them, and when they match.
import { expect, test } from '@jest/globals'
import {
  clientSecretDigest,
  clientSecretFault,
  generateClientSecret,
  isWeakClientSecret,
  matchesClientSecret,
  newSecretId,
} from '../../server/clients/client-secrets.ts'

test('a generated secret has 256 bits, is good enough, and is never the same', () => {
  const secrets = new Set(Array.from({ length: 100 }, generateClientSecret))
  expect(secrets.size).toBe(100)
  for (const secret of secrets) {
    expect(Buffer.from(secret, 'base64url')).toHaveLength(32)
    expect(clientSecretFault(secret)).toBeUndefined()
    expect(isWeakClientSecret(secret)).toBe(false)
  }
})

test('a secret has 32 to 512 printable characters, and a refusal does not repeat it', () => {
  expect(clientSecretFault('x'.repeat(32))).toBeUndefined()
  expect(clientSecretFault('x'.repeat(512))).toBeUndefined()
  for (const secret of ['', 'hunter2-hunter2', 'x'.repeat(31), 'x'.repeat(513), `${'x'.repeat(32)}\n`, `${'x'.repeat(32)}…`]) {
    expect(clientSecretFault(secret)).toBeDefined()
    expect(clientSecretFault(secret)).not.toContain('hunter2')
  }
})

test('a secret of a few characters is weak', () => {
  expect(isWeakClientSecret('x'.repeat(64))).toBe(true)
  expect(isWeakClientSecret('abcabc'.repeat(10))).toBe(true)
})

test('ST1 what is kept is a digest from which the secret cannot be read', () => {
  const digest = clientSecretDigest('the-secret-of-the-reports-client-0001')
  expect(digest).toHaveLength(32)
  expect(digest.toString('latin1')).not.toContain('secret')
})

test('a secret matches any of the client’s that has not ended', () => {
  const stored = (secret: string, expiresAt?: number) => ({ id: newSecretId(), digest: clientSecretDigest(secret), expiresAt })
  const secrets = [stored('one'), stored('two', 1000)]
  expect(matchesClientSecret(secrets, 'one', 5000)).toBe(true)
  expect(matchesClientSecret(secrets, 'two', 999)).toBe(true)
  expect(matchesClientSecret(secrets, 'two', 1000)).toBe(false)
  expect(matchesClientSecret(secrets, 'three', 0)).toBe(false)
  expect(matchesClientSecret([], 'one', 0)).toBe(false)
  expect(matchesClientSecret([{ id: 'x', digest: Buffer.from('short'), expiresAt: undefined }], 'one', 0)).toBe(false)
})
