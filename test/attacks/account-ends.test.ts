// What remains for somebody who is suspended, contained or deleted, or whose client is: nothing, on no path, also not by being
// quick; and nothing of it comes back with a new account or client of the same name.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import pg from 'pg'
import { scopesOfRoles } from '../../config/roles.ts'
import { AccountRefused } from '../../server/accounts/account-standing.ts'
import { Browser } from '../support/browser.ts'
import { API, PARTNER, SPA, type TestClient } from '../support/clients.ts'
import {
  authorizationRequest,
  claimsOf,
  clientRequest,
  introspect,
  obtainTokens,
  refresh,
  type TokenAnswer,
  tokenRequest,
} from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { errorLines } from './attempts.ts'

const BY = { actor: 'acc_admin', reason: 'a test', origin: { address: '192.0.2.9' }, powers: scopesOfRoles(['owner']) }
const PASSWORD = 'a sentence that is long enough 42'
const LEAVER = { client_id: 'leaver', client_secret: 'a-secret-of-the-leaver-that-is-long-enough' }

let server: TestServer

beforeAll(async () => {
  server = await startServer({
    provision: { clients: [{ ...LEAVER, grant_types: ['client_credentials'], scope: 'notes:read' }] },
  })
})

afterAll(async () => {
  await server?.stop()
})

const nouns = () => server.latchkey.nouns
const events = () => server.latchkey.nouns.events

async function newPerson(name: string) {
  const email = `${name}@people.example`
  const { id } = await nouns().accounts.create({ email, emailVerified: true, name: 'Somebody', password: PASSWORD })
  return { id, username: email, password: PASSWORD }
}

async function expectNothingLeft(client: TestClient, { body }: TokenAnswer): Promise<void> {
  expect((await refresh(server, client, body.refresh_token ?? '')).body.error).toBe('invalid_grant')
  expect(await introspect(server, API, body.access_token ?? '')).toEqual({ active: false })
  const userinfo = await fetch(new URL('/userinfo', server.issuer), { headers: { authorization: `Bearer ${body.access_token}` } })
  expect(userinfo.status).toBe(401)
}

/** Types the password and stops there: the browser has the address to go on with. */
async function passwordTyped(person: { readonly username: string; readonly password: string }) {
  const browser = new Browser({ stopAt: (url) => url.pathname.startsWith('/authorize/') || url.hostname.endsWith('.example') })
  const page = await browser.open(authorizationRequest(server, SPA).url)
  const typed = await browser.submit(page, person)
  return { browser, goOn: typed.url }
}

