// The database comes back from a backup: it has forgotten what was revoked since, and nothing of that may live again.
import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { loadConfig } from '../../config/config.ts'
import { createCommandHandlers } from '../../server/commands/handlers.ts'
import { CHECKS_PER_RECALL, createRestoreWatch } from '../../server/maintenance/restored-database.ts'
import { StorageUnavailable } from '../../server/storage/errors.ts'
import { API, MACHINE, NOTES, SPA, WEB } from '../support/clients.ts'
import { until } from '../support/logout-app.ts'
import {
  authorizationRequest,
  claimsOf,
  clientRequest,
  introspect,
  obtainTokens,
  refresh,
  tokenRequest,
} from '../support/oauth.ts'
import { createDatabase, run, type TestDatabase, urlOfDatabase } from '../support/postgres.ts'
import { redisUrl } from '../support/redis.ts'
import { startServer, type TestServer } from '../support/server.ts'

type Answer = Awaited<ReturnType<typeof obtainTokens>>['tokens']

const refreshTokenOf = ({ body }: Answer) => body.refresh_token ?? ''
const accessTokenOf = ({ body }: Answer) => body.access_token ?? ''

const nameOf = (url: string) => new URL(url).pathname.slice(1)

/** Makes a copy of a database that nobody uses just now, in the place of another one. */
async function copy(from: string, to: string): Promise<void> {
  const server = urlOfDatabase(from, 'postgres')
  await run(server, `DROP DATABASE IF EXISTS ${nameOf(to)} WITH (FORCE)`)
  await run(server, `CREATE DATABASE ${nameOf(to)} TEMPLATE ${nameOf(from)}`)
}

async function expectDead(server: TestServer, answer: Answer): Promise<void> {
  const client = refreshTokenOf(answer) === '' ? MACHINE : SPA
  if (client === SPA) expect((await refresh(server, SPA, refreshTokenOf(answer))).body.error).toBe('invalid_grant')
  expect(await introspect(server, API, accessTokenOf(answer))).toEqual({ active: false })
}

const endsOf = (server: TestServer) =>
  server.latchkey.stores.db.auditEvent.findMany({ where: { name: 'everything.ended' }, select: { detail: true, reason: true } })

