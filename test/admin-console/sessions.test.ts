// Sessions in the console, as an administrator meets them: found, looked at, ended with a reason; and nothing lost when the sign-in is
// over in the middle of it.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { PASSWORD, startAdminServer } from '../admin-api/api.ts'
import { Browser } from '../support/browser.ts'
import { SPA } from '../support/clients.ts'
import { claimsOf, obtainTokens, refresh } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { atConsole, send, signInAs } from './people.ts'

let server: TestServer

beforeAll(async () => {
  server = await startAdminServer()
})

afterAll(() => server?.stop())

const open = (browser: Browser, path: string) => browser.open(`${server.issuer}${path}`)

/** Grace signs in somewhere. */
async function grace() {
  const { tokens } = await obtainTokens(server, SPA, { person: server.grace })
  return { tokens: tokens.body, id: String(claimsOf(tokens.body.access_token).sid) }
}

const GRACE = '/admin/sessions?account=grace%40people.example&state=live'

describe('the list', () => {
  test('shows sessions, what is on of a filter, and the way to take it off', async () => {
    const { id } = await grace()
    const { page } = await atConsole(server, 'auditor', GRACE)
    expect(page.status).toBe(200)
    expect(page.body).toContain(`/admin/sessions/${id}`)
    expect(page.body).toContain('Chrome on Linux')
    expect(page.body).toContain('<a href="/admin/sessions?state=live">Remove<span class="visually-hidden"> Account</span></a>')
    expect(page.body).toContain('<a href="/admin/sessions?account=grace%40people.example">Remove')
    // An auditor looks, and ends nothing.
    expect(page.body).not.toContain('End selected')
  })

  test('keeps all that narrows it when something is added: nobody ends more than the filter of before found', async () => {
    const filter = { state: 'live', more_than: '5', administrators: 'true', new_device: 'false', idle: '7d', method: 'pwd' }
    const { page } = await atConsole(server, 'auditor', `/admin/sessions?${new URLSearchParams(filter)}`)
    const form = /<form method="get" action="\/admin\/sessions">([\s\S]*?)<\/form>/.exec(page.body)?.[1] ?? ''
    for (const [name, value] of Object.entries(filter)) {
      const field = new RegExp(`<(input|select)[^>]* name="${name}"[^>]*>(?:(?!</select>)[\\s\\S])*`).exec(form)?.[0] ?? ''
      expect([name, field]).toEqual([name, expect.stringMatching(new RegExp(`value="${value}"( selected|[^>]*>)`))])
      if (field.startsWith('<select')) expect(field).toContain(`value="${value}" selected`)
    }
  })

  test('offers to end all where those that are live stand on another page, and not where none can be', async () => {
    const { id } = await grace()
    const agent = 'of many pages'
    // Fifty that are over, each begun after the one that is live.
    await run(
      server.databaseUrl,
      `INSERT INTO sessions SELECT (jsonb_populate_record(s, jsonb_build_object('id', 'ses_over-' || n, 'user_agent', $2::text,
         'started_at', s.started_at + n * interval '1 second', 'ended_at', latchkey_now(), 'end_reason', 'signed_out'))).*
       FROM sessions s, generate_series(1, 50) n WHERE s.id = $1`,
      [id, agent],
    )
    const { browser, page } = await atConsole(server, 'operator', '/admin/sessions?account=grace%40people.example')
    const shown = [...page.body.matchAll(/href="\/admin\/sessions\/(ses_[\w-]+)"/g)].map(([, shownId]) => shownId)
    expect(shown.filter((one) => one?.startsWith('ses_over-'))).toHaveLength(40)
    expect(shown).not.toContain(id)
    expect(page.body).toContain('End all of these')
    const [, href = ''] = /href="([^"]+)">End all of these/.exec(page.body) ?? []
    expect((await open(browser, href.replaceAll('&amp;', '&'))).body).toContain('grace@people.example')
    for (const query of ['', '?state=ended'])
      expect([query, (await open(browser, `/admin/sessions${query}`)).body]).toEqual([
        query,
        expect.not.stringContaining('End all of these'),
      ])
    await run(server.databaseUrl, 'DELETE FROM sessions WHERE user_agent = $1', [agent])
  })

  test('says that there is nothing, and what is wrong with a filter', async () => {
    const { browser } = await atConsole(server, 'auditor')
    expect((await open(browser, '/admin/sessions?ip=10.0.0.0/8')).body).toContain('Nobody is, or was, signed in that way.')
    // Of what is not live somebody may have been.
    for (const [state, text] of [
      ['live', 'None of them is live.'],
      ['ended', 'Nothing matches.'],
    ])
      expect((await open(browser, `/admin/sessions?ip=10.0.0.0/8&state=${state}`)).body).toContain(
        `${text} Take a filter off to see more.`,
      )
    expect((await open(browser, '/admin/sessions?account=nobody')).body).toContain('No sessions')
    for (const query of [
      'ip=x',
      'ip=fe80::1%25eth0',
      'state=asleep',
      'since=yesterday',
      'since=0000-01-01',
      'before=0000-01-01T09:30',
      // Days that there are not.
      'before=2026-11-31',
      'since=2026-02-29T09:30',
      'idle=long',
      'idle=999999999d',
      'more_than=0',
      'administrators=yes',
      'new_device=1',
      'client=%00',
      `method=${'x'.repeat(301)}`,
    ]) {
      const { status, body } = await open(browser, `/admin/sessions?${query}`)
      expect([query, status]).toEqual([query, 400])
      expect(body).toContain('role="alert"')
    }
    expect((await open(browser, '/admin/sessions?cursor=forged')).status).toBe(400)
    expect((await open(browser, '/admin/jobs/%00')).status).toBe(404)
    // A parameter that nobody knows is none; of one that comes twice nobody can say what is meant.
    expect((await open(browser, '/admin/sessions?state=live&nothing=1')).status).toBe(200)
    const twice = await open(browser, '/admin/sessions?state=live&state=ended')
    expect([twice.status, twice.body.includes('A field was given twice')]).toEqual([400, true])
  })

  test('a page of forty leads to the next one, and is light also where sessions have many apps', async () => {
    await run(
      server.databaseUrl,
      `INSERT INTO sessions (id, account_id, address, methods, expires_at)
       SELECT 'ses_page_' || n, (SELECT id FROM accounts WHERE email = 'nobody@staff.example'), '198.51.100.7', '{pwd}',
         latchkey_now() + interval '1 hour' FROM generate_series(1, 120) n`,
    )
    await run(
      server.databaseUrl,
      `INSERT INTO clients (id, metadata) SELECT 'app-0b6ff0f4-4dbd-4b34-9c39-' || n, jsonb_build_object('client_name', repeat('A long name ', 20) || n)
       FROM generate_series(1, 8) n`,
    )
    await run(
      server.databaseUrl,
      `INSERT INTO session_clients (session_id, client_id, sid) SELECT s.id, c.id, s.id || c.id FROM sessions s, clients c
       WHERE s.id LIKE 'ses_page_%' AND c.id LIKE 'app-0b6ff0f4%'`,
    )
    const { browser } = await atConsole(server, 'operator')
    const seen = new Set<string>()
    let path: string | undefined = '/admin/sessions?ip=198.51.100.7'
    for (let pages = 0; path !== undefined; pages += 1) {
      expect(pages).toBeLessThan(3)
      const { body } = await open(browser, path)
      for (const [, id = ''] of body.matchAll(/href="\/admin\/sessions\/(ses_page_\d+)"/g)) seen.add(id)
      expect(Buffer.byteLength(body)).toBeLessThan(60_000)
      expect(body).toMatch(/<a href="\/admin\/sessions\/ses_page_\d+">and 5 more<\/a>/)
      path = /<a class="button small" href="([^"]+)" rel="next">/.exec(body)?.[1]?.replaceAll('&amp;', '&')
    }
    expect(seen.size).toBe(120)
  })
})

