// A client with very many grants: it ends by one row, and the rows of its grants are ended afterwards, also after a crash.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { Prisma } from '../../prisma/client/client.ts'
import { previewAccount } from '../../server/accounts/account-preview.ts'
import { createClientEvents } from '../../server/clients/client-events.ts'
import { readClientMetadata } from '../../server/clients/client-metadata.ts'
import { createClients } from '../../server/clients/clients.ts'
import { createConsents } from '../../server/grants/consents.ts'
import { createGrantEvents } from '../../server/grants/grant-events.ts'
import { createGrants, endGrant } from '../../server/grants/grants.ts'
import { createVoidGrants } from '../../server/maintenance/void-grants.ts'
import { endAccount, endSessionsWhere } from '../../server/sessions/session-ends.ts'
import { previewSessions } from '../../server/sessions/session-preview.ts'
import { openWorkbench, type Workbench } from '../commands/support.ts'
import { run } from '../support/postgres.ts'

const GRANTS = 1700
const BY = { actor: 'acc_admin' }

let bench: Workbench

beforeAll(async () => {
  bench = await openWorkbench()
})
afterAll(() => bench.close())

beforeEach(async () => {
  const { db } = bench
  await db.refreshFamily.deleteMany()
  await db.client.deleteMany()
  await db.account.deleteMany()
  await bench.provision({ accounts: [{ email: 'ada@a.test', roles: ['owner'] }] })
  await clients().create(await anEnding(), { metadata: metadata() }, BY)
  await db.$executeRaw`
    INSERT INTO grants (id, account_id, client_id, payload, expires_at)
    SELECT 'gra_' || n, (SELECT id FROM accounts), 'app', '{}', latchkey_now() + interval '1 day' FROM generate_series(1, ${GRANTS}) n`
  await db.$executeRaw`
    INSERT INTO refresh_families (id, current_digest, grant_id, account_id, client_id, session_bound, payload, idle_expires_at,
                                  absolute_expires_at)
    SELECT decode(md5('gra_' || n), 'hex'), '', 'gra_' || n, (SELECT id FROM accounts), 'app', false, '{}',
      latchkey_now() + interval '1 day', latchkey_now() + interval '1 day' FROM generate_series(1, ${GRANTS}) n`
})

const clients = () => createClients({ db: bench.db, clock: Date.now })
const events = () => createClientEvents({ clients: clients(), endings: bench.deps.endings })
const grants = () => createGrants({ db: bench.db, wait: async () => {} })
const grantEvents = () => createGrantEvents({ endings: bench.deps.endings })
const task = () => createVoidGrants({ db: bench.db })
const live = async () => [
  await bench.db.grant.count({ where: { endedAt: null } }),
  await bench.db.refreshFamily.count({ where: { endedAt: null } }),
]

/** For what needs no transaction of its own. */
async function anEnding() {
  return {
    tx: bench.db,
    cause: 'test',
    counts: { sessions: 0, grants: 0, refreshFamilies: 0, logoutNotifications: 0 },
    entries: [],
  }
}

function metadata() {
  const read = readClientMetadata({ client_id: 'app', redirect_uris: ['https://app.example/cb'], scope: 'openid' })
  if ('issues' in read) throw new Error(JSON.stringify(read.issues))
  return read.metadata
}

test('all of it is dead at once, is counted, and touched no row but the client’s', async () => {
  expect(await grants().findLive('gra_1')).toBeDefined()
  const ended = await events().suspend('app', BY)
  expect(ended).toMatchObject({ sessions: 0, grants: GRANTS, refresh_families: GRANTS })
  expect(await grants().findLive('gra_1')).toBeUndefined()
  expect(await live()).toEqual([GRANTS, GRANTS])
  // Once is enough.
  expect(await events().suspend('app', BY)).toMatchObject({ grants: 0, refresh_families: 0 })
  expect(await bench.db.auditEvent.count({ where: { name: 'client.suspended' } })).toBe(1)
})