describe('RT13: an account', () => {
  test('that is suspended: no token, no sign-in, not by the one in progress either, and none of it after it is reinstated', async () => {
    const person = await newPerson('suspended')
    const { browser, tokens } = await obtainTokens(server, SPA, { person })
    const inProgress = await passwordTyped(person)
    await events().accounts.suspend(person.id, BY)
    await expectNothingLeft(SPA, tokens)
    const stranger = new Browser()
    const refused = await stranger.submit(await stranger.open(authorizationRequest(server, SPA).url), person)
    expect(refused.body).toContain('name="password"')
    const wentOn = await inProgress.browser.open(inProgress.goOn)
    expect(wentOn.url).not.toContain('code=')
    await events().accounts.reinstate(person.id, BY)
    await expectNothingLeft(SPA, tokens)
    for (const old of [browser, inProgress.browser]) {
      expect((await old.open(authorizationRequest(server, SPA).url)).body).toContain('name="password"')
    }
    expect((await obtainTokens(server, SPA, { person })).tokens.status).toBe(200)
    const written = await server.latchkey.stores.db.auditEvent.findMany({
      where: { accountId: person.id, name: { startsWith: 'account.' } },
      orderBy: { id: 'asc' },
    })
    expect(written).toMatchObject([
      { name: 'account.suspended', actor: BY.actor, reason: BY.reason, address: BY.origin.address },
      { name: 'account.reinstated', actor: BY.actor },
    ])
  })

  test('that is contained: all has ended, and its password opens nothing until it is reset', async () => {
    const person = await newPerson('contained')
    const { tokens } = await obtainTokens(server, PARTNER, { person, params: { prompt: 'consent' } })
    expect(await events().accounts.contain(person.id, BY)).toMatchObject({ sessions: 1, grants: 1, refresh_families: 1 })
    await expectNothingLeft(PARTNER, tokens)
    const browser = new Browser()
    const page = await browser.open(authorizationRequest(server, SPA).url)
    expect((await browser.submit(page, person)).body).toContain('name="password"')
    expect(await events().accounts.resetPassword({ accountId: person.id, next: PASSWORD }, BY)).toEqual({
      outcome: 'refused',
      reason: 'used_before',
    })
    const password = `${PASSWORD}, anew`
    expect(await events().accounts.resetPassword({ accountId: person.id, next: password }, BY)).toMatchObject({
      outcome: 'reset',
    })
    expect((await obtainTokens(server, SPA, { person: { ...person, password } })).tokens.status).toBe(200)
  })

  test('that is deleted: nothing is left of the person, and a new one of the same address is somebody else', async () => {
    const person = await newPerson('deleted')
    const { browser, tokens } = await obtainTokens(server, PARTNER, { person, params: { prompt: 'consent' } })
    const inProgress = await passwordTyped(person)
    await events().accounts.delete(person.id, BY)
    await expectNothingLeft(PARTNER, tokens)
    expect((await inProgress.browser.open(inProgress.goOn)).url).not.toContain('code=')
    const { db } = server.latchkey.stores
    const rows = await Promise.all([
      db.account.findMany({ where: { id: person.id } }),
      db.session.findMany({ where: { accountId: person.id } }),
      db.consent.findMany({ where: { accountId: person.id } }),
      db.password.findMany({ where: { accountId: person.id } }),
    ])
    expect(JSON.stringify(rows)).not.toMatch(/deleted@|Somebody|127\.0\.0\.1|Mozilla|argon2/)
    expect(await nouns().accounts.findById(person.id)).toBeUndefined()
    expect(await nouns().accounts.findByEmail(person.username)).toBeUndefined()
    expect(await nouns().accounts.findByEmail(`deleted:${person.id}`)).toBeUndefined()

    const anew = await newPerson('deleted')
    expect(anew.id).not.toBe(person.id)
    expect((await browser.open(authorizationRequest(server, SPA).url)).body).toContain('name="password"')
    const { tokens: theirs } = await obtainTokens(server, PARTNER, { person: anew })
    expect(claimsOf(theirs.body.access_token).sub).toBe(anew.id)
    await expectNothingLeft(PARTNER, tokens)
    await expect(events().accounts.suspend(person.id, BY)).rejects.toThrow(AccountRefused)
  })

  test('that is suspended: also a grant ends that names no session, with all its tokens', async () => {
    const person = await newPerson('without-session')
    const { tokens } = await obtainTokens(server, PARTNER, { person, params: { prompt: 'consent' } })
    const { db } = server.latchkey.stores
    await db.grant.updateMany({ where: { accountId: person.id }, data: { sessionId: null } })
    await db.refreshFamily.updateMany({ where: { accountId: person.id }, data: { sessionId: null } })
    expect(await events().accounts.suspend(person.id, BY)).toMatchObject({ sessions: 1, grants: 1, refresh_families: 1 })
    await events().accounts.reinstate(person.id, BY)
    await expectNothingLeft(PARTNER, tokens)
  })

  test('that is the last owner’s is neither suspended nor deleted nor made less', async () => {
    const owner = (await nouns().accounts.findByEmail(server.ada.username))?.id ?? ''
    const tried = [
      events().accounts.suspend(owner, BY),
      events().accounts.delete(owner, BY),
      events().accounts.changeRoles({ accountId: owner, roles: ['auditor'] }, BY),
    ]
    for (const outcome of await Promise.allSettled(tried)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(AccountRefused) })
    }
    expect(await nouns().accounts.findById(owner)).toMatchObject({ status: 'active', roles: ['owner'] })
  })

  test('that is the last owner’s who can sign in stays, whoever else is an owner without a password', async () => {
    const owner = (await nouns().accounts.findByEmail(server.ada.username))?.id ?? ''
    const other = await newPerson('contained-owner')
    await events().accounts.changeRoles({ accountId: other.id, roles: ['owner'] }, BY)
    // While there are two the one can be contained, and then is none that could help.
    await events().accounts.contain(other.id, BY)
    const tried = [
      events().accounts.suspend(owner, BY),
      events().accounts.delete(owner, BY),
      events().accounts.changeRoles({ accountId: owner, roles: [] }, BY),
    ]
    for (const outcome of await Promise.allSettled(tried)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(AccountRefused) })
    }
    expect(await nouns().accounts.findById(owner)).toMatchObject({ status: 'active', roles: ['owner'] })
    // The one who cannot sign in is not kept for it.
    await events().accounts.delete(other.id, BY)
  })
})