describe('a session', () => {
  test('shows what was given in it, and that it is not there when it is not', async () => {
    const { id } = await grace()
    const { browser, page } = await atConsole(server, 'auditor', `/admin/sessions/${id}`)
    for (const text of ['Notes', 'Refresh token, never used', 'notes:read', 'Apps are told when the session ends.', 'APIs that'])
      expect(page.body).toContain(text)
    expect(page.body).not.toContain('End this session')
    // Helpdesk sees the session, and not what hangs from it.
    const helpdesk = await atConsole(server, 'helpdesk', `/admin/sessions/${id}`)
    expect(helpdesk.page.body).toContain('Apps are told when the session ends.')
    for (const text of ['Refresh token', 'notes:read', 'gra_', 'APIs that']) expect(helpdesk.page.body).not.toContain(text)
    expect((await open(helpdesk.browser, '/admin/jobs/none')).status).toBe(403)
    for (const path of ['/admin/sessions/ses_nobody', '/admin/sessions/%00', '/admin/jobs/none']) {
      expect([path, (await open(browser, path)).status]).toEqual([path, 404])
    }
  })

  test('is ended with a reason, after a preview; it is dead, and the page proves it', async () => {
    const { id, tokens } = await grace()
    const { browser, page } = await atConsole(server, 'operator', `/admin/sessions/${id}`)
    expect(page.body).toContain(`/admin/sessions/revocation?id=${id}`)
    const preview = await open(browser, `/admin/sessions/revocation?id=${id}`)
    for (const text of ['End 1 session', 'grace@people.example', 'Notes']) expect(preview.body).toContain(text)
    const done = await send(browser, preview, '/admin/sessions/revocation', { reason: 'lost laptop' })
    expect(done.body).toContain('Ended: 1 session with 1 grant. No app is told.')
    expect(done.body).toContain('session revoked')
    expect(done.body).toMatch(/Revocation \d+, remembered until/)
    expect((await refresh(server, SPA, tokens.refresh_token ?? '')).body.error).toBe('invalid_grant')
    const [event] = await run(
      server.databaseUrl,
      `SELECT a.email, e.reason FROM audit_events e JOIN accounts a ON a.id = e.actor WHERE e.name = 'session.revoked' AND e.session_id = $1`,
      [id],
    )
    expect(event).toEqual({ email: 'operator@staff.example', reason: 'lost laptop' })
    // The notice is shown once.
    expect((await open(browser, `/admin/sessions/${id}`)).body).not.toContain('Ended: 1 session')
    // Again: there is nothing left, and the page says so.
    expect((await open(browser, `/admin/sessions/revocation?id=${id}`)).body).toContain(
      'None of these sessions is live any more.',
    )
  })

  test('is not ended without a reason', async () => {
    const { id } = await grace()
    const { browser } = await atConsole(server, 'operator')
    const preview = await open(browser, `/admin/sessions/revocation?id=${id}`)
    const asked = await send(browser, preview, '/admin/sessions/revocation', { reason: '  ' })
    expect(asked.body).toContain('End 1 session')
    expect((await open(browser, `/admin/sessions/${id}`)).body).toContain('Live')
  })
})