describe('a backup is restored', () => {
  let database: TestDatabase
  let backup: string
  let issuer: string
  /** From before the backup, as everything here; what happened to it afterwards is in the names. */
  let revoked: Answer
  let jwtRevoked: Answer
  let signedOut: Answer
  let rotated: Answer
  let untouched: Answer
  let machine: Answer

  const start = (redis: string) => startServer({ databaseUrl: database.url, redisUrl: redis, settings: { ISSUER: issuer } })

  /** A day in which a backup was made, and things were revoked after it; the server is down at its end. */
  async function aDay(redis: string): Promise<void> {
    const first = await startServer({ databaseUrl: database.url, redisUrl: redis })
    issuer = first.issuer
    const signIn = async () => (await obtainTokens(first, SPA)).tokens
    revoked = await signIn()
    jwtRevoked = await signIn()
    signedOut = await signIn()
    rotated = await signIn()
    untouched = await signIn()
    machine = await machineToken(first)
    await first.stop()
    await copy(database.url, backup)

    const second = await start(redis)
    await clientRequest(second, '/revoke', SPA, { token: refreshTokenOf(revoked) })
    await clientRequest(second, '/revoke', SPA, { token: accessTokenOf(jwtRevoked) })
    const { sub, sid } = claimsOf(accessTokenOf(signedOut))
    const leaving = { accountId: String(sub), sessionId: String(sid), origin: {}, how: 'signed_out' } as const
    expect(await second.latchkey.nouns.sessions.signOut(leaving)).toMatchObject({ sessions: 1, refresh_families: 1 })
    rotated = await refresh(second, SPA, refreshTokenOf(rotated))
    await second.stop()
  }

  beforeEach(async () => {
    database = await createDatabase()
    backup = `${database.url}_backup_${randomBytes(4).toString('hex')}`
  })

  afterEach(async () => {
    await database?.drop()
    await run(urlOfDatabase(backup, 'postgres'), `DROP DATABASE IF EXISTS ${nameOf(backup)} WITH (FORCE)`)
  })

  test('MG5: what was revoked after it stays dead, and so is all that the backup knew; people sign in again', async () => {
    const redis = redisUrl()
    await aDay(redis)
    await copy(backup, database.url)
    const server = await start(redis)
    try {
      for (const answer of [revoked, jwtRevoked, signedOut, rotated, untouched]) await expectDead(server, answer)
      expect(await introspect(server, API, accessTokenOf(machine))).toEqual({ active: false })
      expect(await endsOf(server)).toMatchObject([{ detail: { cause: 'database_restored' } }])
      expect(server.log.text).toContain('PostgreSQL was put back to an earlier state')
    } finally {
      await server.stop()
    }
    // Nothing is behind any more: the next start leaves everybody alone, and people can sign in.
    const next = await startServer({ databaseUrl: database.url, redisUrl: redis })
    try {
      await next.advance(2)
      const again = await obtainTokens(next, SPA)
      expect((await refresh(next, SPA, refreshTokenOf(again.tokens))).status).toBe(200)
      expect(await introspect(next, API, accessTokenOf(again.tokens))).toMatchObject({ active: true })
      expect(await endsOf(next)).toHaveLength(1)
    } finally {
      await next.stop()
    }
  }, 120_000)

  test('MG5: what was revoked after it stays dead also where all were stopped, and the database has gone on past it', async () => {
    const redis = redisUrl()
    await aDay(redis)
    await copy(backup, database.url)
    // What it has lost is gone on from by a process that does not know the first Redis, and it is not behind any more.
    const promoted = await start(redisUrl())
    const had = await sequenceOf(database.url)
    for (let count = 0; count < 8; count += 1) {
      const token = accessTokenOf(await machineToken(promoted))
      expect((await clientRequest(promoted, '/revoke', MACHINE, { token })).status).toBe(200)
    }
    await promoted.stop()
    expect(await sequenceOf(database.url)).toBe(had + 8)

    const server = await start(redis)
    try {
      for (const answer of [revoked, jwtRevoked, signedOut, rotated, untouched]) await expectDead(server, answer)
      expect(await endsOf(server)).toMatchObject([{ detail: { cause: 'database_restored' } }])
    } finally {
      await server.stop()
    }
    const next = await start(redis)
    try {
      await next.advance(2)
      expect(await endsOf(next)).toHaveLength(1)
    } finally {
      await next.stop()
    }
  }, 120_000)

  test('RT16: a Redis that has forgotten as well is no alarm; the operator ends everything by hand', async () => {
    await aDay(redisUrl())
    await copy(backup, database.url)
    const server = await start(redisUrl())
    try {
      expect(await endsOf(server)).toEqual([])
      const { config } = loadConfig({ NODE_ENV: 'test' })
      const verbs = createCommandHandlers({ config, latchkey: server.latchkey })
      const asked = await verbs['end everything']?.({ dryRun: true })
      expect(asked?.data).toMatchObject({ dry_run: true, sessions: 5, grants: 5, refresh_families: 5 })
      expect((await refresh(server, SPA, refreshTokenOf(untouched))).status).toBe(200)
      const done = await verbs['end everything']?.({ reason: 'restored from last night' })
      expect(done?.data).toMatchObject({ dry_run: false, sessions: 5, grants: 5, refresh_families: 5 })
      for (const answer of [revoked, jwtRevoked, signedOut, rotated, untouched]) await expectDead(server, answer)
      expect(await introspect(server, API, accessTokenOf(machine))).toEqual({ active: false })
      expect(await endsOf(server)).toMatchObject([
        { reason: 'restored from last night', detail: { cause: 'everything_ended', sessions: 5, grants: 5 } },
      ])
    } finally {
      await server.stop()
    }
  }, 120_000)
})

