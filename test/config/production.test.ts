// What production refuses.
import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { describe, expect, test } from '@jest/globals'
import { isLoopbackHost } from '../../config/loopback.ts'
import { faultsOf, faultyNames, PRODUCTION } from './support.ts'

const without = (name: string) => ({ ...PRODUCTION, [name]: undefined })

test('what production needs is enough', () => {
  expect(faultsOf(PRODUCTION)).toEqual([])
})

describe('production refuses, with the line to add', () => {
  test.each([
    ['no issuer', without('ISSUER'), 'ISSUER', /^ISSUER=https:/],
    ['an issuer by http', { ...PRODUCTION, ISSUER: 'http://id.acme.test' }, 'ISSUER', /^ISSUER=https:\/\/id\.acme\.test$/],
    [
      'an issuer that only looks like this machine',
      { ...PRODUCTION, ISSUER: 'http://localhost.acme.test' },
      'ISSUER',
      /^ISSUER=https:/,
    ],
    ['the embedded database', without('DATABASE_URL'), 'DATABASE_URL', /^DATABASE_URL=postgresql:/],
    ['sessions in memory', without('REDIS_URL'), 'REDIS_URL', /^REDIS_URL=redis:/],
    ['no encryption key', without('ENCRYPTION_KEY'), 'ENCRYPTION_KEY', /^ENCRYPTION_KEY=\$\(openssl rand -base64 32\)$/],
    ['no cookie keys', without('COOKIE_KEYS'), 'COOKIE_KEYS', /^COOKIE_KEYS=\$\(openssl rand -hex 32\)$/],
    ['the demo', { ...PRODUCTION, DEMO: 'on' }, 'DEMO', /^DEMO=off$/],
    ['no rate limits', { ...PRODUCTION, LATCHKEY_RATE_LIMITS: 'off' }, 'LATCHKEY_RATE_LIMITS', /^LATCHKEY_RATE_LIMITS=on$/],
    [
      'an encryption key of one character',
      { ...PRODUCTION, ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64') },
      'ENCRYPTION_KEY',
      /openssl/,
    ],
    [
      'an encryption key of words',
      { ...PRODUCTION, ENCRYPTION_KEY: Buffer.from('my-secret-encryption-key-32bytes').toString('base64') },
      'ENCRYPTION_KEY',
      /openssl/,
    ],
    ['a cookie key of one character', { ...PRODUCTION, COOKIE_KEYS: 'x'.repeat(40) }, 'COOKIE_KEYS', /openssl/],
    [
      'a cookie key of a placeholder',
      { ...PRODUCTION, COOKIE_KEYS: 'ChangeMe-please-0123456789-abcdefgh' },
      'COOKIE_KEYS',
      /openssl/,
    ],
    [
      'a weak key behind a good one',
      { ...PRODUCTION, COOKIE_KEYS: `${PRODUCTION.COOKIE_KEYS},${'ab'.repeat(20)}` },
      'COOKIE_KEYS',
      /openssl/,
    ],
  ])('%s', (_, variables, name, line) => {
    const faults = faultsOf(variables)
    expect(faults.map((fault) => fault.name)).toEqual([name])
    expect(faults[0]?.example).toMatch(line)
  })

  test('every sample of config/example.env, though development takes them', () => {
    const sample = parseEnv(readFileSync(new URL('../../config/example.env', import.meta.url), 'utf8'))
    expect(faultyNames(sample)).toEqual(['DATABASE_URL', 'REDIS_URL', 'ENCRYPTION_KEY', 'COOKIE_KEYS'])
    expect(faultyNames({ ...sample, NODE_ENV: 'development' })).toEqual([])
  })

  test('the same for a secret that is weak: it is not printed', () => {
    expect(JSON.stringify(faultsOf({ ...PRODUCTION, COOKIE_KEYS: 'ChangeMe-please-0123456789-abcdefgh' }))).not.toContain(
      'please',
    )
  })
})

test.each(['http://localhost:3000', 'http://127.0.0.1:3000', 'http://[::1]:3000'])(
  'an issuer by http on this machine (%s) will do',
  (issuer) => {
    expect(faultsOf({ ...PRODUCTION, ISSUER: issuer })).toEqual([])
  },
)

test('development takes all of these', () => {
  expect(
    faultsOf({ ...PRODUCTION, NODE_ENV: 'development', ISSUER: 'http://id.acme.test', DEMO: 'on', LATCHKEY_RATE_LIMITS: 'off' }),
  ).toEqual([])
})

test('a NODE_ENV that seems to mean production is judged as production, and one that means nothing as well', () => {
  expect(faultyNames({ NODE_ENV: 'prod' })).toEqual([
    'NODE_ENV',
    'ISSUER',
    'DATABASE_URL',
    'REDIS_URL',
    'ENCRYPTION_KEY',
    'COOKIE_KEYS',
  ])
  expect(faultyNames({ NODE_ENV: 'zzzz' })).toContain('DATABASE_URL')
  expect(faultyNames({ NODE_ENV: 'dev' })).toEqual(['NODE_ENV'])
})

test('which hosts are this machine', () => {
  for (const host of ['localhost', '127.0.0.1', '127.8.8.8', '[::1]']) expect(isLoopbackHost(host)).toBe(true)
  for (const host of ['localhost.evil.test', '127.0.0.1.evil.test', 'xlocalhost', '128.0.0.1', '::1', '0.0.0.0', ''])
    expect(isLoopbackHost(host)).toBe(false)
})
