// Sign-ins that failed, and what has to wait for it, as an administrator meets them in the console.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { startAdminServer } from '../admin-api/api.ts'
import type { Browser } from '../support/browser.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { atConsole, send } from './people.ts'

let server: TestServer

const TYPED = '<b>a password in the wrong field</b>'
const FROM = '192.0.2.77'

beforeAll(async () => {
  server = await startAdminServer({ settings: { LATCHKEY_RATE_LIMITS: 'on', LATCHKEY_RATE_LIMIT_PEOPLE: '100000' } })
  const { signIn } = server.latchkey.nouns.signIn
  const origin = { address: FROM, userAgent: '<script>alert(1)</script>' }
  for (let tries = 0; tries < 11; tries += 1) {
    await signIn({ username: server.ada.username, password: 'wrong', origin })
    await signIn({ username: TYPED, password: 'wrong', origin: { address: '192.0.2.78' } })
  }
  // However slow the machine is, they still have to wait when they are looked at.
  await run(server.databaseUrl, "UPDATE sign_in_failures SET next_attempt_at = latchkey_now() + interval '1 hour'")
})

afterAll(() => server?.stop())

const open = (browser: Browser, path: string) => browser.open(`${server.issuer}${path}`)

describe('LG3: sign-ins that failed', () => {
  test('are shown by account, address and reason, with how many there were, and never what was typed', async () => {
    const { browser, page } = await atConsole(server, 'auditor', `/admin/failed-sign-ins?ip=${FROM}`)
    expect(page.status).toBe(200)
    expect(page.body).toContain('ada@people.example')
    expect(page.body).toMatch(/<summary>11 in 24 hours, 11 in 7 days<\/summary>/)
    const all = await open(browser, '/admin/failed-sign-ins')
    expect(all.body).toMatch(/<summary>22 in 24 hours/)
    expect(all.body).toContain('no account’s')
    expect(all.body).not.toContain('wrong field')
    expect(all.body).not.toContain('<script>alert')
    const subject = /subject=([0-9a-f]{16})"/.exec(all.body)?.[1] ?? ''
    const ofOne = await open(browser, `/admin/failed-sign-ins?subject=${subject}`)
    expect(ofOne.body).toContain('192.0.2.78')
    expect(ofOne.body).not.toContain('ada@people.example')
    const reason = await open(browser, '/admin/failed-sign-ins?account=ada@people.example&reason=wrong_password')
    expect(reason.body).toContain('ada@people.example')
    expect(reason.body).not.toContain('in 24 hours')
    const before = await open(browser, '/admin/failed-sign-ins?before=2020-01-01')
    expect(before.body).toContain('There are none like that.')
    expect((await open(browser, '/admin/failed-sign-ins?account=nobody')).body).toContain('No failed sign-ins')
  })

  test.each([
    'ip=x',
    'ip=192.0.2.0/24',
    'ip=fe80::1%25eth0',
    'since=0000-01-01',
    'reason=none',
    'account=%00',
    'subject=%00',
    'since=never',
    'cursor=forged',
  ])('AD6: what is wrong with a filter is said: %s', async (query) => {
    const { page } = await atConsole(server, 'auditor', `/admin/failed-sign-ins?${query}`)
    expect(page.status).toBe(400)
  })

  test('a page of fifty leads to the next one', async () => {
    await run(
      server.databaseUrl,
      `INSERT INTO audit_events (at, name, reason, address, detail) SELECT latchkey_now() - make_interval(mins => n), 'sign_in.failed',
       'unknown_account', '198.51.100.1', '{"subject": "feedfeedfeedfeed"}' FROM generate_series(120, 1, -1) n`,
    )
    const { browser } = await atConsole(server, 'operator')
    let rows = 0
    let path: string | undefined = '/admin/failed-sign-ins?ip=198.51.100.1'
    for (let pages = 0; path !== undefined; pages += 1) {
      expect(pages).toBeLessThan(4)
      const { body } = await open(browser, path)
      expect(Buffer.byteLength(body)).toBeLessThan(60_000)
      rows += [...body.matchAll(/<code>feedfeedfeedfeed<\/code>/g)].length
      path = /<a class="button small" href="([^"]+)" rel="next">/.exec(body)?.[1]?.replaceAll('&amp;', '&')
    }
    expect(rows).toBe(120)
  })
})

