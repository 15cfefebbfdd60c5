// Imports of people in the console, as an owner meets them: looked at, made, and a report of what came of each line.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { ask, robotToken, startAdminServer } from '../admin-api/api.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { atConsole, send } from './people.ts'

let server: TestServer
let token: string

const PATH = '/admin/accounts/import'

beforeAll(async () => {
  server = await startAdminServer()
  token = await robotToken(server)
})

afterAll(() => server?.stop())

const found = async (search: string) => (await ask(server, token, `GET /accounts?search=${search}`)).body.items

test('people are looked at, then made; what is wrong with a line keeps no other out', async () => {
  const { browser, page } = await atConsole(server, 'owner', PATH)
  const people = 'email,name,roles\nkepler@import.example,Johannes,auditor\nnone,x,\nada@people.example,,\n'
  const looked = await send(browser, page, PATH, { people })
  expect(looked.status).toBe(200)
  expect(looked.body).toContain('What would be made')
  expect(looked.body).toContain('email: it must be an e-mail address')
  expect(looked.body).toContain('<dt>There already</dt><dd>1</dd>')
  expect(looked.body).toContain('kepler@import.example,Johannes')
  expect(await found('kepler')).toEqual([])
  const made = await send(browser, looked, PATH, { people, import: 'on', reason: 'from the old system' })
  expect(made.body).toContain('What was made')
  const [kepler] = await found('kepler')
  expect(kepler).toMatchObject({ name: 'Johannes', roles: ['auditor'] })
  expect(made.body).toContain(`/admin/accounts/${kepler.id}`)
  // What was pasted may hold hashes, and is not shown again.
  expect(made.body).not.toContain('kepler@import.example,Johannes')
  const events = await run(
    server.databaseUrl,
    `SELECT a.email AS by, e.reason FROM audit_events e JOIN accounts a ON a.id = e.actor
     WHERE e.name = 'account.created' AND e.account_id = $1`,
    [kepler.id],
  )
  expect(events).toEqual([{ by: 'owner@staff.example', reason: 'from the old system' }])
  const again = await send(browser, page, PATH, { people, import: 'on' })
  expect(again.body).toContain('<dt>Made</dt><dd>0</dd>')
})

test('JSON is taken as a list, or as the admin API takes it', async () => {
  const { browser, page } = await atConsole(server, 'owner', PATH)
  const list = [
    { email: 'brahe@import.example', profile: { locale: 'da' } },
    { email: 'x@import.example', status: 'suspended' },
  ]
  const made = await send(browser, page, PATH, { people: JSON.stringify(list), import: 'on' })
  expect(made.body).toContain('<dt>Made</dt><dd>1</dd>')
  expect(made.body).toContain('refused')
  expect(await found('brahe')).toHaveLength(1)
  const accounts = [{ email: 'rheticus@import.example' }]
  await send(browser, page, PATH, { people: `\n ${JSON.stringify({ accounts })}`, import: 'on' })
  expect(await found('rheticus')).toHaveLength(1)
})

test.each([
  ['nothing', '', 'The CSV is empty'],
  ['no column of addresses', 'name\nx', 'column'],
  ['half of a list', '[{"email": "a@b.example"}', 'begins like JSON'],
  ['what is no list', '{"people": []}', 'must be a list'],
  ['too many', JSON.stringify(Array.from({ length: 5001 }, () => ({}))), '5000'],
  ['markup', '<script>alert(1)</script>\nx', '&lt;script&gt;'],
])('is refused as a whole: %s', async (_what, people, words) => {
  const { browser, page } = await atConsole(server, 'owner', PATH)
  const refused = await send(browser, page, PATH, { people, import: 'on' })
  expect(refused.status).toBe(422)
  expect(refused.body).toContain('role="alert"')
  expect(refused.body).toContain(words)
  expect(refused.body).not.toContain('<script>alert')
})

test('five thousand with hashes fit into the form, and the report into a page; more does not fit', async () => {
  const { browser, page } = await atConsole(server, 'owner', PATH)
  const hash = '$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$IRw9vwzYGCOyUGjuYIZ5cUkEY1Sa3wzKz1T9Bz0wXoQ'
  const line = (n: number) => `${n}@many.example,Somebody ${n},,"${hash}",`
  const people = `email,name,email_verified,password_hash,roles\n${Array.from({ length: 5000 }, (_, n) => line(n)).join('\n')}\n`
  const made = await send(browser, page, PATH, { people, import: 'on' })
  expect(made.body).toContain('<dt>Made</dt><dd>5000</dd>')
  expect(made.body).toContain('And 4,900 more lines.')
  expect(Buffer.byteLength(made.body)).toBeLessThan(60_000)
  const tooMuch = await send(browser, page, PATH, { people: people.repeat(3), import: 'on' })
  expect(tooMuch.status).toBe(413)
  // Other forms are as small as before.
  expect((await send(browser, page, '/admin/search', { q: 'x'.repeat(60_000) })).status).toBe(413)
}, 60_000)
