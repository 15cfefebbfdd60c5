// Refresh tokens against thieves, races and lost answers (RFC 6749 §6, RFC 9700 §4.14.2). What rotation promises by
// itself is told in test/flows/refresh.test.ts.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { successorOf } from '../../server/tokens/refresh-families.ts'
import { formatRefreshToken, parseRefreshToken } from '../../server/tokens/refresh-token.ts'
import { API, BILLING, NOTES, PARTNER, SPA, type TestClient, WEB } from '../support/clients.ts'
import { claimsOf, clientRequest, introspect, obtainTokens, refresh, type TokenAnswer } from '../support/oauth.ts'
import { run, startPrivatePostgres } from '../support/postgres.ts'
import { redisUrl } from '../support/redis.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { authorize, errorLines, expectErrorAtClient } from './attempts.ts'

const RACERS = 50
const PATIENT: TestClient = { ...SPA, client_id: 'patient', redirect_uri: 'https://patient.example/callback' }
const STRICT: TestClient = { ...SPA, client_id: 'strict', redirect_uri: 'https://strict.example/callback' }

let server: TestServer
/** Another process on the same database and the same Redis. */
let neighbour: TestServer

beforeAll(async () => {
  const redis = redisUrl()
  const provision = {
    clients: [publicClient(PATIENT, { refresh_replay_window: 300 }), publicClient(STRICT, { refresh_replay_window: 0 })],
  }
  server = await startServer({ redisUrl: redis, provision })
  const settings = { ISSUER: server.issuer }
  neighbour = await startServer({ redisUrl: redis, databaseUrl: server.databaseUrl, settings, provision })
})

afterAll(async () => {
  await neighbour?.stop()
  await server?.stop()
})

function publicClient(client: TestClient, more: object): object {
  return {
    client_id: client.client_id,
    client_name: 'An app',
    token_endpoint_auth_method: 'none',
    redirect_uris: [client.redirect_uri],
    grant_types: ['authorization_code', 'refresh_token'],
    scope: client.scope,
    skip_consent: true,
    ...more,
  }
}

const refreshTokenOf = (answer: TokenAnswer) => answer.body.refresh_token ?? ''
const accessTokenOf = (answer: TokenAnswer) => answer.body.access_token ?? ''

async function expectRefused(client: TestClient, answer: TokenAnswer): Promise<void> {
  for (const node of [server, neighbour]) {
    const next = await refresh(node, client, refreshTokenOf(answer))
    expect({ status: next.status, error: next.body.error }).toEqual({ status: 400, error: 'invalid_grant' })
  }
}

async function expectInactive(answer: TokenAnswer): Promise<void> {
  for (const node of [server, neighbour]) expect(await introspect(node, API, accessTokenOf(answer))).toEqual({ active: false })
}

