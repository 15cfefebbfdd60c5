// Secrets: a type apart from the configuration that prints as `[redacted]`, the settings that are secret, and how strong they must be.
import { inspect } from 'node:util'
import { optionalSetting, type ValueKind } from './setting.ts'
import { Detail, kindOf, listed } from './value-kinds.ts'

const REDACTED = '[redacted]'

/**
 * A secret text. However it is printed (String, a template, JSON, util.inspect, a log), `[redacted]` is what is seen;
 * only `reveal()` tells it.
 */
export class Secret {
  readonly #text: string

  constructor(value: string | Buffer) {
    this.#text = typeof value === 'string' ? value : value.toString('utf8')
  }

  /** The secret itself. Call it where the secret is used, and keep no copy. */
  reveal(): string {
    return this.#text
  }

  toString(): string {
    return REDACTED
  }

  toJSON(): string {
    return REDACTED
  }

  [Symbol.toPrimitive](): string {
    return REDACTED
  }

  [inspect.custom](): string {
    return REDACTED
  }
}

/** What the program knows and must not tell. */
export interface Secrets {
  readonly databaseUrl?: Secret
  /** A role that may change the schema, where that of `databaseUrl` may not. */
  readonly migrationDatabaseUrl?: Secret
  readonly redisUrl?: Secret
  /** Each reveals the base64url of 32 bytes. The first encrypts, all decrypt. */
  readonly encryptionKeys: readonly Secret[]
  /** The first signs cookies, all verify. */
  readonly cookieKeys: readonly Secret[]
  readonly smtpUrl?: Secret
}

const MINIMUM_COOKIE_KEY_LENGTH = 32
const ENCRYPTION_KEY_BYTES = 32

/** Words that stand in values which somebody meant to replace. Random keys of this length do not have them by chance. */
const PLACEHOLDER_WORDS = ['changeme', 'change-me', 'password', 'secret', 'example', 'sample', 'insecure', 'default']

const postgresUrl: ValueKind<Secret> = kindOf('a postgresql:// URL', (text) => {
  if (!URL.canParse(text)) return undefined
  return ['postgres:', 'postgresql:'].includes(new URL(text).protocol) ? new Secret(text) : undefined
})

const REDIS_HOST = '(?:[A-Za-z0-9._-]{1,253}|\\[[0-9A-Fa-f:.]{2,45}\\])(?::\\d{1,5})?'
const REDIS_URL = new RegExp(
  `^(rediss?)(\\+sentinel|\\+cluster)?://(?:[^@/?#\\s]{0,512}@)?(${REDIS_HOST}(?:,${REDIS_HOST}){0,31})(/[^?#\\s]{0,200})?(\\?\\S{0,200})?$`,
)

const redisUrl: ValueKind<Secret> = kindOf(
  'a redis:// or rediss:// URL, redis+sentinel://host:26379,…/name-of-the-master/0 or redis+cluster://host:6379,…',
  (text) => {
    const [, , kind, hosts = '', path = ''] = REDIS_URL.exec(text) ?? []
    if (hosts === '') return undefined
    if (kind === undefined && hosts.includes(','))
      return new Detail('it names several hosts: say redis+sentinel:// or redis+cluster://')
    if (kind === '+sentinel' && !/^\/[^/]+/.test(path)) return new Detail('it does not name the master after the hosts')
    return new Secret(text)
  },
)

const smtpUrl: ValueKind<Secret> = kindOf('an smtp:// or smtps:// URL', (text) => {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  return ['smtp:', 'smtps:'].includes(url.protocol) && url.hostname !== '' ? new Secret(text) : undefined
})

const encryptionKeys: ValueKind<readonly Secret[]> = kindOf(
  `keys separated by commas, each the base64 or base64url of ${ENCRYPTION_KEY_BYTES} random bytes`,
  (text) =>
    eachKey(text, (key) => {
      if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(key)) return 'is not base64'
      const bytes = Buffer.from(key, 'base64')
      return bytes.length === ENCRYPTION_KEY_BYTES ? new Secret(bytes.toString('base64url')) : `is of ${bytes.length} bytes`
    }),
)

