// What is ticked in the lists of the console: it survives a sign-in, nothing false is said of what did not, and whoever ends something
// goes on where they were.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { startAdminServer } from '../admin-api/api.ts'
import { made, PLANTED, plant } from '../session-reviews/planted.ts'
import { Browser, type Page } from '../support/browser.ts'
import { SPA, WEB } from '../support/clients.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { tagsOf } from '../views/page-markup.ts'
import { atConsole, send, signInAs } from './people.ts'

let server: TestServer
/** A session audit that has found sixty old sessions, and sixty grants that nobody uses. */
let report: string

beforeAll(async () => {
  server = await startAdminServer()
  await plant(server)
  // Their ids are as long as those that the server makes.
  await run(
    server.databaseUrl,
    `INSERT INTO sessions (id, account_id, address, methods, started_at, last_used_at, expires_at)
     SELECT 'ses_' || rpad('many' || n || '_', 43, 'x'), a.id, '198.51.100.7', '{pwd}', latchkey_now() - interval '3 days',
       latchkey_now() - interval '2 days', latchkey_now() + interval '1 day'
     FROM accounts a, generate_series(1, 60) n WHERE a.email = 'nobody@staff.example'`,
  )
  await run(
    server.databaseUrl,
    `INSERT INTO grants (id, account_id, client_id, payload, created_at, expires_at)
     SELECT 'gra_' || rpad('many' || n || '_', 22, 'x'), a.id, $1, '{"openid":{"scope":"openid many"}}',
       latchkey_now() - interval '25 days', latchkey_now() + interval '5 days'
     FROM accounts a, generate_series(1, 60) n WHERE a.email = 'nobody@staff.example'`,
    [SPA.client_id],
  )
  report = (await made(server)).id
}, 120_000)

afterAll(() => server?.stop())

const open = (browser: Browser, path: string) => browser.open(`${server.issuer}${path}`)

/** Ticks rows of a page and presses the button that leads to an address: what the browser then asks for. */
function ticked(page: Page, action: string, most = Number.POSITIVE_INFINITY): string {
  const form = /<form[^>]*class="selection"[^>]*>[\s\S]*?<\/form>/.exec(page.body)?.[0] ?? ''
  // A browser that goes back would tick by the place in the list.
  expect(form).toMatch(/^<form[^>]* autocomplete="off">/)
  expect(form).toMatch(new RegExp(`(form)?action="${action}"`))
  const inputs = tagsOf(form).filter(({ name }) => name === 'input')
  const of = (type: string) => inputs.filter(({ attributes }) => attributes.get('type') === type)
  const boxes = of('checkbox').slice(0, most)
  expect(boxes.length).toBeGreaterThan(0)
  const query = new URLSearchParams()
  for (const { attributes } of [...of('hidden'), ...boxes])
    query.append(attributes.get('name') ?? '', attributes.get('value') ?? '')
  return `${action}?${query}`
}

/** An address with more ids than any page has rows. */
function withIds(path: string, fields: { readonly [name: string]: string }, ids: readonly string[]): string {
  const query = new URLSearchParams(fields)
  for (const id of ids) query.append('id', id)
  return `${path}?${query}`
}

const idsIn = (path: string) => new URL(path, server.issuer).searchParams.getAll('id')

async function endSessionOf(email: string): Promise<void> {
  await run(
    server.databaseUrl,
    `UPDATE sessions SET ended_at = latchkey_now() WHERE ended_at IS NULL AND account_id = (SELECT id FROM accounts WHERE email = $1)`,
    [email],
  )
}

const SIGN_INS = [
  ['no longer fresh', () => server.advance(301)],
  ['over', () => endSessionOf('owner@staff.example')],
] as const

