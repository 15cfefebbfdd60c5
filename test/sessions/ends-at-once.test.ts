// Ends of the same things at the same moment: each takes its locks in the order in which all others do, so that one is first and
// the other waits; nobody is told to ask again.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { scopesOfRoles } from '../../config/roles.ts'
import { Prisma } from '../../prisma/client/client.ts'
import { WEB } from '../support/clients.ts'
import { claimsOf, obtainTokens } from '../support/oauth.ts'
import { startServer, type TestServer } from '../support/server.ts'

const BY = { actor: 'acc_admin', reason: 'a test', powers: scopesOfRoles(['owner']) }
const SESSIONS = 30
const ROUNDS = 4

let server: TestServer
let born: { readonly sub: string; readonly sid: string; readonly grantId: string }
let round = 0

beforeAll(async () => {
  server = await startServer()
  const { tokens } = await obtainTokens(server, WEB)
  const { sub, sid, grant_id } = claimsOf(tokens.body.access_token)
  born = { sub: String(sub), sid: String(sid), grantId: String(grant_id) }
})

afterAll(async () => {
  await server?.stop()
})

const db = () => server.latchkey.stores.db
const nouns = () => server.latchkey.nouns
const account = () => ({ accountId: born.sub, origin: {} })
const consent = () => ({ accountId: born.sub, clientId: WEB.client_id })

/** What may happen to the account at once. The grants' ids are in another order than those of their sessions. */
const ENDS = {
  'all others': () => nouns().sessions.endOthers({ ...account(), keepSessionId: 'ses_none' }),
  'the last session': () => nouns().sessions.end({ ...account(), sessionId: `ses_${round}_29` }),
  everywhere: () => nouns().sessions.endAll(account()),
  contained: () => nouns().events.accounts.contain(born.sub, BY),
  'consent withdrawn': () => nouns().events.grants.withdrawConsent(consent(), BY),
  'grant revoked': () => nouns().events.grants.revokeMany([`gra_${round}_${(29 * 7) % SESSIONS}`], BY),
  'closed as over': () => nouns().sessionExpiry.closeInPages(0, 10_000),
} as const

type End = keyof typeof ENDS

const PAIRS: readonly (readonly [End, End])[] = [
  ['all others', 'the last session'],
  ['all others', 'everywhere'],
  ['all others', 'all others'],
  ['all others', 'contained'],
  ['all others', 'consent withdrawn'],
  ['all others', 'grant revoked'],
  ['all others', 'closed as over'],
  ['everywhere', 'consent withdrawn'],
  ['everywhere', 'the last session'],
  ['everywhere', 'everywhere'],
  ['the last session', 'consent withdrawn'],
  ['contained', 'consent withdrawn'],
]

describe('two ends at once are both done', () => {
  test.each(PAIRS)(
    '%s, %s',
    async (one, other) => {
      for (let rounds = 0; rounds < ROUNDS; rounds += 1) {
        round += 1
        await multiply()
        const outcomes = await Promise.allSettled([ENDS[one](), ENDS[other]()])
        expect(outcomes.map((outcome) => (outcome.status === 'rejected' ? String(outcome.reason) : 'done'))).toEqual([
          'done',
          'done',
        ])
        await ENDS.everywhere()
        expect(await db().session.count({ where: { accountId: born.sub, endedAt: null } })).toBe(0)
        expect(await db().refreshFamily.count({ where: { accountId: born.sub, endedAt: null } })).toBe(0)
      }
    },
    60_000,
  )
})

test('an account is deleted while the consent for one of its apps is withdrawn', async () => {
  round += 1
  const { id } = await nouns().accounts.create({ email: 'leaver@people.example', name: 'Somebody', emailVerified: true })
  await db().consent.create({ data: { accountId: id, clientId: WEB.client_id, openid: ['openid'] } })
  await multiply(id)
  const { accounts, grants } = nouns().events
  // The deletion is held up when it has all but one of the locks that it takes.
  const ends = await db().$transaction(async (tx) => {
    await tx.$executeRaw`SELECT 1 FROM refresh_families WHERE account_id = ${id} FOR UPDATE`
    const deleted = accounts.delete(id, BY)
    await untilBlocked(1)
    const withdrawn = grants.withdrawConsent({ accountId: id, clientId: WEB.client_id }, BY)
    await untilBlocked(2)
    return { deleted, withdrawn }
  })
  const outcomes = await Promise.allSettled([ends.deleted, ends.withdrawn])
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
  expect(await db().grant.count({ where: { accountId: id, endedAt: null } })).toBe(0)
}, 60_000)

test('an account with more than a statement changes at a time is contained whole', async () => {
  round += 1
  await multiply(born.sub, 4500)
  const ended = await nouns().events.accounts.contain(born.sub, BY)
  expect(ended).toMatchObject({ sessions: 4500, grants: 4500, refresh_families: 4500 })
  const open = { where: { accountId: born.sub, endedAt: null } }
  expect(await Promise.all([db().session.count(open), db().grant.count(open), db().refreshFamily.count(open)])).toEqual([0, 0, 0])
}, 60_000)

/** Until so many statements wait for a lock. */
async function untilBlocked(count: number): Promise<void> {
  for (;;) {
    const [row] = await db().$queryRaw<{ blocked: bigint }[]>`
      SELECT count(*) AS blocked FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
    if (Number(row?.blocked) >= count) return
  }
}

/** Some more of the session, each with a grant and a family of its own. */
async function multiply(accountId = born.sub, sessions = SESSIONS): Promise<void> {
  const number = Prisma.sql`generate_series(0, ${sessions - 1}::int) AS n`
  const sessionId = Prisma.sql`${`ses_${round}_`}::text || n`
  const grantId = Prisma.sql`${`gra_${round}_`}::text || (n * 7) % ${sessions}::int`
  const alive = Prisma.sql`'account_id', ${accountId}::text, 'ended_at', NULL, 'end_reason', NULL`
  await db().$executeRaw(Prisma.sql`
    INSERT INTO sessions SELECT (jsonb_populate_record(s, jsonb_build_object('id', ${sessionId}, ${alive}))).*
    FROM sessions s, ${number} WHERE s.id = ${born.sid}`)
  await db().$executeRaw(Prisma.sql`
    INSERT INTO grants SELECT (jsonb_populate_record(g, jsonb_build_object('id', ${grantId}, 'session_id', ${sessionId}, ${alive}))).*
    FROM grants g, ${number} WHERE g.id = ${born.grantId}`)
  await db().$executeRaw(Prisma.sql`
    INSERT INTO refresh_families SELECT (jsonb_populate_record(f, jsonb_build_object('id', '\\x' || md5(${`${round} `}::text || n),
      'grant_id', ${grantId}, 'session_id', ${sessionId}, ${alive}))).*
    FROM refresh_families f, ${number} WHERE f.grant_id = ${born.grantId}`)
}