test('the rows are ended afterwards, and once', async () => {
  await events().suspend('app', BY)
  expect(await task().run()).toMatchObject({ ended: GRANTS })
  expect(await live()).toEqual([0, 0])
  expect(await bench.db.grant.findMany({ distinct: ['endReason'], select: { endReason: true } })).toEqual([
    { endReason: 'client_ended' },
  ])
  expect(await task().run()).toEqual({ ended: 0, removed: 0 })
})

test('a run that is cut off is gone on with by the next', async () => {
  await events().suspend('app', BY)
  const cut = new AbortController()
  const running = task().run(cut.signal)
  while ((await live())[0] === GRANTS) await new Promise(setImmediate)
  cut.abort()
  expect((await running).ended).toBeLessThan(GRANTS)
  await task().run()
  expect(await live()).toEqual([0, 0])
})

test('of a client that is reinstated before they are ended nothing comes back, and what it is given then stays', async () => {
  await events().suspend('app', BY)
  await events().reinstate('app', BY)
  expect(await grants().findLive('gra_1')).toBeUndefined()
  const account = await bench.db.account.findFirstOrThrow()
  const anew = { id: 'gra_anew', accountId: account.id, clientId: 'app', sessionId: undefined, payload: {}, lifeSeconds: 60 }
  await grants().save({ ...anew, addition: { consent: { openid: [], resources: {} }, agreed: false } })
  await task().run()
  expect(await grants().findLive('gra_anew')).toBeDefined()
  expect(await live()).toEqual([1, 0])
})

describe('what ends before they are', () => {
  const LIVE_ROWS = [3, 4, 5]
  let account: string

  beforeEach(async () => {
    const { db } = bench
    account = (await db.account.findFirstOrThrow()).id
    await db.session.deleteMany()
    await db.$executeRaw`
      INSERT INTO sessions (id, account_id, expires_at) SELECT 'ses_' || n, ${account}, latchkey_now() + interval '1 day' FROM generate_series(1, 2) n`
    const other = readClientMetadata({ client_id: 'other', redirect_uris: ['https://other.example/cb'], scope: 'openid' })
    if ('issues' in other) throw new Error(JSON.stringify(other.issues))
    await clients().create(await anEnding(), { metadata: other.metadata }, BY)
    // Of the first session five grants, two of which are the app's; all others are the app's and of the second session.
    await db.$executeRaw`
      UPDATE grants SET session_id = CASE WHEN substr(id, 5)::int <= 5 THEN 'ses_1' ELSE 'ses_2' END,
        client_id = CASE WHEN substr(id, 5)::int = ANY(${LIVE_ROWS}) THEN 'other' ELSE 'app' END`
    await db.$executeRaw`
      UPDATE refresh_families f SET session_id = g.session_id, client_id = g.client_id, session_bound = true
      FROM grants g WHERE g.id = f.grant_id`
    await events().suspend('app', BY)
  })

  const reasons = async () => {
    const rows = await bench.db.grant.groupBy({ by: ['clientId', 'endReason'], _count: true, orderBy: { clientId: 'asc' } })
    const families = await bench.db.refreshFamily.groupBy({
      by: ['clientId', 'endReason'],
      _count: true,
      orderBy: { clientId: 'asc' },
    })
    const brief = (found: typeof rows) => found.map(({ clientId, endReason, _count }) => [clientId, endReason, _count])
    return { grants: brief(rows), families: brief(families) }
  }

  test('is counted without them, as the preview has it, and gives them the reason that is theirs', async () => {
    const preview = await previewSessions(bench.db, { ids: ['ses_1'] }, { most: 10, keepOffline: false })
    expect(preview).toMatchObject({ sessions: 1, grants: 3, refreshFamilies: 3 })
    const ended = await bench.deps.endings.run('session_revoked', async (ending) => {
      await endSessionsWhere(ending, Prisma.sql`s.id = 'ses_1'`, { how: 'revoked' })
    })
    expect(ended).toMatchObject({ sessions: 1, grants: 3, refresh_families: 3 })
    const expected = [
      ['app', null, GRANTS - 5],
      ['app', 'client_ended', 2],
      ['other', 'session_revoked', 3],
    ]
    const { grants: left, families } = await reasons()
    expect(left).toEqual(expect.arrayContaining(expected))
    expect(families).toEqual(expect.arrayContaining(expected))
    await task().run()
    expect(await live()).toEqual([0, 0])
  })

  test('the same of an account, and of a grant by itself', async () => {
    expect(await previewAccount(bench.db, account)).toMatchObject({ sessions: 2, grants: 3, refreshFamilies: 3 })
    const byItself = (id: string) => bench.deps.endings.run('grant_revoked', (ending) => endGrant(ending, id))
    expect(await byItself('gra_1')).toMatchObject({ grants: 0, refresh_families: 0 })
    expect(await byItself('gra_3')).toMatchObject({ grants: 1, refresh_families: 1 })
    const ended = await bench.deps.endings.run('account_suspended', (ending) => endAccount(ending, account))
    expect(ended).toMatchObject({ sessions: 2, grants: 2, refresh_families: 2 })
    const expected = [
      ['app', 'client_ended', GRANTS - 3],
      ['other', 'account_suspended', 2],
      ['other', 'grant_revoked', 1],
    ]
    const { grants: left, families } = await reasons()
    expect(left).toEqual(expect.arrayContaining(expected))
    expect(families).toEqual(expect.arrayContaining(expected))
  })
})