describe('many at once', () => {
  test('all that a filter finds, and nothing else', async () => {
    const ada = await obtainTokens(server, SPA)
    await grace()
    await grace()
    const { browser, page } = await atConsole(server, 'owner', GRACE)
    const href = /href="(\/admin\/sessions\/revocation\?filter=[^"]+)"/.exec(page.body)?.[1]?.replaceAll('&amp;', '&') ?? ''
    const done = await send(browser, await open(browser, href), '/admin/sessions/revocation', { reason: 'all of hers' })
    expect(done.body).toMatch(/Ended: \d+ sessions/)
    expect((await open(browser, GRACE)).body).toContain('No sessions')
    const id = String(claimsOf(ada.tokens.body.access_token).sid)
    expect((await open(browser, `/admin/sessions/${id}`)).body).toContain('<span class="badge good">Live</span>')
  })

  test('a filter that says nothing ends nobody', async () => {
    const { id } = await grace()
    const { browser } = await atConsole(server, 'owner')
    for (const query of [
      '',
      '?filter=',
      '?filter=nothing%3D1',
      '?filter=cursor%3Dx',
      '?filter=ip%3Dx',
      '?filter=ip%3Dfe80::1%2525eth0',
      '?filter=idle%3D999999999d',
      '?filter=state%3Dended',
    ]) {
      expect((await open(browser, `/admin/sessions/revocation${query}`)).body).toContain('Nothing to end')
    }
    expect((await open(browser, `/admin/sessions/${id}`)).body).toContain('Live')
  })

  test('AD8: what is much is a job, whose page says how far it is and looks again by itself', async () => {
    await run(
      server.databaseUrl,
      `INSERT INTO sessions (id, account_id, address, methods, expires_at)
       SELECT 'ses_job_' || n, (SELECT id FROM accounts WHERE email = 'nobody@staff.example'), '203.0.113.77', '{pwd}',
         latchkey_now() + interval '1 hour' FROM generate_series(1, 420) n`,
    )
    const { browser } = await atConsole(server, 'operator')
    let preview = await open(browser, '/admin/sessions/revocation?filter=ip%3D203.0.113.77')
    // It counts no longer than somebody waits.
    for (let tries = 0; preview.body.includes('and more') && tries < 100; tries += 1)
      preview = await open(browser, '/admin/sessions/revocation?filter=ip%3D203.0.113.77')
    expect(preview.body).toContain('End 420 sessions')
    let page = await send(browser, preview, '/admin/sessions/revocation', { reason: 'a stolen proxy' })
    expect(page.url).toMatch(/\/admin\/jobs\/job_/)
    for (let looks = 0; looks < 200 && !page.body.includes('Done</span>'); looks += 1) {
      expect(page.body).toContain('<div class="under-way" data-look-again="2">')
      await new Promise((resolve) => setTimeout(resolve, 50))
      page = await browser.fetch(page.url)
    }
    expect(page.body).toContain('Ended 420 sessions')
    expect(page.body).toContain('<div class="under-way">')
    expect(page.body).not.toContain('data-look-again')
  })
})

