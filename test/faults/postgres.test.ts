// PostgreSQL in every trouble it can be in, one at a time: whoever needs it is told to come again, nothing is half done, and
// nothing that was ended comes back.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import pg from 'pg'
import { API, SPA, WEB } from '../support/clients.ts'
import { claimsOf, clientRequest, obtainTokens, refresh } from '../support/oauth.ts'
import { run, startPrivatePostgres } from '../support/postgres.ts'
import type { PostgresServer } from '../support/postgres-server.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import {
  IN_TIME,
  openSignIn,
  prepare,
  recovers,
  revoke,
  saysNotNow,
  signedIn,
  staysDead,
  timely,
  untilItWorks,
} from './under-fault.ts'

const RACERS = 20

let postgres: PostgresServer
let proxy: TcpProxy
let server: TestServer

beforeAll(async () => {
  postgres = await startPrivatePostgres(['synchronous_commit=on', 'deadlock_timeout=500ms', 'max_connections=25'])
  proxy = await startTcpProxy(Number(new URL(postgres.url).port))
  const url = new URL(postgres.url)
  url.port = String(proxy.port)
  server = await startServer({ databaseUrl: url.href, settings: { ...IN_TIME, LATCHKEY_DATABASE_POOL_SIZE: '5' } })
}, 60_000)

afterAll(async () => {
  await server?.stop()
  proxy?.close()
  await postgres?.stop()
})

/** A connection of its own, for what must stay open. */
async function connection(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: postgres.url })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

const change = (sql: string) => run(postgres.url, sql)

describe('PostgreSQL', () => {
  test.each([
    ['FT13: stopped at once', () => postgres.kill(), () => postgres.restart()],
    ['FT15: its backends hang', () => postgres.pause(), () => postgres.resume()],
    ['FT15: nothing comes through, and nobody is told', () => proxy.hang(), () => proxy.heal()],
    ['FT15: two seconds slow', () => proxy.slow(2000), () => proxy.heal()],
    ['FT15: slow by so much that many waits add up', () => proxy.slow(350), () => proxy.heal()],
  ])(
    '%s: every request says so, and all comes back',
    async (title, begin, end) => {
      const tokens = await prepare(server)
      await begin()
      try {
        if (title.includes('add up')) {
          const [page, asked] = [timely(() => openSignIn(server)), timely(() => refresh(server, SPA, tokens.kept))]
          expect([200, 503]).toContain((await page).status)
          expect([200, 503]).toContain((await asked).status)
          await staysDead(server, tokens.revoked)
        } else await saysNotNow(server, tokens)
      } finally {
        await end()
      }
      await recovers(server, tokens)
    },
    60_000,
  )

  test('FT14: restarted: the next request finds it again', async () => {
    const tokens = await prepare(server)
    await postgres.restart()
    await recovers(server, tokens)
  }, 60_000)
})

describe('FT16: no connection is left', () => {
  test('all of the pool wait for a lock', async () => {
    const tokens = await prepare(server)
    const holder = await connection()
    await holder.query('BEGIN')
    await holder.query('LOCK TABLE grants, refresh_families IN ACCESS EXCLUSIVE MODE')
    const asked = Array.from({ length: RACERS }, () => timely(() => refresh(server, SPA, tokens.kept)))
    for (const answer of await Promise.all(asked)) {
      expect([answer.status, answer.body.error]).toEqual([503, 'temporarily_unavailable'])
    }
    expect((await timely(() => fetch(new URL('/jwks', server.issuer)))).status).toBe(200)
    await staysDead(server, tokens.revoked)
    await holder.end()
    await recovers(server, tokens)
  }, 60_000)

  test('PostgreSQL takes no more', async () => {
    const tokens = await prepare(server)
    proxy.refuse()
    const holders: pg.Client[] = []
    for (;;) {
      const holder = await connection().catch(() => undefined)
      if (holder === undefined) break
      holders.push(holder)
    }
    proxy.heal()
    await saysNotNow(server, tokens)
    await Promise.all(holders.map((holder) => holder.end()))
    await recovers(server, tokens)
  }, 60_000)
})

