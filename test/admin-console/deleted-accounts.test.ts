// What a deleted account has left, in the console and by the admin API: its sessions and grants are found by its id, and say whose they
// were; there is no page of the account to go to.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ask, robotToken, startAdminServer } from '../admin-api/api.ts'
import { Browser, type Page } from '../support/browser.ts'
import { SPA, type TestClient } from '../support/clients.ts'
import { type LogoutApp, startLogoutApp } from '../support/logout-app.ts'
import { claimsOf, obtainTokens } from '../support/oauth.ts'
import type { TestServer } from '../support/server.ts'
import { atConsole, send } from './people.ts'

const CRM: TestClient = {
  client_id: 'crm',
  client_secret: 'a-secret-of-the-crm-app-that-is-long-enough',
  redirect_uri: 'https://crm.example/callback',
  scope: 'openid notes:read',
}

let server: TestServer
let app: LogoutApp
let token: string
let browser: Browser
let gone: { readonly account: string; readonly session: string; readonly grant: string; readonly accessToken: string }

beforeAll(async () => {
  app = await startLogoutApp()
  const { redirect_uri, ...client } = CRM
  const crm = {
    ...{ ...client, skip_consent: true, backchannel_logout_uri: app.uri, redirect_uris: [redirect_uri] },
    grant_types: ['authorization_code', 'refresh_token'],
  }
  server = await startAdminServer({ provision: { clients: [crm] } })
  token = await robotToken(server)
  const device = new Browser()
  const { tokens } = await obtainTokens(server, SPA, { browser: device, person: server.grace })
  await obtainTokens(server, CRM, { browser: device, person: server.grace })
  const { sub, sid, grant_id } = claimsOf(tokens.body.access_token)
  gone = {
    ...{ account: String(sub), session: String(sid), grant: String(grant_id) },
    accessToken: String(tokens.body.access_token),
  }
  expect((await ask(server, token, `DELETE /accounts/${gone.account}`)).status).toBe(200)
  browser = (await atConsole(server, 'owner')).browser
}, 120_000)

afterAll(async () => {
  await server?.stop()
  await app?.stop()
})

const open = (path: string) => browser.open(`${server.issuer}${path}`)

/** The links of a page that nobody can see, or that lead to the account. */
function deadLinks({ body }: Page): string[] {
  return [...body.matchAll(/<a\b[^>]*href="([^"]*)"[^>]*>([\s\S]*?)<\/a>/g)]
    .filter(([, href, text = '']) => text.replace(/<[^>]*>/g, '').trim() === '' || href?.startsWith('/admin/accounts/acc_'))
    .map(([link]) => link)
}

describe('in the console', () => {
  test.each(['sessions', 'grants', 'logout-notifications'])('the list of %s finds it by the id, and names it', async (list) => {
    const page = await open(`/admin/${list}?account=${gone.account}`)
    expect(page.status).toBe(200)
    expect(page.body).not.toContain('class="empty"')
    // Which session it was is what an app is told of.
    if (list !== 'logout-notifications') expect(page.body).toContain(`deleted account <bdi>${gone.account}</bdi>`)
    expect(deadLinks(page)).toEqual([])
  })

  test('the page of its session, of its grant and of its token say whose they were', async () => {
    const { session, grant, account } = gone
    const pages = [
      [`/admin/sessions/${session}`, `Session of deleted account ${account}`],
      [`/admin/grants/${grant}`, `Notes for deleted account ${account}`],
    ] as const
    for (const [path, title] of pages) {
      const page = await open(path)
      expect([path, page.status, deadLinks(page)]).toEqual([path, 200, []])
      expect(page.body).toContain(`<title>${title}`)
      expect(page.body).toMatch(new RegExp(`<h1>[^\\n]*deleted account <bdi>${account}</bdi>`))
      expect(page.body).toContain(`<dt>Account</dt><dd>deleted account <bdi>${account}</bdi></dd>`)
    }
    const found = await send(browser, await open('/admin/tokens'), '/admin/tokens/inspection', { token: gone.accessToken })
    expect(found.body).toContain(`<dt>Account</dt><dd>deleted account <bdi>${account}</bdi>`)
  })

  test('nobody has an account of that id: the search box leads to none, and a list of another id is empty', async () => {
    const found = await send(browser, await open('/admin'), '/admin/search', { q: gone.account })
    // That its tokens were revoked is known.
    expect(found.body).toContain('<h1>Tokens of an account</h1>')
    for (const list of ['sessions', 'grants', 'logout-notifications'])
      expect((await open(`/admin/${list}?account=acc_nobody`)).body).toContain('class="empty"')
  })
})

describe('by the admin API', () => {
  const owner = () => ({ id: gone.account, email: null, name: null })

  test.each(['sessions', 'grants'] as const)('the list of %s finds it by the id; it has no e-mail address', async (list) => {
    const { body } = await ask(server, token, `GET /${list}?account=${gone.account}`)
    expect(body.items.length).toBeGreaterThan(0)
    for (const { account } of body.items) expect(account).toEqual(owner())
    const [{ id }] = body.items
    expect((await ask(server, token, `GET /${list}/${id}`)).body.account).toEqual(owner())
    expect((await ask(server, token, `GET /${list}?account=acc_nobody`)).body).toEqual({ items: [], next_cursor: null })
  })

  test('the apps that were told are found by it, and a token that was looked at says it', async () => {
    const told = await ask(server, token, `GET /logout-notifications?account=${gone.account}`)
    expect(told.body.items.map(({ client_id }: { client_id: string }) => client_id)).toEqual(['crm'])
    const found = await ask(server, token, 'POST /tokens/inspection', { body: { token: gone.accessToken } })
    expect(found.body.account).toEqual({ id: gone.account, email: null, status: 'deleted' })
  })

  test('to end all of an account that is not there is refused, by whatever id', async () => {
    for (const account of [gone.account, 'acc_nobody']) {
      const body = { filter: { account }, dry_run: true }
      for (const noun of ['sessions', 'grants'])
        expect((await ask(server, token, `POST /${noun}/revocations`, { body })).status).toBe(404)
    }
  })
})
