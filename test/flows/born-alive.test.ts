// The server makes no token that its own list covers: whoever asks for one right after an event is kept waiting until it would
// live, and is then given what is right by then (docs/explanation/revocation.md).
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import pg from 'pg'
import { openPostgres } from '../../server/storage/postgres.ts'
import { writeRevocations } from '../../server/tokens/revocations.ts'
import { Browser } from '../support/browser.ts'
import { API, MACHINE, NOTES, SPA, WEB } from '../support/clients.ts'
import { until } from '../support/logout-app.ts'
import {
  authorizationRequest,
  callbackParams,
  claimsOf,
  introspect,
  obtainTokens,
  redeem,
  refresh,
  signIn,
  type TokenAnswer,
  tokenRequest,
} from '../support/oauth.ts'
import { PATIENT } from '../support/postgres.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer

beforeAll(async () => {
  server = await startServer()
})

afterAll(async () => {
  await server?.stop()
})

const BY = { actor: 'system' }

async function accountOf(person: { readonly username: string }): Promise<string> {
  const { accounts } = server.latchkey.nouns
  const found = await accounts.findByEmail(person.username)
  return found?.id ?? ''
}

const giveRoles = async (roles: readonly string[]) =>
  server.latchkey.nouns.events.accounts.changeRoles({ accountId: await accountOf(server.grace), roles }, BY)

describe('right after a role was taken away', () => {
  test('a refresh gets a living token without it', async () => {
    await giveRoles(['auditor', 'helpdesk'])
    const { tokens } = await obtainTokens(server, SPA, { person: server.grace })
    expect(claimsOf(tokens.body.access_token).roles).toEqual(['auditor', 'helpdesk'])
    await giveRoles(['auditor'])
    const next = await refresh(server, SPA, tokens.body.refresh_token ?? '')
    expect(claimsOf(next.body.access_token).roles).toEqual(['auditor'])
    expect(await introspect(server, API, next.body.access_token ?? '')).toMatchObject({ active: true, roles: ['auditor'] })
    expect(await introspect(server, API, tokens.body.access_token ?? '')).toEqual({ active: false })
  })

  test('an opaque token that is asked for lives as well', async () => {
    await giveRoles(['auditor', 'helpdesk'])
    const { tokens } = await obtainTokens(server, WEB, { person: server.grace, params: { scope: 'openid email' } })
    await giveRoles([])
    expect(await introspect(server, WEB, tokens.body.access_token ?? '')).toEqual({ active: false })
    const next = await refresh(server, WEB, tokens.body.refresh_token ?? '')
    const told = await introspect(server, WEB, next.body.access_token ?? '')
    expect(told).toMatchObject({ active: true })
    expect(told.roles).toBeUndefined()
  })

  test('a code that was given before is redeemed for a living token', async () => {
    await giveRoles(['auditor', 'helpdesk'])
    const browser = new Browser()
    const authorization = authorizationRequest(server, SPA)
    const page = await signIn(browser, await browser.open(authorization.url), server.grace)
    await giveRoles(['auditor'])
    const tokens = await redeem(server, SPA, authorization, callbackParams(page).code ?? '')
    expect(await introspect(server, API, tokens.body.access_token ?? '')).toMatchObject({ active: true, roles: ['auditor'] })
  })

  test('no race gives a living token with it, nor a dead one to whoever asks afterwards', async () => {
    const people: TokenAnswer[] = []
    for (let person = 0; person < 6; person += 1) {
      people.push((await obtainTokens(server, SPA, { person: server.grace })).tokens)
    }
    for (let round = 0; round < 3; round += 1) {
      await giveRoles(['auditor', 'helpdesk'])
      const during = people.map(({ body }) => refresh(server, SPA, body.refresh_token ?? ''))
      await giveRoles(['auditor'])
      const afterwards = people.map(({ body }) => refresh(server, SPA, body.refresh_token ?? ''))
      for (const { body } of await Promise.all(during)) {
        const told = await introspect(server, API, body.access_token ?? '')
        if (told.active) expect(told.roles).toEqual(['auditor'])
      }
      for (const { body } of await Promise.all(afterwards)) {
        expect(await introspect(server, API, body.access_token ?? '')).toMatchObject({ active: true, roles: ['auditor'] })
      }
      for (const [index, { body }] of (await Promise.all(afterwards)).entries()) {
        const person = people[index]
        if (person !== undefined) Object.assign(person.body, { refresh_token: body.refresh_token })
      }
    }
  }, 60_000)
})

