// Imports of people in the console, as an owner meets them: looked at, made, and a report of what came of each line.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ask, robotToken, startAdminServer } from '../admin-api/api.ts'
import { Browser, type Page } from '../support/browser.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { atConsole, send, signInAs } from './people.ts'

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

test('hundreds of lines that are wrong are all told: the first on the page, all of them in a file for whoever sent them', async () => {
  const { browser, page } = await atConsole(server, 'owner', PATH)
  const lines = Array.from({ length: 450 }, (_, n) => (n % 3 === 0 ? `fine-${n}@told.example,Fine` : `wrong ${n},=1+1`))
  const people = `email,name\n${lines.join('\n')}\n`
  for (const [fields, made] of [
    [{ people }, 'created'],
    [{ people, import: 'on' }, 'created'],
    [{ people, import: 'on' }, 'exists'],
  ] as const) {
    const report = await send(browser, page, PATH, fields)
    expect(report.body).toContain('<dt>Refused</dt><dd>300</dd>')
    const [, href = ''] = /href="(\/admin\/accounts\/import\/reports\/[^"]+)">All 450 lines as CSV/.exec(report.body) ?? []
    const file = await browser.fetch(`${server.issuer}${href}`)
    expect([file.status, file.headers['content-type'], file.headers['cache-control']]).toEqual([
      ...[200, 'text/csv; charset=utf-8', 'no-store'],
    ])
    const [head, ...rows] = file.body.trim().split('\r\n')
    expect(head).toBe('line,email,outcome,account_id,detail')
    expect(rows).toHaveLength(450)
    const told = rows.map((row) => row.split(','))
    expect(told.map(([line]) => Number(line))).toEqual(lines.map((_, n) => n + 2))
    expect(told.map(([, , outcome]) => outcome)).toEqual(lines.map((_, n) => (n % 3 === 0 ? made : 'refused')))
    expect(told.filter((cells) => cells.at(-1) === 'email: it must be an e-mail address')).toHaveLength(300)
    // It names people: another owner does not get it.
    const ada = new Browser()
    await ada.submit(await ada.open(`${server.issuer}${PATH}`), server.ada)
    expect((await ada.fetch(`${server.issuer}${PATH}`)).status).toBe(200)
    expect((await ada.fetch(`${server.issuer}${href}`)).status).toBe(404)
  }
  expect((await send(browser, page, PATH, { people: 'email\nnone\n' })).body).not.toContain('lines as CSV')
}, 60_000)

test('the admin API tells of every line', async () => {
  const accounts = Array.from({ length: 450 }, (_, n) =>
    n % 3 === 0 ? { email: `api-${n}@told.example` } : { email: `wrong ${n}` },
  )
  const { body } = await ask(server, token, 'POST /accounts/imports', { body: { accounts, dry_run: true } })
  expect(body).toMatchObject({ created: 150, refused: 300 })
  expect(body.lines.map((line: { readonly line: number }) => line.line)).toEqual(accounts.map((_, n) => n + 1))
  expect(body.lines.filter((line: { readonly detail: string | null }) => line.detail !== null)).toHaveLength(300)
})

