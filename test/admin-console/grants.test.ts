// Grants and the apps that are told in the console, as an administrator meets them: found, looked at, ended with a reason, told again.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { startAdminServer } from '../admin-api/api.ts'
import type { Browser } from '../support/browser.ts'
import { SPA, type TestClient } from '../support/clients.ts'
import { ACCEPT, type LogoutApp, startLogoutApp, until, withStatus } from '../support/logout-app.ts'
import { claimsOf, clientRequest, obtainTokens, refresh } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { atConsole, send } from './people.ts'

const CRM: TestClient = {
  client_id: 'crm',
  client_secret: 'a-secret-of-the-crm-app-that-is-long-enough',
  redirect_uri: 'https://crm.example/callback',
  scope: 'openid notes:read',
}

const GONE: TestClient = {
  client_id: 'gone',
  client_secret: 'a-secret-of-the-app-that-goes-away-0001',
  redirect_uri: 'https://gone.example/callback',
  scope: 'openid notes:read',
}

let server: TestServer
let app: LogoutApp

beforeAll(async () => {
  app = await startLogoutApp()
  const clients = [CRM, GONE].map(({ redirect_uri, ...client }) => ({
    ...{ ...client, skip_consent: true, backchannel_logout_uri: app.uri },
    redirect_uris: [redirect_uri],
    grant_types: ['authorization_code', 'refresh_token'],
  }))
  server = await startAdminServer({ provision: { clients } })
})

afterAll(async () => {
  await server?.stop()
  await app?.stop()
})

const open = (browser: Browser, path: string) => browser.open(`${server.issuer}${path}`)

async function grant(client: TestClient = SPA) {
  const { tokens } = await obtainTokens(server, client, { person: server.grace })
  const { grant_id, sid } = claimsOf(tokens.body.access_token)
  return { tokens: tokens.body, id: String(grant_id), session: String(sid) }
}

describe('the list', () => {
  test('shows who lets which app do what, what is on of a filter, and the way to take it off', async () => {
    const { id } = await grant()
    const path = '/admin/grants?account=grace%40people.example&scope=notes%3Aread'
    const { browser, page } = await atConsole(server, 'auditor', path)
    for (const text of [`/admin/grants/${id}`, 'Notes', 'grace@people.example', '<code>notes:write</code>'])
      expect(page.body).toContain(text)
    expect(page.body).toContain(
      '<a href="/admin/grants?scope=notes%3Aread">Remove<span class="visually-hidden"> Account</span></a>',
    )
    // An auditor looks, and ends nothing.
    expect(page.body).not.toContain('End selected')
    expect((await open(browser, '/admin/grants?scope=nothing')).body).toContain('Nobody lets an app do that.')
    expect((await open(browser, '/admin/grants?scope=nothing&state=live')).body).toContain('None of them is live.')
    expect((await open(browser, '/admin/grants?account=nobody')).body).toContain('No grants')
    for (const query of [
      'state=asleep',
      'since=yesterday',
      'before=0000-01-01',
      'idle=long',
      'idle=999999999d',
      'client=%00',
      `scope=${'x'.repeat(301)}`,
    ]) {
      const { status, body } = await open(browser, `/admin/grants?${query}`)
      expect([query, status]).toEqual([query, 400])
      expect(body).toContain('role="alert"')
    }
    expect((await open(browser, '/admin/grants?cursor=forged')).status).toBe(400)
  })

  test('a page of fifty leads to the next one', async () => {
    await run(
      server.databaseUrl,
      `INSERT INTO grants (id, account_id, client_id, payload, expires_at)
       SELECT 'gra_page_' || n, (SELECT id FROM accounts WHERE email = 'nobody@staff.example'), 'notes-web',
         '{"openid":{"scope":"openid paged"}}', latchkey_now() + interval '1 hour' FROM generate_series(1, 120) n`,
    )
    const { browser } = await atConsole(server, 'operator')
    const seen = new Set<string>()
    let path: string | undefined = '/admin/grants?scope=paged'
    for (let pages = 0; path !== undefined; pages += 1) {
      expect(pages).toBeLessThan(3)
      const { body } = await open(browser, path)
      for (const [, id = ''] of body.matchAll(/href="\/admin\/grants\/(gra_page_\d+)"/g)) seen.add(id)
      expect(Buffer.byteLength(body)).toBeLessThan(60_000)
      path = /<a class="button small" href="([^"]+)" rel="next">/.exec(body)?.[1]?.replaceAll('&amp;', '&')
    }
    expect(seen.size).toBe(120)
  })
})

