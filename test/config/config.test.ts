// The configuration: defaults, faults, and what is in force.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from '@jest/globals'
import { loadConfig, settingsInForce } from '../../config/config.ts'
import { ConfigError } from '../../config/faults.ts'
import { settings } from '../../config/settings.ts'
import { COOKIE_KEY, DEVELOPMENT, ENCRYPTION_KEY, faultsOf, faultyNames, PRODUCTION } from './support.ts'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-config-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, content: string): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

describe('defaults', () => {
  test('development needs no settings', () => {
    const { config, secrets } = loadConfig({ DATA_DIR: join(folder, 'fresh') })
    expect(config).toMatchObject({
      environment: 'development',
      host: '127.0.0.1',
      port: 3000,
      issuer: 'http://localhost:3000',
      hostAliases: [],
      database: 'embedded',
      redis: 'memory',
      trustProxy: [],
      log: { level: 'info', format: 'pretty' },
      demo: true,
      workers: 1,
      management: { host: '127.0.0.1', port: 9464 },
      rateLimits: {
        enabled: true,
        people: { max: 100, windowSeconds: 900 },
        tokenPerClient: { max: 6000, windowSeconds: 60 },
        tokenFailures: { max: 30, windowSeconds: 60 },
      },
      lifetimes: {
        accessToken: 900,
        idToken: 3600,
        authorizationCode: 60,
        clientCredentials: 900,
        session: 86_400,
        interaction: 3600,
        grant: 2_592_000,
        refreshIdle: 604_800,
        refreshAbsolute: 2_592_000,
        setupLink: 1800,
      },
      refreshReplayWindow: 15,
      signOutScope: 'session',
      passwordPolicy: { minLength: 12, maxLength: 256, history: 5 },
      hashing: { memoryKiB: 19_456, passes: 2, parallelism: 1 },
    })
    expect(config.provisionFile).toBeUndefined()
    expect(secrets.databaseUrl).toBeUndefined()
    expect(secrets.encryptionKeys).toHaveLength(1)
    expect(secrets.cookieKeys).toHaveLength(1)
  })

  test('the issuer follows the port', () => {
    expect(loadConfig({ ...DEVELOPMENT, PORT: '4000' }).config.issuer).toBe('http://localhost:4000')
  })

  test('production listens everywhere, logs JSON and has no demo', () => {
    const { config } = loadConfig(PRODUCTION)
    expect(config).toMatchObject({
      environment: 'production',
      host: '0.0.0.0',
      demo: false,
      database: 'postgres',
      redis: 'redis',
    })
    expect(config.log).toEqual({ level: 'info', format: 'json' })
  })

  test('a variable that is empty counts as not set', () => {
    expect(loadConfig({ ...DEVELOPMENT, PORT: '', ISSUER: ' ', DATABASE_URL: '' }).config).toMatchObject({
      port: 3000,
      database: 'embedded',
    })
  })
})

test('the result is frozen all the way down', () => {
  const { config, secrets } = loadConfig({ ...DEVELOPMENT, LATCHKEY_HOST_ALIASES: 'a.test' })
  expect(Object.isFrozen(config)).toBe(true)
  expect(Object.isFrozen(config.rateLimits.people)).toBe(true)
  expect(Object.isFrozen(config.hostAliases)).toBe(true)
  expect(Object.isFrozen(secrets)).toBe(true)
  expect(Object.isFrozen(secrets.cookieKeys)).toBe(true)
  expect(() => Object.assign(config, { port: 1 })).toThrow(TypeError)
})