test('what was authorised while a commit took long is dead when the event is answered', async () => {
  await giveRoles(['auditor', 'helpdesk'])
  const { tokens } = await obtainTokens(server, SPA, { person: server.grace })
  const holder = new pg.Client(server.databaseUrl)
  await holder.connect()
  try {
    await holder.query(`SELECT pg_advisory_lock(4711);
      CREATE FUNCTION slow_commit() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN NULL; END $$;
      CREATE CONSTRAINT TRIGGER slow_commit AFTER UPDATE OF roles ON accounts
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow_commit()`)
    const taken = giveRoles(['auditor'])
    const isCommitting = `SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`
    while ((await holder.query(isCommitting)).rows.length === 0) await new Promise(setImmediate)
    await server.advance(4)
    const during = await refresh(server, SPA, tokens.body.refresh_token ?? '')
    expect(claimsOf(during.body.access_token).roles).toEqual(['auditor', 'helpdesk'])
    await holder.query('SELECT pg_advisory_unlock(4711)')
    const { sequence } = await taken
    expect(await introspect(server, API, during.body.access_token ?? '')).toEqual({ active: false })
    expect(server.latchkey.revocations.follower.log.sequence).toBeGreaterThanOrEqual(sequence)
    const next = await refresh(server, SPA, during.body.refresh_token ?? '')
    expect(await introspect(server, API, next.body.access_token ?? '')).toMatchObject({ active: true, roles: ['auditor'] })
  } finally {
    await holder.query('SELECT pg_advisory_unlock_all(); DROP TRIGGER IF EXISTS slow_commit ON accounts')
    await holder.end()
  }
})

test('so it is within a second when the process that ended it was killed right after its commit', async () => {
  await giveRoles(['auditor', 'helpdesk'])
  const { tokens } = await obtainTokens(server, SPA, { person: server.grace })
  const other = await openPostgres({ url: server.databaseUrl, poolSize: 1, ...PATIENT })
  try {
    const accountId = await accountOf(server.grace)
    const during = await other.db.$transaction(async (tx) => {
      await tx.$executeRaw`UPDATE accounts SET roles = '{auditor}' WHERE id = ${accountId}`
      await writeRevocations(tx, [{ kind: 'sub', value: accountId, issuedUntilNow: true }], {
        lifeSeconds: 900,
        reason: 'roles_changed',
      })
      await server.advance(4)
      await server.latchkey.revocations.follower.catchUp()
      const during = await refresh(server, SPA, tokens.body.refresh_token ?? '')
      expect(claimsOf(during.body.access_token).roles).toEqual(['auditor', 'helpdesk'])
      expect(await introspect(server, API, during.body.access_token ?? '')).toMatchObject({ active: true })
      return during
    })
    await until(async () => (await introspect(server, API, during.body.access_token ?? '')).active === false)
    const next = await refresh(server, SPA, during.body.refresh_token ?? '')
    expect(await introspect(server, API, next.body.access_token ?? '')).toMatchObject({ active: true, roles: ['auditor'] })
  } finally {
    await other.close()
  }
})

test('what an entry names for ten seconds is not waited for: the answer is that one may try again', async () => {
  const { tokens } = await obtainTokens(server, SPA, { person: server.grace })
  await server.latchkey.nouns.endings.run('tried', async (ending) => {
    const value = await accountOf(server.grace)
    ending.entries.push({ kind: 'sub', value, issuedUntilNow: true, stillIssuedSeconds: 10 })
  })
  const refused = await refresh(server, SPA, tokens.body.refresh_token ?? '')
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^\d+$/)])
  await server.advance(12)
  const next = await refresh(server, SPA, tokens.body.refresh_token ?? '')
  expect(await introspect(server, API, next.body.access_token ?? '')).toMatchObject({ active: true })
})

