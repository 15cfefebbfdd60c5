// What has very many grants ends over HTTP: whoever ends it is told what was ended, also where the database takes longer for it
// than an ordinary request may. Every change of grants is slow here, as on a machine that is busy with its disk.
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import pg from 'pg'
import { ask, robotToken, startAdminServer } from '../admin-api/api.ts'
import { Browser, formsOf } from '../support/browser.ts'
import { SPA, WEB } from '../support/clients.ts'
import { insist } from '../support/in-time.ts'
import { claimsOf, obtainTokens } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'

const GRANTS = 3000
/** Longer than a statement and a request may take in a server with this setting. */
const SLOW_SECONDS = 2
const SETTINGS = { LATCHKEY_ANSWER_WITHIN_MS: '1700', LATCHKEY_SIGN_OUT_SCOPE: 'account' }

let server: TestServer
let token: string
let born: { readonly sid: string; readonly grantId: string }
let number = 0
/** Ada is signed in there: while grants are slow nobody can. */
let ada: Browser

beforeAll(async () => {
  server = await insist(() => startAdminServer({ settings: SETTINGS }))
  token = await insist(() => robotToken(server))
  const { tokens } = await insist(() => obtainTokens(server, WEB, { browser: new Browser() }))
  const { sid, grant_id } = claimsOf(tokens.body.access_token)
  born = { sid: String(sid), grantId: String(grant_id) }
  ada = (await insist(() => obtainTokens(server, SPA))).browser
  await run(
    server.databaseUrl,
    `CREATE FUNCTION be_slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(${SLOW_SECONDS}); RETURN NULL; END $$;
     CREATE TRIGGER be_slow AFTER UPDATE ON grants FOR EACH STATEMENT EXECUTE FUNCTION be_slow()`,
  )
}, 60_000)

afterAll(() => server?.stop())

test('a suspension is answered with what it ended', async () => {
  const id = await accountWithMany()
  const { status, body } = await ask(server, token, `POST /accounts/${id}/suspension`, { body: { reason: 'a test' } })
  expect({ status, body }).toMatchObject({ status: 200, body: { sessions: GRANTS, grants: GRANTS, refresh_families: GRANTS } })
}, 60_000)

test('a deletion is answered with what it ended', async () => {
  const id = await accountWithMany()
  const { status, body } = await ask(server, token, `DELETE /accounts/${id}`)
  expect({ status, body }).toMatchObject({ status: 200, body: { sessions: GRANTS, grants: GRANTS, refresh_families: GRANTS } })
}, 60_000)

test('whoever did not wait for the answer gets it with the same Idempotency-Key', async () => {
  const id = await accountWithMany()
  const again = { headers: { 'idempotency-key': 'the-end-of-many' }, body: {} }
  const first = await Promise.race([ask(server, token, `POST /accounts/${id}/containment`, again), wait(500, 'given up')])
  expect(first).toBe('given up')
  const { status, body } = await untilDone(() => ask(server, token, `POST /accounts/${id}/containment`, again))
  expect({ status, body }).toMatchObject({ status: 200, body: { sessions: GRANTS, grants: GRANTS, refresh_families: GRANTS } })
}, 60_000)

test('what moves to another place in its table while the end waits for it ends as well', async () => {
  const id = await accountWithMany()
  const database = new pg.Client(server.databaseUrl)
  await database.connect()
  await database.query('BEGIN')
  // Too long for the page that each is on, and twice, so that none is where it was read.
  for (let times = 0; times < 2; times += 1) {
    await database.query("UPDATE sessions SET user_agent = repeat('x', 400) WHERE account_id = $1", [id])
    await database.query('UPDATE refresh_families SET generation = generation + 1, successor = $2 WHERE account_id = $1', [
      id,
      Buffer.alloc(1500, 1),
    ])
  }
  const suspended = ask(server, token, `POST /accounts/${id}/suspension`, { body: { reason: 'a test' } })
  await wait(SLOW_SECONDS * 500)
  await database.query('COMMIT')
  await database.end()
  const { status, body } = await suspended
  expect({ status, body }).toMatchObject({ status: 200, body: { sessions: GRANTS, grants: GRANTS, refresh_families: GRANTS } })
  for (const table of ['sessions', 'grants', 'refresh_families'])
    expect(await run(server.databaseUrl, `SELECT 1 FROM ${table} WHERE account_id = $1 AND ended_at IS NULL`, [id])).toEqual([])
}, 60_000)