describe('a consent that is taken back before they are', () => {
  const of = async () => ({ accountId: (await bench.db.account.findFirstOrThrow()).id, clientId: 'app' })
  const consent = { openid: ['openid'], resources: {} }

  /** The app gets three grants more, with a refresh token each, after it was suspended and reinstated. */
  async function startAnew(accountId: string): Promise<void> {
    await events().suspend('app', BY)
    await events().reinstate('app', BY)
    const { db } = bench
    const payload = { openid: { scope: 'openid email' } }
    await db.grant.updateMany({ where: { id: { in: ['gra_1', 'gra_2'] } }, data: { payload } })
    await db.$executeRaw`
      INSERT INTO grants (id, account_id, client_id, payload, expires_at, created_at)
      SELECT 'gra_new_' || n, ${accountId}, 'app', ${payload}, latchkey_now() + interval '1 day',
        void_until + interval '1 second' FROM clients, generate_series(1, 3) n WHERE clients.id = 'app'`
    await db.$executeRaw`
      INSERT INTO refresh_families (id, current_digest, grant_id, account_id, client_id, session_bound, payload, idle_expires_at,
                                    absolute_expires_at, created_at)
      SELECT decode(md5(id), 'hex'), '', id, account_id, 'app', false, '{}', expires_at, expires_at, created_at
      FROM grants WHERE id LIKE 'gra_new_%'`
  }

  const reasonsOf = async (table: 'grants' | 'refresh_families') =>
    run(bench.url, `SELECT end_reason, count(*)::int AS n FROM ${table} GROUP BY end_reason ORDER BY end_reason`)

  test('counts them no more, and leaves them the reason that is theirs', async () => {
    const { accountId, clientId } = await of()
    await createConsents({ db: bench.db }).add({ accountId, clientId, consent, origin: {} })
    expect(await events().suspend('app', BY)).toMatchObject({ grants: GRANTS, refresh_families: GRANTS })
    const withdrawn = await grantEvents().withdrawConsent({ accountId, clientId }, BY)
    expect(withdrawn).toMatchObject({ grants: 0, refresh_families: 0 })
    for (const table of ['grants', 'refresh_families'] as const) {
      expect(await reasonsOf(table)).toEqual([{ end_reason: 'client_ended', n: GRANTS }])
    }
    const event = await bench.db.auditEvent.findFirstOrThrow({ where: { name: 'consent.withdrawn' }, orderBy: { id: 'desc' } })
    expect(event.detail).toEqual({ grants: 0 })
  })

  test('and counts what the app was given since', async () => {
    const { accountId, clientId } = await of()
    await startAnew(accountId)
    const narrowed = await grantEvents().narrowConsent({ accountId, clientId, consent }, BY)
    expect(narrowed).toMatchObject({ grants: 0, refresh_families: 3 })
    const event = await bench.db.auditEvent.findFirstOrThrow({ where: { name: 'consent.narrowed' }, orderBy: { id: 'desc' } })
    expect(event.detail).toMatchObject({ grants: 3 })
    const withdrawn = await grantEvents().withdrawConsent({ accountId, clientId }, BY)
    expect(withdrawn).toMatchObject({ grants: 3, refresh_families: 0 })
    expect(await reasonsOf('grants')).toEqual([
      { end_reason: 'client_ended', n: GRANTS },
      { end_reason: 'consent_withdrawn', n: 3 },
    ])
  })
})