test('RT14: of two owners who are suspended at once one stays', async () => {
  const other = await newPerson('owner')
  await events().accounts.changeRoles({ accountId: other.id, roles: ['owner'] }, BY)
  const owner = (await nouns().accounts.findByEmail(server.ada.username))?.id ?? ''
  const tried = await Promise.allSettled([owner, other.id].map((id) => events().accounts.suspend(id, BY)))
  expect(tried.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  for (const id of [owner, other.id]) await events().accounts.reinstate(id, BY)
})

test.each([
  ['somebody', 'a-reader', [] as string[]],
  ['another owner', 'an-owner', ['owner']],
])(
  'while much of %s ends, others can be ended, and the owners sign in',
  async (_whose, name, roles) => {
    const [much, suspended, deleted] = await Promise.all(
      ['much', 'suspended', 'deleted'].map((of) => newPerson(`${of}-of-${name}`)),
    )
    if (much === undefined || suspended === undefined || deleted === undefined) throw new Error('somebody is missing')
    await events().accounts.changeRoles({ accountId: much.id, roles }, BY)
    const { tokens } = await obtainTokens(server, SPA, { person: much })
    // With so many it is given the time that it takes.
    await run(
      server.databaseUrl,
      `INSERT INTO sessions (id, account_id, started_at, expires_at)
     SELECT 'ses_' || $1 || n, $1, latchkey_now(), latchkey_now() + interval '1 hour' FROM generate_series(1, 600) n`,
      [much.id],
    )
    const database = new pg.Client(server.databaseUrl)
    await database.connect()
    await database.query('BEGIN')
    await database.query('SELECT 1 FROM grants WHERE account_id = $1 FOR UPDATE', [much.id])
    let over = false
    const end = events()
      .accounts.suspend(much.id, BY)
      .finally(() => {
        over = true
      })
    try {
      await until(async () => (await database.query('SELECT 1 FROM pg_locks WHERE NOT granted')).rowCount !== 0)
      await events().accounts.suspend(suspended.id, BY)
      await events().accounts.delete(deleted.id, BY)
      await events().accounts.changeRoles({ accountId: suspended.id, roles: ['auditor'] }, BY)
      await obtainTokens(server, SPA)
      expect(over).toBe(false)
    } finally {
      await database.query('COMMIT')
      await database.end()
      await end
    }
    await expectNothingLeft(SPA, tokens)
  },
  30_000,
)

test('of owners who are made and suspended at once there is always one', async () => {
  const ada = (await nouns().accounts.findByEmail(server.ada.username))?.id ?? ''
  for (let round = 0; round < 10; round += 1) {
    const other = await newPerson(`owner-of-round-${round}`)
    await Promise.allSettled([
      events().accounts.changeRoles({ accountId: other.id, roles: ['owner'] }, BY),
      events().accounts.suspend(other.id, BY),
      events().accounts.changeRoles({ accountId: ada, roles: ['auditor'] }, BY),
    ])
    const owners = await run(server.databaseUrl, "SELECT id FROM accounts WHERE status = 'active' AND 'owner' = ANY (roles)")
    expect(owners.length).toBeGreaterThan(0)
    await events().accounts.changeRoles({ accountId: ada, roles: ['owner'] }, BY)
    await events().accounts.delete(other.id, BY)
  }
}, 30_000)

test('RT14: a consent that is withdrawn ends what stands on it, and is asked for again', async () => {
  const person = await newPerson('withdraws')
  const { tokens, browser } = await obtainTokens(server, PARTNER, { person, params: { prompt: 'consent' } })
  const other = await obtainTokens(server, SPA, { person, browser })
  const of = { accountId: person.id, clientId: PARTNER.client_id }
  expect(await events().grants.withdrawConsent(of, { actor: person.id })).toMatchObject({ sessions: 0, grants: 1 })
  await expectNothingLeft(PARTNER, tokens)
  expect((await refresh(server, SPA, other.tokens.body.refresh_token ?? '')).status).toBe(200)
  expect((await browser.open(authorizationRequest(server, PARTNER).url)).body).toContain('Let <bdi>App partner</bdi> in?')
  const before = await server.latchkey.stores.db.auditEvent.count()
  expect(await events().grants.withdrawConsent(of, { actor: person.id })).toMatchObject({ grants: 0 })
  expect(await server.latchkey.stores.db.auditEvent.count()).toBe(before)
})

test('CA6: a client that is suspended is refused everywhere, and what it had stays dead when it is reinstated', async () => {
  const person = await newPerson('of-the-partner')
  const { tokens } = await obtainTokens(server, PARTNER, { person })
  const credentials = { grant_type: 'client_credentials', resource: 'https://notes.example/api', scope: 'notes:read' }
  const own = await tokenRequest(server, LEAVER, credentials)
  for (const id of [PARTNER.client_id, LEAVER.client_id]) await events().clients.suspend(id, BY)
  await expectNothingLeftOfClient(tokens)
  expect(await introspect(server, API, own.body.access_token ?? '')).toEqual({ active: false })
  await until(async () => (await tokenRequest(server, LEAVER, credentials)).status === 401)
  for (const path of ['/introspect', '/revoke', '/par']) {
    expect((await clientRequest(server, path, LEAVER, { token: 'x' })).status).toBe(401)
  }
  for (const id of [PARTNER.client_id, LEAVER.client_id]) await events().clients.reinstate(id, BY)
  // The entry reaches some seconds ahead; a token that is made before would be dead.
  await until(async () => (await tokenRequest(server, LEAVER, credentials)).status === 503)
  await expectNothingLeftOfClient(tokens)
  expect(await introspect(server, API, own.body.access_token ?? '')).toEqual({ active: false })
  await server.advance(12)
  const next = await tokenRequest(server, LEAVER, credentials)
  expect(await introspect(server, API, next.body.access_token ?? '')).toMatchObject({ active: true })
  const again = await obtainTokens(server, PARTNER, { person })
  expect(await introspect(server, API, again.tokens.body.access_token ?? '')).toMatchObject({ active: true })

  async function expectNothingLeftOfClient({ body }: TokenAnswer): Promise<void> {
    expect((await refresh(server, PARTNER, body.refresh_token ?? '')).status).toBeGreaterThanOrEqual(400)
    expect(await introspect(server, API, body.access_token ?? '')).toEqual({ active: false })
  }
})

test('nothing of it was an error of the server', () => {
  expect(errorLines(server)).toEqual([])
})

async function until(done: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 5000; performance.now() < end; ) if (await done()) return
  throw new Error('it did not happen in five seconds')
}