describe('LG3: a block', () => {
  beforeAll(async () => {
    // However many others fail after it: whose it is stays known, and so does who may lift it.
    await run(
      server.databaseUrl,
      `INSERT INTO audit_events (name, reason, account_id, address) SELECT 'sign_in.failed', 'wrong_password', a.id, '198.51.100.2'
       FROM accounts a, generate_series(1, 12000) WHERE a.email = 'auditor@staff.example'`,
    )
  })

  test('is shown, and is lifted by those who may act upon the account', async () => {
    const { browser, page } = await atConsole(server, 'operator', '/admin/blocks')
    expect((await open(browser, '/admin/accounts?locked=true')).body).toContain('ada@people.example')
    const row = /<tr>(?:(?!<\/tr>)[\s\S])*ada@people\.example[\s\S]*?<\/tr>/.exec(page.body)?.[0] ?? ''
    const action = /action="(\/admin\/blocks\/[0-9a-f]{16}\/lifting)"/.exec(row)?.[1] ?? ''
    // Ada is an owner: an operator does not reach her.
    expect((await send(browser, page, action)).status).toBe(403)
    const owner = await atConsole(server, 'owner', '/admin/blocks')
    expect((await send(owner.browser, owner.page, action)).body).toContain('The next attempt need not wait.')
    expect((await send(owner.browser, owner.page, action)).body).toContain('There was nothing left to lift.')
    expect((await open(owner.browser, '/admin/blocks')).body).not.toContain('ada@people.example')
    const origin = { address: FROM }
    expect((await server.latchkey.nouns.signIn.signIn({ ...server.ada, origin })).outcome).toBe('ok')
    const [event] = await run(
      server.databaseUrl,
      `SELECT a.email AS by FROM audit_events e JOIN accounts a ON a.id = e.actor WHERE e.name = 'account.unlocked'`,
    )
    expect(event).toEqual({ by: 'owner@staff.example' })
  })

  test('of a mailbox is one of all accounts that share it, and is no more an account’s that got another address', async () => {
    const { accounts, events, signIn } = server.latchkey.nouns
    const [twin] = await Promise.all(['twin', 'twin+other'].map((name) => accounts.create({ email: `${name}@people.example` })))
    for (let tries = 0; tries < 11; tries += 1)
      await signIn.signIn({ username: 'twin+another@people.example', password: 'wrong', origin: { address: FROM } })
    await run(server.databaseUrl, "UPDATE sign_in_failures SET next_attempt_at = latchkey_now() + interval '1 hour'")
    const { browser, page } = await atConsole(server, 'operator', '/admin/blocks')
    expect(page.body).toContain('twin@people.example')
    const both = await open(browser, '/admin/accounts?locked=true')
    expect(both.body).toContain('twin@people.example')
    expect(both.body.replaceAll('<wbr>', '')).toContain('twin+other@people.example')
    await events.accounts.changeEmail(
      { accountId: twin?.id ?? '', email: 'alone@people.example', verified: false },
      { actor: 'system' },
    )
    expect((await open(browser, '/admin/accounts?locked=true')).body).not.toContain('alone@people.example')
    const row = /<tr>(?:(?!<\/tr>)[\s\S])*twin[\s\S]*?<\/tr>/.exec((await open(browser, '/admin/blocks')).body)?.[0] ?? ''
    expect(row).toContain('twin+other@people.example')
    const action = /action="(\/admin\/blocks\/[0-9a-f]{16}\/lifting)"/.exec(row)?.[1] ?? ''
    expect((await send(browser, page, action)).body).toContain('The next attempt need not wait.')
  })

  test('of what is no account’s is lifted by helpdesk; an auditor lifts none', async () => {
    const auditor = await atConsole(server, 'auditor', '/admin/blocks')
    expect(auditor.page.body).toContain('no account’s')
    expect(auditor.page.body).not.toContain('/lifting')
    const { browser, page } = await atConsole(server, 'helpdesk', '/admin/blocks')
    const action = /action="(\/admin\/blocks\/[0-9a-f]{16}\/lifting)"/.exec(page.body)?.[1] ?? ''
    expect((await send(browser, page, action)).body).toContain('The next attempt need not wait.')
    expect((await open(browser, '/admin/blocks')).body).toContain('No sign-in has to wait.')
  })
})
