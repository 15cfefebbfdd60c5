// Long forms whose sender has to sign in first: they come back whole, once, and to nobody else.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { startAdminServer } from '../admin-api/api.ts'
import { Browser, type Page } from '../support/browser.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { atConsole, send, signInAs } from './people.ts'

let server: TestServer

const IMPORT = '/admin/accounts/import'
/** More than an address may have, and less than a form. */
const URIS = Array.from({ length: 400 }, (_, n) => `https://late.example/callback/${n}?a=b&c=d`).join('\n')
const PEOPLE = `email,password_hash\n${Array.from({ length: 2000 }, (_, n) => `late-${n}@import.example,$2b$10$${'x'.repeat(53)}\n`).join('')}`

beforeAll(async () => {
  server = await startAdminServer()
})

afterAll(() => server?.stop())

const NEW_CLIENT = '/admin/clients/new?kind=web'
const client = { client_id: 'late-app', name: 'Late', redirect_uris: URIS, auth: 'client_secret_basic', scope_email: 'on' }

async function endSessions(): Promise<void> {
  await run(server.databaseUrl, 'UPDATE sessions SET ended_at = latchkey_now() WHERE ended_at IS NULL')
}

/** Where the browser is sent after signing in. */
function wayBack(browser: Browser): string {
  const [, path = ''] = decodeURIComponent(browser.cookie('latchkey_return') ?? '').split('.')
  const address = Buffer.from(path, 'base64url').toString()
  expect(address).toMatch(/^\/admin\/filled-in\/[\w-]{22}\?page=%2Fadmin%2F[\w%-]+$/)
  return `${server.issuer}${address}`
}

describe.each([
  ['no longer fresh', () => server.advance(301)],
  ['over', endSessions],
])('a sign-in that is %s', (_how, expire) => {
  test('a long form comes back with all that was filled in', async () => {
    const { browser, page } = await atConsole(server, 'owner', NEW_CLIENT)
    await expire()
    const asked = await send(browser, page, '/admin/clients', client)
    expect(asked.body).toContain('name="password"')
    const back = await signInAs(browser, asked, 'owner')
    expect(back.status).toBe(200)
    expect(back.body).toContain(`${URIS.replaceAll('&', '&amp;')}</textarea>`)
    expect(back.body).toContain('value="Late"')
    expect(back.body).toMatch(/name="scope_email" value="on" checked/)
    // And it can be sent.
    expect((await send(browser, back, '/admin/clients', { ...client, client_id: `late-${_how.length}` })).body).not.toContain(
      'name="password"',
    )
  })

  test('people who are to be imported are in no address, and come back', async () => {
    const { browser, page } = await atConsole(server, 'owner', IMPORT)
    await expire()
    const asked = await send(browser, page, IMPORT, { people: PEOPLE, reason: 'moved' })
    wayBack(browser)
    const back = await signInAs(browser, asked, 'owner')
    expect(back.body).toContain(`${PEOPLE}</textarea>`)
    expect(back.body).toContain('value="moved"')
    expect((await send(browser, back, IMPORT, { people: PEOPLE })).body).toContain('What would be made')
  })
})

describe('what was kept', () => {
  let browser: Browser
  let asked: Page

  beforeEach(async () => {
    const owner = await atConsole(server, 'owner', NEW_CLIENT)
    browser = owner.browser
    await server.advance(301)
    asked = await send(browser, owner.page, '/admin/clients', client)
  })

  test('is given back once; after that there is the page', async () => {
    const address = wayBack(browser)
    expect((await signInAs(browser, asked, 'owner')).body).toContain('callback/399')
    const again = await browser.open(address)
    expect(again.status).toBe(200)
    expect(again.url).toBe(`${server.issuer}/admin/clients/new`)
    expect(again.body).not.toContain('callback/399')
  })

  test('is given to no other browser, though the same person is signed in there', async () => {
    const address = wayBack(browser)
    const other = await atConsole(server, 'owner', '/admin/clients')
    expect((await other.browser.open(address)).body).not.toContain('callback/399')
    // That was no use of it.
    expect((await signInAs(browser, asked, 'owner')).body).toContain('callback/399')
  })

  test('is given to no other person in the same browser', async () => {
    const address = wayBack(browser)
    await endSessions()
    const other = await signInAs(browser, await browser.open(address), 'operator')
    expect(other.url).toBe(`${server.issuer}/admin/clients/new`)
    expect(other.body).not.toContain('callback/399')
  })

  test('is not that of a form which is none of ours', async () => {
    const stranger = new Browser()
    const sent = await stranger.fetch(`${server.issuer}/admin/clients`, {
      body: new URLSearchParams({ ...client, csrf: 'made-up' }).toString(),
    })
    const back = await signInAs(stranger, await stranger.open(String(sent.headers.location)), 'owner')
    expect(back.url).toBe(`${server.issuer}/admin/clients/new`)
    expect(back.body).not.toContain('callback/399')
  })
})
