// Starts the real program for tests: on a database of its own in the real PostgreSQL, on the real Redis, on port 0, with
// a clock that the test moves.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from '../../config/config.ts'
import { compose, type Latchkey } from '../../server/compose.ts'
import { createLog } from '../../server/http/log.ts'
import { API, BILLING, MACHINE, NOTES, PARTNER, SPA, type TestClient, WEB } from './clients.ts'
import { LogLines } from './log-lines.ts'
import { createDatabase, moveDatabaseClock } from './postgres.ts'
import { redisUrl } from './redis.ts'

/** The program under test. */
export interface TestServer {
  readonly issuer: string
  readonly latchkey: Latchkey
  readonly databaseUrl: string
  readonly log: LogLines
  readonly ada: { readonly username: string; readonly password: string }
  readonly grace: { readonly username: string; readonly password: string }
  /** Moves the time of the program, of the library and of the database. */
  advance(seconds: number): Promise<void>
  stop(): Promise<void>
}

/** The owner of the tests. */
export const ADA = { username: 'ada@people.example', password: 'an analytical engine 1843' }
const GRACE = { username: 'grace@people.example', password: 'a moth in relay 70 panel F' }

/**
 * The hashes of those passwords: a server that had to hash them itself would not start before it has started processes for
 * it. `real` are made by the parameters that the program has when nothing is set, `cheap` by CHEAP_HASHING.
 */
const HASHES = {
  real: {
    ada: '$argon2id$v=19$m=19456,t=2,p=1$9HPGsHDwBSNcmbYYqL4Lsg$u++2iGJi4bkVODtE6TLfbioaSMOmloLJLlAERNnltBo',
    grace: '$argon2id$v=19$m=19456,t=2,p=1$nfdiSNkqYGTaIbOm71OaNw$67sIm9QrLOb249xmeo09RnBy0tTn+moSDgAbB09b8WQ',
  },
  cheap: {
    ada: '$argon2id$v=19$m=1024,t=1,p=1$nJndXrCbtHW7lLVpppaA/Q$RaIMgIfmvJeoroP+JV47zzggaZTK4K9JYiaEbJUCMfY',
    grace: '$argon2id$v=19$m=1024,t=1,p=1$I9AZiSgPIy+CtfaexWw7Vg$tN1mSH/79n1hnhgPAo/HnAxB5UG7SaGRE05V+V1fPJs',
  },
} as const

/** Less than anybody may set: a hash is made to take long, and tests sign in some thousand times. */
const CHEAP_HASHING = { memoryKiB: 1024, passes: 1 }

/** The provision file of the tests. */
export const PROVISION = {
  clients: [
    spa(SPA, { skip_consent: true, post_logout_redirect_uris: ['https://spa.example/'] }),
    confidential(WEB, { skip_consent: true, post_logout_redirect_uris: ['https://web.example/'] }),
    confidential(PARTNER, {}),
    { ...MACHINE, grant_types: ['client_credentials'], scope: 'notes:read billing:read' },
    { ...API, grant_types: ['client_credentials'] },
  ],
  resource_servers: [
    { identifier: NOTES, scopes: ['notes:read', 'notes:write'], default: true, clients: [API.client_id] },
    { identifier: BILLING, scopes: ['billing:read'], access_token_format: 'opaque' },
  ],
  accounts: accountsWith('real'),
}

/**
 * Starts the program. `provision` adds to the provision file, `settings` to the environment; with `realHashes` passwords are
 * hashed as they are anywhere else.
 */