describe('a grant', () => {
  test('is ended with a reason, after a preview; it is dead, its app is told, and the page proves it', async () => {
    const { id, session, tokens } = await grant(CRM)
    const { browser, page } = await atConsole(server, 'operator', `/admin/grants/${id}`)
    for (const text of ['Refresh token, never used', `/admin/sessions/${session}`, `/admin/grants/revocation?id=${id}`])
      expect(page.body).toContain(text)
    const preview = await open(browser, `/admin/grants/revocation?id=${id}`)
    for (const text of ['End 1 grant', 'grace@people.example', 'crm']) expect(preview.body).toContain(text)
    const asked = await send(browser, preview, '/admin/grants/revocation', { reason: ' ' })
    expect(asked.body).toContain('End 1 grant')
    const done = await send(browser, asked, '/admin/grants/revocation', { reason: 'not theirs' })
    expect(done.body).toContain('Ended: 1 grant with 1 refresh token. 1 notification goes to an app.')
    expect(done.body).toMatch(/Revocation \d+, remembered until/)
    expect((await refresh(server, CRM, tokens.refresh_token ?? '')).body.error).toBe('invalid_grant')
    await until(async () => (await open(browser, `/admin/grants/${id}`)).body.includes('Delivered'))
    const again = await open(browser, `/admin/grants/revocation?id=${id}`)
    expect(again.body).toContain('None of these grants is live any more.')
    for (const path of ['/admin/grants/gra_nobody', '/admin/grants/%00']) expect((await open(browser, path)).status).toBe(404)
  })

  test('of one app are not several apps: what is counted before and after are the notifications', async () => {
    const [one, other] = [await grant(CRM), await grant(CRM)]
    const { browser } = await atConsole(server, 'operator')
    for (const [noun, ids, done] of [
      ['grants', [one.id, other.id], 'Ended: 2 grants with 2 refresh tokens. 2 notifications go to apps.'],
      [
        'sessions',
        [(await grant(CRM)).session, (await grant(CRM)).session],
        'Ended: 2 sessions with 2 grants. 2 notifications go to apps.',
      ],
    ] as const) {
      const preview = await open(browser, `/admin/${noun}/revocation?${ids.map((id) => `id=${id}`).join('&')}`)
      expect(preview.body).toContain('<dt>Notifications to apps</dt><dd>2</dd>')
      expect((await send(browser, preview, `/admin/${noun}/revocation`, { reason: 'of one app' })).body).toContain(done)
    }
  })

  test('all that a filter finds end, by a job when they are many, and a filter that says nothing ends nobody', async () => {
    const { id } = await grant()
    const { browser } = await atConsole(server, 'operator')
    for (const query of ['', '?filter=', '?filter=nothing%3D1', '?filter=state%3Dx', '?filter=state%3Dended']) {
      expect((await open(browser, `/admin/grants/revocation${query}`)).body).toContain('Nothing to end')
    }
    await run(
      server.databaseUrl,
      `INSERT INTO grants (id, account_id, client_id, payload, expires_at)
       SELECT 'gra_job_' || n, (SELECT id FROM accounts WHERE email = 'nobody@staff.example'), 'notes-web',
         '{"openid":{"scope":"openid jobbed"}}', latchkey_now() + interval '1 hour' FROM generate_series(1, 420) n`,
    )
    let preview = await open(browser, '/admin/grants/revocation?filter=scope%3Djobbed')
    // It counts no longer than somebody waits.
    for (let tries = 0; preview.body.includes('and more') && tries < 100; tries += 1)
      preview = await open(browser, '/admin/grants/revocation?filter=scope%3Djobbed')
    expect(preview.body).toContain('End 420 grants')
    let page = await send(browser, preview, '/admin/grants/revocation', { reason: 'a scope that is no more' })
    expect(page.url).toMatch(/\/admin\/jobs\/job_/)
    for (let looks = 0; looks < 200 && !page.body.includes('Done</span>'); looks += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      page = await browser.fetch(page.url)
    }
    expect(page.body).toContain('Ended 420 grants')
    expect((await open(browser, `/admin/grants/${id}`)).body).toContain('<span class="badge good">Live</span>')
  })

  test.each([
    {
      cause: 'its refresh token was used twice',
      says: 'A refresh token was used twice. The app is not told of that: its next refresh is refused.',
      async end({ refresh_token: token = '' }: { readonly refresh_token?: string }) {
        expect((await refresh(server, CRM, token)).status).toBe(200)
        await server.advance(60)
        expect((await refresh(server, CRM, token)).body.error).toBe('invalid_grant')
      },
    },
    {
      cause: 'its app gave it back',
      says: 'The app gave its refresh token back. It is not told of what it did itself.',
      async end({ refresh_token: token = '' }: { readonly refresh_token?: string }) {
        expect((await clientRequest(server, '/revoke', CRM, { token })).status).toBe(200)
      },
    },
    {
      cause: 'its app was suspended',
      says: 'It ended with its app: an app is not told that it was suspended or deleted, or that its secret was compromised.',
      async end() {
        await server.latchkey.nouns.events.clients.suspend(CRM.client_id, { actor: 'a-test' })
        await server.latchkey.nouns.events.clients.reinstate(CRM.client_id, { actor: 'a-test' })
        await server.latchkey.registry.catchUp()
        // For some seconds what it is given could be meant by its end, and it is given nothing.
        await server.advance(15)
      },
    },
  ])('that ended since $cause says why nobody was told, while its session goes on', async ({ says, end }) => {
    const { id, session, tokens } = await grant(CRM)
    await end(tokens)
    const { browser, page } = await atConsole(server, 'auditor', `/admin/grants/${id}`)
    expect(page.body).toContain(says)
    expect(page.body).not.toContain('The app has not said where to tell it')
    expect((await open(browser, `/admin/sessions/${session}`)).body).toContain('<span class="badge good">Live</span>')
  })

  test('of this server’s own pages, or of an app that was deleted, leads to no page of an app', async () => {
    const { browser, page } = await atConsole(server, 'auditor', '/admin/grants?client=latchkey-account')
    const own = /href="\/admin\/grants\/(gra_[^"]+)"/.exec(page.body)?.[1] ?? ''
    const { id: gone } = await grant(GONE)
    await server.latchkey.nouns.events.clients.delete(GONE.client_id, { actor: 'a-test' })
    for (const [id, name] of [
      [own, 'Your account'],
      [gone, GONE.client_id],
    ] as const) {
      const { body } = await open(browser, `/admin/grants/${id}`)
      expect(body).toContain(`<dt>App</dt><dd><bdi>${name}</bdi></dd>`)
      const tokens = await send(browser, await open(browser, '/admin/tokens'), '/admin/tokens/inspection', { token: id })
      expect(tokens.body).toContain(`<dt>App</dt><dd><bdi>${name}</bdi>`)
      for (const shown of [body, tokens.body]) expect(shown).not.toContain('href="/admin/clients/')
    }
  })

  test('the search box leads to it, for those who may see it', async () => {
    const { id } = await grant()
    const { browser, page } = await atConsole(server, 'auditor')
    expect((await send(browser, page, '/admin/search', { q: ` ${id} ` })).url).toBe(`${server.issuer}/admin/grants/${id}`)
    const other = await atConsole(server, 'helpdesk')
    expect((await send(other.browser, other.page, '/admin/search', { q: id })).status).toBe(404)
  })
})