describe('faults', () => {
  test('all are reported at once, each with the name, what was read, what is wanted and an example', () => {
    const variables = {
      ...DEVELOPMENT,
      PORT: '70000',
      LOG_LEVEL: 'loud',
      LATCHKEY_PASSWORD_HISTORY: 'five',
      DATABASE_URL: 'mysql://u:p4ss@h/d',
    }
    const faults = faultsOf(variables)
    expect(faults.map((fault) => fault.name)).toEqual(['PORT', 'LOG_LEVEL', 'DATABASE_URL', 'LATCHKEY_PASSWORD_HISTORY'])
    expect(faults[0]).toEqual({ name: 'PORT', read: '"70000"', wanted: 'a port number from 1 to 65535', example: 'PORT=3000' })
    const { message } = new ConfigError(faults)
    for (const { name, read, wanted, example } of faults) {
      for (const part of [name, read, wanted, example]) expect(message).toContain(part)
    }
    expect(message).not.toContain('p4ss')
  })

  test('the faults of development and those of production come together', () => {
    expect(faultyNames({ NODE_ENV: 'production', PORT: 'x' })).toEqual([
      'PORT',
      'ISSUER',
      'DATABASE_URL',
      'REDIS_URL',
      'ENCRYPTION_KEY',
      'COOKIE_KEYS',
    ])
  })

  test('what was read is cut and quoted', () => {
    const [fault] = faultsOf({ ...DEVELOPMENT, LOG_LEVEL: `\u001b[31m\u202e${'x'.repeat(500)}` })
    expect(fault?.read).toMatch(/^"\\u001b\[31m�x{100,120}…"$/)
  })

  test('a password in a URL that is no secret is not printed', () => {
    expect(faultsOf({ ...DEVELOPMENT, ISSUER: 'https://ada:hunter2@id.acme.test' })[0]?.read).toBe(
      '"https://[redacted]@id.acme.test": it has a user name',
    )
  })

  test.each([
    ['NODE_ENV', ['dev', 'Test', 'developement']],
    ['HOST', ['http://localhost', 'localhost:3000', 'a b', '-x']],
    ['PORT', ['-1', '0', '65536', '3000.5', '0x10', '1e3', ' 3 000']],
    ['DATABASE_URL', ['db', 'mysql://h/d', 'http://h/d']],
    ['MIGRATION_DATABASE_URL', ['db']],
    [
      'REDIS_URL',
      [
        'localhost',
        'http://h',
        'redis://a,b',
        'redis+sentinel://a:1,b:2',
        'redis+sentinel://a:1/',
        'redis+cluster://',
        'redis://a b',
      ],
    ],
    ['SMTP_URL', ['mail', 'http://mail', 'smtp://']],
    [
      'ENCRYPTION_KEY',
      ['abc', Buffer.alloc(31, 'k').toString('base64'), Buffer.alloc(33, 'k').toString('base64'), 'not base64 at all!', ','],
    ],
    ['COOKIE_KEYS', ['x'.repeat(31), `${COOKIE_KEY},short`, ',']],
    ['TRUST_PROXY', ['true', '1', '*', 'proxy.test', '10.0.0.0/33', '0.0.0.0/0', '::/0', '10.0.0.1/8/8', '10.0.0.1/']],
    ['LOG_FORMAT', ['text']],
    ['DEMO', ['true', 'yes', '1']],
    ['WORKERS', ['0', 'many', '257']],
    ['MANAGEMENT_PORT', ['x', '0', '3000']],
    ['MAIL_FROM', ['nobody', 'a@b\nBcc: c@d', '<a@b> trailing']],
    ['LATCHKEY_HOST_ALIASES', ['https://a.test', 'a.test/', '*.a.test', 'a.test:0', 'a.test:99999', '[zz]', 'user@a.test']],
    ['LATCHKEY_SIGN_OUT_SCOPE', ['all']],
    ['LATCHKEY_DATABASE_POOL_SIZE', ['0', '501']],
    ['LATCHKEY_RATE_LIMITS', ['true']],
    ['LATCHKEY_RATE_LIMIT_PEOPLE', ['0', '-5']],
  ])('%s refuses what it cannot be', (name, wrong) => {
    for (const value of wrong) expect([value, faultyNames({ ...DEVELOPMENT, [name]: value })]).toEqual([value, [name]])
  })

  test.each([
    ['LATCHKEY_ACCESS_TOKEN_TTL', 1, 86_400],
    ['LATCHKEY_CLIENT_CREDENTIALS_TTL', 1, 86_400],
    ['LATCHKEY_ID_TOKEN_TTL', 1, 86_400],
    ['LATCHKEY_AUTHORIZATION_CODE_TTL', 1, 60],
    ['LATCHKEY_SESSION_TTL', 1, 2_592_000],
    ['LATCHKEY_INTERACTION_TTL', 1, 86_400],
    ['LATCHKEY_REFRESH_IDLE_TTL', 1, 2_592_000],
    ['LATCHKEY_REFRESH_ABSOLUTE_TTL', 604_800, 31_536_000],
    ['LATCHKEY_REFRESH_REPLAY_WINDOW', 0, 300],
    ['LATCHKEY_SETUP_LINK_TTL', 1, 86_400],
    ['LATCHKEY_PASSWORD_MIN_LENGTH', 8, 64],
    ['LATCHKEY_PASSWORD_MAX_LENGTH', 64, 256],
    ['LATCHKEY_PASSWORD_HISTORY', 0, 24],
    ['LATCHKEY_HASH_MEMORY_KIB', 19_456, 1_048_576],
    ['LATCHKEY_HASH_PASSES', 2, 20],
    ['LATCHKEY_HASH_PARALLELISM', 1, 16],
    ['LATCHKEY_HASH_CONCURRENCY', 1, 64],
    ['LATCHKEY_HASH_QUEUE', 1, 10_000],
  ])('%s is from %d to %d', (name, min, max) => {
    expect(faultyNames({ ...DEVELOPMENT, [name]: String(min) })).toEqual([])
    expect(faultyNames({ ...DEVELOPMENT, [name]: String(max) })).toEqual([])
    expect(faultyNames({ ...DEVELOPMENT, [name]: String(min - 1) })).not.toEqual([])
    expect(faultyNames({ ...DEVELOPMENT, [name]: String(max + 1) })).not.toEqual([])
  })

  test('mail needs a sender as well; without a server it is kept in development, and not written in production', () => {
    const smtp = { SMTP_URL: 'smtp://mail.test' }
    expect(faultyNames({ ...DEVELOPMENT, ...smtp })).toEqual(['MAIL_FROM'])
    expect(loadConfig({ ...DEVELOPMENT, ...smtp, MAIL_FROM: 'id@mail.test' }).config.mail).toBe('smtp')
    expect(loadConfig(DEVELOPMENT).config.mail).toBe('mailbox')
    expect(loadConfig(PRODUCTION).config.mail).toBe('off')
  })

  test('settings that are wrong together', () => {
    expect(faultyNames({ ...DEVELOPMENT, LATCHKEY_REFRESH_IDLE_TTL: '8d', LATCHKEY_REFRESH_ABSOLUTE_TTL: '7d' })).toEqual([
      'LATCHKEY_REFRESH_IDLE_TTL',
    ])
    expect(faultyNames({ ...DEVELOPMENT, PORT: '9464' })).toEqual(['MANAGEMENT_PORT'])
    expect(faultyNames({ ...DEVELOPMENT, WORKERS: '2' })).toEqual(['WORKERS'])
    expect(faultyNames({ ...PRODUCTION, WORKERS: '2' })).toEqual([])
    const certificates = { ...DEVELOPMENT, LATCHKEY_CLIENT_CERTIFICATE_HEADER: 'Client-Cert' }
    expect(faultyNames(certificates)).toEqual(['TRUST_PROXY'])
    expect(faultyNames({ ...certificates, TRUST_PROXY: 'loopback' })).toEqual([])
    expect(faultyNames({ ...certificates, LATCHKEY_CLIENT_CERTIFICATE_HEADER: 'Cookie', TRUST_PROXY: 'loopback' })).toEqual([
      'LATCHKEY_CLIENT_CERTIFICATE_HEADER',
    ])
  })

  test('port 0 lets the system choose, in tests only', () => {
    expect(loadConfig({ ...DEVELOPMENT, NODE_ENV: 'test', PORT: '0', MANAGEMENT_PORT: '0' }).config).toMatchObject({
      port: 0,
      management: { port: 0 },
    })
    expect(faultyNames({ ...PRODUCTION, PORT: '0' })).toEqual(['PORT'])
  })
})