describe('a client that is deleted', () => {
  test('is not found, leaves no secret and no metadata, and can be registered anew, with nothing of before', async () => {
    const account = await bench.db.account.findFirstOrThrow()
    const consents = createConsents({ db: bench.db })
    const consent = { openid: ['openid', 'email'], resources: {} }
    await consents.add({ accountId: account.id, clientId: 'app', consent, origin: {} })
    await events().rotateSecret({ clientId: 'app', secret: 'a-secret-that-is-long-enough-for-it', overlapSeconds: 0 }, BY)

    await events().delete('app', BY)
    expect(await clients().find('app')).toBeUndefined()
    expect(await clients().list()).toEqual([])
    expect(await bench.db.clientSecret.count()).toBe(0)
    expect(await bench.db.client.findMany()).toMatchObject([{ id: 'app', status: 'deleted', metadata: {} }])
    await expect(events().delete('app', BY)).rejects.toThrow('there is no client app')

    await clients().create(await anEnding(), { metadata: metadata() }, BY)
    expect(await grants().findLive('gra_1')).toBeUndefined()
    // Nobody has agreed to the new one, and what is agreed to now does not bring back what was agreed to before.
    expect(await consents.find(account.id, 'app')).toBeUndefined()
    await consents.add({ accountId: account.id, clientId: 'app', consent: { openid: ['openid'], resources: {} }, origin: {} })
    expect(await consents.find(account.id, 'app')).toEqual({ openid: ['openid'], resources: {} })
    await task().run()
    expect(await live()).toEqual([0, 0])
    expect(await consents.find(account.id, 'app')).toEqual({ openid: ['openid'], resources: {} })
  })

  test('is gone for good once no grant of its is left', async () => {
    await events().delete('app', BY)
    expect(await task().run()).toEqual({ ended: GRANTS, removed: 0 })
    await bench.db.grant.deleteMany()
    const version = await bench.db.registryVersion.findFirstOrThrow()
    expect((await task().run()).removed).toBe(1)
    expect(await bench.db.client.count()).toBe(0)
    // A run that finds nothing makes nobody read the registry again.
    const after = await bench.db.registryVersion.findFirstOrThrow()
    expect(after.version).toBeGreaterThan(version.version)
    await task().run()
    expect(await bench.db.registryVersion.findFirstOrThrow()).toEqual(after)
  })
})

test('the server’s own client is nobody’s to suspend or delete', async () => {
  await bench.db.client.update({ where: { id: 'app' }, data: { managedBy: 'latchkey' } })
  for (const event of [events().suspend, events().delete, events().compromiseSecrets]) {
    await expect(event('app', BY)).rejects.toThrow('own')
  }
})