const cookieKeys: ValueKind<readonly Secret[]> = kindOf(
  `keys separated by commas, each of ${MINIMUM_COOKIE_KEY_LENGTH} random characters or more`,
  (text) =>
    eachKey(text, (key) => (key.length >= MINIMUM_COOKIE_KEY_LENGTH ? new Secret(key) : `is of ${key.length} characters`)),
)

/** The settings that are secret. Their examples are samples, which production refuses. */
export const secretSettings = {
  databaseUrl: optionalSetting({
    variable: 'DATABASE_URL',
    kind: postgresUrl,
    secret: true,
    otherwise: 'the embedded PostgreSQL in `DATA_DIR`; required in production',
    meaning: 'The PostgreSQL database that keeps all that must survive.',
    example: 'postgresql://latchkey:change-me@localhost:5432/latchkey',
  }),
  migrationDatabaseUrl: optionalSetting({
    variable: 'MIGRATION_DATABASE_URL',
    kind: postgresUrl,
    secret: true,
    otherwise: '`DATABASE_URL`',
    meaning: 'The same database by a role that may change its schema, so that the server itself can do without that right.',
    example: 'postgresql://latchkey_owner:change-me@localhost:5432/latchkey',
  }),
  redisUrl: optionalSetting({
    variable: 'REDIS_URL',
    kind: redisUrl,
    secret: true,
    otherwise: 'the memory of the process; required in production',
    meaning: 'The Redis that keeps sessions, codes and counters: a single one, `redis+sentinel://` or `redis+cluster://`.',
    example: 'redis://:change-me@localhost:6379/0',
  }),
  encryptionKeys: optionalSetting({
    variable: 'ENCRYPTION_KEY',
    kind: encryptionKeys,
    secret: true,
    otherwise: 'made once and kept in `DATA_DIR`; required in production',
    meaning:
      'Seals what is kept. The first key encrypts and all decrypt: put a new one in front, and take the old one away later. Make one with `openssl rand -base64 32`.',
    makeWith: 'openssl rand -base64 32',
    example: 'c2FtcGxlLWtleS1vZi1leGFtcGxlLmVudi0tLS0tLS0=',
  }),
  cookieKeys: optionalSetting({
    variable: 'COOKIE_KEYS',
    kind: cookieKeys,
    secret: true,
    otherwise: 'made once and kept in `DATA_DIR`; required in production',
    meaning: 'Sign cookies. The first key signs and all verify. Make one with `openssl rand -hex 32`.',
    makeWith: 'openssl rand -hex 32',
    example: 'sample-cookie-key-change-me-0123456789',
  }),
  smtpUrl: optionalSetting({
    variable: 'SMTP_URL',
    kind: smtpUrl,
    secret: true,
    otherwise: 'no mail is sent; in development it is kept for the page `/dev/mail`',
    meaning:
      'The mail server. `smtps://` is TLS from the start; with `smtp://` a server on another machine must offer STARTTLS, unless the URL ends in `?requireTLS=false`.',
    example: 'smtps://latchkey:change-me@mail.example.com:465',
  }),
}

/** Says why a key could be guessed, or nothing when it seems random. For production, which refuses such keys. */
export function weakness(key: Secret, form: 'text' | 'base64url'): string | undefined {
  const text = form === 'text' ? key.reveal() : Buffer.from(key.reveal(), 'base64url').toString('latin1')
  const word = PLACEHOLDER_WORDS.find((placeholder) => text.toLowerCase().includes(placeholder))
  if (word !== undefined) return `it has the word "${word}" in it`
  return new Set(text).size < 8 ? 'it is made of a few characters only' : undefined
}

function eachKey(text: string, read: (key: string) => Secret | string): readonly Secret[] | Detail | undefined {
  const keys = listed(text)
  const secrets: Secret[] = []
  for (const [index, key] of keys.entries()) {
    const secret = read(key)
    if (typeof secret === 'string')
      return new Detail(keys.length === 1 ? `it ${secret}` : `key ${index + 1} of ${keys.length} ${secret}`)
    secrets.push(secret)
  }
  return secrets.length === 0 ? undefined : secrets
}
