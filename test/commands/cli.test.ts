// The command line as a person runs it: the real program, on PostgreSQL, on the embedded database, and beside a server.
import { execFile, spawn } from 'node:child_process'
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from '@jest/globals'
import { loadConfig } from '../../config/config.ts'
import { createAccounts } from '../../server/accounts/accounts.ts'
import { createPasswords } from '../../server/accounts/passwords.ts'
import { createSetupLinks } from '../../server/accounts/setup-links.ts'
import { listenForCommands } from '../../server/commands/control-socket.ts'
import { createCommandHandlers } from '../../server/commands/handlers.ts'
import { createKeyCompromise } from '../../server/keys/key-compromise.ts'
import { createKeyTurns } from '../../server/keys/key-turns.ts'
import { openEmbeddedPostgres } from '../../server/storage/embedded-postgres.ts'
import { migrate } from '../../server/storage/migrations.ts'
import { createSealer } from '../../server/storage/sealing.ts'
import { createEndings } from '../../server/tokens/ending.ts'
import { createDatabase, createEmptyDatabase, run } from '../support/postgres.ts'
import { COMPILED } from '../support/program.ts'

const BIN = fileURLToPath(new URL('../../bin/latchkey.js', import.meta.url))
const KEYS = { ENCRYPTION_KEY: 'J2mXQ0v3rI9yqkz1dW7s5c8pLhT4fBgUeNaRoKxVtYw=', COOKIE_KEYS: '9f2c7d1e5a8b3f604c1d7e9a2b5c8f03' }
const FILE = 'clients:\n- {client_id: spa, token_endpoint_auth_method: none, redirect_uris: ["https://spa.example/cb"]}\n'

const folder = mkdtempSync(join(tmpdir(), 'lk-cli-'))
afterAll(() => rmSync(folder, { recursive: true }))

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs the program as a person would, with this environment and nothing else of ours. */
function cli(settings: Record<string, string>, ...args: string[]): Promise<Ran> {
  return node([BIN, ...args], settings)
}

function node(args: string[], settings: Record<string, string>): Promise<Ran> {
  const env = { ...COMPILED, PATH: '/usr/bin:/bin', HOME: folder, NODE_ENV: 'test', ...settings }
  return new Promise((done) => {
    execFile(process.execPath, args, { env, cwd: folder, timeout: 120_000 }, (error, out, err) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      done({ code, out, err })
    })
  })
}

describe('bin/latchkey.js', () => {
  test('starts the project’s own Node, and passes on output and exit codes', async () => {
    const { code, out } = await cli({}, 'version', '--json')
    expect(code).toBe(0)
    expect(JSON.parse(out)).toEqual({ latchkey: '0.1.0', node: expect.stringMatching(/^24\./) })
    await expect(cli({}, 'versoin')).resolves.toMatchObject({ code: 2, err: expect.stringContaining('did you mean version?') })
  })

  test('says what to do where there is no Node 24', async () => {
    const alone = join(folder, 'alone', 'bin')
    mkdirSync(alone, { recursive: true })
    copyFileSync(BIN, join(alone, 'latchkey.mjs'))
    const old = join(folder, 'old-node.cjs')
    writeFileSync(old, "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })\n")
    const { code, err } = await node(['-r', old, join(alone, 'latchkey.mjs'), 'version'], {})
    expect(code).toBe(1)
    expect(err).toMatch(/^latchkey: there is no Node 24\. Run "npm ci".* this is Node 20\.20\.2\.\n$/)
  })
})

describe('config', () => {
  test('check tells every fault, and writes nothing', async () => {
    const settings = { PORT: 'x', LATCHKEY_PASWORD_HISTORY: '3', DATA_DIR: join(folder, 'untouched') }
    const text = await cli(settings, 'config', 'check')
    expect(text).toMatchObject({ code: 1, out: '' })
    expect(text.err).toContain('2 settings are wrong')
    const json = await cli(settings, 'config', 'check', '--json')
    expect(JSON.parse(json.out)).toMatchObject({ faults: [{ name: 'LATCHKEY_PASWORD_HISTORY' }, { name: 'PORT' }] })
    await expect(cli({ DATA_DIR: join(folder, 'untouched') }, 'config', 'check')).resolves.toMatchObject({ code: 0 })
    expect(existsSync(join(folder, 'untouched'))).toBe(false)
  })

  test('print shows what is in force, without secrets', async () => {
    const { code, out } = await cli(
      { ...KEYS, DATABASE_URL: 'postgresql://u:hunter2@h/d', LATCHKEY_SESSION_TTL: '12h' },
      'config',
      'print',
    )
    expect(code).toBe(0)
    expect(out).toContain('LATCHKEY_SESSION_TTL=12h  # environment\n')
    expect(out).toContain('DATABASE_URL=[redacted]  # environment\n')
    expect(out).toContain('# SMTP_URL=not set\n')
    expect(out).not.toMatch(/hunter2|9f2c7d1e|J2mXQ0/)
  })
})