describe('what PostgreSQL breaks off', () => {
  test('FT17: a deadlock in which a revocation loses: nothing has happened, and it is tried again', async () => {
    const { browser } = await signedIn(server)
    const { tokens } = await obtainTokens(server, WEB, { browser })
    const token = tokens.body.refresh_token ?? ''
    const grant = String(claimsOf(tokens.body.access_token).grant_id)
    const rival = await connection()
    await rival.query(`SET deadlock_timeout = '10s'`)
    await rival.query('BEGIN')
    await rival.query('SELECT id FROM refresh_families WHERE grant_id = $1 FOR UPDATE', [grant])
    const revoked = timely(() => revoke(server, token))
    await untilBlocked()
    const { rows } = await rival.query('SELECT ended_at FROM grants WHERE id = $1 FOR UPDATE', [grant])
    expect(rows).toEqual([{ ended_at: null }])
    await rival.query('COMMIT')
    await rival.end()
    expect(await revoked).toBe(200)
    expect((await refresh(server, WEB, token)).body.error).toBe('invalid_grant')
  }, 60_000)

  /** Until a statement of the server waits for a lock. */
  async function untilBlocked(): Promise<void> {
    for (;;) {
      const blocked = await run(postgres.url, `SELECT 1 FROM pg_locks WHERE NOT granted`)
      if (blocked.length > 0) return
    }
  }

  test('FT18: a serialization failure: whoever loses is told to come again, and there is one successor', async () => {
    await change(`ALTER DATABASE postgres SET default_transaction_isolation = 'repeatable read'`)
    proxy.cut()
    await untilItWorks(async () => (await openSignIn(server)).status)
    try {
      const { tokens } = await signedIn(server)
      const token = tokens.body.refresh_token ?? ''
      const rival = await connection()
      await rival.query('BEGIN')
      await rival.query('UPDATE refresh_families SET payload = payload WHERE ended_at IS NULL')
      const loses = timely(() => refresh(server, SPA, token))
      await untilBlocked()
      await rival.query('COMMIT')
      await rival.end()
      expect((await loses).status).toBe(503)
      const answers = await Promise.all(Array.from({ length: RACERS }, () => timely(() => refresh(server, SPA, token))))
      for (const { status } of answers) expect([200, 503]).toContain(status)
      const again = await refresh(server, SPA, token)
      const given = [...answers, again].flatMap(({ body }) => body.refresh_token ?? [])
      expect(new Set(given).size).toBe(1)
      expect((await refresh(server, SPA, given[0] ?? '')).status).toBe(200)
    } finally {
      await change('ALTER DATABASE postgres RESET default_transaction_isolation')
      proxy.cut()
    }
  }, 60_000)
})

describe('a database that may not be written', () => {
  test('FT19: read-only, as with a full disk: what must be written says 503, what is only read goes on', async () => {
    const tokens = await prepare(server)
    await change('ALTER SYSTEM SET default_transaction_read_only = on')
    await change('SELECT pg_reload_conf()')
    try {
      await untilReadOnly()
      expect((await timely(() => refresh(server, SPA, tokens.kept))).status).toBe(503)
      expect(await revoke(server, tokens.toRevoke)).toBe(503)
      const asked = await timely(() => clientRequest(server, '/introspect', API, { token: tokens.revoked.access }))
      expect(await asked.json()).toEqual({ active: false })
      await staysDead(server, tokens.revoked)
    } finally {
      await writable()
    }
    await recovers(server, tokens)
  }, 60_000)

  async function untilReadOnly(): Promise<void> {
    for (;;) {
      const [row] = await run(postgres.url, 'SHOW default_transaction_read_only')
      if (row?.default_transaction_read_only === 'on') return
    }
  }

  async function writable(): Promise<void> {
    const client = await connection()
    await client.query('SET default_transaction_read_only = off')
    await client.query('ALTER SYSTEM RESET default_transaction_read_only')
    await client.query('SELECT pg_reload_conf()')
    await client.end()
  }

  /** Nothing is ever read from a replica; so the only one that can lag is a standby that is taken for the primary. */
  test('FT20: a standby in the place of the primary answers nothing, for it could lag; promoted, it is used', async () => {
    const tokens = await prepare(server)
    const [row] = await run(postgres.url, 'SHOW data_directory')
    await postgres.kill()
    writeFileSync(join(String(row?.data_directory), 'standby.signal'), '', { mode: 0o666 })
    await postgres.restart()
    await saysNotNow(server, tokens)
    const asked = await timely(() => clientRequest(server, '/introspect', API, { token: tokens.revoked.access }))
    expect(asked.status).toBe(503)
    await run(postgres.url, 'SELECT pg_promote()')
    await recovers(server, tokens)
  }, 60_000)
})