describe('while servers run', () => {
  let server: TestServer
  let neighbour: TestServer

  beforeAll(async () => {
    const redis = redisUrl()
    server = await startServer({ redisUrl: redis })
    neighbour = await startServer({ redisUrl: redis, databaseUrl: server.databaseUrl, settings: { ISSUER: server.issuer } })
  })

  afterAll(async () => {
    await neighbour?.stop()
    await server?.stop()
  })

  const watchOf = ({ latchkey }: TestServer) =>
    createRestoreWatch({
      ...latchkey.stores,
      log: latchkey.log,
      endEverything: latchkey.nouns.endEverything,
      highestSeen: () => 0,
    })

  test('a database that falls behind ends everything, once, whoever sees it first; its numbers go on where they were', async () => {
    const { browser, tokens } = await obtainTokens(server, SPA)
    const opaque = await obtainTokens(server, WEB, { params: { scope: 'openid email' } })
    const watches = [watchOf(server), watchOf(neighbour)]
    await run(server.databaseUrl, 'UPDATE revocation_counter SET sequence = 500')
    await Promise.all(watches.map((watch) => watch.check()))
    expect(await endsOf(server)).toEqual([])
    await run(server.databaseUrl, 'UPDATE revocation_counter SET sequence = 400')
    await Promise.all(watches.map((watch) => watch.check()))
    await Promise.all(watches.map((watch) => watch.check()))
    expect(await endsOf(server)).toHaveLength(1)
    await expectDead(server, tokens)
    expect(await introspect(neighbour, WEB, accessTokenOf(opaque.tokens))).toEqual({ active: false })
    expect((await browser.open(authorizationRequest(server, SPA).url)).body).toContain('name="password"')
    const [counter] = await run(server.databaseUrl, 'SELECT sequence::int AS sequence FROM revocation_counter')
    expect(counter?.sequence).toBeGreaterThan(500)
  })

  test('a database that lost a revocation and has gone on since is not behind: everything ends all the same, and once', async () => {
    const before = (await endsOf(server)).length
    const { tokens } = await obtainTokens(server, SPA)
    const { grant_id: grantId } = claimsOf(accessTokenOf(tokens))
    await clientRequest(server, '/revoke', SPA, { token: refreshTokenOf(tokens) })
    await expectDead(server, tokens)
    const [lost] = await run(server.databaseUrl, "SELECT sequence FROM revocations WHERE value = $1 AND kind = 'grant_id'", [
      grantId,
    ])
    for (const { latchkey } of [server, neighbour]) {
      await until(async () => latchkey.revocations.follower.log.sequence >= Number(lost?.sequence))
    }
    // As a standby that had not received that transaction; another one has its number.
    await run(
      server.databaseUrl,
      `BEGIN; UPDATE revocations SET kind = 'jti', value = 'somebody else’s' WHERE sequence = ${Number(lost?.sequence)};
       UPDATE grants SET ended_at = NULL, end_reason = NULL WHERE id = '${grantId}';
       UPDATE refresh_families SET ended_at = NULL, end_reason = NULL WHERE grant_id = '${grantId}'; COMMIT`,
    )
    await until(async () => (await endsOf(server)).length > before)
    await expectDead(server, tokens)
    await Promise.all([server, neighbour].map(({ latchkey }) => latchkey.revocations.follower.catchUp()))
    expect(await endsOf(server)).toHaveLength(before + 1)
  }, 60_000)

  test('a Redis that was emptied is told again within half a minute, and one that is away keeps nobody from noticing', async () => {
    const { db } = server.latchkey.stores
    let kept: unknown
    let away = false
    const ended: unknown[] = []
    const live = {
      async find() {
        if (away) throw new StorageUnavailable('redis', 'it is away')
        return kept === undefined ? undefined : { sequence: kept }
      },
      async put({ payload }: { readonly payload: { readonly [name: string]: unknown } }) {
        if (away) throw new StorageUnavailable('redis', 'it is away')
        kept = payload.sequence
      },
    }
    const endEverything = async (request: object) => (ended.push(request) > 0 ? {} : undefined)
    const watch = createRestoreWatch({ db, live, log: server.latchkey.log, endEverything, highestSeen: () => 0 })
    await watch.check()
    const { sequence } = await db.revocationCounter.findUniqueOrThrow({ where: { id: 1 } })
    expect(kept).toBe(Number(sequence))
    kept = undefined
    for (let second = 0; second < CHECKS_PER_RECALL; second += 1) await watch.check()
    expect(kept).toBe(Number(sequence))
    away = true
    await run(server.databaseUrl, 'UPDATE revocation_counter SET sequence = sequence - 1')
    await watch.check()
    expect(ended).toEqual([{ cause: 'database_restored', ifBehind: Number(sequence) }])
    await run(server.databaseUrl, 'UPDATE revocation_counter SET sequence = sequence + 1')
  })

  test('another database on the same Redis is left alone', async () => {
    const other = await createDatabase()
    await watchOf(server).check()
    const started = await startServer({ databaseUrl: other.url, redisUrl: redisUrl() })
    const watch = createRestoreWatch({
      highestSeen: () => 0,
      db: started.latchkey.stores.db,
      live: server.latchkey.stores.live,
      log: started.latchkey.log,
      endEverything: started.latchkey.nouns.endEverything,
    })
    await watch.check()
    expect(await endsOf(started)).toEqual([])
    await started.stop()
    await other.drop()
  })
})

async function sequenceOf(url: string): Promise<number> {
  const [row] = await run(url, 'SELECT sequence::int AS sequence FROM revocation_counter')
  return Number(row?.sequence)
}

function machineToken(server: TestServer): Promise<Answer> {
  return tokenRequest(server, MACHINE, { grant_type: 'client_credentials', resource: NOTES, scope: 'notes:read' })
}