test('keys: rotated, shown and retired, and never under a key that the servers do not have', async () => {
  const database = await createDatabase()
  const settings = { ...KEYS, DATABASE_URL: database.url, DATA_DIR: join(folder, 'keys') }
  try {
    const rotated = await cli(settings, 'keys', 'rotate', '--now', '--reason', 'the first', '--json')
    expect(rotated.code).toBe(0)
    const keys: { kid: string; alg: string; status: string }[] = JSON.parse(rotated.out)
    expect(keys.map(({ alg, status }) => `${alg} ${status}`).sort()).toEqual(['ES256 signing', 'EdDSA signing', 'RS256 signing'])
    const kid = keys.find(({ alg }) => alg === 'ES256')?.kid ?? ''
    await expect(cli(settings, 'keys', 'rotate', '--alg', 'ES256')).resolves.toMatchObject({
      code: 0,
      out: expect.stringMatching(/^ {2}announced +ES256 +[\w-]{43} {2}signs from \d{4}-\S+\n$/),
    })
    await expect(cli(settings, 'keys', 'rotate', '--alg', 'ES256')).resolves.toMatchObject({
      code: 1,
      err: expect.stringContaining('a key is announced already for ES256'),
    })
    await expect(cli(settings, 'keys', 'retire', `--kid=${kid}`)).resolves.toMatchObject({
      code: 0,
      out: expect.stringContaining(`retired     ES256  ${kid}  published until`),
    })
    const list = await cli(settings, 'keys', 'list')
    expect(list.out.split('\n').filter((line) => line.includes('signing'))).toHaveLength(3)
    expect(list.out).toContain('to be rotated by')
    await expect(cli(settings, 'keys', 'retire', '--kid', 'nobody')).resolves.toMatchObject({
      code: 1,
      err: expect.stringContaining('there is no key nobody'),
    })
    await expect(cli(settings, 'keys', 'rotate', '--alg', 'HS256')).resolves.toMatchObject({
      code: 1,
      err: expect.stringContaining('take one of ES256'),
    })
    const foreign = { ...settings, ENCRYPTION_KEY: 'q83vEjRWeJq83vEjRWeJq83vEjRWeJq83vEjRWeJq80=' }
    await expect(cli(foreign, 'keys', 'rotate', '--now')).resolves.toMatchObject({
      code: 1,
      err: 'latchkey keys rotate: ENCRYPTION_KEY is not the one that the servers have: it does not open the keys that are there\n',
    })
    const events = await run(database.url, 'SELECT DISTINCT actor, reason FROM audit_events WHERE reason IS NOT NULL')
    expect(events).toEqual([{ actor: 'system', reason: 'the first' }])
  } finally {
    await database.drop()
  }
}, 120_000)

