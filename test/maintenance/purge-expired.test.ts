// The purge: what has expired goes, what may still be asked for stays, and nobody has to wait for it.
import { createSecretKey } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import pg from 'pg'
import { createLog } from '../../server/http/log.ts'
import { EXPIRING_TABLES, SWEPT_TABLES } from '../../server/maintenance/expired-rows-store.ts'
import { createPurge, type PurgeReport } from '../../server/maintenance/purge-expired.ts'
import { postgresMigrationTarget } from '../../server/storage/migration-target.ts'
import { migrate } from '../../server/storage/migrations.ts'
import { type OpenDatabase, openPostgres } from '../../server/storage/postgres.ts'
import { createRefreshFamilies, successorOf } from '../../server/tokens/refresh-families.ts'
import { firstRefreshToken } from '../../server/tokens/refresh-token.ts'
import { API, SPA } from '../support/clients.ts'
import { LogLines } from '../support/log-lines.ts'
import { clientRequest, introspect, obtainTokens, refresh } from '../support/oauth.ts'
import { PATIENT, run, startPrivatePostgres } from '../support/postgres.ts'
import type { PostgresServer } from '../support/postgres-server.ts'
import { startServer } from '../support/server.ts'

const DAY = 86_400
const MONTH = 30 * DAY

/** Tables whose rows stay until somebody removes them, or as long as another row. */
const LASTING = [
  'account_name_ends',
  '_prisma_migrations',
  'accounts',
  'audit_events',
  'audit_sealing',
  'audit_seals',
  'client_secrets',
  'clients',
  'compromised_client_secrets',
  'consents',
  'mail_outbox',
  'overview_figures',
  'passwords',
  'registry_version',
  'resource_server_clients',
  'resource_servers',
  'revocation_counter',
  'revocation_job_targets',
  'session_clients',
  'session_counting',
  'session_counts',
  'session_review_findings',
  'session_review_parts',
  'signal_streams',
  'signing_keys',
  'webhook_secrets',
  'webhooks',
]

/** Of our own: while anybody's transaction is open, in whichever database, what was removed is looked at again and again. */
let database: PostgresServer
let postgres: OpenDatabase
const log = new LogLines()

beforeAll(async () => {
  database = await startPrivatePostgres()
  await migrate(postgresMigrationTarget(database.url))
  postgres = await openPostgres({ url: database.url, poolSize: 10, ...PATIENT })
  // As many as rows are planted in a table that has one for an account.
  const many = 'generate_series(1, 30) n'
  await sql(`INSERT INTO accounts (id, email, email_key) SELECT 'acc_' || n, n || '@x.example', n || '@x.example' FROM ${many}`)
  await sql("INSERT INTO clients (id, metadata) VALUES ('app', '{}')")
})

afterAll(async () => {
  await postgres?.close()
  await database?.stop()
})

const sql = (statement: string, values?: unknown[]) => run(database.url, statement, values)

function purgeOf(more: { readonly longestRunMs?: number; readonly report?: (report: PurgeReport) => void } = {}) {
  return createPurge({
    db: postgres.db,
    log: createLog({ level: 'debug', format: 'json', destination: log }),
    longestRunMs: 60_000,
    ...more,
  })
}

async function countOf(table: string): Promise<number> {
  const [row] = await sql(`SELECT count(*)::int AS count FROM ${table}`)
  return Number(row?.count)
}