describe('apps that are told', () => {
  test('those that were not are told again', async () => {
    app.answer = withStatus(503)
    const { session } = await grant(CRM)
    const { browser } = await atConsole(server, 'operator')
    const preview = await open(browser, `/admin/sessions/revocation?id=${session}`)
    await send(browser, preview, '/admin/sessions/revocation', { reason: 'gone' })
    const path = `/admin/logout-notifications?session=${session}`
    await until(async () => (await open(browser, path)).body.includes('it answered 503'))
    const triedSince = (interval: string) =>
      run(
        server.databaseUrl,
        `UPDATE logout_notifications SET last_attempt_at = latchkey_now() - $2::interval,
           next_attempt_at = latchkey_now() + interval '1 hour' WHERE session_id = $1`,
        [session, interval],
      )
    const list = await open(browser, path)
    const action = /action="(\/admin\/logout-notifications\/[^"]+)"/.exec(list.body)?.[1] ?? ''
    await triedSince('-1 minute')
    expect((await send(browser, list, action)).body).toContain('The app is being told at this moment.')
    await triedSince('1 minute')
    app.answer = ACCEPT
    const again = await send(browser, list, action)
    expect(again.body).toContain('The app is told again, for a day if need be.')
    await until(async () => (await open(browser, path)).body.includes('Delivered</span>'))
    const { page } = await atConsole(server, 'helpdesk', '/admin/logout-notifications?state=delivered')
    expect(page.body).toContain(`/admin/sessions/${session}`)
    expect(page.body).not.toContain('Tell it again')
    for (const query of ['state=lost', 'client=%00']) {
      expect((await open(browser, `/admin/logout-notifications?${query}`)).status).toBe(400)
    }
    expect((await open(browser, '/admin/logout-notifications?account=nobody')).body).toContain('No notifications')
  })
})