test('on a real PostgreSQL: from an empty database to an owner’s link and back', async () => {
  const database = await createEmptyDatabase()
  const settings = { ...KEYS, DATABASE_URL: database.url, DATA_DIR: join(folder, 'pg') }
  const file = join(folder, 'pg.yaml')
  writeFileSync(file, FILE)
  try {
    const before = await cli(settings, 'migrate', 'status', '--json')
    expect(JSON.parse(before.out)).toMatchObject({ applied: [], pending: expect.arrayContaining(['0001_foundation']) })
    await expect(cli(settings, 'apply', '-f', file)).resolves.toMatchObject({
      code: 1,
      err: expect.stringContaining('npx latchkey migrate up'),
    })
    await expect(cli(settings, 'migrate', 'up')).resolves.toMatchObject({
      code: 0,
      out: expect.stringContaining('now applied  0001_foundation'),
    })
    await expect(cli(settings, 'migrate', 'up')).resolves.toMatchObject({ code: 0, out: 'The database is up to date.\n' })

    await expect(cli(settings, 'apply', '-f', file, '--dry-run')).resolves.toMatchObject({
      code: 0,
      out: expect.stringMatching(/\+ client spa\n1 change; nothing was written\.\n$/),
    })
    await expect(cli(settings, 'apply', '-f', 'pg.yaml', '--reason', 'a new app')).resolves.toMatchObject({
      code: 0,
      out: `Plan of ${file}:\n  + client spa\n1 change.\n`,
    })
    const again = await cli(settings, 'apply', '-f', file, '--json')
    expect(JSON.parse(again.out)).toEqual({ file, dry_run: false, changes: [], notes: [] })
    expect(await run(database.url, 'SELECT name, actor, reason, client_id FROM audit_events')).toEqual([
      { name: 'client.created', actor: 'system', reason: 'a new app', client_id: 'spa' },
    ])

    const link = await cli(settings, 'admin', 'setup-link')
    expect(link).toMatchObject({ code: 0, out: expect.stringMatching(/^http:\/\/localhost:3000\/setup\?token=[\w-]{20,}\n/) })
    expect(statSync(join(folder, 'pg', 'setup-link.txt')).mode & 0o777).toBe(0o600)
    await run(
      database.url,
      "INSERT INTO accounts (id, email, email_key, roles) VALUES ('acc_o', 'o@a.test', 'o@a.test', '{owner}')",
    )
    await expect(cli(settings, 'admin', 'setup-link')).resolves.toMatchObject({
      code: 1,
      err: expect.stringContaining('there is an owner already'),
    })

    const down = await cli(settings, 'migrate', 'down')
    expect(down).toMatchObject({ code: 0, out: expect.stringContaining('Taken back: ') })
    await expect(cli(settings, 'migrate', 'status')).resolves.toMatchObject({ out: expect.stringContaining('pending') })
  } finally {
    await database.drop()
  }
}, 180_000)

describe('1 with one line', () => {
  test('a database that cannot be reached', async () => {
    const settings = { ...KEYS, DATABASE_URL: 'postgresql://u:hunter2@127.0.0.1:1/d' }
    const { code, err } = await cli(settings, 'migrate', 'status')
    expect(code).toBe(1)
    expect(err).toMatch(/^latchkey migrate status: PostgreSQL is not available: [^\n]*\n$/)
    expect(err).not.toContain('hunter2')
  })

  test('a file that is not there, and one with faults', async () => {
    await expect(cli(KEYS, 'apply', '-f', 'nowhere.yaml')).resolves.toMatchObject({
      code: 1,
      err: `latchkey apply: there is no file ${join(folder, 'nowhere.yaml')}\n`,
    })
    const database = await createDatabase()
    try {
      writeFileSync(join(folder, 'faulty.yaml'), 'clients:\n- {client_id: a b}\n')
      const { code, err } = await cli({ ...KEYS, DATABASE_URL: database.url }, 'apply', '-f', 'faulty.yaml')
      expect(code).toBe(1)
      expect(err).toContain('faulty.yaml:2:15: client_id: it must be')
      expect(err).not.toContain('    at ')
    } finally {
      await database.drop()
    }
  })
})