describe('a spent token that comes back', () => {
  test('RT1: ends the family, its access tokens and the grant, and is written down with who and from where', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    const second = await refresh(server, SPA, refreshTokenOf(tokens))
    const third = await refresh(server, SPA, refreshTokenOf(second))
    expect((await refresh(server, SPA, refreshTokenOf(tokens))).body.error).toBe('invalid_grant')
    for (const answer of [tokens, second, third]) {
      await expectRefused(SPA, answer)
      await expectInactive(answer)
    }
    const { grant_id, sub, sid } = claimsOf(third.body.access_token)
    const where = { name: 'refresh_token.reused', grantId: String(grant_id) }
    const events = await server.latchkey.stores.db.auditEvent.findMany({ where })
    expect(events).toEqual([expect.objectContaining({ clientId: SPA.client_id, accountId: sub, sessionId: sid })])
    expect(events[0]?.address).toMatch(/^(::1|127\.0\.0\.1)$/)
  })

  test('RT1: a guess at the newest secret of a family ends it like a spent one, and an invented family is nothing', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    const [family = ''] = refreshTokenOf(tokens).split('.')
    const invented = `rt_${'Z'.repeat(22)}.0.${'Z'.repeat(43)}`
    expect((await refresh(server, SPA, invented)).body.error).toBe('invalid_grant')
    expect((await refresh(server, SPA, `${family}.0.${'Z'.repeat(43)}`)).body.error).toBe('invalid_grant')
    await expectRefused(SPA, tokens)
    await expectInactive(tokens)
  })

  test('RT4 RT6: the window of a client is its own: none at all, or five minutes from the first use', async () => {
    const strict = await obtainTokens(server, STRICT)
    const next = await refresh(server, STRICT, refreshTokenOf(strict.tokens))
    expect((await refresh(server, STRICT, refreshTokenOf(strict.tokens))).body.error).toBe('invalid_grant')
    await expectRefused(STRICT, next)
    const patient = await obtainTokens(server, PATIENT)
    const first = await refresh(server, PATIENT, refreshTokenOf(patient.tokens))
    for (const step of [149, 149]) {
      await server.advance(step)
      const replay = await refresh(server, PATIENT, refreshTokenOf(patient.tokens))
      expect(replay.body.refresh_token).toBe(first.body.refresh_token)
    }
    await server.advance(3)
    expect((await refresh(server, PATIENT, refreshTokenOf(patient.tokens))).body.error).toBe('invalid_grant')
    await expectRefused(PATIENT, first)
  })

  test('RT6: inside the window the successor is for the same client only', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    const next = await refresh(server, SPA, refreshTokenOf(tokens))
    for (const thief of [WEB, PATIENT]) {
      expect((await refresh(server, thief, refreshTokenOf(tokens))).body).toMatchObject({ error: 'invalid_grant' })
    }
    expect((await refresh(server, SPA, refreshTokenOf(tokens))).body.refresh_token).toBe(next.body.refresh_token)
  })
})

describe('races', () => {
  test('RT3: fifty refreshes at once, at two nodes, get one and the same successor', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    const answers = await Promise.all(
      Array.from({ length: RACERS }, (_, index) => refresh(index % 2 === 0 ? server : neighbour, SPA, refreshTokenOf(tokens))),
    )
    expect(answers.map(({ status }) => status)).toEqual(Array(RACERS).fill(200))
    expect(new Set(answers.map(refreshTokenOf)).size).toBe(1)
    const [one] = answers
    expect((await refresh(neighbour, SPA, one === undefined ? '' : refreshTokenOf(one))).status).toBe(200)
  })

  test('RT3: with no window one of fifty at two nodes wins at most, and the family is dead', async () => {
    const { tokens } = await obtainTokens(server, STRICT)
    const answers = await Promise.all(
      Array.from({ length: RACERS }, (_, index) => refresh(index % 2 === 0 ? server : neighbour, STRICT, refreshTokenOf(tokens))),
    )
    const won = answers.filter(({ status }) => status === 200)
    expect(won.length).toBeLessThanOrEqual(1)
    expect(new Set(answers.filter(({ status }) => status !== 200).map(({ body }) => body.error))).toEqual(
      new Set(['invalid_grant']),
    )
    for (const answer of [tokens, ...won]) await expectRefused(STRICT, answer)
  })

  test('RT8: a chain of rotations at two nodes by turns never breaks', async () => {
    let { tokens } = await obtainTokens(server, SPA)
    for (let turn = 0; turn < 20; turn += 1) {
      const at = turn % 2 === 0 ? neighbour : server
      const [next, again] = await Promise.all([
        refresh(at, SPA, refreshTokenOf(tokens)),
        refresh(at, SPA, refreshTokenOf(tokens)),
      ])
      expect([next.status, again.status]).toEqual([200, 200])
      expect(again.body.refresh_token).toBe(next.body.refresh_token)
      tokens = next
    }
  })

  test.each([
    [
      'the client revokes it',
      async (tokens: TokenAnswer) => {
        const response = await clientRequest(neighbour, '/revoke', SPA, { token: refreshTokenOf(tokens) })
        expect(response.status).toBe(200)
      },
    ],
    [
      'the session is ended',
      async (tokens: TokenAnswer) => {
        const { sub = '', sid } = claimsOf(tokens.body.access_token)
        await neighbour.latchkey.nouns.sessions.end({ accountId: sub, sessionId: String(sid), origin: {} })
      },
    ],
    [
      'every session of the account is ended',
      async (tokens: TokenAnswer) => {
        await neighbour.latchkey.nouns.sessions.endAll({ accountId: claimsOf(tokens.body.access_token).sub ?? '', origin: {} })
      },
    ],
  ])('RT9: while refreshes are under way, %s: nothing of the family lives afterwards', async (_title, end) => {
    for (let run = 0; run < 5; run += 1) {
      const { tokens } = await obtainTokens(server, SPA, { person: server.grace })
      const racers: Promise<TokenAnswer>[] = []
      for (let racer = 0; racer < RACERS / 5; racer += 1) racers.push(refresh(server, SPA, refreshTokenOf(tokens)))
      const ended = end(tokens)
      for (let racer = 0; racer < run; racer += 1) racers.push(refresh(neighbour, SPA, refreshTokenOf(tokens)))
      const answers = [tokens, ...(await Promise.all(racers)).filter(({ status }) => status === 200)]
      await ended
      for (const answer of answers) {
        await expectRefused(SPA, answer)
        await expectInactive(answer)
      }
    }
  })
})