export async function startServer(
  options: {
    readonly settings?: { readonly [name: string]: string }
    readonly provision?: { readonly clients?: readonly object[]; readonly accounts?: readonly object[] }
    readonly redisUrl?: string
    readonly databaseUrl?: string
    readonly realHashes?: true
  } = {},
): Promise<TestServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'latchkey-test-'))
  const database = options.databaseUrl === undefined ? await createDatabase() : { url: options.databaseUrl, drop: async () => {} }
  const { server, port } = await listenAnywhere()
  const issuer = `http://localhost:${port}`
  const provisionFile = join(dataDir, 'provision.json')
  const { clients = [], accounts = [] } = options.provision ?? {}
  const hashes = options.realHashes ? 'real' : 'cheap'
  await writeFile(
    provisionFile,
    JSON.stringify({
      ...PROVISION,
      clients: [...PROVISION.clients, ...clients],
      accounts: [...accountsWith(hashes), ...accounts],
    }),
  )
  const { config: set, secrets } = loadConfig({
    NODE_ENV: 'test',
    PORT: String(port),
    ISSUER: issuer,
    // A second server of the same issuer (`ISSUER` in `settings`) is asked at its own port.
    LATCHKEY_HOST_ALIASES: `localhost:${port}`,
    DATA_DIR: dataDir,
    DATABASE_URL: database.url,
    REDIS_URL: options.redisUrl ?? redisUrl(),
    PROVISION_FILE: provisionFile,
    DEMO: 'off',
    LATCHKEY_RATE_LIMITS: 'off',
    // Test files share a machine; those that ask for an answer in time say so.
    LATCHKEY_ANSWER_WITHIN_MS: '30000',
    ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64url'),
    COOKIE_KEYS: 'a-cookie-key-that-is-only-for-tests-0001',
    ...options.settings,
  })
  const config = options.realHashes ? set : { ...set, hashing: { ...set.hashing, ...CHEAP_HASHING } }
  const log = new LogLines()
  const time = startTestTime(database.url)
  const latchkey = await compose(config, secrets, {
    clock: time.clock,
    log: createLog({ level: 'debug', format: 'json', destination: log }),
  }).catch(async (error: unknown) => {
    // A port that is still listened at would keep the run of the tests from ending.
    server.close()
    await database.drop()
    throw error
  })
  server.on('request', latchkey.app.callback())
  return {
    issuer,
    latchkey,
    databaseUrl: database.url,
    log,
    ada: ADA,
    grace: GRACE,
    async advance(seconds) {
      // As the program would have done by then.
      await latchkey.nouns.sessions.writeLastUses()
      await time.advance(seconds)
      // It goes by the database's time as of its last looks, which are at most a second ago where time does not jump.
      await latchkey.revocations.follower.catchUp()
      await latchkey.registry.catchUp()
    },
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await latchkey[Symbol.asyncDispose]()
      await time.stop()
      await database.drop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

/**
 * Time that a test moves. The library asks `Date` itself, so `Date` is moved along; timers go on as ever. The database
 * has a clock of its own, which every statement of ours asks.
 */
function startTestTime(databaseUrl: string) {
  let offsetSeconds = 0
  const real = performance.timeOrigin
  const now = () => Math.floor(real + performance.now()) + offsetSeconds * 1000
  const original = Date.now
  return {
    clock: now,
    async advance(seconds: number) {
      offsetSeconds += seconds
      Date.now = now
      await moveDatabaseClock(databaseUrl, offsetSeconds)
    },
    async stop() {
      Date.now = original
    },
  }
}

async function listenAnywhere(): Promise<{ server: Server; port: number }> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, port: (server.address() as AddressInfo).port }
}

function accountsWith(which: keyof typeof HASHES): readonly object[] {
  const { ada, grace } = HASHES[which]
  return [
    { email: ADA.username, email_verified: true, name: 'Ada Lovelace', password_hash: ada, roles: ['owner'] },
    { email: GRACE.username, email_verified: true, name: 'Grace Hopper', password_hash: grace },
  ]
}

function spa(client: TestClient, more: object): object {
  return {
    client_id: client.client_id,
    client_name: 'Notes',
    token_endpoint_auth_method: 'none',
    redirect_uris: [client.redirect_uri],
    grant_types: ['authorization_code', 'refresh_token'],
    scope: `${client.scope} offline_access`,
    ...more,
  }
}

function confidential(client: TestClient, more: object): object {
  return {
    client_id: client.client_id,
    client_name: `App ${client.client_id}`,
    client_secret: client.client_secret,
    redirect_uris: [client.redirect_uri],
    grant_types: ['authorization_code', 'refresh_token'],
    scope: client.scope,
    ...more,
  }
}