describe('on the embedded database', () => {
  test('the command line opens it itself, or asks the server that has it open', async () => {
    const dataDir = join(folder, 'embedded')
    const settings = { ...KEYS, DATA_DIR: dataDir }
    const file = join(folder, 'embedded.yaml')
    writeFileSync(file, FILE)
    await expect(cli(settings, 'apply', '-f', file)).resolves.toMatchObject({
      code: 0,
      out: expect.stringContaining('+ client spa'),
    })
    // For the server below: to make a database takes most of a minute on a busy machine.
    cpSync(join(dataDir, 'postgres'), join(folder, 'serve', 'postgres'), { recursive: true })

    const embedded = await openEmbeddedPostgres({ dataDir })
    const { db } = embedded
    const { config, secrets } = loadConfig({ NODE_ENV: 'test', ...settings })
    const passwords = createPasswords({ hashing: config.hashing })
    try {
      expect(await migrate(embedded.migrationTarget)).toEqual([])
      expect(await db.client.count()).toBe(1)
      // The database is open, and nobody listens yet: as while a server starts.
      await expect(cli(settings, 'apply', '-f', file)).resolves.toMatchObject({
        code: 1,
        err: expect.stringContaining(`process ${process.pid}`),
      })

      const accounts = createAccounts({ db, passwords })
      const setupLinks = createSetupLinks({ db, accounts, passwords, policy: config.passwordPolicy, lifetimeSeconds: 1800 })
      const endings = createEndings({ db, accessTokenLifeSeconds: () => 900, announce: () => undefined })
      const sealer = createSealer(secrets.encryptionKeys)
      const ofKeys = { db, sealer, publishedSeconds: 86_400, changed: async () => undefined }
      const keys = { turns: createKeyTurns(ofKeys), compromise: createKeyCompromise({ ...ofKeys, endings }) }
      const latchkey = { stores: { db, sealer }, nouns: { endings, passwords, setupLinks }, keys }
      const handlers = createCommandHandlers({ config, latchkey })
      await using _ = await listenForCommands({ dataDir, handlers })
      await expect(cli(settings, 'apply', '-f', 'embedded.yaml')).resolves.toMatchObject({
        code: 0,
        out: expect.stringContaining('Nothing to change.'),
      })
      writeFileSync(file, 'clients: []\n')
      await expect(cli(settings, 'apply', '-f', 'embedded.yaml', '--prune')).resolves.toMatchObject({
        code: 0,
        out: expect.stringContaining('- client spa'),
      })
      await expect(cli(settings, 'keys', 'rotate', '--alg', 'ES256', '--json')).resolves.toMatchObject({
        code: 0,
        out: expect.stringContaining('"status": "announced"'),
      })
      // Its row stays without contents for as long as something of its may live.
      expect(await db.client.count({ where: { status: { not: 'deleted' } } })).toBe(0)
      writeFileSync(file, 'clients: [{}]\n')
      await expect(cli(settings, 'apply', '-f', 'embedded.yaml')).resolves.toMatchObject({
        code: 1,
        err: expect.stringContaining('client_id is missing'),
      })

      await expect(cli(settings, 'migrate', 'status')).resolves.toMatchObject({
        code: 0,
        out: expect.stringContaining('The database is up to date.'),
      })
      await expect(cli(settings, 'migrate', 'down')).resolves.toMatchObject({
        code: 1,
        err: expect.stringContaining('stop it first'),
      })
      await expect(cli(settings, 'admin', 'setup-link')).resolves.toMatchObject({
        code: 0,
        out: expect.stringContaining('/setup?token='),
      })
      expect(readFileSync(join(dataDir, 'setup-link.txt'), 'utf8')).toMatch(/^http:/)
    } finally {
      await passwords.close()
      await embedded.close()
    }
  }, 180_000)
})

test('serve runs until SIGTERM, which reaches the server; the command line works beside it', async () => {
  const settings = { ...KEYS, DATA_DIR: join(folder, 'serve'), DEMO: 'off', LOG_FORMAT: 'json', PORT: '0', MANAGEMENT_PORT: '0' }
  const server = spawn(process.execPath, [BIN, 'serve'], {
    env: { ...COMPILED, PATH: '/usr/bin:/bin', HOME: folder, NODE_ENV: 'test', ...settings },
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  const ended = new Promise<[number | null, NodeJS.Signals | null]>((done) => server.once('exit', (...how) => done(how)))
  try {
    await new Promise<void>((ready, failed) => {
      for (const stream of [server.stdout, server.stderr]) {
        stream.setEncoding('utf8').on('data', (text) => {
          said += text
          if (/"msg":"ready"/.test(said)) ready()
        })
      }
      ended.then(() => failed(new Error(`the server ended: ${said}`)), failed)
    })
    writeFileSync(join(folder, 'beside.yaml'), FILE.replace('client_id: spa', 'client_id: beside'))
    await expect(cli(settings, 'apply', '-f', 'beside.yaml')).resolves.toMatchObject({
      code: 0,
      err: '',
      out: expect.stringContaining('+ client beside'),
    })
    await expect(cli(settings, 'demo', 'remove')).resolves.toMatchObject({ code: 0, out: 'There is nothing of the demo.\n' })
    server.kill('SIGTERM')
    await expect(ended).resolves.toEqual([0, null])
    expect(existsSync(join(folder, 'serve', 'control.sock'))).toBe(false)
  } finally {
    server.kill('SIGKILL')
  }
}, 180_000)