describe('a file', () => {
  const csrfOf = (page: Page) => /name="csrf" value="([^"]*)"/.exec(page.body)?.[1] ?? ''

  /** Sends the form as a browser does when a file was chosen; without a file, as when none was. */
  async function upload(
    browser: Browser,
    page: Page,
    file: string | Uint8Array,
    fields: { readonly [name: string]: string } = {},
  ) {
    const form = new FormData()
    form.set('csrf', csrfOf(page))
    form.set('people', '')
    form.set('reason', '')
    for (const [name, value] of Object.entries(fields)) form.set(name, value)
    form.set('file', new Blob([file]), file.length === 0 ? '' : 'people.csv')
    const request = new Request(server.issuer, { method: 'POST', body: form })
    const type = String(request.headers.get('content-type'))
    const body = Buffer.from(await request.arrayBuffer())
    return browser.fetch(`${server.issuer}${PATH}`, { method: 'POST', body, headers: { 'content-type': type } })
  }

  test('of CSV or JSON is looked at, stays in the form, and is imported', async () => {
    const { browser, page } = await atConsole(server, 'owner', PATH)
    const csv = '\uFEFFemail,name\nrømer@import.example,Ole Rømer\n'
    const looked = await upload(browser, page, csv)
    expect(looked.body).toContain('<dt>Would be made</dt><dd>1</dd>')
    expect(looked.body).toContain('email,name\nrømer@import.example,Ole Rømer')
    const made = await send(browser, looked, PATH, { people: csv, import: 'on' })
    expect(made.body).toContain('<dt>Made</dt><dd>1</dd>')
    const json = await upload(browser, page, JSON.stringify([{ email: 'cassini@import.example' }]), { import: 'on' })
    expect(json.body).toContain('<dt>Made</dt><dd>1</dd>')
    expect(await found('cassini')).toHaveLength(1)
  })

  test('need not be chosen where lines were pasted; both are refused in words', async () => {
    const { browser, page } = await atConsole(server, 'owner', PATH)
    const people = 'email\nhuygens@import.example\n'
    expect((await upload(browser, page, '', { people })).body).toContain('<dt>Would be made</dt><dd>1</dd>')
    const both = await upload(browser, page, 'email\nother@import.example\n', { people })
    expect(both.status).toBe(422)
    expect(both.body).toContain('Send a file or text, not both.')
  })

  test('that is too large is refused with what to do, and one of any size by nobody who is not signed in', async () => {
    const { browser, page } = await atConsole(server, 'owner', PATH)
    const large = await upload(browser, page, `email\n${'x'.repeat(2 * 1024 * 1024)}`)
    expect(large.status).toBe(413)
    expect(large.body).toContain('The file is larger than 2 MB. Split it')
    const huge = await upload(browser, page, new Uint8Array(4 * 1024 * 1024))
    expect(huge.status).toBe(413)
    const stranger = await upload(new Browser(), page, 'email\nx@import.example\n', { import: 'on' })
    expect(stranger.status).toBe(303)
    expect(await found('x@import')).toEqual([])
  })

  test.each([
    ['another encoding', new Uint8Array([0x65, 0xe9, 0x0a]), 415, 'not text in UTF-8'],
    ['bytes of a program', new Uint8Array([0x00, 0x01]), 400, 'a character that no field can have'],
  ])('of %s is refused in words', async (_what, bytes, status, words) => {
    const { browser, page } = await atConsole(server, 'owner', PATH)
    const refused = await upload(browser, page, bytes)
    expect(refused.status).toBe(status)
    expect(refused.body).toContain(words)
  })

  test('is taken on no other page, and from no other site', async () => {
    const { browser, page } = await atConsole(server, 'owner', PATH)
    const body = '--b\r\nContent-Disposition: form-data; name="email"\r\n\r\nx@import.example\r\n--b--\r\n'
    const headers = { 'content-type': 'multipart/form-data; boundary=b' }
    expect((await browser.fetch(`${server.issuer}/admin/accounts`, { method: 'POST', body, headers })).status).toBe(415)
    expect((await browser.fetch(`${server.issuer}${PATH}`, { method: 'POST', body, headers })).status).toBe(403)
    const forged = await upload(browser, page, 'email\nx@import.example\n', { csrf: 'made-up', import: 'on' })
    expect(forged.status).toBe(403)
  })

  test.each([
    ['no boundary', 'multipart/form-data', 'x'],
    ['an end that is missing', 'multipart/form-data; boundary=b', '--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\nx'],
    [
      'more parts than any form has',
      'multipart/form-data; boundary=b',
      `${Array.from({ length: 30 }, (_, n) => `--b\r\nContent-Disposition: form-data; name="f${n}"\r\n\r\nx\r\n`).join('')}--b--\r\n`,
    ],
    [
      'a file where none is taken',
      'multipart/form-data; boundary=b',
      '--b\r\nContent-Disposition: form-data; name="reason"; filename="a"\r\n\r\nx\r\n--b--\r\n',
    ],
    [
      'a field twice',
      'multipart/form-data; boundary=b',
      `${'--b\r\nContent-Disposition: form-data; name="reason"\r\n\r\nx\r\n'.repeat(2)}--b--\r\n`,
    ],
  ])('in a form with %s is refused', async (_what, type, body) => {
    const { browser } = await atConsole(server, 'owner', PATH)
    const refused = await browser.fetch(`${server.issuer}${PATH}`, { method: 'POST', body, headers: { 'content-type': type } })
    expect(refused.status).toBe(400)
  })

  test('comes back in the form when the sender has to sign in first', async () => {
    const { browser, page } = await atConsole(server, 'owner', PATH)
    await server.advance(301)
    const asked = await upload(browser, page, 'email\nhalley@import.example\n')
    const back = await signInAs(browser, await browser.open(String(asked.headers.location)), 'owner')
    expect(back.body).toContain('email\nhalley@import.example')
  })
})
