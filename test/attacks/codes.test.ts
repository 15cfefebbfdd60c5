// Authorization codes: taken once, by the one they were made for, within a minute (RFC 6749 §4.1.2 and §10.5).
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Browser } from '../support/browser.ts'
import { API, PARTNER, SPA, WEB } from '../support/clients.ts'
import { claimsOf, introspect, obtainTokens, redeem, refresh, type TokenAnswer, tokenRequest } from '../support/oauth.ts'
import { redisUrl } from '../support/redis.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { errorLines, obtainCode } from './attempts.ts'

const RACERS = 50

let server: TestServer
/** Another process on the same database and the same Redis. */
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

describe('a code that comes twice', () => {
  test('CO1: ends the grant with its refresh token and its access tokens, on every node', async () => {
    const { authorization, code } = await obtainCode(server, SPA)
    const tokens = await redeem(server, SPA, authorization, code)
    expect(tokens.status).toBe(200)
    expect(await introspect(server, API, tokens.body.access_token ?? '')).toMatchObject({ active: true })
    const replay = await redeem(server, SPA, authorization, code)
    expect({ status: replay.status, error: replay.body.error }).toEqual({ status: 400, error: 'invalid_grant' })
    await expectDead(server, tokens)
    const { grant_id } = claimsOf(tokens.body.access_token)
    const events = await server.latchkey.stores.db.auditEvent.findMany({ where: { grantId: String(grant_id) } })
    expect(events.map(({ name }) => name)).toContain('authorization_code.replayed')
    const told = await server.latchkey.stores.db.revocation.findFirst({ where: { kind: 'grant_id', value: String(grant_id) } })
    expect(told).not.toBeNull()
  })

  test('CO1: also the opaque access token', async () => {
    const { authorization, code } = await obtainCode(server, WEB, { params: { scope: 'openid email' } })
    const tokens = await redeem(server, WEB, authorization, code)
    expect(tokens.body.access_token).toMatch(/^at_/)
    expect((await redeem(server, WEB, authorization, code)).body.error).toBe('invalid_grant')
    expect(await introspect(server, WEB, tokens.body.access_token ?? '')).toEqual({ active: false })
    const userinfo = await fetch(new URL('/userinfo', server.issuer), {
      headers: { authorization: `Bearer ${tokens.body.access_token}` },
    })
    expect(userinfo.status).toBe(401)
  })

  test.each([
    ['as Redis knows', false],
    ['as PostgreSQL alone knows', true],
  ])('CO1: also after the person has signed out, where the grant goes on without a session, %s', async (_, isForgotten) => {
    const { browser, authorization, code, tokens } = await obtainTokens(server, PARTNER, { params: { prompt: 'consent' } })
    await browser.submit(await browser.open(new URL('/logout', server.issuer)))
    const { live } = server.latchkey.stores
    if (isForgotten) {
      const { jti: _jti, consumed, ...payload } = (await live.find('AuthorizationCode', code)) ?? {}
      expect(consumed).toBeDefined()
      await live.destroy('AuthorizationCode', code)
      await live.put({ model: 'AuthorizationCode', id: code, payload, ttlSeconds: 60 })
      expect((await live.find('AuthorizationCode', code))?.consumed).toBeUndefined()
    }
    const next = await refresh(server, PARTNER, tokens.body.refresh_token ?? '')
    expect(next.status).toBe(200)
    expect((await redeem(server, PARTNER, authorization, code)).body.error).toBe('invalid_grant')
    expect((await refresh(server, PARTNER, next.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
    expect(await introspect(server, API, next.body.access_token ?? '')).toEqual({ active: false })
  })

  test.each([
    ['CO2: fifty times at once', () => [server]],
    ['CO3: fifty times at once, at two nodes', () => [server, neighbour]],
  ])('%s, gives one set of tokens at most, and leaves no living family but that one', async (_title, nodes) => {
    const { authorization, code } = await obtainCode(server, SPA)
    const at = nodes()
    const families = () => server.latchkey.stores.db.refreshFamily.count({ where: { endedAt: null } })
    const before = await families()
    const answers = await Promise.all(
      Array.from({ length: RACERS }, (_, index) => redeem(at[index % at.length] ?? server, SPA, authorization, code)),
    )
    const won = answers.filter(({ status }) => status === 200)
    expect(won.length).toBeLessThanOrEqual(1)
    expect(answers.filter(({ status }) => status !== 200).map(({ body }) => body.error)).toEqual(
      Array(RACERS - won.length).fill('invalid_grant'),
    )
    // Whoever lost the race came second, so nothing of the grant lives.
    for (const tokens of won) await expectDead(server, tokens)
    expect(await families()).toBe(before)
  })
})

describe('a code of somebody else', () => {
  test('CO4: another client cannot redeem it, public or confidential, and it stays with its own', async () => {
    const { authorization, code } = await obtainCode(server, SPA)
    const stolen = await redeem(server, WEB, authorization, code, { redirect_uri: SPA.redirect_uri })
    expect(stolen.body.error).toBe('invalid_grant')
    expect((await redeem(server, SPA, authorization, code)).status).toBe(200)
    const webs = await obtainCode(server, WEB)
    const byPublic = await redeem(server, SPA, webs.authorization, webs.code, { redirect_uri: WEB.redirect_uri })
    expect(byPublic.body.error).toBe('invalid_grant')
    expect((await redeem(server, WEB, webs.authorization, webs.code)).status).toBe(200)
  })

  test('CO4: a spent code that another client brings ends nothing', async () => {
    const { authorization, code } = await obtainCode(server, SPA)
    const tokens = await redeem(server, SPA, authorization, code)
    expect((await redeem(server, WEB, authorization, code, { redirect_uri: SPA.redirect_uri })).body.error).toBe('invalid_grant')
    expect((await refresh(server, SPA, tokens.body.refresh_token ?? '')).status).toBe(200)
  })

  test('a code that never was, or of a wrong shape, is refused', async () => {
    for (const code of ['x', 'A'.repeat(43), 'A'.repeat(5000), '../../etc/passwd', "' OR 1=1 --", '\u0000', 'é']) {
      const params = { grant_type: 'authorization_code', code, redirect_uri: SPA.redirect_uri, code_verifier: 'v'.repeat(43) }
      const answer = await tokenRequest(server, SPA, params)
      expect(answer.status).toBe(400)
      expect(answer.body.error).toMatch(/^invalid_(grant|request)$/)
    }
  })
})

describe('what comes between the code and its redemption', () => {
  test('CO7: the account is suspended', async () => {
    const { authorization, code } = await obtainCode(server, SPA, { person: server.grace })
    const account = { where: { email: server.grace.username } }
    await server.latchkey.stores.db.account.updateMany({ ...account, data: { status: 'suspended' } })
    const refused = await redeem(server, SPA, authorization, code)
    await server.latchkey.stores.db.account.updateMany({ ...account, data: { status: 'active' } })
    expect(refused.body.error).toBe('invalid_grant')
  })

  test('CO8: the person signs out', async () => {
    const { browser } = await obtainTokens(server, WEB)
    const { authorization, code } = await obtainCode(server, SPA, { browser })
    await browser.submit(await browser.open(new URL('/logout', server.issuer)))
    expect((await redeem(server, SPA, authorization, code)).body.error).toBe('invalid_grant')
  })

  test('CO8: the session is ended from another browser, and in another the password is changed', async () => {
    const victim = await obtainCode(server, SPA)
    const other = await obtainTokens(server, WEB)
    const { sub = '', sid } = claimsOf(other.tokens.body.access_token)
    const { sessions, changePassword } = server.latchkey.nouns
    await sessions.endOthers({ accountId: sub, keepSessionId: String(sid), origin: {} })
    expect((await redeem(server, SPA, victim.authorization, victim.code)).body.error).toBe('invalid_grant')
    const again = await obtainCode(server, SPA)
    const next = `${server.ada.password} again`
    const args = { accountId: sub, sessionId: String(sid), origin: {} }
    expect(await changePassword({ ...args, current: server.ada.password, next })).toMatchObject({ outcome: 'changed' })
    expect((await redeem(server, SPA, again.authorization, again.code)).body.error).toBe('invalid_grant')
  })
})

test('CO9: codes are 256 random bits', async () => {
  const person = server.grace
  const { browser } = await obtainTokens(server, SPA, { person })
  const codes = new Set<string>()
  for (let count = 0; count < 64; count += 1) codes.add((await obtainCode(server, SPA, { browser, person })).code)
  expect(codes.size).toBe(64)
  for (const code of codes) expect(code).toMatch(/^[A-Za-z0-9_-]{43}$/)
  // 64 × 43 characters of an alphabet of 64: each is expected 43 times; none is missing but once in 10¹⁶ runs.
  const seen = new Set([...codes].join(''))
  expect(seen.size).toBe(64)
  for (const position of [0, 1, 20, 41]) expect(new Set([...codes].map((code) => code[position])).size).toBeGreaterThan(20)
})

test('CO10: no code is in the log, in the audit, in PostgreSQL, or in a Referer', async () => {
  const browser = new Browser()
  const { authorization, code } = await obtainCode(server, SPA, { browser, person: server.grace })
  const tokens = await redeem(server, SPA, authorization, code)
  await redeem(server, SPA, authorization, code)
  await browser.open(new URL(`/no-such-page?code=${code}`, server.issuer))
  await browser.open(new URL(`/account/signed-in?code=${code}`, server.issuer))
  const secrets = [code, tokens.body.refresh_token ?? '', tokens.body.access_token ?? '', authorization.verifier]
  const rows = await everyRow(server)
  for (const secret of secrets) {
    expect(server.log.text).not.toContain(secret)
    expect(rows).not.toContain(secret)
  }
  const page = await browser.fetch(new URL('/', server.issuer).href)
  expect(page.headers['referrer-policy']).toBe('no-referrer')
  const login = await new Browser().open(authorization.url)
  expect(login.headers['referrer-policy']).toBe('no-referrer')
})

test('CO5: a code is refused after its minute', async () => {
  const person = server.grace
  const late = await obtainCode(server, SPA, { person })
  const inTime = await obtainCode(server, SPA, { person })
  await server.advance(55)
  expect((await redeem(server, SPA, inTime.authorization, inTime.code)).status).toBe(200)
  await server.advance(6)
  expect((await redeem(server, SPA, late.authorization, late.code)).body.error).toBe('invalid_grant')
})

test('nothing of it was an error of the server', () => {
  expect(errorLines(server)).toEqual([])
  expect(errorLines(neighbour)).toEqual([])
})

/** The access token and the refresh token of an answer are dead, at both nodes. */
async function expectDead(at: TestServer, tokens: TokenAnswer): Promise<void> {
  for (const node of [at, neighbour]) {
    expect(await introspect(node, API, tokens.body.access_token ?? '')).toEqual({ active: false })
    const next = await refresh(node, SPA, tokens.body.refresh_token ?? '')
    expect({ status: next.status, error: next.body.error }).toEqual({ status: 400, error: 'invalid_grant' })
  }
}

async function everyRow(at: TestServer): Promise<string> {
  const { db } = at.latchkey.stores
  const tables = await db.$queryRaw<{ name: string }[]>`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`
  const rows = await Promise.all(
    tables.map(({ name }) => db.$queryRawUnsafe<{ row: string }[]>(`SELECT t::text AS row FROM "${name}" t`)),
  )
  return rows
    .flat()
    .map(({ row }) => row)
    .join('\n')
}