test('the suspension of a client is answered with what it ended, however long it takes to count', async () => {
  const database = new pg.Client(server.databaseUrl)
  await database.connect()
  await database.query('BEGIN; LOCK TABLE refresh_families IN ACCESS EXCLUSIVE MODE')
  const suspended = ask(server, token, `POST /clients/${WEB.client_id}/suspension`)
  await wait(SLOW_SECONDS * 1000)
  await database.query('COMMIT')
  await database.end()
  const { status, body } = await suspended
  expect({ status, body }).toMatchObject({ status: 200, body: { grants: 1, refresh_families: 1 } })
}, 60_000)

test.each([
  ['all other devices', '/account', '/account/sessions/others/revocation', 303],
  ['this device, where that ends the account’s sessions', '/logout', '/logout/confirm', 200],
])(
  'a person who signs out %s is told when it is done',
  async (_what, path, action, done) => {
    await many(await accountOf(server.ada.username))
    const page = await ada.open(new URL(path, server.issuer).href)
    const form = formsOf(page).find((each) => new URL(each.action, page.url).pathname === action)
    const yes = form?.submits[0]
    const body = new URLSearchParams({
      ...form?.fields,
      ...(yes === undefined || yes.name === '' ? {} : { [yes.name]: yes.value }),
    })
    const { status } = await ada.fetch(new URL(action, server.issuer).href, { method: 'POST', body: body.toString() })
    expect(status).toBe(done)
    const [row] = await run(
      server.databaseUrl,
      'SELECT count(*)::int AS live FROM grants WHERE account_id = $1 AND ended_at IS NULL',
      [await accountOf(server.ada.username)],
    )
    expect(row?.live).toBeLessThan(4)
  },
  60_000,
)

async function accountOf(email: string): Promise<string> {
  return (await server.latchkey.nouns.accounts.findByEmail(email))?.id ?? ''
}

async function untilDone(request: () => ReturnType<typeof ask>): ReturnType<typeof ask> {
  for (let tries = 0; ; tries += 1) {
    const answer = await request()
    if (answer.status !== 409 || tries === 100) return answer
    await wait(200)
  }
}

/** An account with many sessions. */
async function accountWithMany(): Promise<string> {
  const { body } = await ask(server, token, 'POST /accounts', { body: { email: `many-${number}@people.example` } })
  await many(body.id)
  return body.id
}

/** Gives an account many sessions, each with a grant and a family: copies of one that the server made. */
async function many(accountId: string): Promise<void> {
  number += 1
  const ids = `'account_id', '${accountId}', 'session_id', 'ses_${number}_' || n`
  for (const [table, model, differs] of [
    ['sessions', born.sid, `'id', 'ses_${number}_' || n, 'account_id', '${accountId}'`],
    ['grants', born.grantId, `'id', 'gra_${number}_' || n, ${ids}`],
    ['refresh_families', born.grantId, `'id', '\\x' || md5('${number} ' || n), 'grant_id', 'gra_${number}_' || n, ${ids}`],
  ])
    await run(
      server.databaseUrl,
      `INSERT INTO ${table} SELECT (jsonb_populate_record(m, jsonb_build_object(${differs}))).*
       FROM ${table} m, generate_series(1, ${GRANTS}) n WHERE m.${table === 'refresh_families' ? 'grant_id' : 'id'} = '${model}'`,
    )
  await run(server.databaseUrl, 'ANALYZE sessions, grants, refresh_families')
}