describe('a client that acts for itself', () => {
  const ask = (scope: string) => tokenRequest(server, MACHINE, { grant_type: 'client_credentials', scope, resource: NOTES })

  const scopeOfClient = async (scope: string) => {
    const { registered, clients } = server.latchkey.nouns.events
    const client = await registered.clients.find(MACHINE.client_id)
    if (client === undefined) throw new Error('the client is gone')
    await clients.update({ ...client.metadata, scope }, BY)
  }

  /** Whoever is told to come again does so. */
  const insist = async (scope: string): Promise<TokenAnswer> => {
    const deadline = performance.now() + 20_000
    for (;;) {
      const answer = await ask(scope)
      if (answer.status !== 503 || performance.now() > deadline) return answer
    }
  }

  test('that was narrowed gets living tokens with what it has left, and no others', async () => {
    await scopeOfClient('notes:read notes:write')
    await server.advance(15)
    const before = await insist('notes:read notes:write')
    expect(claimsOf(before.body.access_token).scope).toBe('notes:read notes:write')
    await scopeOfClient('notes:read')
    const answers = await Promise.all(Array.from({ length: 10 }, () => insist('notes:read notes:write')))
    expect(await introspect(server, API, before.body.access_token ?? '')).toEqual({ active: false })
    for (const { body } of answers) {
      // Asked for more than it has, it gets less or nothing; what it gets lives.
      if (body.access_token === undefined) continue
      expect(await introspect(server, API, body.access_token)).toMatchObject({ active: true, scope: 'notes:read' })
    }
    const after = await insist('notes:read')
    expect(await introspect(server, API, after.body.access_token ?? '')).toMatchObject({ active: true, scope: 'notes:read' })
  })

  test('TK5: gets the time of PostgreSQL in its tokens, whatever the clock of this host says', async () => {
    const clock = Date.now
    Date.now = () => clock() + 3_600_000
    const { body } = await insist('notes:read').finally(() => {
      Date.now = clock
    })
    const { iat = 0, exp = 0 } = claimsOf(body.access_token)
    const [{ now } = { now: 0 }] = await server.latchkey.stores.db.$queryRaw<{ now: number }[]>`
      SELECT EXTRACT(EPOCH FROM latchkey_now())::float8 AS now`
    expect(Math.abs(Number(iat) - now)).toBeLessThan(5)
    expect(Number(exp) - Number(iat)).toBe(900)
  })
})

describe('right after the tokens that a key has signed were revoked', () => {
  const kidOf = (token: string | undefined): string =>
    String(JSON.parse(Buffer.from((token ?? '').split('.')[0] ?? '', 'base64url').toString()).kid)

  const revokeSignedBy = async (kid: string) => {
    await server.latchkey.nouns.events.revokeByName({ kind: 'kid', value: kid }, BY)
  }

  test('a refresh and a code get living tokens, signed by the same key', async () => {
    const { tokens } = await obtainTokens(server, SPA, { person: server.grace })
    const browser = new Browser()
    const authorization = authorizationRequest(server, SPA)
    const page = await signIn(browser, await browser.open(authorization.url), server.grace)
    const kid = kidOf(tokens.body.access_token)
    await revokeSignedBy(kid)
    expect(await introspect(server, API, tokens.body.access_token ?? '')).toEqual({ active: false })
    const next = await refresh(server, SPA, tokens.body.refresh_token ?? '')
    expect(kidOf(next.body.access_token)).toBe(kid)
    expect(await introspect(server, API, next.body.access_token ?? '')).toMatchObject({ active: true })
    await revokeSignedBy(kid)
    const redeemed = await redeem(server, SPA, authorization, callbackParams(page).code ?? '')
    expect(await introspect(server, API, redeemed.body.access_token ?? '')).toMatchObject({ active: true })
  })

  test('so does a client that acts for itself', async () => {
    const ask = () => tokenRequest(server, MACHINE, { grant_type: 'client_credentials', scope: 'notes:read', resource: NOTES })
    const before = (await ask()).body.access_token ?? ''
    await revokeSignedBy(kidOf(before))
    const after = (await ask()).body.access_token ?? ''
    expect(await introspect(server, API, before)).toEqual({ active: false })
    expect(await introspect(server, API, after)).toMatchObject({ active: true })
  })
})
