// The audit log as an administrator meets it in the console: looked through, narrowed by a click on a value, counted, and taken home.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ask, robotToken, startAdminServer } from '../admin-api/api.ts'
import type { Browser, Page } from '../support/browser.ts'
import { SPA } from '../support/clients.ts'
import { claimsOf, obtainTokens } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { atConsole, send } from './people.ts'

let server: TestServer
let session: string

const REASON = '<b>the phone</b> was stolen'

beforeAll(async () => {
  server = await startAdminServer()
  const { tokens } = await obtainTokens(server, SPA, { person: server.grace })
  session = String(claimsOf(tokens.body.access_token).sid)
  await ask(server, await robotToken(server), `DELETE /sessions/${session}`, { body: { reason: REASON } })
})

afterAll(() => server?.stop())

const open = (browser: Browser, path: string) => browser.open(`${server.issuer}${path.replaceAll('&amp;', '&')}`)

/** The address of the link in a page whose text is this. */
function linkTo(page: Page, text: string): string {
  const link = [...page.body.matchAll(/<a [^>]*?href="([^"]*)"[^>]*>(?:<bdi>)?([^<]*)/g)].find(([, , words]) => words === text)
  if (link?.[1] === undefined) throw new Error(`no link ${text} on ${page.url}`)
  return link[1]
}

const rowsOf = (page: Page) => [...page.body.matchAll(/<summary>.*?<code>([^<]*)<\/code>/g)].map(([, name]) => name)