/** Writes rows into a table, numbered, that end (or ended) so many seconds from now. */
async function plant(table: string, count: number, endsIn: number, from = 1): Promise<void> {
  const end = `latchkey_now() + make_interval(secs => ${endsIn})`
  const digest = "sha256(('planted ' || n || ' ' || random())::bytea)"
  const name = `'${table} ' || n || ' ${endsIn}'`
  const rows: { readonly [table: string]: readonly [columns: string, values: string] } = {
    access_tokens: ['digest, kind, client_id, payload, expires_at', `${digest}, 'AccessToken', 'app', '{}', ${end}`],
    event_counts: ['hour, name, count', `${end}, ${name}, 1`],
    redeemed_codes: ['digest, grant_id, expires_at', `${digest}, 'gra_1', ${end}`],
    replay_ids: ['digest, expires_at', `${digest}, ${end}`],
    revocations: ['sequence, kind, value, until, reason', `n, 'jti', ${name}, ${end}, 'for the test'`],
    revocation_acknowledgements: ['client_id, instance, sequence, acknowledged_at', `'app', ${name}, 1, ${end}`],
    status_lists: ['id, seed, closes_at, expires_at', `${name}, '\\x00', ${end}, ${end}`],
    referenced_tokens: [
      'list_id, idx, jti, client_id, issued_at, expires_at',
      `${name}, n, ${name}, 'app', latchkey_now(), ${end}`,
    ],
    idempotent_requests: ['digest, request, expires_at', `${digest}, ${digest}, ${end}`],
    revocation_jobs: ['id, noun, filter, actor, finished_at', `${name}, 'sessions', '{}', 'acc_1', ${end}`],
    session_reviews: ['id, scheduled, actor, ages, made_at, expires_at', `${name}, true, 'system', '{}', latchkey_now(), ${end}`],
    sign_in_failures: ['key, failures, expires_at', `${digest}, 1, ${end}`],
    setup_links: ['digest, expires_at', `${digest}, ${end}`],
    password_links: ['digest, account_id, mailed, expires_at', `${digest}, 'acc_' || n, false, ${end}`],
    webhook_deliveries: [
      'id, webhook_id, event_id, event, next_attempt_at, give_up_at, finished_at',
      `${name}, 'wh_1', n, 'session.revoked', NULL, latchkey_now(), ${end}`,
    ],
    signals: [
      'id, stream_id, event, cause, give_up_at, expires_at',
      `${name}, 'str_1', 'session-revoked', 'signed_out', latchkey_now(), ${end}`,
    ],
    logout_notifications: [
      'id, session_id, client_id, account_id, sid, cause, state, next_attempt_at, give_up_at, finished_at',
      `${name}, ${name}, 'app', 'acc_1', 'sid', 'signed_out', 'delivered', NULL, ${end}, ${end}`,
    ],
    grants: ['id, account_id, client_id, payload, expires_at', `${name}, 'acc_1', 'app', '{}', ${end}`],
    sessions: ['id, account_id, expires_at', `${name}, 'acc_1', ${end}`],
    refresh_families: [
      'id, current_digest, grant_id, account_id, client_id, session_bound, payload, idle_expires_at, absolute_expires_at',
      `${digest}, ${digest}, 'gra_1', 'acc_1', 'app', false, '{}', ${end}, latchkey_now() + interval '30 days'`,
    ],
  }
  const [columns, values] = rows[table] ?? []
  await sql(`INSERT INTO ${table} (${columns}) SELECT ${values} FROM generate_series(${from}, ${from + count - 1}) AS n`)
}

const TABLES = [...EXPIRING_TABLES, ...SWEPT_TABLES].map(({ table, keptSeconds }) => ({ table, keptSeconds }))

test('every table is either purged or known to last', async () => {
  const tables = await sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
  const known = TABLES.map(({ table }) => table)
  expect(tables.map(({ tablename }) => String(tablename)).sort()).toEqual([...known, ...LASTING].sort())
})

describe('what has expired goes, and what may still be asked for stays', () => {
  test.each(TABLES)('$table: $keptSeconds seconds after its end', async ({ table, keptSeconds }) => {
    await plant(table, 3, -keptSeconds - 2)
    await plant(table, 2, -keptSeconds + 60, 10)
    await plant(table, 2, 60, 20)
    const { removed, backlog } = await purgeOf().run()
    expect(removed[table]).toBe(3)
    expect(backlog[table]).toBe(0)
    expect(await countOf(table)).toBe(4)
    expect((await purgeOf().run()).removed[table]).toBe(0)
    await sql(`DELETE FROM ${table}`)
  })

  test('sessions stay as long as sign-in asks from where an account came, and take their apps along', async () => {
    await plant('sessions', 1, -MONTH - 1)
    await sql("INSERT INTO session_clients (session_id, client_id, sid) SELECT id, 'app', 'sid' FROM sessions")
    expect((await purgeOf().run()).removed.sessions).toBe(1)
    expect(await countOf('session_clients')).toBe(0)
  })
})

