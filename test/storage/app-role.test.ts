// Two roles on real PostgreSQL: one owns the tables, and the server works with another, which can only add to the audit log.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Secret } from '../../config/secrets.ts'
import { recordAudit } from '../../server/audit/audit.ts'
import { createAuditKeys } from '../../server/audit/chain.ts'
import { createAuditSealer } from '../../server/audit/sealer.ts'
import { trimAuditLog } from '../../server/audit/trimming.ts'
import { restrictRole, roleOf } from '../../server/storage/app-role.ts'
import { postgresMigrationTarget } from '../../server/storage/migration-target.ts'
import { migrate } from '../../server/storage/migrations.ts'
import { openPostgres } from '../../server/storage/postgres.ts'
import { createSealer } from '../../server/storage/sealing.ts'
import { SPA } from '../support/clients.ts'
import { insist } from '../support/in-time.ts'
import { obtainTokens, refresh } from '../support/oauth.ts'
import { moveDatabaseClock, run, startPrivatePostgres, urlOfDatabase } from '../support/postgres.ts'
import type { PostgresServer } from '../support/postgres-server.ts'
import { startServer } from '../support/server.ts'

/** The ENCRYPTION_KEY of test/support/server.ts: one chain has one key. */
const KEY_OF_TESTS = Buffer.alloc(32, 7).toString('base64url')

let postgres: PostgresServer
let owner: string
let app: string

beforeAll(async () => {
  postgres = await startPrivatePostgres()
  await run(postgres.url, 'CREATE ROLE latchkey_owner LOGIN')
  await run(postgres.url, 'CREATE ROLE "the app" LOGIN')
  await run(postgres.url, 'CREATE DATABASE latchkey OWNER latchkey_owner')
  owner = urlAs('latchkey_owner')
  app = urlAs('the%20app')
  await migrate(postgresMigrationTarget(owner))
}, 120_000)

afterAll(() => postgres?.stop())

function urlAs(role: string): string {
  const url = new URL(urlOfDatabase(postgres.url, 'latchkey'))
  url.username = role
  return url.href
}

const mayNot = (statement: string) => expect(run(app, statement)).rejects.toThrow(/permission denied|must be owner|only added to/)

test('the role of the server gets what it needs, once', async () => {
  const target = postgresMigrationTarget(owner)
  expect(await roleOf(app)).toBe('the app')
  await mayNot('SELECT 1 FROM accounts')
  expect(await restrictRole(target, await roleOf(app))).toBe('restricted')
  expect(await run(app, 'SELECT count(*)::int AS count FROM accounts')).toEqual([{ count: 0 }])
  const acl = () =>
    run(
      owner,
      "SELECT relname, relacl::text, xmin::text FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY relname",
    )
  const before = await acl()
  await Promise.all(Array.from({ length: 5 }, () => restrictRole(target, 'the app')))
  expect(await acl()).toEqual(before)
})

test('it loses what it was given too much, as by default privileges', async () => {
  await run(owner, 'GRANT ALL ON ALL TABLES IN SCHEMA public TO "the app"')
  await Promise.all(Array.from({ length: 5 }, () => restrictRole(postgresMigrationTarget(owner), 'the app')))
  await mayNot('TRUNCATE audit_events')
  await mayNot('DELETE FROM audit_events')
})

test('a role that acts for the owner is told of', async () => {
  const target = postgresMigrationTarget(owner)
  expect(await restrictRole(target, 'latchkey_owner')).toBe('owner')
  expect(await restrictRole(target, await roleOf(postgres.url))).toBe('owner')
})

describe('AU3: the role of the server can add to the audit log, and nothing else', () => {
  test.each([
    "UPDATE audit_events SET reason = 'x'",
    'DELETE FROM audit_events',
    'TRUNCATE audit_events',
    "UPDATE audit_seals SET digest = ''",
    'DELETE FROM audit_seals',
    'TRUNCATE audit_seals',
    'ALTER TABLE audit_events DISABLE TRIGGER USER',
    'DROP TABLE audit_events',
    'DROP TRIGGER audit_events_no_change ON audit_events',
    "SET session_replication_role = 'replica'",
    'CREATE OR REPLACE FUNCTION latchkey_now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT now() + interval $a$10 years$a$ $$',
    'INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES (1, 1, 1)',
    'CREATE TABLE mine (id int)',
  ])('%s', async (statement) => {
    await run(app, "INSERT INTO audit_events (name) VALUES ('session.revoked')")
    await mayNot(statement)
  })

  test('what is not 30 days old stays, whatever it asks for; tables of its own change nothing', async () => {
    const { db, close } = await insist(() => openPostgres({ url: app, poolSize: 2 }))
    const keys = createAuditKeys(createSealer([new Secret(KEY_OF_TESTS)]).deriveAll('audit log'))
    await db.$transaction((tx) => recordAudit(tx, { name: 'session.revoked', actor: 'system' }))
    await createAuditSealer({ db, keys }).run()
    const trick =
      'CREATE TEMP TABLE audit_seals AS SELECT number, sealed_at - interval $a$9 years$a$ AS sealed_at, event_ids, removed_at FROM public.audit_seals; SELECT * FROM latchkey_trim_audit_log(0)'
    await run(app, trick).catch(() => undefined)
    expect(await trimAuditLog({ db, keys, keptSeconds: 0 })).toBe(0)
    const [before] = await run(app, 'SELECT count(*)::int AS count FROM audit_events')
    expect(before?.count).toBeGreaterThan(10)
    await moveDatabaseClock(owner, 40 * 86_400)
    expect(await trimAuditLog({ db, keys, keptSeconds: 0 })).toBe(before?.count)
    await close()
    await moveDatabaseClock(owner, 0)
  })
})

test('the whole server works with that role, and is told when it could do more', async () => {
  const server = await startServer({ databaseUrl: app, settings: { MIGRATION_DATABASE_URL: owner } })
  try {
    const { tokens } = await obtainTokens(server, SPA)
    expect((await refresh(server, SPA, tokens.body.refresh_token ?? '')).status).toBe(200)
    expect(await server.latchkey.audit.sealer.run()).toBeGreaterThanOrEqual(0)
    expect(server.log.text).not.toContain('acts for the owner')
  } finally {
    await server.stop()
  }
  const other = await startServer({ databaseUrl: owner, settings: { MIGRATION_DATABASE_URL: owner } })
  await other.stop()
  expect(other.log.text).toContain('the role of DATABASE_URL acts for the owner of the tables')
}, 60_000)
