// Secrets: how they print, how keys are read, and those that development makes.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { format, inspect } from 'node:util'
import { afterAll, describe, expect, test } from '@jest/globals'
import { pino } from 'pino'
import { loadConfig } from '../../config/config.ts'
import { developmentSecrets } from '../../config/development-secrets.ts'
import { makeDataFolder } from '../../config/folders.ts'
import { Secret } from '../../config/secrets.ts'
import { COOKIE_KEY, DEVELOPMENT, ENCRYPTION_KEY, faultsOf } from './support.ts'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-secrets-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('ST3 a secret', () => {
  const secret = new Secret('hunter2')

  test('tells itself only when asked to', () => {
    expect(secret.reveal()).toBe('hunter2')
    expect(new Secret(Buffer.from('hunter2')).reveal()).toBe('hunter2')
  })

  test('prints as [redacted] whichever way it is printed', () => {
    const printed = [
      String(secret),
      `${secret}`,
      [secret].join(),
      inspect(secret),
      inspect({ a: [secret] }),
      format('%s %o %j', secret, secret, secret),
    ]
    for (const text of printed) {
      expect(text).toContain('[redacted]')
      expect(text).not.toContain('hunter2')
    }
    expect(JSON.stringify({ secret })).toBe('{"secret":"[redacted]"}')
  })

  test('is not in its own properties', () => {
    expect(Object.keys(secret)).toEqual([])
    expect(Object.getOwnPropertyNames(secret)).toEqual([])
    expect(JSON.stringify({ ...secret })).toBe('{}')
  })

  test('does not reach the log', () => {
    const lines: string[] = []
    const log = pino({}, { write: (line) => void lines.push(line) })
    const { secrets } = loadConfig(DEVELOPMENT)
    log.info({ secret, secrets }, 'a %s and %o', secret, secret)
    log.error(Object.assign(new Error('failed'), { secret }))
    expect(lines.join('')).toContain('[redacted]')
    expect(lines.join('')).not.toMatch(new RegExp(`hunter2|${COOKIE_KEY}|${ENCRYPTION_KEY.slice(0, 20)}`))
  })
})

describe('keys', () => {
  test('several are kept in their order, base64 and base64url alike', () => {
    const other = Buffer.from(Array.from({ length: 32 }, (_, index) => 255 - index))
    const { secrets } = loadConfig({ ...DEVELOPMENT, ENCRYPTION_KEY: `${other.toString('base64')}, ${ENCRYPTION_KEY}` })
    expect(secrets.encryptionKeys.map((key) => key.reveal())).toEqual([
      other.toString('base64url'),
      Buffer.from(ENCRYPTION_KEY, 'base64').toString('base64url'),
    ])
    expect(loadConfig({ ...DEVELOPMENT, ENCRYPTION_KEY: other.toString('base64url') }).secrets.encryptionKeys[0]?.reveal()).toBe(
      other.toString('base64url'),
    )
  })

  test('the one that is wrong is counted, not shown', () => {
    expect(faultsOf({ ...DEVELOPMENT, COOKIE_KEYS: `${COOKIE_KEY},sh0rt` })[0]?.read).toBe(
      '[redacted]: key 2 of 2 is of 5 characters',
    )
  })
})

describe('the keys of development', () => {
  test('are made once, random, and kept for their owner only', () => {
    const dataDir = join(folder, 'once', 'deeper')
    const first = loadConfig({ DATA_DIR: dataDir }).secrets
    const second = loadConfig({ DATA_DIR: dataDir }).secrets
    const other = loadConfig({ DATA_DIR: join(folder, 'other') }).secrets
    expect(second.encryptionKeys[0]?.reveal()).toBe(first.encryptionKeys[0]?.reveal())
    expect(second.cookieKeys[0]?.reveal()).toBe(first.cookieKeys[0]?.reveal())
    expect(other.encryptionKeys[0]?.reveal()).not.toBe(first.encryptionKeys[0]?.reveal())
    expect(Buffer.from(first.encryptionKeys[0]?.reveal() ?? '', 'base64url')).toHaveLength(32)
    expect(statSync(join(dataDir, 'development-secrets.json')).mode & 0o777).toBe(0o600)
    expect(statSync(dataDir).mode & 0o777).toBe(0o700)
    expect(readdirSync(dataDir)).toEqual(['development-secrets.json'])
  })

  test.each(['/proc/latchkey/data', '/proc/latchkey', '/dev/null/latchkey'])(
    'cannot be kept in %s, which is said at once',
    (dataDir) => {
      const [fault, ...more] = faultsOf({ DATA_DIR: dataDir })
      expect(fault).toMatchObject({ name: 'DATA_DIR', read: expect.stringContaining(dataDir) })
      expect(more).toEqual([])
      expect(() => makeDataFolder(dataDir)).toThrow('DATA_DIR')
    },
  )

  test('are the same when the file appeared in between', () => {
    const dataDir = join(folder, 'race')
    const winner = developmentSecrets(dataDir)
    expect(developmentSecrets(dataDir)).toEqual(winner)
  })

  test('one of the two given leaves the other to be made', () => {
    const { secrets } = loadConfig({ DATA_DIR: join(folder, 'half'), COOKIE_KEYS: COOKIE_KEY })
    expect(secrets.cookieKeys[0]?.reveal()).toBe(COOKIE_KEY)
    expect(secrets.encryptionKeys).toHaveLength(1)
  })

  test('are not made when both are given, or when something is wrong', () => {
    const dataDir = join(folder, 'untouched')
    loadConfig({ ...DEVELOPMENT, DATA_DIR: dataDir })
    expect(faultsOf({ DATA_DIR: dataDir, PORT: 'x' })).toHaveLength(1)
    expect(existsSync(dataDir)).toBe(false)
  })

  test('a damaged file is a fault, and is not written over', () => {
    const dataDir = join(folder, 'damaged')
    developmentSecrets(dataDir)
    const file = join(dataDir, 'development-secrets.json')
    for (const content of ['', '{', '{"encryptionKey":"x","cookieKey":"y"}']) {
      writeFileSync(file, content)
      expect(faultsOf({ DATA_DIR: dataDir })).toMatchObject([{ name: 'DATA_DIR', read: expect.stringContaining('damaged') }])
      expect(readFileSync(file, 'utf8')).toBe(content)
    }
  })

  test('a data directory that is a file is a fault', () => {
    const file = join(folder, 'a-file')
    writeFileSync(file, '')
    expect(faultsOf({ DATA_DIR: file })).toMatchObject([{ name: 'DATA_DIR' }])
  })
})