describe('a token in the wrong hands or for the wrong thing', () => {
  test('RT10: a confidential client’s token is no good without its secret, or to a public client, and is not burnt', async () => {
    const { tokens } = await obtainTokens(server, WEB)
    const token = refreshTokenOf(tokens)
    const { client_id } = WEB
    expect((await refresh(server, { ...WEB, client_secret: 'wrong' }, token)).status).toBe(401)
    const withoutSecret = await clientRequest(
      server,
      '/token',
      { client_id },
      { grant_type: 'refresh_token', refresh_token: token },
    )
    expect(withoutSecret.status).toBe(401)
    expect((await refresh(server, SPA, token)).body.error).toBe('invalid_grant')
    expect((await refresh(server, WEB, token)).status).toBe(200)
  })

  test('RT10: a spent token that another client brings does not end the family', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    const second = await refresh(server, SPA, refreshTokenOf(tokens))
    const third = await refresh(server, SPA, refreshTokenOf(second))
    expect((await refresh(server, WEB, refreshTokenOf(tokens))).body.error).toBe('invalid_grant')
    expect((await refresh(server, SPA, refreshTokenOf(third))).status).toBe(200)
  })

  test('RT11: neither scope nor resource grow by a refresh', async () => {
    const { tokens } = await obtainTokens(server, SPA, { params: { scope: 'openid notes:read' } })
    const token = refreshTokenOf(tokens)
    const asks = (params: { readonly [name: string]: string }) => refresh(server, SPA, token, params)
    for (const scope of ['openid notes:read notes:write', 'notes:write', 'openid email', 'openid billing:read']) {
      expect((await asks({ scope })).body.error).toBe('invalid_scope')
    }
    expect((await asks({ resource: BILLING })).body.error).toBe('invalid_target')
    const same = await asks({ resource: NOTES, scope: 'notes:read' })
    expect(claimsOf(same.body.access_token)).toMatchObject({ aud: NOTES, scope: 'notes:read' })
  })

  test('RT17: a client that may not have offline_access is refused it', async () => {
    const params = { scope: 'openid notes:read offline_access', prompt: 'consent' }
    expectErrorAtClient(server, await authorize(server, WEB, params), 'invalid_scope')
  })

  test('RT17: offline_access without asking for consent is left out', async () => {
    const { tokens, browser } = await obtainTokens(server, PARTNER)
    expect(await isOffline(tokens)).toBe(false)
    await browser.submit(await browser.open(new URL('/logout', server.issuer)))
    await expectRefused(PARTNER, tokens)
  })
})