describe('unknown names', () => {
  test.each([
    ['LATCHKEY_PASSWORD_HISTROY', 'LATCHKEY_PASSWORD_HISTORY'],
    ['LATCHKEY_ACCESS_TOKEN_TTLS', 'LATCHKEY_ACCESS_TOKEN_TTL'],
    ['LATCHKEY_REFRESH_REPLAY', 'LATCHKEY_REFRESH_REPLAY_WINDOW'],
    ['LATCHKEY_ISSUER', 'ISSUER'],
    ['LATCHKEY_DATABASE_URL_FILE', 'DATABASE_URL_FILE'],
  ])('%s: did you mean %s?', (name, meant) => {
    const [fault, ...others] = faultsOf({ ...DEVELOPMENT, [name]: 'v4lue-that-may-be-secret' })
    expect(others).toEqual([])
    expect(fault).toMatchObject({ name, wanted: `did you mean ${meant}?` })
    expect(JSON.stringify(fault)).not.toContain('v4lue')
  })

  test('a name like none of ours is refused without a guess', () => {
    expect(faultsOf({ ...DEVELOPMENT, LATCHKEY_ZZZZZZZZZ: '1' })[0]?.wanted).toBe('one of the settings in docs/configuration.md')
  })

  test('only secrets can be files', () => {
    expect(faultyNames({ ...DEVELOPMENT, LATCHKEY_PASSWORD_HISTORY_FILE: '/x' })).toEqual(['LATCHKEY_PASSWORD_HISTORY_FILE'])
  })

  test('other programs’ variables are none of our business', () => {
    expect(faultyNames({ ...DEVELOPMENT, PATH: '/bin', LATCH: 'x', latchkey_x: '1' })).toEqual([])
  })
})