describe('looked through', () => {
  test('a click on a value shows the events that have it too, and a chip takes it off again', async () => {
    const { browser, page } = await atConsole(server, 'auditor', '/admin/audit?name=session.revoked')
    expect(rowsOf(page)).toEqual(['session.revoked'])
    expect(page.body).toContain('&lt;b&gt;the phone&lt;/b&gt; was stolen')
    expect(page.body).toContain('<bdi>robot</bdi>')
    const ofPerson = await open(browser, linkTo(page, 'grace@people.example'))
    expect(ofPerson.url).toContain('name=session.revoked&account=acc_')
    const without = /<span>What: <bdi>session\.revoked<\/bdi><\/span> <a href="([^"]*)"/.exec(ofPerson.body)?.[1] ?? ''
    const ofAll = rowsOf(await open(browser, without))
    expect(ofAll).toEqual(expect.arrayContaining(['session.revoked', 'session.started', 'sign_in.succeeded']))
    expect(Buffer.byteLength(ofPerson.body)).toBeLessThan(60_000)
  })

  test('an event has a page of its own, with its seal and the ways to what it names', async () => {
    const { browser, page } = await atConsole(server, 'auditor', `/admin/audit?session=${session}&name=session.revoked`)
    const detail = await open(browser, /href="(\/admin\/audit\/\d+)"/.exec(page.body)?.[1] ?? '')
    expect(detail.body).toContain('<h1><code>session.revoked</code></h1>')
    expect(detail.body).toContain(`href="/admin/sessions/${session}"`)
    expect(detail.body).toContain('<dt>Seal</dt>')
    expect((await open(browser, '/admin/audit/999999999')).status).toBe(404)
    expect((await open(browser, '/admin/audit/forged')).status).toBe(404)
  })

  test('what a change changed is shown as it was and as it is', async () => {
    const change = { changes: { scope: { from: 'openid', to: '<i>openid</i> notes' } }, note: 'x' }
    await run(
      server.databaseUrl,
      "INSERT INTO audit_events (name, actor, client_id, detail) VALUES ('client.updated', 'system', 'changed-app', $1)",
      [JSON.stringify(change)],
    )
    const { browser, page } = await atConsole(server, 'owner', '/admin/audit?client=changed-app')
    const detail = await open(browser, /href="(\/admin\/audit\/\d+)"/.exec(page.body)?.[1] ?? '')
    expect(detail.body).toContain('<td data-label="From"><bdi>openid</bdi></td>')
    expect(detail.body).toContain('<td data-label="To"><bdi>&lt;i&gt;openid&lt;/i&gt; notes</bdi></td>')
  })

  test('the pages of a session, a grant, an app and an account say what happened to them, to those who may look', async () => {
    const { browser, page } = await atConsole(server, 'operator', `/admin/sessions/${session}`)
    expect(page.body).toMatch(
      /<code>session\.revoked<\/code><\/a> by <bdi>robot<\/bdi> <span class="quiet"><bdi>&lt;b&gt;the phone/,
    )
    expect(linkTo(page, 'All of it in the audit log')).toBe(`/admin/audit?session=${session}`)
    const grant = /href="(\/admin\/grants\/gra_[^"]*)"/.exec(page.body)?.[1] ?? ''
    for (const path of [grant, `/admin/clients/${SPA.client_id}`])
      expect((await open(browser, path)).body).toContain('What happened')
    const account = /href="(\/admin\/accounts\/[^"]*)"/.exec(page.body)?.[1] ?? ''
    const history = await open(browser, `${account}/history`)
    expect(history.body).toMatch(/aria-current="page">History<[\s\S]*session\.revoked/)
    const helpdesk = await atConsole(server, 'helpdesk', `/admin/sessions/${session}`)
    expect(helpdesk.page.status).toBe(200)
    expect(helpdesk.page.body).not.toContain('What happened')
    expect((await open(helpdesk.browser, `${account}/history`)).status).toBe(403)
  })

  test.each([
    ['name=none.such', 'There is no such event.'],
    ['outcome=maybe', 'An event has succeeded or failed.'],
    ['ip=x', 'must be an address such as 192.0.2.7'],
    ['ip=fe80::1%25eth0', 'must be an address such as 192.0.2.7'],
    ['before=0000-01-01', 'of the years 1970 to 9999'],
    ['since=never', 'A time must be written as'],
    ['before=2026-11-31', 'a day that there is'],
    ['account=%00', 'holds what no such name can hold'],
    [`reason=${'x'.repeat(101)}`, 'the first 100 characters are enough'],
  ])('AD6: what is wrong with a filter is said: %s', async (query, words) => {
    const { page } = await atConsole(server, 'auditor', `/admin/audit?${query}`)
    expect(page.status).toBe(400)
    expect(page.body).toContain(words)
  })

  test('AD6: a forged cursor is refused, and an address of nobody finds nothing', async () => {
    const { browser, page } = await atConsole(server, 'auditor', '/admin/audit?cursor=forged')
    expect(page.status).toBe(400)
    const nobody = await open(browser, '/admin/audit?account=nobody@nowhere.example')
    expect(nobody.status).toBe(200)
    expect(nobody.body).toContain('Nothing like that is in the audit log.')
  })

  test('a page leads to the next, and none is left out or comes twice', async () => {
    await run(
      server.databaseUrl,
      `INSERT INTO audit_events (name, actor, account_id, client_id, session_id, grant_id, request_id, address, user_agent, reason, detail)
       SELECT 'client.updated', 'system', 'acc_' || repeat('a', 22), 'paged', 'ses_' || repeat('s', 22), 'gra_' || repeat('g', 22), gen_random_uuid(),
         '198.51.100.1', repeat('agent ', 60), repeat('why ', 100), jsonb_build_object('n', n, 'long', repeat('x', 2000))
       FROM generate_series(1, 70) n`,
    )
    const { browser } = await atConsole(server, 'operator')
    const names =
      'client.updated,client.created,client.deleted,client.suspended,client.reinstated,client_secret.created,client_secret.deleted'
    const filters = [
      ['client=paged', 3],
      [`client=paged&name=${names}&outcome=succeeded&ip=198.51.100.0/24&since=2020-01-01&reason=why+why+why`, 9],
    ] as const
    for (const [filter, most] of filters) {
      const seen = new Set<string>()
      let path: string | undefined = `/admin/audit?${filter}`
      for (let pages = 0; path !== undefined; pages += 1) {
        expect(pages).toBeLessThan(most)
        const { body } = await open(browser, path)
        expect(Buffer.byteLength(body)).toBeLessThan(60_000)
        for (const [, id] of body.matchAll(/href="\/admin\/audit\/(\d+)"/g)) seen.add(String(id))
        path = /<a class="button small" href="([^"]+)" rel="next">/.exec(body)?.[1]?.replaceAll('&amp;', '&')
      }
      expect(seen.size).toBe(70)
    }
  })
})