describe('what ends every family of a person or a client', () => {
  test('RT13: a suspended account refreshes nothing and its access tokens are dead, as long as it is suspended', async () => {
    const { tokens } = await obtainTokens(server, SPA, { person: server.grace })
    const account = { where: { email: server.grace.username } }
    await server.latchkey.stores.db.account.updateMany({ ...account, data: { status: 'suspended' } })
    await expectRefused(SPA, tokens)
    await expectInactive(tokens)
    await server.latchkey.stores.db.account.updateMany({ ...account, data: { status: 'active' } })
  })

  test('RT14: a suspended client refreshes nothing, and its access tokens are dead', async () => {
    const { tokens } = await obtainTokens(server, PATIENT)
    const client = { where: { id: PATIENT.client_id } }
    await server.latchkey.stores.db.client.update({ ...client, data: { status: 'suspended' } })
    for (const node of [server, neighbour]) {
      expect((await refresh(node, PATIENT, refreshTokenOf(tokens))).status).toBeGreaterThanOrEqual(400)
    }
    await expectInactive(tokens)
    await server.latchkey.stores.db.client.update({ ...client, data: { status: 'active' } })
  })

  test('RT14: “sign out everywhere” ends the families of every browser, offline ones too', async () => {
    const person = server.grace
    const offline = await obtainTokens(server, PARTNER, { person, params: { prompt: 'consent' } })
    expect(await isOffline(offline.tokens)).toBe(true)
    const bound = await obtainTokens(server, SPA, { person })
    await server.latchkey.nouns.sessions.endAll({ accountId: claimsOf(bound.tokens.body.access_token).sub ?? '', origin: {} })
    await expectRefused(PARTNER, offline.tokens)
    await expectRefused(SPA, bound.tokens)
    await expectInactive(offline.tokens)
    await expectInactive(bound.tokens)
  })

  test('RT14: a changed password ends the families of other sessions, offline ones too', async () => {
    const person = server.grace
    const offline = await obtainTokens(server, PARTNER, { person, params: { prompt: 'consent' } })
    const here = await obtainTokens(server, SPA, { person })
    const { sub = '', sid } = claimsOf(here.tokens.body.access_token)
    const next = `${person.password} anew`
    const args = { accountId: sub, sessionId: String(sid), origin: {} }
    const change = await server.latchkey.nouns.changePassword({ ...args, current: person.password, next })
    expect(change).toMatchObject({ outcome: 'changed' })
    await expectRefused(PARTNER, offline.tokens)
    await expectInactive(offline.tokens)
    expect((await refresh(server, SPA, refreshTokenOf(here.tokens))).status).toBe(200)
  })
})

test('RT20: ten thousand rotations leave one row, and the table where it was', async () => {
  // A PostgreSQL of its own: while anybody's transaction is open, in whichever database, no room is given free for long.
  const postgres = await startPrivatePostgres()
  let alone: TestServer | undefined
  try {
    alone = await startServer({ databaseUrl: postgres.url })
    const { tokens } = await obtainTokens(alone, SPA)
    const rows = await rowCounts(alone)
    const { families } = alone.latchkey.nouns
    let token = parseRefreshToken(refreshTokenOf(tokens))
    if (token === undefined) throw new Error('that is no refresh token')
    const presented = await families.present(token, SPA.client_id)
    if (presented.outcome !== 'current') throw new Error(presented.outcome)
    for (let rotation = 0; rotation < 10_000; rotation += 1) {
      const next = successorOf(token)
      if (!(await families.rotate(token, next, presented.state))) throw new Error(`rotation ${rotation} missed`)
      token = next
    }
    expect(refreshTokenOf(await refresh(alone, SPA, formatRefreshToken(token)))).toContain('.10001.')
    expect(await rowCounts(alone)).toEqual(rows)
    // A row for each hour in which something happened: rotations are nothing that is counted.
    expect(await alone.latchkey.stores.db.eventCount.count()).toBeLessThan(5)
    // Each rotation takes the room of one before it and touches no index (a HOT update).
    const [updates] = await run(
      postgres.url,
      "SELECT n_tup_upd::int AS all, n_tup_hot_upd::int AS hot FROM pg_stat_user_tables WHERE relname = 'refresh_families'",
    )
    expect(Number(updates?.hot)).toBeGreaterThan(0.9 * Number(updates?.all))
    const [size] = await run(postgres.url, "SELECT pg_total_relation_size('refresh_families')::int AS bytes")
    expect(size?.bytes).toBeLessThan(1024 * 1024)
  } finally {
    await alone?.stop()
    await postgres.stop()
  }
}, 120_000)

