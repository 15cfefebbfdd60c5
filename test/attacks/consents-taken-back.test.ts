// What a person takes back while an app is just being let in by it: the app gets nothing that outlives that, in whichever order the two
// come. What several tabs add to one grant at once is all added.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import pg from 'pg'
import { scopesOfRoles } from '../../config/roles.ts'
import { newGrantId } from '../../server/grants/grants.ts'
import type { Browser, Page } from '../support/browser.ts'
import { NOTES, PARTNER, SPA } from '../support/clients.ts'
import { authorizationRequest, callbackParams, claimsOf, obtainTokens, redeem, signIn } from '../support/oauth.ts'
import { redisUrl } from '../support/redis.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { errorLines } from './attempts.ts'

/** As the pages store it: what is an API's stands among the rest as well. */
const ALL = { openid: PARTNER.scope.split(' '), resources: { [NOTES]: ['notes:read'] } }
const LESS = { openid: ['openid'], resources: {} }
const ROUNDS = 50

let server: TestServer
let neighbour: TestServer

beforeAll(async () => {
  const redis = redisUrl()
  server = await startServer({ redisUrl: redis })
  neighbour = await startServer({ databaseUrl: server.databaseUrl, redisUrl: redis, settings: { ISSUER: server.issuer } })
})

afterAll(async () => {
  await neighbour?.stop()
  await server?.stop()
})

/** Somebody who has agreed to all that the partner asks for, and is signed in, but not at the partner. */
interface Agreed {
  readonly of: { readonly accountId: string; readonly clientId: string }
  readonly browser: Browser
}

let people = 0
async function agreed(): Promise<Agreed> {
  people += 1
  const person = { username: `taken-back-${people}@people.example`, password: 'a sentence that is long enough 42' }
  const { accounts, consents } = server.latchkey.nouns
  const { id } = await accounts.create({
    email: person.username,
    emailVerified: true,
    name: 'Somebody',
    password: person.password,
  })
  const of = { accountId: id, clientId: PARTNER.client_id }
  await consents.add({ ...of, consent: ALL, origin: {} })
  const { browser } = await obtainTokens(server, SPA, { person })
  return { of, browser }
}

const BY = { actor: 'acc_admin', reason: 'a test', powers: scopesOfRoles(['owner']) }
const change = (accountId: string) => ({ actor: accountId, powers: scopesOfRoles([]) })
const withdraw = (of: Agreed['of']) => neighbour.latchkey.nouns.events.grants.withdrawConsent(of, change(of.accountId))
const narrow = (of: Agreed['of']) =>
  neighbour.latchkey.nouns.events.grants.narrowConsent({ ...of, consent: LESS }, change(of.accountId))

/** What the live grants of the partner say, of all that they were given. */
async function grantsOf({ accountId, clientId }: Agreed['of']): Promise<unknown[]> {
  const rows = await server.latchkey.stores.db.$queryRaw<{ payload: unknown }[]>`
    SELECT payload FROM grants WHERE account_id = ${accountId} AND client_id = ${clientId} AND ended_at IS NULL`
  return rows.map(({ payload }) => payload)
}

/** Holds a lock while something is done; `blocked` waits until so many statements wait for it. */
async function holding<Result>(
  lock: string,
  work: (blocked: (count: number) => Promise<void>) => Promise<Result>,
): Promise<Result> {
  const holder = new pg.Client(server.databaseUrl)
  await holder.connect()
  try {
    await holder.query('BEGIN')
    await holder.query(lock)
    const result = await work(async (count) => {
      while ((await waiting(holder)) < count) await new Promise(setImmediate)
    })
    await holder.query('COMMIT')
    return result
  } finally {
    await holder.end()
  }
}

/** Begins things one after the other while a lock is held; each has come as far as it can when the next one begins. */
async function whileLocked(lock: string, ...beginnings: (() => Promise<unknown>)[]): Promise<unknown[]> {
  const begun: Promise<unknown>[] = []
  await holding(lock, async (blocked) => {
    for (const begin of beginnings) {
      begun.push(begin())
      await blocked(begun.length)
    }
  })
  return Promise.all(begun)
}