describe('values', () => {
  test.each([
    ['900', 900],
    ['900s', 900],
    ['15m', 900],
    ['2h', 7200],
    ['1d', 86_400],
  ])('a time may be written %s', (text, seconds) => {
    expect(loadConfig({ ...DEVELOPMENT, LATCHKEY_ACCESS_TOKEN_TTL: text }).config.lifetimes.accessToken).toBe(seconds)
  })

  test('the grant lives as long as refreshing may go on', () => {
    const { lifetimes } = loadConfig({ ...DEVELOPMENT, LATCHKEY_REFRESH_ABSOLUTE_TTL: '60d' }).config
    expect(lifetimes.grant).toBe(60 * 86_400)
  })

  test('proxies and hosts are lists', () => {
    const { config } = loadConfig({
      ...DEVELOPMENT,
      TRUST_PROXY: 'loopback, 10.1.0.0/16,fd00::1',
      LATCHKEY_HOST_ALIASES: 'ID.acme.test:8443, [::1]:3000',
    })
    expect(config.trustProxy).toEqual(['127.0.0.0/8', '::1/128', '10.1.0.0/16', 'fd00::1'])
    expect(config.hostAliases).toEqual(['id.acme.test:8443', '[::1]:3000'])
  })

  test('private networks are a list, or none where that is not what would be else', () => {
    const networksOf = (text?: string) =>
      loadConfig({ ...DEVELOPMENT, LATCHKEY_LOGOUT_PRIVATE_ADDRESSES: text }).config.logoutPrivateAddresses
    expect([undefined, '', ' none ', 'loopback,10.1.0.0/16'].map(networksOf)).toEqual([
      ['127.0.0.0/8', '::1/128'],
      ['127.0.0.0/8', '::1/128'],
      [],
      ['127.0.0.0/8', '::1/128', '10.1.0.0/16'],
    ])
    expect(faultyNames({ ...DEVELOPMENT, LATCHKEY_LOGOUT_PRIVATE_ADDRESSES: 'none,loopback' })).toEqual([
      'LATCHKEY_LOGOUT_PRIVATE_ADDRESSES',
    ])
  })

  test.each([
    'redis://localhost',
    'rediss://user:p%40ss@redis.acme.test:6380/2',
    'redis+sentinel://:p@a:26379,b:26379/mymaster/0',
    'redis+cluster://a:6379,b:6379',
    'redis://[::1]:6379',
  ])('REDIS_URL may be %s', (url) => {
    expect(loadConfig({ ...DEVELOPMENT, REDIS_URL: url }).secrets.redisUrl?.reveal()).toBe(url)
  })

  test('auto is as many as there are processor cores', () => {
    const { config } = loadConfig({ ...PRODUCTION, WORKERS: 'auto' })
    expect(config.workers).toBeGreaterThanOrEqual(1)
  })
})

describe('the issuer', () => {
  test.each([
    ['https://id.acme.test', 'https://id.acme.test'],
    ['https://id.acme.test/', 'https://id.acme.test'],
    ['https://ID.Acme.Test:443/', 'https://id.acme.test'],
    ['https://id.acme.test:8443', 'https://id.acme.test:8443'],
    ['http://localhost:3000', 'http://localhost:3000'],
    ['http://[::1]:3000', 'http://[::1]:3000'],
  ])('%s is taken as %s', (text, issuer) => {
    expect(loadConfig({ ...DEVELOPMENT, ISSUER: text }).config.issuer).toBe(issuer)
  })

  test.each([
    'id.acme.test',
    'https://id.acme.test/auth',
    'https://id.acme.test/?',
    'https://id.acme.test/?a=1',
    'https://id.acme.test/#',
    'https://u@id.acme.test',
    'ftp://id.acme.test',
    'javascript:alert(1)',
  ])('%s is refused', (text) => {
    expect(faultyNames({ ...DEVELOPMENT, ISSUER: text })).toEqual(['ISSUER'])
  })
})