describe('who does it', () => {
  test('has just proved who they are: after five minutes they are asked again, and nothing is lost', async () => {
    const { id } = await grace()
    const { browser } = await atConsole(server, 'operator')
    const preview = await open(browser, `/admin/sessions/revocation?id=${id}`)
    await server.advance(301)
    // The form that was open is still there after signing in again, with what was filled in.
    const asked = await send(browser, preview, '/admin/sessions/revocation', { reason: 'lost & found' })
    expect(asked.body).toContain('name="password"')
    const again = await browser.submit(asked, { username: 'operator@staff.example', password: PASSWORD })
    expect(again.body).toContain('End 1 session')
    expect(again.body).toContain('value="lost &amp; found"')
    expect((await open(browser, `/admin/sessions/${id}`)).body).toContain('Live')
    const done = await send(browser, again, '/admin/sessions/revocation')
    expect(done.body).toContain('Ended: 1 session')
  })

  test('comes back to the form when the sign-in is over altogether', async () => {
    const { id } = await grace()
    const { browser } = await atConsole(server, 'operator')
    const preview = await open(browser, `/admin/sessions/revocation?id=${id}`)
    await run(
      server.databaseUrl,
      `UPDATE sessions SET ended_at = latchkey_now() WHERE account_id = (SELECT id FROM accounts WHERE email = 'operator@staff.example')`,
    )
    const asked = await send(browser, preview, '/admin/sessions/revocation', { reason: 'still here' })
    const again = await signInAs(browser, asked, 'operator')
    expect(again.body).toContain('value="still here"')
    expect(again.body).toContain('End 1 session')
  })
})

describe('the search box', () => {
  test('leads to a session by its id, and to an account’s sessions by its address', async () => {
    const { id } = await grace()
    const { browser, page } = await atConsole(server, 'helpdesk')
    expect((await send(browser, page, '/admin/search', { q: ` ${id} ` })).url).toBe(`${server.issuer}/admin/sessions/${id}`)
    expect((await send(browser, page, '/admin/search', { q: 'GRACE@people.example' })).body).toContain('grace@people.example')
  })

  test('leads to an app and to an API by what its name begins with, and to the list where there are more', async () => {
    const { browser, page } = await atConsole(server, 'auditor')
    const urls = async (q: string) => (await send(browser, page, '/admin/search', { q })).url.slice(server.issuer.length)
    const named = `UPDATE clients SET metadata = metadata || '{"client_name": "Payroll of Acme"}' WHERE id = 'notes-web'`
    await run(server.databaseUrl, named)
    expect(await urls('payroll OF')).toBe('/admin/clients/notes-web')
    expect(await urls('NOTES')).toBe('/admin/clients?q=NOTES')
    expect(await urls('https://notes.')).toMatch(/^\/admin\/resource-servers\/rs_/)
  })

  test('says that there is nothing, and does not repeat what was asked: it may have been a token', async () => {
    const { tokens } = await grace()
    const { browser, page } = await atConsole(server, 'helpdesk')
    for (const q of ['nobody at all', 'x'.repeat(19_000), "'; DROP TABLE sessions--", '\uD800']) {
      const found = await send(browser, page, '/admin/search', { q })
      expect(found.status).toBe(404)
      expect(found.body).toContain('Nothing found')
    }
    const found = await send(browser, page, '/admin/search', { q: tokens.access_token ?? '' })
    expect(found.body).not.toContain(tokens.access_token)
    expect(server.log.text).not.toContain(tokens.access_token)
  })
})

test('AU2: what people and apps wrote is shown as text', async () => {
  const browser = new Browser({ userAgent: '<script>alert(1)</script>"onload=' })
  const { tokens } = await obtainTokens(server, SPA, { browser, person: server.grace })
  const { page } = await atConsole(server, 'auditor', `/admin/sessions/${String(claimsOf(tokens.body.access_token).sid)}`)
  expect(page.body).toContain('&lt;script&gt;')
  expect(page.body).not.toContain('<script>alert')
})