describe.each(SIGN_INS)('a whole page that is ticked, when the sign-in is %s', (_how, expire) => {
  test.each([
    ['/admin/sessions?ip=198.51.100.7', '/admin/sessions/revocation', 'sessions'],
    ['/admin/grants?scope=many', '/admin/grants/revocation', 'grants'],
    ['report old_session', '/admin/sessions/revocation', 'sessions'],
    ['report dormant_grant', '/admin/grants/revocation', 'grants'],
  ])('of %s comes to the page that asks', async (list, action, noun) => {
    const [, kind] = list.split(' ')
    const path = kind === undefined ? list : `/admin/session-audits/${report}?kind=${kind}`
    const { browser, page } = await atConsole(server, 'owner', path)
    const wanted = ticked(page, action)
    expect(idsIn(wanted).length).toBeGreaterThanOrEqual(40)
    await expire()
    const asked = await signInAs(browser, await open(browser, wanted), 'owner')
    expect(asked.body).toContain(`End ${idsIn(wanted).length} ${noun}`)
    expect(asked.body).toContain(`value="${idsIn(wanted).join(' ')}"`)
  })

  test('of findings that are to stay comes to the page that asks why', async () => {
    const { browser, page } = await atConsole(server, 'owner', `/admin/session-audits/${report}?kind=old_session`)
    const wanted = ticked(page, `/admin/session-audits/${report}/kept`)
    await expire()
    const answer = await open(browser, wanted)
    const asked = answer.body.includes('name="password"') ? await signInAs(browser, answer, 'owner') : answer
    expect(asked.body).toContain(`value="${idsIn(wanted).join(' ')}"`)
  })
})

describe('more than goes through a sign-in', () => {
  /** More than any page has: of a list that was narrowed by long words. */
  const much = () => {
    const back = `/admin/sessions?method=${'x'.repeat(300)}&client=${'y'.repeat(300)}`
    const ids = Array.from({ length: 60 }, (_, n) => `ses_${`many${n + 1}_`.padEnd(43, 'x')}`)
    return withIds('/admin/sessions/revocation', { back }, ids)
  }

  test('is kept for somebody who is signed in, and given back once', async () => {
    const { browser } = await atConsole(server, 'owner')
    await server.advance(301)
    const asked = await signInAs(browser, await open(browser, much()), 'owner')
    expect(asked.body).toContain('End 60 sessions')
    expect(asked.url).toMatch(/\/admin\/filled-in\/[\w-]{22}\?page=/)
    expect((await open(browser, asked.url.slice(server.issuer.length))).body).toContain('Nothing is selected.')
  })

  test('is not kept for a stranger, and nothing false is said of it', async () => {
    const browser = new Browser()
    const asked = await signInAs(browser, await open(browser, much()), 'owner')
    expect(asked.url).toBe(`${server.issuer}/admin/sessions/revocation`)
    expect(asked.body).toContain('Nothing is selected.')
    expect(asked.body).not.toContain('live any more')
  })

  test.each(['kept', 'unkept'])('of findings leads a stranger to the report: %s', async (deed) => {
    const browser = new Browser()
    const ids = Array.from({ length: 200 }, (_, n) => `gra_${String(n).padStart(22, 'x')}`)
    const path = withIds(`/admin/session-audits/${report}/${deed}`, { kind: 'dormant_grant' }, ids)
    const asked = await signInAs(browser, await open(browser, path), 'owner')
    expect([asked.status, asked.url]).toEqual([200, `${server.issuer}/admin/session-audits/${report}`])
    expect(asked.body).toContain('Nothing is selected: tick what is meant.')
  })
})

test('nobody is told that what they did not name is not live any more', async () => {
  const { browser } = await atConsole(server, 'owner')
  for (const noun of ['sessions', 'grants']) {
    for (const query of ['', '?filter=', '?filter=nothing%3D1', '?filter=state%3Dx'])
      expect((await open(browser, `/admin/${noun}/revocation${query}`)).body).toContain('Nothing is selected.')
    for (const query of ['?id=gone', '?filter=state%3Dended'])
      expect((await open(browser, `/admin/${noun}/revocation${query}`)).body).toContain(`None of these ${noun} is live any more.`)
  }
})