describe('secrets in files', () => {
  test('the line break at the end is not part of the secret', () => {
    const { secrets } = loadConfig({
      ENCRYPTION_KEY_FILE: file('key', `${ENCRYPTION_KEY}\r\n`),
      COOKIE_KEYS_FILE: file('cookie', `${COOKIE_KEY}\n\n`),
    })
    expect(secrets.cookieKeys[0]?.reveal()).toBe(COOKIE_KEY)
    expect(secrets.encryptionKeys[0]?.reveal()).toBe(Buffer.from(ENCRYPTION_KEY, 'base64').toString('base64url'))
  })

  test('both the variable and the file are a fault', () => {
    const faults = faultsOf({ ...DEVELOPMENT, COOKIE_KEYS_FILE: file('both', COOKIE_KEY) })
    expect(faults).toMatchObject([{ name: 'COOKIE_KEYS_FILE', wanted: 'one of the two' }])
  })

  test.each([
    ['missing', () => join(folder, 'no-such-file'), 'ENOENT'],
    ['a folder', () => folder, 'EISDIR'],
    ['empty', () => file('empty', '\n'), 'is empty'],
    ['huge', () => file('huge', 'x'.repeat(70_000)), 'too large'],
  ])('a file that is %s is a fault', (_, path, why) => {
    expect(faultsOf({ ENCRYPTION_KEY, COOKIE_KEYS_FILE: path() })).toMatchObject([
      { name: 'COOKIE_KEYS_FILE', read: expect.stringContaining(why) },
    ])
  })

  test('a wrong secret in a file is named by the file’s variable and not shown', () => {
    const [fault] = faultsOf({ ENCRYPTION_KEY, COOKIE_KEYS_FILE: file('short', 'sh0rt') })
    expect(fault).toMatchObject({ name: 'COOKIE_KEYS_FILE', read: '[redacted]: it is of 5 characters' })
  })

  test('every secret can be a file', () => {
    const secretRows = Object.values(settings).filter((row) => row.secret)
    expect(secretRows.map((row) => row.variable)).toEqual([
      'DATABASE_URL',
      'MIGRATION_DATABASE_URL',
      'REDIS_URL',
      'ENCRYPTION_KEY',
      'COOKIE_KEYS',
      'SMTP_URL',
    ])
    const variables = Object.fromEntries(secretRows.map((row) => [`${row.variable}_FILE`, file(row.variable, row.example)]))
    const { secrets } = loadConfig({ ...variables, MAIL_FROM: settings.mailFrom.example })
    expect(secrets.databaseUrl?.reveal()).toBe(settings.databaseUrl.example)
    expect(secrets.smtpUrl?.reveal()).toBe(settings.smtpUrl.example)
  })
})

describe('what is in force', () => {
  test('secrets are redacted, and each value has its source', () => {
    const shown = settingsInForce({ ...PRODUCTION, LATCHKEY_PASSWORD_HISTORY: '7' })
    expect(JSON.stringify(shown)).not.toMatch(/7hQ2x|9kP3w|9f2c7d1e|J2mXQ0/)
    const by = (variable: string) => shown.find((entry) => entry.variable === variable)
    expect(by('LATCHKEY_PASSWORD_HISTORY')).toEqual({ variable: 'LATCHKEY_PASSWORD_HISTORY', value: '7', source: 'environment' })
    expect(by('DATABASE_URL')).toEqual({ variable: 'DATABASE_URL', value: '[redacted]', source: 'environment' })
    expect(by('SMTP_URL')).toEqual({ variable: 'SMTP_URL', value: 'not set', source: 'not set' })
    expect(by('PORT')).toEqual({ variable: 'PORT', value: '3000', source: 'default' })
    expect(shown).toHaveLength(Object.keys(settings).length)
  })

  test('the issuer that follows from the port is shown', () => {
    const shown = settingsInForce({ ...DEVELOPMENT, PORT: '4000' })
    expect(shown.find((entry) => entry.variable === 'ISSUER')).toEqual({
      variable: 'ISSUER',
      value: 'http://localhost:4000',
      source: 'default',
    })
  })

  test('faults are faults here too', () => {
    expect(() => settingsInForce({ PORT: 'x' })).toThrow(ConfigError)
  })
})