test('tokens of the last minute end with what they stand on, and what was revoked stays so', async () => {
  const settings = { LATCHKEY_SESSION_TTL: '1h', LATCHKEY_REFRESH_IDLE_TTL: '1h', LATCHKEY_REFRESH_ABSOLUTE_TTL: '1h' }
  const server = await startServer({ settings })
  const { db } = server.latchkey.stores
  const purge = createPurge({ db, log: server.latchkey.log })
  try {
    const { tokens } = await obtainTokens(server, SPA)
    await server.advance(3590)
    const last = await refresh(server, SPA, tokens.body.refresh_token ?? '')
    const revoked = await obtainTokens(server, SPA)
    await clientRequest(server, '/revoke', SPA, { token: revoked.tokens.body.access_token ?? '' })
    const left = await obtainTokens(server, SPA)
    await clientRequest(server, '/revoke', SPA, { token: left.tokens.body.refresh_token ?? '' })
    expect(last.body.expires_in).toBeLessThanOrEqual(10)
    expect(await introspect(server, API, last.body.access_token ?? '')).toMatchObject({ active: true })
    await server.advance(60)
    await purge.run()
    for (const { body } of [last, revoked.tokens, left.tokens]) {
      expect(await introspect(server, API, body.access_token ?? '')).toEqual({ active: false })
    }
    expect(await db.revocation.count()).toBe(2)
    expect(await db.grant.count({ where: { endedAt: { not: null } } })).toBe(1)

    await server.advance(2 * DAY)
    await purge.run()
    const counts = await Promise.all([db.grant.count(), db.refreshFamily.count(), db.revocation.count(), db.redeemedCode.count()])
    expect(counts).toEqual([0, 0, 0, 0])
    await server.advance(MONTH)
    await purge.run()
    expect([await db.session.count(), await db.sessionClient.count()]).toEqual([0, 0])
    expect(await db.auditEvent.count()).toBeGreaterThan(0)
  } finally {
    await server.stop()
  }
})

describe('a successor', () => {
  test('is forgotten an hour after the rotation, and not before', async () => {
    await plant('refresh_families', 2, MONTH)
    await sql("UPDATE refresh_families SET successor = '\\x01', previous_digest = '\\x01', rotated_at = latchkey_now()")
    await purgeOf().run()
    expect(await sql('SELECT count(successor)::int AS sealed FROM refresh_families')).toEqual([{ sealed: 2 }])
    await sql("UPDATE refresh_families SET rotated_at = latchkey_now() - interval '61 minutes'")
    const { removed } = await purgeOf().run()
    expect(removed.refresh_families).toBe(0)
    expect(
      await sql('SELECT count(successor)::int AS sealed, count(previous_digest)::int AS previous FROM refresh_families'),
    ).toEqual([{ sealed: 0, previous: 2 }])
    await sql('DELETE FROM refresh_families')
  })
})

describe('several at once', () => {
  test('while another process has the turn nothing is removed, and nobody waits; when that process dies, it goes on', async () => {
    await plant('access_tokens', 1200, -1)
    const other = new pg.Client({ connectionString: database.url })
    other.on('error', () => undefined)
    await other.connect()
    await other.query("BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('latchkey purge', 0))")
    const { rows } = await other.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    const waiting = await purgeOf().run()
    expect(waiting.removed.access_tokens).toBe(0)
    expect(waiting.backlog.access_tokens).toBe(1200)
    await sql('SELECT pg_terminate_backend($1)', [rows[0]?.pid])
    while ((await sql('SELECT 1 FROM pg_stat_activity WHERE pid = $1', [rows[0]?.pid])).length > 0) await wait(5)
    expect((await purgeOf().run()).removed.access_tokens).toBe(1200)
  })

  test('no row is removed twice, and all are', async () => {
    await plant('access_tokens', 5000, -1)
    await plant('refresh_families', 5000, -2 * DAY)
    const reports: PurgeReport[] = []
    while ((await countOf('access_tokens')) + (await countOf('refresh_families')) > 0) {
      reports.push(...(await Promise.all([purgeOf().run(), purgeOf().run(), purgeOf().run()])))
    }
    const sum = (table: string) => reports.reduce((total, { removed }) => total + (removed[table] ?? 0), 0)
    expect([sum('access_tokens'), sum('refresh_families')]).toEqual([5000, 5000])
  })

  test('what an end in progress holds is passed over, and goes the next time', async () => {
    for (const { table, keptSeconds } of TABLES) await plant(table, 2, -keptSeconds - 1)
    const ending = new pg.Client({ connectionString: database.url })
    await ending.connect()
    await ending.query('BEGIN')
    for (const { table } of TABLES) {
      await ending.query(`SELECT 1 FROM ${table} WHERE ctid = (SELECT min(ctid) FROM ${table}) FOR UPDATE`)
    }
    const { removed } = await purgeOf().run()
    expect(removed).toEqual(Object.fromEntries(TABLES.map(({ table }) => [table, 1])))
    await ending.query('ROLLBACK')
    await ending.end()
    expect((await purgeOf().run()).removed).toEqual(removed)
  })

  test('families are refreshed while others are removed beside them', async () => {
    const families = createRefreshFamilies({
      db: postgres.db,
      successorKeys: [createSecretKey(Buffer.alloc(32, 1))],
      replayWindowSeconds: 15,
      idleSeconds: DAY,
      absoluteSeconds: MONTH,
      wait: async () => {},
    })
    await sql(
      "INSERT INTO grants (id, account_id, client_id, payload, expires_at) VALUES ('gra_1', 'acc_1', 'app', '{}', latchkey_now() + interval '30 days')",
    )
    const chains = await Promise.all(
      Array.from({ length: 4 }, async (_, chain) => {
        await plant('refresh_families', 1000, -2 * DAY, 1000 * chain)
        const token = firstRefreshToken()
        const about = { grantId: 'gra_1', accountId: 'acc_1', clientId: 'app', sessionId: undefined, senderKey: undefined }
        expect(await families.start({ token, ...about, sessionBound: false, payload: {} })).toBe('started')
        return token
      }),
    )
    const purging = purgeOf().run()
    const rotated = await Promise.all(
      chains.map(async (first) => {
        let token = first
        for (let rotation = 0; rotation < 50; rotation += 1) {
          const presented = await families.present(token, 'app')
          if (presented.outcome !== 'current') return presented.outcome
          const next = successorOf(token)
          if (!(await families.rotate(token, next, presented.state))) return 'missed'
          token = next
        }
        return token.generation
      }),
    )
    expect(rotated).toEqual([50, 50, 50, 50])
    expect((await purging).removed.refresh_families).toBe(4000)
    expect(await countOf('refresh_families')).toBe(4)
  })
})

