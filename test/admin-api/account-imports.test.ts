// Imports of people by the admin API: CSV and JSON, each line by itself, and a report.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { SPA } from '../support/clients.ts'
import { obtainTokens } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { ask, PASSWORD, personToken, robotToken, startAdminServer } from './api.ts'

let server: TestServer
let token: string
let hash: string

beforeAll(async () => {
  server = await startAdminServer()
  token = await robotToken(server)
  hash = await server.latchkey.nouns.passwords.hash(PASSWORD)
}, 60_000)

afterAll(() => server?.stop())

const send = (body: unknown, headers = {}) => ask(server, token, 'POST /accounts/imports', { body, headers })

async function sendCsv(csv: string | Buffer, query = '', type = 'text/csv') {
  const response = await fetch(`${server.issuer}/admin/api/v1/accounts/imports${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': type },
    body: csv,
  })
  return { status: response.status, body: (await response.json()) as ReturnType<typeof JSON.parse> }
}

const found = async (email: string) =>
  (await ask(server, token, `GET /accounts?search=${encodeURIComponent(email)}`)).body.items[0]

describe('CSV', () => {
  test('makes accounts, and says of each line what came of it', async () => {
    const csv = [
      '\uFEFFemail,name,email_verified,roles,password_hash',
      `kepler@import.example,"Kepler, Johannes",true,,"${hash}"`,
      'ADA@people.example,Ada,,,',
      'not an address,x,,,',
      '',
      'Kepler@Import.example,again,,,',
      'tycho@import.example,"Tycho ""Brahe""",no,auditor helpdesk,',
      'few@import.example,too few',
      'hash@import.example,,,,md5:5f4dcc3b5aa765d61d8327deb882cf99',
      'flag@import.example,,perhaps,,',
      'role@import.example,,,root,',
    ].join('\r\n')
    const { status, body } = await sendCsv(csv, '?reason=from%20the%20old%20system')
    expect(status).toBe(200)
    expect(body).toMatchObject({ dry_run: false, created: 2, exists: 1, refused: 6 })
    expect(body.lines).toMatchObject([
      { line: 2, email: 'kepler@import.example', outcome: 'created', account_id: expect.stringMatching(/^acc_/), detail: null },
      { line: 3, email: 'ADA@people.example', outcome: 'exists', account_id: (await found('ada@people.example')).id },
      { line: 4, email: null, outcome: 'refused', detail: 'email: it must be an e-mail address' },
      { line: 6, outcome: 'refused', account_id: null, detail: 'the same address stands in line 2' },
      { line: 7, outcome: 'created' },
      { line: 8, outcome: 'refused', detail: 'it has 2 fields where the first line has 5' },
      { line: 9, outcome: 'refused', detail: expect.stringContaining('password_hash') },
      { line: 10, outcome: 'refused', detail: 'email_verified: it must be true or false' },
      { line: 11, outcome: 'refused', detail: expect.stringContaining('owner, operator') },
    ])
    expect(await found('kepler@import.example')).toMatchObject({
      name: 'Kepler, Johannes',
      email_verified: true,
      has_password: true,
    })
    expect(await found('tycho@import.example')).toMatchObject({
      name: 'Tycho "Brahe"',
      roles: ['auditor', 'helpdesk'],
      has_password: false,
    })
    const person = { username: 'kepler@import.example', password: PASSWORD }
    expect((await obtainTokens(server, SPA, { person })).tokens.status).toBe(200)
    const audit = await run(
      server.databaseUrl,
      `SELECT actor, reason, detail FROM audit_events WHERE name = 'account.created' AND account_id = $1`,
      [body.lines[4].account_id],
    )
    expect(audit).toEqual([
      { actor: 'robot', reason: 'from the old system', detail: { roles: ['auditor', 'helpdesk'], imported: true } },
    ])
    expect(JSON.stringify(body)).not.toContain('5f4dcc3b')
  })

  test('sent again makes nothing, and changes nothing', async () => {
    const csv = 'email;name\nagain@import.example;First\n'
    expect((await sendCsv(csv)).body).toMatchObject({ created: 1 })
    expect((await sendCsv(csv.replace('First', 'Second'))).body).toMatchObject({ created: 0, exists: 1 })
    expect((await found('again@import.example')).name).toBe('First')
  })

  test('fifty at once: each account is made once', async () => {
    const csv = `email\n${Array.from({ length: 20 }, (_, index) => `raced-${index}@import.example`).join('\n')}`
    const answers = await Promise.all(Array.from({ length: 50 }, () => send({ csv })))
    // On a machine that has much else to do, some are told to come again.
    expect(answers.filter(({ status }) => status !== 200 && status !== 503)).toEqual([])
    expect(answers.reduce((sum, { body }) => sum + (body.created ?? 0), 0)).toBe(20)
  })

  test('a dry run makes nothing', async () => {
    const csv = 'email\nada@people.example\ndry@import.example\nnone'
    const { body } = await sendCsv(csv, '?dry_run=true')
    expect(body).toMatchObject({ dry_run: true, created: 1, exists: 1, refused: 1 })
    expect(body.lines[1]).toMatchObject({ email: 'dry@import.example', outcome: 'created', account_id: null })
    expect(await found('dry@import.example')).toBeUndefined()
  })

  test.each([
    ['', 'empty'],
    ['name\nAda', 'email'],
    ['email,password\na@b.example,secret', 'password'],
    ['email,email\na@b.example,c@d.example', 'twice'],
    ['email\n"a@b.example', 'line'],
    ['email,name\na@b.example,a"b"', 'line'],
    [`email\n${'x'.repeat(20_000)}`, 'line'],
    [Buffer.from('email,name\na@b.example,J\xfcrgen', 'latin1'), 'UTF-8'],
    [`email\n${'a@b.example\n'.repeat(5001)}`, '5000'],
  ])('AD6: %j is not read, and it says why', async (csv, words) => {
    const { status, body } = await sendCsv(csv)
    expect([status, body.type]).toEqual([400, 'urn:latchkey:problem:invalid-request'])
    expect(body.detail).toContain(words)
    expect(body.detail).not.toMatch(/CSV_|Invalid/)
  })
})

describe('JSON', () => {
  test('makes accounts, with profiles', async () => {
    const accounts = [
      { email: 'json@import.example', profile: { family_name: 'Son', address: { country: 'NO' } } },
      { email: 'json@import.example' },
      { email: { contains: '@' } },
      { email: 'x@import.example', password: 'in clear' },
      { email: 'x@import.example', profile: { locale: 'a\u0000' } },
      { email: 'x@import.example', name: '\ud800' },
      { email: 'x@import.example', status: 'active', id: 'acc_mine' },
      null,
      'text',
      [],
    ]
    const { status, body } = await send({ accounts })
    expect(status).toBe(200)
    expect(body).toMatchObject({ created: 1, exists: 0, refused: 9 })
    expect(body.lines[0]).toMatchObject({ line: 1, outcome: 'created' })
    expect((await ask(server, token, `GET /accounts/${body.lines[0].account_id}`)).body.profile).toEqual({
      family_name: 'Son',
      address: { country: 'NO' },
    })
    for (const line of body.lines.slice(1)) {
      expect(line.detail.length).toBeGreaterThan(10)
      expect(line.detail).not.toMatch(/Invalid|expected|in clear/)
    }
  })

  test.each([
    [{}, 'either'],
    [{ accounts: [], csv: '' }, 'either'],
    [{ accounts: 'a' }, 'list'],
    [{ accounts: { 0: {} } }, 'list'],
    [{ csv: ['email'] }, 'text'],
    [{ accounts: [], dry_run: 'true' }, 'true or false'],
    [{ accounts: [], overwrite: true }, 'overwrite'],
    [{ accounts: Array.from({ length: 5001 }, () => ({})) }, '5000'],
  ])('AD3, AD6: %j is refused in words', async (body, words) => {
    const answer = await send(body)
    expect([answer.status, answer.body.type]).toEqual([400, 'urn:latchkey:problem:invalid-request'])
    expect(answer.body.detail).toContain(words)
  })

  test('AD4: nobody gives roles that may do more than their own', async () => {
    const weak = await robotToken(server, 'accounts:write')
    const accounts = [{ email: 'weak@import.example', roles: ['owner'] }, { email: 'weak2@import.example' }]
    const { body } = await ask(server, weak, 'POST /accounts/imports', { body: { accounts } })
    expect(body.lines).toMatchObject([{ outcome: 'refused', detail: expect.stringContaining('roles') }, { outcome: 'created' }])
    for (const person of ['operator', 'auditor', 'helpdesk'] as const) {
      const as = await personToken(server, person)
      expect((await ask(server, as, 'POST /accounts/imports', { body: { accounts } })).status).toBe(403)
    }
  })
})

test('DS1: five thousand people at once, and others are answered meanwhile', async () => {
  const accounts = Array.from({ length: 5000 }, (_, index) => ({
    email: `many-${index}@import.example`,
    name: `Number ${index}`,
    password_hash: hash,
  }))
  let done = false
  const importing = send({ accounts }, { 'idempotency-key': 'many' }).finally(() => {
    done = true
  })
  const waits: number[] = []
  while (!done) {
    const asked = performance.now()
    expect((await fetch(`${server.issuer}/.well-known/openid-configuration`)).status).toBe(200)
    waits.push(performance.now() - asked)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const { status, body } = await importing
  expect([status, body.created]).toEqual([200, 5000])
  // By itself nobody waits for 100 ms; but other tests run beside this one.
  expect(waits.length).toBeGreaterThan(5)
  expect(waits.toSorted((a, b) => a - b)[Math.floor(waits.length / 2)]).toBeLessThan(1000)
  expect((await send({ accounts }, { 'idempotency-key': 'many' })).body.created).toBe(5000)
  expect((await send({ accounts: [{ email: `${'x'.repeat(6 * 1024 * 1024)}` }] })).status).toBe(413)
}, 60_000)