async function waiting(holder: pg.Client): Promise<number> {
  const { rows } = await holder.query(`
    SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)
  return rows[0].count
}

/** Whoever waits for this has the lock of the consent already. */
const HOLD_SESSIONS = 'SELECT 1 FROM sessions FOR UPDATE'
const HOLD_GRANTS = 'LOCK TABLE grants IN EXCLUSIVE MODE'

describe('the partner is let in without a question', () => {
  const letIn = (browser: Browser, authorization = authorizationRequest(server, PARTNER)) => browser.open(authorization.url)

  test('after the consent was withdrawn, though it was read before: the person is asked', async () => {
    const { of, browser } = await agreed()
    const [, page] = await whileLocked(
      HOLD_GRANTS,
      () => withdraw(of),
      () => letIn(browser),
    )
    expect(callbackParams(page as Page)).toMatchObject({ error: 'access_denied' })
    expect(await grantsOf(of)).toEqual([])
    expect((await letIn(browser)).body).toContain('Allow')
  })

  test('before the consent is withdrawn: what it got ends', async () => {
    const { of, browser } = await agreed()
    const authorization = authorizationRequest(server, PARTNER)
    const [page, ended] = await whileLocked(
      HOLD_SESSIONS,
      () => letIn(browser, authorization),
      () => withdraw(of),
    )
    expect(ended).toMatchObject({ grants: 1 })
    expect(await grantsOf(of)).toEqual([])
    const { code = '' } = callbackParams(page as Page)
    expect((await redeem(server, PARTNER, authorization, code)).body.error).toBe('invalid_grant')
  })

  test('after the consent was narrowed, though it was read before: it gets nothing of it', async () => {
    const { of, browser } = await agreed()
    const [, page] = await whileLocked(
      HOLD_GRANTS,
      () => narrow(of),
      () => letIn(browser),
    )
    expect(callbackParams(page as Page)).toMatchObject({ error: 'access_denied' })
    expect(await grantsOf(of)).toEqual([])
  })

  test('before the consent is narrowed: what it got is narrowed', async () => {
    const { of, browser } = await agreed()
    await whileLocked(
      HOLD_SESSIONS,
      () => letIn(browser),
      () => narrow(of),
    )
    expect(await grantsOf(of)).toMatchObject([{ openid: { scope: 'openid' }, resources: {} }])
  })

  test(`at the same moment, ${ROUNDS} times over two processes: nothing of it is left`, async () => {
    const { of, browser } = await agreed()
    const codes: [ReturnType<typeof authorizationRequest>, string][] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      await server.latchkey.nouns.consents.add({ ...of, consent: ALL, origin: {} })
      const authorization = authorizationRequest(server, PARTNER, { prompt: 'none' })
      // The withdrawal comes a little later from round to round: before, within and after the other.
      const [page] = await Promise.all([letIn(browser, authorization), pause(round % 10).then(() => withdraw(of))])
      expect(await grantsOf(of)).toEqual([])
      const { code } = callbackParams(page)
      if (code !== undefined) codes.push([authorization, code])
    }
    for (const [authorization, code] of codes)
      expect((await redeem(server, PARTNER, authorization, code)).body.error).toBe('invalid_grant')
  })
})

describe('several tabs', () => {
  /** The page that asks for one scope more than the grant has. */
  async function asks(browser: Browser, scope: string) {
    const authorization = authorizationRequest(server, PARTNER, { scope: `openid ${scope}` })
    const page = await browser.open(authorization.url)
    expect(page.body).toContain('Allow')
    return { authorization, allow: () => browser.copy().submit(page) }
  }

  test('each ask for another scope at the same moment, and all get theirs', async () => {
    const { of, browser } = await agreed()
    await withdraw(of)
    const bare = await browser.open(authorizationRequest(server, PARTNER, { scope: 'openid' }).url)
    expect(callbackParams(await signIn(browser, bare, server.ada))).toHaveProperty('code')
    const tabs = [await asks(browser, 'email'), await asks(browser, 'profile'), await asks(browser, 'notes:read')]
    const pages = await whileLocked('LOCK TABLE consents IN EXCLUSIVE MODE', ...tabs.map(({ allow }) => allow))
    for (const [index, { authorization }] of tabs.entries()) {
      const { code = '' } = callbackParams(pages[index] as Page)
      expect((await redeem(server, PARTNER, authorization, code)).status).toBe(200)
    }
    const [grant, ...others] = (await grantsOf(of)) as { openid: { scope: string }; resources: object }[]
    expect(others).toEqual([])
    expect(grant?.openid.scope.split(' ')).toEqual(expect.arrayContaining(['email', 'openid', 'profile']))
    expect(grant?.resources).toEqual({ [NOTES]: 'notes:read' })
  })
})

test('a scope that was agreed to before and taken back does not come back with another one', async () => {
  const { of, browser } = await agreed()
  const first = authorizationRequest(server, PARTNER)
  const { code = '' } = callbackParams(await browser.open(first.url))
  const tokens = await redeem(server, PARTNER, first, code)
  expect(claimsOf(tokens.body.access_token).scope).toBe('notes:read')
  const page = await browser.open(authorizationRequest(server, PARTNER, { prompt: 'consent', scope: 'openid email' }).url)
  await narrow(of)
  expect(callbackParams(await browser.submit(page))).toHaveProperty('code')
  expect(await grantsOf(of)).toMatchObject([{ openid: { scope: 'email openid' }, resources: {} }])
})

test('a grant that is written while its account is being suspended waits for nobody in a circle, and ends', async () => {
  const { of, browser } = await agreed()
  const { tokens } = await obtainTokens(server, SPA, { browser })
  const payload = { openid: { scope: 'openid' } }
  const grant = { ...of, id: newGrantId(), sessionId: String(claimsOf(tokens.body.access_token).sid), payload, lifeSeconds: 600 }
  let suspended: Promise<unknown> | undefined
  // The suspension has the account's lock, and waits for its session; a grant needs both to be there.
  const saved = await holding('SELECT 1 FROM sessions FOR SHARE', async (blocked) => {
    suspended = neighbour.latchkey.nouns.events.accounts.suspend(of.accountId, BY)
    await blocked(1)
    return server.latchkey.nouns.grants.save({ ...grant, addition: { consent: LESS, agreed: true } })
  })
  expect(saved).toBe(true)
  expect(await suspended).toMatchObject({ grants: 2 })
  expect(await grantsOf(of)).toEqual([])
})

test('nothing of it was an error of the server', () => {
  expect([...errorLines(server), ...errorLines(neighbour)]).toEqual([])
})

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))