describe('followed', () => {
  /** What is told, from the place that a browser names when it comes back; until so many events are there. */
  async function follow(browser: Browser, count: number, place?: string): Promise<(readonly [place: string, reason: string])[]> {
    const response = await fetch(`${server.issuer}/admin/audit/stream?client=followed`, {
      headers: {
        cookie: browser.cookieHeader('/admin/audit/stream'),
        ...(place === undefined ? {} : { 'last-event-id': place }),
      },
    })
    if (response.status !== 200) throw new Error(String(response.status))
    const told = (text: string) =>
      [...text.matchAll(/^id: (\S+)\ndata: (\{"id".*)$/gm)].map(
        ([, at = '', data = '']) => [at, String(JSON.parse(data).reason)] as const,
      )
    let text = ''
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString()
      if (told(text).length >= count) break
    }
    return told(text)
  }

  const happen = (...reasons: readonly string[]) =>
    run(
      server.databaseUrl,
      "INSERT INTO audit_events (name, actor, client_id, reason) SELECT 'client.updated', 'system', 'followed', r FROM unnest($1::text[]) r",
      [reasons],
    )

  test('a browser that was cut off goes on where it was: what happened meanwhile is told', async () => {
    const { browser } = await atConsole(server, 'auditor', '/admin/audit')
    await happen('one')
    // Whoever names no place is told what happens from now on; this one has been there before.
    const [first] = await follow(browser, 1, '0-0')
    expect(first?.[1]).toBe('one')
    await happen('two', 'three')
    const meanwhile = await follow(browser, 2, first?.[0])
    expect(meanwhile.map(([, reason]) => reason)).toEqual(['two', 'three'])
    await expect(follow(browser, 1, 'nonsense')).rejects.toThrow('400')
    await expect(follow(browser, 1, '999999-0')).rejects.toThrow('410')
  })
})

describe('counted and taken home', () => {
  test('what the events have in common is counted, each value leads on', async () => {
    const { browser, page } = await atConsole(server, 'auditor', '/admin/audit?client=paged')
    const counted = await open(browser, linkTo(page, 'Count what they have in common'))
    expect(counted.body).toContain('Of all 70')
    expect(counted.body).toMatch(
      /<h3>From<\/h3><ul>\s*<li><a href="[^"]*ip=198\.51\.100\.1"><bdi>198\.51\.100\.1<\/bdi><\/a> <span class="quiet">70</,
    )
  })

  test('what the filter means is exported by those who may, and that is an event; no cell is a formula', async () => {
    await run(
      server.databaseUrl,
      "INSERT INTO audit_events (name, actor, client_id, reason) VALUES ('client.updated', 'system', 'formula', '=1+1')",
    )
    const { browser, page } = await atConsole(server, 'auditor', '/admin/audit?client=formula')
    const file = await send(browser, page, '/admin/audit/export', { format: 'csv' })
    expect(file.headers['content-type']).toBe('text/csv; charset=utf-8')
    expect(file.headers['content-disposition']).toBe('attachment; filename="audit-events.csv"')
    const [header, ...rows] = file.body.trimEnd().split('\r\n')
    expect(header).toMatch(/^id,at,name,outcome,actor/)
    expect(rows).toEqual([expect.stringContaining(",'=1+1,")])
    const said = await run(server.databaseUrl, "SELECT detail FROM audit_events WHERE name = 'audit_events.exported'")
    expect(said).toEqual([{ detail: { format: 'csv', filter: '{"clientId":"formula"}' } }])
    const lines = await send(browser, page, '/admin/audit/export', { format: 'ecs' })
    expect(JSON.parse(lines.body).event.action).toBe('client.updated')
  })

  test('AD1: who may not export is shown no way to, and is refused', async () => {
    const { browser, page } = await atConsole(server, 'operator', '/admin/audit?client=formula')
    expect(page.body).not.toContain('/admin/audit/export')
    const csrf = /name="csrf" value="([^"]*)"/.exec(page.body)?.[1] ?? ''
    const refused = await browser.fetch(`${server.issuer}/admin/audit/export`, {
      body: new URLSearchParams({ csrf, format: 'csv' }).toString(),
    })
    expect(refused.status).toBe(403)
    const helpdesk = await atConsole(server, 'helpdesk', '/admin/audit')
    expect(helpdesk.page.status).toBe(403)
  })

  test('a format that is none is refused in words', async () => {
    const { browser, page } = await atConsole(server, 'owner', '/admin/audit?client=formula')
    const refused = await send(browser, page, '/admin/audit/export', { format: 'exe' })
    expect(refused.status).toBe(400)
    expect(refused.body).toContain('exported as csv, ndjson or ecs')
  })
})