test('RT15: after a restart with an empty Redis what was revoked, spent or ended stays so, and the rest goes on', async () => {
  const revoked = await obtainTokens(server, SPA)
  await clientRequest(server, '/revoke', SPA, { token: refreshTokenOf(revoked.tokens) })
  const jwt = await obtainTokens(server, SPA)
  await clientRequest(server, '/revoke', SPA, { token: accessTokenOf(jwt.tokens) })
  const left = await obtainTokens(server, SPA)
  await left.browser.submit(await left.browser.open(new URL('/logout', server.issuer)))
  const living = await obtainTokens(server, SPA)
  const spent = await refresh(server, SPA, refreshTokenOf(living.tokens))
  const newest = await refresh(server, SPA, refreshTokenOf(spent))
  const settings = { ISSUER: server.issuer }
  const restarted = await startServer({ redisUrl: redisUrl(), databaseUrl: server.databaseUrl, settings })
  try {
    for (const { tokens } of [revoked, left]) {
      expect((await refresh(restarted, SPA, refreshTokenOf(tokens))).body.error).toBe('invalid_grant')
    }
    for (const { tokens } of [revoked, left, jwt]) {
      expect(await introspect(restarted, API, accessTokenOf(tokens))).toEqual({ active: false })
    }
    expect(await introspect(restarted, API, accessTokenOf(newest))).toMatchObject({ active: true })
    const next = await refresh(restarted, SPA, refreshTokenOf(newest))
    expect(next.status).toBe(200)
    expect((await refresh(restarted, SPA, refreshTokenOf(living.tokens))).body.error).toBe('invalid_grant')
    expect((await refresh(restarted, SPA, refreshTokenOf(next))).body.error).toBe('invalid_grant')
    expect(errorLines(restarted)).toEqual([])
  } finally {
    await restarted.stop()
  }
})

test('nothing of it was an error of the server', () => {
  expect(errorLines(server)).toEqual([])
  expect(errorLines(neighbour)).toEqual([])
})

/** Whether a refresh token outlives the session. */
async function isOffline(tokens: TokenAnswer): Promise<boolean> {
  const grantId = String(claimsOf(tokens.body.access_token).grant_id)
  const family = await server.latchkey.stores.db.refreshFamily.findFirstOrThrow({ where: { grantId } })
  return !family.sessionBound
}

async function rowCounts(node: TestServer): Promise<{ readonly [table: string]: number }> {
  const { db } = node.latchkey.stores
  const tables = await db.$queryRaw<{ name: string }[]>`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`
  const counts = await Promise.all(
    // Seals are put on the audit log every two seconds, and what happens is counted by the hour, whatever happens.
    tables
      .filter(({ name }) => !['audit_seals', 'event_counts'].includes(name))
      .map(async ({ name }) => {
        const rows = await db.$queryRawUnsafe<{ count: number }[]>(`SELECT count(*)::int AS count FROM "${name}"`)
        return [name, rows[0]?.count ?? -1] as const
      }),
  )
  return Object.fromEntries(counts)
}
