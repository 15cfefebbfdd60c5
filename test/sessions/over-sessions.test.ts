// Sessions that ran out, when all that their account has is ended: nobody is told that they were ended, and whatever of theirs
// may live is.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { closeExpiredSessions } from '../../server/maintenance/expired-sessions.ts'
import { API, PARTNER, SPA } from '../support/clients.ts'
import { claimsOf, introspect, obtainTokens, refresh, tokenRequest } from '../support/oauth.ts'
import { startServer, type TestServer } from '../support/server.ts'

const SIEM = { client_id: 'siem', client_secret: 'a-secret-of-the-siem-that-is-long-enough' }
const IDLE_SECONDS = 400
const DAY = 86_400
const PASSWORD = 'a sentence that is long enough 42'

let server: TestServer

beforeAll(async () => {
  server = await startServer({
    settings: { LATCHKEY_SHARED_SIGNALS: 'on', LATCHKEY_SESSION_IDLE_TTL: String(IDLE_SECONDS) },
    provision: { clients: [{ ...SIEM, grant_types: ['client_credentials'], scope: 'ssf.manage' }] },
  })
  const { body } = await tokenRequest(server, SIEM, {
    grant_type: 'client_credentials',
    resource: `${server.issuer}/shared-signals`,
    scope: 'ssf.manage',
  })
  const headers = { authorization: `Bearer ${body.access_token}`, 'content-type': 'application/json' }
  const made = await fetch(new URL('/shared-signals/stream', server.issuer), { method: 'POST', headers, body: '{}' })
  expect(made.status).toBe(201)
})

afterAll(async () => {
  await server?.stop()
})

const nouns = () => server.latchkey.nouns
const db = () => server.latchkey.stores.db
const signalsOf = (accountId: string) => db().signal.findMany({ where: { accountId }, select: { sessionId: true } })

async function newPerson(name: string) {
  const email = `${name}@people.example`
  const { id } = await nouns().accounts.create({ email, emailVerified: true, name: 'Somebody', password: PASSWORD })
  return { id, username: email, password: PASSWORD }
}

/** Until the session has run out, while access tokens live. */
async function runOut(): Promise<void> {
  await server.advance(IDLE_SECONDS + 31)
  await closeExpiredSessions({ db: db(), expiry: nouns().sessionExpiry })
}

/** What an end tells APIs of: the kinds and values of its entries. */
async function entriesAfter(sequence: number): Promise<string[]> {
  const rows = await db().revocation.findMany({ where: { sequence: { gt: sequence } } })
  return rows.map(({ kind, value }) => `${kind} ${value}`).sort()
}

async function sequence(): Promise<number> {
  return Number((await db().revocationCounter.findUniqueOrThrow({ where: { id: 1 } })).sequence)
}

test('all of an account ends: one that ran out is neither counted nor told of, and its last access token is dead', async () => {
  const person = await newPerson('one')
  const { tokens } = await obtainTokens(server, SPA, { person })
  await runOut()
  const { sid } = claimsOf(tokens.body.access_token)
  const before = await sequence()
  expect(await introspect(server, API, tokens.body.access_token ?? '')).toMatchObject({ active: true })

  const ended = await nouns().sessions.endAll({ accountId: person.id, origin: {} })
  expect(ended).toMatchObject({ sessions: 0, logout_notifications: 0 })
  expect(await introspect(server, API, tokens.body.access_token ?? '')).toEqual({ active: false })
  expect(await entriesAfter(before)).toEqual([`sid ${sid}`])
  expect(await signalsOf(person.id)).toEqual([])
  expect(await db().session.findUniqueOrThrow({ where: { id: String(sid) } })).toMatchObject({ endedAt: null })
})

test('one that lives is told of beside one that ran out', async () => {
  const person = await newPerson('two')
  await obtainTokens(server, SPA, { person })
  await runOut()
  const { tokens } = await obtainTokens(server, SPA, { person })
  const { sid } = claimsOf(tokens.body.access_token)
  expect(await nouns().sessions.endAll({ accountId: person.id, origin: {} })).toMatchObject({ sessions: 1 })
  expect(await signalsOf(person.id)).toEqual([{ sessionId: sid }])
})

test('one that ran out long ago has no access tokens, and no entry', async () => {
  const person = await newPerson('three')
  await obtainTokens(server, SPA, { person })
  await runOut()
  await server.advance(2 * DAY)
  const before = await sequence()
  expect(await nouns().events.accounts.contain(person.id, { actor: 'acc_admin' })).toMatchObject({ sessions: 0 })
  expect(await entriesAfter(before)).toEqual([])
  expect(await signalsOf(person.id)).toEqual([])
})

test('all others end: an offline app of one that ran out is dead, and APIs are told by its grant', async () => {
  const person = await newPerson('four')
  const old = await obtainTokens(server, PARTNER, { person, params: { prompt: 'consent' } })
  await runOut()
  await server.advance(2 * DAY)
  const last = await refresh(server, PARTNER, old.tokens.body.refresh_token ?? '')
  const token = last.body.access_token ?? ''
  const { sid, grant_id } = claimsOf(token)
  expect(sid).toBeUndefined()
  const here = await obtainTokens(server, SPA, { person })
  const keepSessionId = String(claimsOf(here.tokens.body.access_token).sid)
  const before = await sequence()

  const ended = await nouns().sessions.endOthers({ accountId: person.id, keepSessionId, origin: {} })
  expect(ended).toMatchObject({ sessions: 0, grants: 1 })
  expect(await entriesAfter(before)).toEqual([`grant_id ${grant_id}`])
  expect(await introspect(server, API, token)).toEqual({ active: false })
  expect((await refresh(server, PARTNER, last.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
  expect(await db().auditEvent.count({ where: { name: 'session.revoked', accountId: person.id } })).toBe(0)
  expect(await introspect(server, API, here.tokens.body.access_token ?? '')).toMatchObject({ active: true })
})