describe('whoever ends something goes on where they were', () => {
  const ended = (browser: Browser, asking: Page, noun: string) =>
    send(browser, asking, `/admin/${noun}/revocation`, { reason: 'one by one' })
  const keepHref = ({ body }: Page) => /<a class="button" href="([^"]+)">Keep them</.exec(body)?.[1]?.replaceAll('&amp;', '&')

  test.each([
    ['sessions', '/admin/sessions?ip=198.51.100.0%2F24&state=live'],
    ['grants', '/admin/grants?scope=many&state=live'],
  ])('in a list of %s that is narrowed, on the page where they ticked', async (noun, list) => {
    const { browser, page } = await atConsole(server, 'operator', list)
    const [, next = ''] = /href="([^"]+)" rel="next"/.exec(page.body) ?? []
    for (const path of [list, next.replaceAll('&amp;', '&')]) {
      const asking = await open(browser, ticked(await open(browser, path), `/admin/${noun}/revocation`, 2))
      expect(keepHref(asking)).toBe(path)
      // It is still known when the reason was missing.
      const again = await send(browser, asking, `/admin/${noun}/revocation`, { reason: ' ' })
      const done = await ended(browser, again, noun)
      expect([done.status, done.url]).toEqual([200, `${server.issuer}${path}`])
      expect(done.body).toContain(`Ended: 2 ${noun}`)
    }
  })

  test('one alone leads to its page, which proves it', async () => {
    const { browser, page } = await atConsole(server, 'operator', '/admin/sessions?ip=198.51.100.7&state=live')
    const wanted = ticked(page, '/admin/sessions/revocation', 1)
    const done = await ended(browser, await open(browser, wanted), 'sessions')
    expect(done.url).toBe(`${server.issuer}/admin/sessions/${idsIn(wanted)[0]}`)
  })

  test('all that a filter finds lead to the list of that filter', async () => {
    const { browser } = await atConsole(server, 'operator')
    const filter = 'session=ses_planted_young&state=live'
    await run(server.databaseUrl, `UPDATE grants SET session_id = 'ses_planted_young' WHERE id = 'gra_planted_fresh'`)
    const asking = await open(browser, `/admin/grants/revocation?${new URLSearchParams({ filter })}`)
    expect(keepHref(asking)).toBe(`/admin/grants?${filter}`)
    expect((await ended(browser, asking, 'grants')).url).toBe(`${server.issuer}/admin/grants?${filter}`)
  })

  test('of an account, to its sessions', async () => {
    const { id = '' } = (await server.latchkey.nouns.accounts.findByEmail('nobody@staff.example')) ?? {}
    const tab = `/admin/accounts/${id}/sessions`
    const { browser, page } = await atConsole(server, 'operator', tab)
    const asking = await open(browser, ticked(page, '/admin/sessions/revocation', 2))
    expect(asking.body).toContain(`<p class="crumbs"><a href="${tab}">Account</a></p>`)
    expect((await ended(browser, asking, 'sessions')).url).toBe(`${server.issuer}${tab}`)
  })

  test('and nobody is led elsewhere', async () => {
    const { browser } = await atConsole(server, 'operator')
    for (const back of ['//evil.example', '/admin/keys', '/admin/grants?x=1', '/admin/sessions/../keys', '/admin/sessionsx?y']) {
      const asking = await open(browser, `/admin/sessions/revocation?${new URLSearchParams({ id: PLANTED.session, back })}`)
      expect([back, keepHref(asking)]).toEqual([back, '/admin/sessions'])
    }
  })

  test.each([
    ['the list', '/admin/logout-notifications?state=failed', ''],
    ['a session', `/admin/sessions/${PLANTED.session}`, ''],
    ['a grant', `/admin/grants/${PLANTED.unused}`, PLANTED.unused],
  ])('who has an app told again, on the page of %s', async (_what, path, grantId) => {
    await run(server.databaseUrl, 'DELETE FROM logout_notifications')
    await run(server.databaseUrl, 'UPDATE grants SET session_id = $1 WHERE id = $2', [PLANTED.session, PLANTED.unused])
    await run(
      server.databaseUrl,
      `INSERT INTO logout_notifications
         (id, client_id, session_id, account_id, sid, grant_id, cause, state, attempts, next_attempt_at, give_up_at, finished_at)
       SELECT 'lgo_again', $1, s.id, s.account_id, s.id, $3, 'session_revoked', 'failed', 9, NULL, latchkey_now(), latchkey_now()
       FROM sessions s WHERE s.id = $2`,
      [WEB.client_id, PLANTED.session, grantId],
    )
    const { browser, page } = await atConsole(server, 'operator', path)
    const told = await send(browser, page, '/admin/logout-notifications/lgo_again/attempts')
    expect([told.status, told.url]).toEqual([200, `${server.issuer}${path}`])
    expect(told.body).toContain('The app is told again, for a day if need be.')
  })

  test('and an app is told again from no page of somebody else', async () => {
    const { browser, page } = await atConsole(server, 'operator', '/admin/logout-notifications')
    const [, csrf = ''] = /name="csrf" value="([^"]+)"/.exec(page.body) ?? []
    for (const back of ['//evil.example', '/admin/keys', '/admin/sessions/../keys', '/admin/logout-notifications/..//evil']) {
      const body = new URLSearchParams({ csrf, back }).toString()
      const { headers } = await browser.fetch(`${server.issuer}/admin/logout-notifications/lgo_none/attempts`, { body })
      expect([back, headers.location]).toEqual([back, '/admin/logout-notifications'])
    }
  })
})