describe('a run that is cut short', () => {
  test('leaves the rest to the next, tells how much there is, and says so once', async () => {
    await plant('replay_ids', 15_000, -1)
    const told: PurgeReport[] = []
    const purge = purgeOf({ longestRunMs: 0, report: (report) => told.push(report) })
    await purge.run()
    await purge.run()
    expect(told.map(({ removed, backlog }) => [removed.replay_ids, backlog.replay_ids])).toEqual([
      [0, 10_001],
      [0, 10_001],
    ])
    expect(log.lines.filter(({ msg }) => msg === 'expired rows are not yet removed; the next runs go on')).toHaveLength(1)
    const ended = await purgeOf().run(AbortSignal.abort())
    expect([ended.removed.replay_ids, ended.backlog.replay_ids]).toEqual([0, 10_001])
    expect((await purgeOf().run()).removed.replay_ids).toBe(15_000)
  })

  test('of a table that is large, each minute has its part, and ten minutes have all of it', async () => {
    // Rows of a page each, so that there are enough pages.
    await sql(`INSERT INTO refresh_families (id, current_digest, grant_id, account_id, client_id, session_bound, payload,
                                             idle_expires_at, absolute_expires_at)
               SELECT sha256(n::text::bytea), '\\x', 'gra_1', 'acc_1', 'app', false,
                 jsonb_build_object('x', (SELECT string_agg(md5(n::text || m), '') FROM generate_series(1, 55) m)),
                 latchkey_now() - interval '2 days', latchkey_now() FROM generate_series(1, 9000) n`)
    const before = await countOf('refresh_families')
    const removed: number[] = []
    const [now] = await sql("SELECT date_trunc('minute', latchkey_now())::text AS minute")
    for (let minute = 0; minute < 10; minute += 1) {
      // It stands still: on a slow machine a minute ends meanwhile, and another one would be left out.
      await sql(`CREATE OR REPLACE FUNCTION latchkey_now() RETURNS timestamptz LANGUAGE sql STABLE AS $$
                   SELECT timestamptz '${now?.minute}' + interval '${minute} minutes' $$`)
      removed.push((await purgeOf().run()).removed.refresh_families ?? 0)
    }
    expect(Math.max(...removed)).toBeLessThan(before / 2)
    expect(await countOf('refresh_families')).toBe(before - 9000)
  })
})

test('DS4: a hundred thousand traces of strangers are gone when their time is, and the room is used again', async () => {
  const flood = async () => {
    await plant('sign_in_failures', 100_000, -1)
    const [row] = await sql("SELECT pg_total_relation_size('sign_in_failures')::float8 AS bytes")
    return Number(row?.bytes)
  }
  const size = await flood()
  expect((await purgeOf({ longestRunMs: 200_000 }).run()).removed.sign_in_failures).toBe(100_000)
  expect(await countOf('sign_in_failures')).toBe(0)
  // As the database does by itself, some time later. Pages of an index are free for use the second time.
  for (let times = 0; times < 2; times += 1) await sql('VACUUM sign_in_failures')
  expect(await flood()).toBeLessThan(size * 1.2)
}, 240_000)
