// Accounts in the console, as an administrator meets them: found, looked at, made with a link, changed, contained; nothing lost when
// the sign-in is over in the middle of it.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ask, PASSWORD, robotToken, startAdminServer } from '../admin-api/api.ts'
import { Browser, type Page } from '../support/browser.ts'
import { API, SPA } from '../support/clients.ts'
import { introspect, obtainTokens } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'
import { atConsole, send, signInAs } from './people.ts'

let server: TestServer
let token: string

beforeAll(async () => {
  server = await startAdminServer({ settings: { LATCHKEY_RATE_LIMITS: 'on', LATCHKEY_RATE_LIMIT_PEOPLE: '100000' } })
  token = await robotToken(server)
})

afterAll(() => server?.stop())

const open = (browser: Browser, path: string) => browser.open(`${server.issuer}${path}`)
const found = async (search: string) => (await ask(server, token, `GET /accounts?search=${search}`)).body.items
const idOf = async (email: string): Promise<string> => (await found(email))[0].id
const account = async (id: string) => (await ask(server, token, `GET /accounts/${id}`)).body

/** Somebody new, whom the test may do anything to. */
async function somebody(name: string, more: object = {}): Promise<{ id: string; path: string; email: string }> {
  const email = `${name}@made.example`
  const { body } = await ask(server, token, 'POST /accounts', { body: { email, name, ...more } })
  return { id: body.id, path: `/admin/accounts/${body.id}`, email }
}

/** What the audit log says of a person's account: who did it, and why. */
function told(id: string, name: string) {
  return run(
    server.databaseUrl,
    `SELECT a.email AS by, e.reason FROM audit_events e JOIN accounts a ON a.id = e.actor WHERE e.name = $2 AND e.account_id = $1`,
    [id, name],
  )
}

/** The one-time link that somebody was mailed last. */
async function mailedLink(to: string): Promise<string> {
  await server.latchkey.mail.delivery.run()
  const mails = (await server.latchkey.mail.mailbox?.list()) ?? []
  return /http\S+token=pwd_[\w-]+/.exec(mails.find((mail) => mail.to === to)?.text ?? '')?.[0] ?? ''
}

/** The one-time link that a page shows. */
const linkIn = (body: string) => /value="(http[^"]+pwd_[\w-]+)"/.exec(body)?.[1] ?? ''

/** What somebody sends who has no form for it: the token of another form of theirs does. */
async function post(browser: Browser, page: Page, path: string, fields: { readonly [name: string]: string }): Promise<Page> {
  const csrf = /name="csrf" value="([^"]+)"/.exec(page.body)?.[1] ?? ''
  return browser.fetch(`${server.issuer}${path}`, { method: 'POST', body: new URLSearchParams({ csrf, ...fields }).toString() })
}

describe('the list', () => {
  test('finds people, and says what is on of a filter', async () => {
    const { browser, page } = await atConsole(server, 'auditor', '/admin/accounts?search=grace&status=active')
    expect(page.status).toBe(200)
    expect(page.body).toContain('grace@people.example')
    expect(page.body).not.toContain('ada@people.example')
    expect(page.body).toContain('<a href="/admin/accounts?status=active">Remove')
    expect(page.body).not.toContain('New account')
    expect((await open(browser, '/admin/accounts?role=owner&never_signed_in=true')).body).toContain('ada@people.example')
    expect((await open(browser, '/admin/accounts?search=zzz')).body).toContain('Nobody is like that.')
  })

  test.each(['role=root', 'status=deleted', 'locked=maybe', 'since=yesterday', 'since=0000-01-01', 'search=%00'])(
    'says what is wrong with a filter: %s',
    async (query) => {
      const { page } = await atConsole(server, 'auditor', `/admin/accounts?${query}`)
      expect(page.status).toBe(400)
      expect(page.body).toContain('role="alert"')
    },
  )

  test('AD6: a forged cursor is refused', async () => {
    const { page } = await atConsole(server, 'auditor', '/admin/accounts?cursor=forged')
    expect(page.status).toBe(400)
  })

  test('a page of fifty leads to the next one, with a search and without', async () => {
    await run(
      server.databaseUrl,
      `INSERT INTO accounts (id, email, email_key, name) SELECT 'acc_page_' || n, n || '@pages.example', n || '@pages.example',
       'Paged ' || n FROM generate_series(1, 120) n`,
    )
    const { browser } = await atConsole(server, 'helpdesk')
    for (const start of ['/admin/accounts?search=paged', '/admin/accounts?has_password=false']) {
      const seen = new Set<string>()
      let path: string | undefined = start
      for (let pages = 0; path !== undefined; pages += 1) {
        expect(pages).toBeLessThan(5)
        const { body } = await open(browser, path)
        for (const [, id = ''] of body.matchAll(/href="\/admin\/accounts\/(acc_page_\d+)"/g)) seen.add(id)
        expect(Buffer.byteLength(body)).toBeLessThan(60_000)
        path = /<a class="button small" href="([^"]+)" rel="next">/.exec(body)?.[1]?.replaceAll('&amp;', '&')
      }
      expect(seen.size).toBe(120)
    }
  })

  test('people are found by any word of their name, once each, a page at a time; a name that changed by none of before', async () => {
    await run(
      server.databaseUrl,
      `INSERT INTO accounts (id, email, email_key, name) SELECT 'acc_words_' || n, 'w' || n || '@words.example', 'w' || n || '@words.example',
       CASE n % 4 WHEN 0 THEN 'Quillon ' || n WHEN 1 THEN 'Person Quill ' || n WHEN 2 THEN 'Some Quilt Quilla' ELSE 'Other' END
       FROM generate_series(1, 160) n`,
    )
    const { browser, page } = await atConsole(server, 'helpdesk')
    const seen: string[] = []
    let path: string | undefined = '/admin/accounts?search=quil'
    for (let pages = 0; path !== undefined; pages += 1) {
      expect(pages).toBeLessThan(4)
      const { body } = await open(browser, path)
      seen.push(...[...body.matchAll(/href="\/admin\/accounts\/(acc_words_\d+)"/g)].map(([, id = '']) => id))
      path = /<a class="button small" href="([^"]+)" rel="next">/.exec(body)?.[1]?.replaceAll('&amp;', '&')
    }
    expect([seen.length, new Set(seen).size]).toEqual([120, 120])
    const id = await idOf('grace@people.example')
    const one = await send(browser, page, '/admin/search', { q: 'hopper' })
    expect(one.url).toBe(`${server.issuer}/admin/accounts/${id}`)
    const many = await send(browser, page, '/admin/search', { q: 'Quilt quilla' })
    expect(many.url).toBe(`${server.issuer}/admin/accounts?search=Quilt+quilla`)
    expect(many.body).toContain('w2@words.example')
    await run(server.databaseUrl, "UPDATE accounts SET name = 'Person Murray' WHERE id = 'acc_words_1'")
    expect((await send(browser, page, '/admin/search', { q: 'murray' })).url).toBe(`${server.issuer}/admin/accounts/acc_words_1`)
    expect((await open(browser, '/admin/accounts?search=quill+1')).body).not.toContain('w1@words.example')
  })

  test('the one box finds an account by its address and by its id', async () => {
    const { browser, page } = await atConsole(server, 'helpdesk')
    const id = await idOf('grace@people.example')
    for (const q of ['grace@people.example', id]) {
      const hit = await send(browser, page, '/admin/search', { q })
      expect(hit.url).toBe(`${server.issuer}/admin/accounts/${id}`)
      expect(hit.body).toContain('Grace Hopper')
    }
  })
})

describe('a new account', () => {
  test('AD3: by helpdesk gets no role, whatever is sent, and its link goes to the person alone, who sets a password by it', async () => {
    const { browser, page } = await atConsole(server, 'helpdesk', '/admin/accounts/new')
    expect(page.body).not.toContain('name="role_owner"')
    const refused = await send(browser, page, '/admin/accounts', { email: 'ada@people.example', name: 'Typed' })
    expect(refused.status).toBe(422)
    expect(refused.body).toContain('An account with this e-mail address exists.')
    expect(refused.body).toContain('value="Typed"')
    const fields = { email: 'marie@people.example', name: 'Marie Curie', role_owner: 'on', password_hash: 'x', id: 'acc_mine' }
    expect(page.body).not.toContain('show the link')
    const made = await send(browser, page, '/admin/accounts', fields)
    expect([made.status, made.body.includes('pwd_')]).toEqual([200, false])
    expect(made.body).toContain('the link is on its way to the person')
    const id = await idOf('marie@people.example')
    const url = await mailedLink('marie@people.example')
    expect(server.log.text).not.toContain(new URL(url).searchParams.get('token'))
    expect(await account(id)).toMatchObject({ roles: [], has_password: false })
    const person = new Browser()
    const set = await person.submit(await person.open(url), { password: PASSWORD, password_again: PASSWORD })
    expect(set.body).toContain('Your password is set')
  })

  test('AD7: gets roles from an owner, who is shown the link this once', async () => {
    const { browser, page } = await atConsole(server, 'owner', '/admin/accounts/new')
    const made = await send(browser, page, '/admin/accounts', { email: 'new-auditor@people.example', role_auditor: 'on' })
    expect([made.status, linkIn(made.body)]).toEqual([201, expect.stringContaining('pwd_')])
    const id = await idOf('new-auditor')
    expect((await account(id)).roles).toEqual(['auditor'])
    const shown = await open(browser, `/admin/accounts/${id}/sign-in`)
    expect(shown.body).toContain('shown to whoever made it')
    expect(shown.body).not.toContain('pwd_')
    expect(server.log.text).not.toContain(new URL(linkIn(made.body)).searchParams.get('token'))
  })

  test('is made once by one form, also when the page that shows the link is loaded again, or the form is sent twice at once', async () => {
    const { browser, page } = await atConsole(server, 'owner', '/admin/accounts/new')
    const fields = { email: 'once@made.example', name: 'Once' }
    const first = await send(browser, page, '/admin/accounts', fields)
    expect([first.status, linkIn(first.body)]).toEqual([201, expect.stringContaining('pwd_')])
    const { id } = (await found(fields.email))[0]
    const again = await send(browser, page, '/admin/accounts', fields)
    expect([again.status, again.url]).toEqual([200, `${server.issuer}/admin/accounts/${id}/sign-in`])
    for (const text of ['The account was made already, by this very form.', 'is not shown again', 'shown to whoever made it'])
      expect(again.body).toContain(text)
    expect(again.body).not.toContain('pwd_')
    // The link that was handed out is still good.
    expect((await new Browser().open(linkIn(first.body))).status).toBe(200)
    // Whoever goes back and fills in somebody else makes another account.
    const other = await send(browser, page, '/admin/accounts', { email: 'once-more@made.example', mail: 'on' })
    expect(other.body).toContain('The account is made')
    const mailed = await send(browser, page, '/admin/accounts', { email: 'once-more@made.example', mail: 'on' })
    expect(mailed.body).toContain('Its link is on its way to the person.')
    const fresh = await open(browser, '/admin/accounts/new')
    const twice = { email: 'twice@made.example' }
    const both = await Promise.all([1, 2].map(() => send(browser, fresh, '/admin/accounts', twice)))
    expect(both.map(({ status }) => status).sort()).toEqual([200, 201])
    expect(both.filter(({ body }) => body.includes('pwd_'))).toHaveLength(1)
    // Another form says that the address is taken, and so does one that is sent without its name.
    for (const unknown of [{}, { form: 'x' }]) {
      const form = await open(browser, '/admin/accounts/new')
      const refused = await send(browser, form, '/admin/accounts', { ...twice, ...unknown })
      expect([refused.status, refused.body.includes('An account with this e-mail address exists.')]).toEqual([422, true])
    }
  })

  test('that was deleted since is not there because its form is loaded again, and is made by the one that comes then', async () => {
    const { browser, page } = await atConsole(server, 'owner', '/admin/accounts/new')
    const fields = { email: 'gone@made.example' }
    await send(browser, page, '/admin/accounts', fields)
    const { id } = (await found(fields.email))[0]
    const path = `/admin/accounts/${id}/deletion`
    await send(browser, await open(browser, path), path, { reason: 'a slip' })
    const again = await send(browser, page, '/admin/accounts', fields)
    expect([again.status, again.body.includes('is deleted since')]).toEqual([422, true])
    expect(await found(fields.email)).toEqual([])
    expect((await send(browser, again, '/admin/accounts', fields)).status).toBe(201)
    expect((await found(fields.email))[0].id).not.toBe(id)
  })

  test.each([
    ['no address', { email: '' }],
    ['what is none', { email: 'nobody' }],
    ['a name too long', { email: 'long@made.example', name: 'x'.repeat(201) }],
    ['a name of two lines', { email: 'lines@made.example', name: 'a\nb' }],
  ])('is refused with %s, and what was typed stays', async (_what, fields) => {
    const { browser, page } = await atConsole(server, 'owner', '/admin/accounts/new')
    const refused = await send(browser, page, '/admin/accounts', { ...fields, role_auditor: 'on' })
    expect(refused.status).toBe(422)
    expect(refused.body).toContain('role="alert"')
    expect(refused.body).toContain('name="role_auditor" value="on" checked')
    expect(await found('long@made')).toEqual([])
  })
})

describe('an account', () => {
  test('shows what it has on its tabs; nobody sees what they may not do', async () => {
    await obtainTokens(server, SPA, { person: server.grace })
    const path = `/admin/accounts/${await idOf('grace@people.example')}`
    const { browser, page } = await atConsole(server, 'owner', path)
    for (const text of ['Contain this account', 'Suspend', 'Delete', 'Roles on this server', '1 session'])
      expect(page.body).toContain(text)
    const sessions = await open(browser, `${path}/sessions`)
    for (const text of ['Chrome on Linux', 'End selected', 'End all of these']) expect(sessions.body).toContain(text)
    const grants = await open(browser, `${path}/grants`)
    for (const text of ['Notes', '<code>notes:read</code>', 'What the person agreed to']) expect(grants.body).toContain(text)
    expect((await open(browser, `${path}/sign-in`)).body).toContain('Make a link')
    const auditor = await atConsole(server, 'auditor', path)
    const looked = [auditor.page, await open(auditor.browser, `${path}/sessions`), await open(auditor.browser, `${path}/sign-in`)]
    for (const { body, status } of looked) {
      expect(status).toBe(200)
      for (const text of ['Contain', 'Suspend', 'Make a link', 'Save', 'End selected']) expect(body).not.toContain(text)
    }
    // Helpdesk sees no grants, no failures, and nothing that ends an account.
    const helpdesk = await atConsole(server, 'helpdesk', path)
    for (const text of [`${path}/grants`, 'Contain', 'name="email"', 'role_owner']) expect(helpdesk.page.body).not.toContain(text)
    expect((await open(helpdesk.browser, `${path}/sign-in`)).body).not.toContain('Sign-ins that failed')
  })

  test('all live sessions of it are ended from its tab', async () => {
    const { browser } = await atConsole(server, 'operator')
    await obtainTokens(server, SPA, { person: server.grace })
    const path = `/admin/accounts/${await idOf('grace@people.example')}/sessions`
    const page = await open(browser, path)
    const href = /href="(\/admin\/sessions\/revocation\?filter=[^"]+)"/.exec(page.body)?.[1]?.replaceAll('&amp;', '&') ?? ''
    const done = await send(browser, await open(browser, href), '/admin/sessions/revocation', { reason: 'all of hers' })
    expect(done.body).toMatch(/Ended: \d+ session/)
    expect((await open(browser, path)).body).not.toContain('>Live<')
  })

  test.each(['acc_nobody', '%00', '%ED%A0%80', "'; DROP TABLE accounts--"])(
    'AD2: is not there when it is not: %s',
    async (id) => {
      const { browser } = await atConsole(server, 'owner')
      for (const tab of ['', '/sessions', '/grants', '/sign-in', '/containment', '/suspension', '/deletion', '/reinstatement']) {
        const { status } = await open(browser, `/admin/accounts/${id}${tab}`)
        expect([tab, [400, 404].includes(status)]).toEqual([tab, true])
      }
    },
  )

  test('is changed with a reason; what somebody else has changed meanwhile is not overwritten', async () => {
    const { id, path } = await somebody('change')
    const { browser, page } = await atConsole(server, 'owner', path)
    const saved = await send(browser, page, path, { name: 'After', role_helpdesk: 'on', reason: 'asked' })
    expect(saved.body).toContain('Saved.')
    expect(await account(id)).toMatchObject({ name: 'After', roles: ['helpdesk'], email: 'change@made.example' })
    expect(await told(id, 'account.roles_changed')).toEqual([{ by: 'owner@staff.example', reason: 'asked' }])
    const stale = await send(browser, page, path, { name: 'Stale' })
    expect(stale.status).toBe(409)
    expect(stale.body).toContain('has been changed since you opened this page')
    expect(stale.body).toContain('value="Stale"')
    expect(await account(id)).toMatchObject({ name: 'After', roles: ['helpdesk'] })
  })

  test('AD3: of whatever helpdesk sends only the name is changed', async () => {
    const { id, path } = await somebody('named')
    const { browser, page } = await atConsole(server, 'helpdesk', path)
    const sent = { name: 'Named', email: 'evil@x.example', role_owner: 'on', email_verified: 'on', status: 'suspended' }
    expect((await send(browser, page, path, sent)).body).toContain('Saved.')
    expect(await account(id)).toMatchObject({ name: 'Named', roles: [], email: 'named@made.example', email_verified: false })
  })

  test('states more about the person, by a form that keeps what is wrong; what is emptied is not stated any more', async () => {
    const { id, path } = await somebody('profile')
    const { browser, page } = await atConsole(server, 'helpdesk', path)
    const filled = {
      profile_given_name: ' Grace ',
      profile_phone_number: '+44 1',
      profile_phone_number_verified: 'on',
      'profile_address.country': 'UK',
    }
    const saved = await send(browser, page, path, filled)
    expect(saved.body).toContain('Saved.')
    const profile = async () => (await account(id)).profile
    expect(await profile()).toEqual({
      ...{ given_name: 'Grace', phone_number: '+44 1', phone_number_verified: true, address: { country: 'UK' } },
    })
    expect(saved.body).toContain('value="+44 1"')
    const wrong = await send(browser, saved, path, { profile_nickname: 'x'.repeat(501), profile_given_name: 'G' })
    expect(wrong.body).toContain('Nickname: it must have 500 characters at most.')
    expect(wrong.body).toContain('value="G"')
    const emptied = { profile_nickname: '', profile_given_name: '', profile_phone_number: '', 'profile_address.country': '' }
    expect((await send(browser, wrong, path, emptied)).body).toContain('Saved.')
    expect(await profile()).toEqual({})
  })

  test('with another address everything of it ends; one that is none, or is taken, is refused', async () => {
    const { id, path } = await somebody('mover')
    const { browser, page } = await atConsole(server, 'owner', path)
    for (const email of ['', 'none', 'ada@people.example']) {
      const refused = await send(browser, page, path, { email })
      expect([email, refused.status]).toEqual([email, 409])
    }
    expect((await send(browser, page, path, { email: 'moved@made.example' })).body).toContain('Saved.')
    expect((await account(id)).email).toBe('moved@made.example')
  })

  test('nothing is lost when the sign-in is no longer fresh, and nothing is saved by it', async () => {
    const { id, path } = await somebody('fresh')
    const { browser, page } = await atConsole(server, 'owner', path)
    await server.advance(301)
    const signIn = await send(browser, page, path, { name: 'Typed before', reason: 'kept' })
    const back = await signInAs(browser, signIn, 'owner')
    token = await robotToken(server)
    expect(back.body).toContain('value="Typed before"')
    expect(back.body).toContain('value="kept"')
    expect(back.body).toContain('Nothing of it is saved yet')
    expect((await account(id)).name).toBe('fresh')
    expect((await send(browser, back, path)).body).toContain('Saved.')
    expect((await account(id)).name).toBe('Typed before')
  })
})

describe('is stopped', () => {
  test('contained after a preview, with a reason; its tokens are dead', async () => {
    const { tokens } = await obtainTokens(server, SPA, { person: server.grace })
    const id = await idOf('grace@people.example')
    const { browser } = await atConsole(server, 'operator')
    const path = `/admin/accounts/${id}/containment`
    const preview = await open(browser, path)
    for (const text of ['Contain <bdi>grace@people.example', 'Chrome on Linux', 'Notes']) expect(preview.body).toContain(text)
    expect((await send(browser, preview, path, { reason: ' ' })).body).toContain('Contain this account')
    expect(await introspect(server, API, tokens.body.access_token ?? '')).toMatchObject({ active: true })
    const done = await send(browser, preview, path, { reason: 'phished' })
    expect(done.body).toMatch(/The account is contained\. Ended: \d+ session/)
    expect(await introspect(server, API, tokens.body.access_token ?? '')).toEqual({ active: false })
    expect((await account(id)).has_password).toBe(false)
    expect(await told(id, 'account.contained')).toEqual([{ by: 'operator@staff.example', reason: 'phished' }])
  })

  test('suspended, reinstated, deleted: each asks why', async () => {
    const { id, path, email } = await somebody('stopped')
    const { browser } = await atConsole(server, 'owner')
    const go = async (what: string, reason: string) =>
      send(browser, await open(browser, `${path}/${what}`), `${path}/${what}`, { reason })
    expect((await go('suspension', '')).body).toContain('Suspend this account')
    expect((await account(id)).status).toBe('active')
    expect((await go('suspension', 'left')).body).toContain('The account is suspended. Ended: 0 sessions')
    expect((await account(id)).status).toBe('suspended')
    expect((await open(browser, `${path}/sign-in`)).body).toContain('reinstate it first')
    expect((await go('reinstatement', 'is back')).body).toContain('The person can sign in again.')
    expect(await told(id, 'account.reinstated')).toEqual([{ by: 'owner@staff.example', reason: 'is back' }])
    const gone = await go('deletion', 'asked to be forgotten')
    expect(gone.url).toBe(`${server.issuer}/admin/accounts`)
    expect(gone.body).toContain('The account is deleted.')
    expect((await open(browser, path)).status).toBe(404)
    expect(await found(email)).toEqual([])
  })

  test('AD4: not when it is out of reach: that is said before anything is typed, and that they tried is written down', async () => {
    const { browser, page } = await atConsole(server, 'operator')
    const path = `/admin/accounts/${await idOf('owner@staff.example')}`
    for (const what of ['suspension', 'containment', 'reinstatement']) {
      const asked = await open(browser, `${path}/${what}`)
      expect([asked.status, asked.body.includes('An owner’s account: only an owner may change it.')]).toEqual([403, true])
      for (const reason of ['', 'typed all the same']) {
        const sent = await post(browser, page, `${path}/${what}`, { reason })
        expect([sent.status, sent.body.includes('Out of reach')]).toEqual([403, true])
      }
      await server.latchkey.audit.occasional.flush()
      for (const method of ['GET', 'POST']) {
        const tried = await run(
          server.databaseUrl,
          "SELECT e.reason FROM audit_events e WHERE e.name = 'admin_access.refused' AND e.detail->>'route' = $1",
          [`${method} /admin/accounts/:id/${what}`],
        )
        expect(tried).toContainEqual({ reason: 'out_of_reach' })
      }
    }
    expect((await run(server.databaseUrl, "SELECT 1 FROM audit_events WHERE reason = 'typed all the same'")).length).toBe(0)
  })

  test.each([
    ['operator', 'owner', 'An owner’s account: only an owner may change it.'],
    ['helpdesk', 'owner', 'An owner’s account: only an owner may change it.'],
    ['helpdesk', 'operator', 'The account may do more than yours, by its role operator: an owner can change it.'],
    ['helpdesk', 'auditor', 'The account may do more than yours, by its role auditor: an owner can change it.'],
  ] as const)('AD4: %s is offered nothing on an account of %s, and is told why', async (person, of, why) => {
    const path = `/admin/accounts/${await idOf(`${of}@staff.example`)}`
    const { browser, page } = await atConsole(server, person, path)
    const signIn = await open(browser, `${path}/sign-in`)
    // What is typed before the sign-in is over comes back only to a form that can be sent.
    const back = await open(browser, `${path}?filled=in&name=Typed`)
    for (const { body, status } of [page, signIn, back]) {
      expect([status, body.includes(why)]).toEqual([200, true])
      const main = body.slice(body.indexOf('<main'))
      for (const text of ['<form', '/containment"', '/suspension"', '/reinstatement"', '/deletion"'])
        expect(main).not.toContain(text)
    }
    // Whatever they send, with a reason or without.
    for (const action of [path, `${path}/password-reset`, `${path}/unlocking`]) {
      if (action === path && person === 'operator') continue
      for (const reason of ['', 'x']) {
        const sent = await post(browser, page, action, { reason, name: 'Theirs' })
        expect({ action, status: sent.status, told: sent.body.includes('Out of reach') }).toMatchObject({
          status: 403,
          told: true,
        })
      }
    }
    // Sessions are ended whosever they are.
    const sessions = await open(browser, `${path}/sessions`)
    expect([sessions.status, sessions.body.includes(why)]).toEqual([200, false])
  })

  test('who may change nothing is told nothing of reach, and whose own account it is may change it', async () => {
    const path = `/admin/accounts/${await idOf('owner@staff.example')}`
    const auditor = await atConsole(server, 'auditor', path)
    expect(auditor.page.body).not.toContain('only an owner may change it')
    const owner = await atConsole(server, 'owner', path)
    expect(owner.page.body).not.toContain('only an owner may change it')
    expect(owner.page.body).toContain('/containment"')
    const own = `/admin/accounts/${await idOf('operator@staff.example')}`
    const operator = await atConsole(server, 'operator', own)
    expect(operator.page.body).toContain('/containment"')
    expect((await open(operator.browser, `${own}/containment`)).status).toBe(200)
  })

  test('AD4: the last owner is not stopped', async () => {
    const path = `/admin/accounts/${await idOf('owner@staff.example')}`
    const ada = `/admin/accounts/${await idOf('ada@people.example')}`
    const { browser, page } = await atConsole(server, 'owner', `${ada}/suspension`)
    expect((await send(browser, page, `${ada}/suspension`, { reason: 'x' })).body).toContain('is suspended')
    for (const what of ['deletion', 'suspension']) {
      const kept = await send(browser, await open(browser, `${path}/${what}`), `${path}/${what}`, { reason: 'x' })
      expect([kept.status, kept.body.includes('last owner')]).toEqual([409, true])
    }
    const demoted = await send(browser, await open(browser, path), path, { reason: 'x' })
    expect([demoted.status, demoted.body.includes('last owner')]).toEqual([409, true])
    const back = await open(browser, `${ada}/reinstatement`)
    expect((await send(browser, back, `${ada}/reinstatement`, { reason: 'x' })).body).toContain('can sign in again')
  })

  test('after five minutes they are asked again, and come back with their reason', async () => {
    const { path } = await somebody('late')
    const { browser, page } = await atConsole(server, 'operator', `${path}/containment`)
    await server.advance(301)
    const back = await signInAs(browser, await send(browser, page, `${path}/containment`, { reason: 'a & b' }), 'operator')
    token = await robotToken(server)
    expect(back.body).toContain('value="a &amp; b"')
    expect((await send(browser, back, `${path}/containment`)).body).toContain('The account is contained.')
  })
})

describe('the sign-in', () => {
  test('AD7: a link to set a new password is shown once; the old password works until then, and everything ends at once if asked', async () => {
    const { tokens } = await obtainTokens(server, SPA, { person: server.ada })
    const id = await idOf('ada@people.example')
    const path = `/admin/accounts/${id}`
    const { browser, page } = await atConsole(server, 'owner', `${path}/sign-in`)
    const reset = { reason: 'forgot it' }
    const first = await send(browser, page, `${path}/password-reset`, reset)
    expect(first.status).toBe(201)
    expect(await introspect(server, API, tokens.body.access_token ?? '')).toMatchObject({ active: true })
    // Loaded again, the form takes nothing back: the link may have been handed out.
    const again = await send(browser, page, `${path}/password-reset`, reset)
    expect([again.status, again.body.includes('pwd_')]).toEqual([409, false])
    expect(again.body).toContain(' link was made since this page was opened')
    expect((await new Browser().open(linkIn(first.body))).status).toBe(200)
    const second = await send(browser, again, `${path}/password-reset`, { ...reset, end_sessions: 'on' })
    expect(await introspect(server, API, tokens.body.access_token ?? '')).toEqual({ active: false })
    expect(linkIn(second.body)).not.toBe(linkIn(first.body))
    for (const link of [linkIn(first.body), linkIn(second.body)])
      expect(server.log.text).not.toContain(new URL(link).searchParams.get('token'))
    const reopened = await open(browser, `${path}/sign-in`)
    const mailed = await send(browser, reopened, `${path}/password-reset`, { ...reset, mail: 'on' })
    expect(mailed.body).toContain('The link is on its way to the person.')
    expect(mailed.body).not.toContain('pwd_')
    expect(mailed.body).toContain('mailed, good until')
  })

  test('helpdesk has a link mailed, sees none, and is neither offered nor let to end what the account has', async () => {
    const { path, email } = await somebody('helped', { password_hash: await server.latchkey.nouns.passwords.hash(PASSWORD) })
    const { tokens } = await obtainTokens(server, SPA, { person: { username: email, password: PASSWORD } })
    const { browser, page } = await atConsole(server, 'helpdesk', `${path}/sign-in`)
    expect(page.body).toContain('Mail the person a link')
    for (const text of ['Make a link', 'end_sessions', 'force_change']) expect(page.body).not.toContain(text)
    const refused = await send(browser, page, `${path}/password-reset`, { reason: 'x', end_sessions: 'on' })
    expect([refused.status, refused.body.includes('pwd_')]).toEqual([403, false])
    expect(await introspect(server, API, tokens.body.access_token ?? '')).toMatchObject({ active: true })
    const mailed = await send(browser, page, `${path}/password-reset`, { reason: 'x' })
    expect([mailed.status, mailed.body.includes('pwd_')]).toEqual([200, false])
    expect(await mailedLink(email)).toContain('pwd_')
    const operator = await atConsole(server, 'operator', `${path}/sign-in`)
    expect(operator.page.body).toContain('name="end_sessions"')
    const forced = await send(operator.browser, operator.page, `${path}/password-reset`, {
      reason: 'x',
      mail: 'on',
      force_change: 'on',
    })
    expect(forced.body).toContain('The link is on its way to the person. The old password lets nobody in any more.')
    expect(forced.body).toContain('<dt>Password</dt><dd>none</dd>')
    expect(forced.body).not.toContain('force_change')
  })

  test('LG3: what has to wait after failures is shown, and is unlocked', async () => {
    const { id, path, email } = await somebody('locked')
    const { signIn } = server.latchkey.nouns.signIn
    for (let tries = 0; tries < 11; tries += 1)
      await signIn({ username: email, password: 'wrong', origin: { address: '192.0.2.66' } })
    // However slow the machine is, they still have to wait when they are looked at.
    await run(server.databaseUrl, "UPDATE sign_in_failures SET next_attempt_at = latchkey_now() + interval '1 hour'")
    const { browser, page } = await atConsole(server, 'operator', `${path}/sign-in`)
    expect(page.body).toMatch(/1[01] failed in a row; the next has to wait until/)
    expect(page.body).toContain('192.0.2.66')
    expect((await open(browser, '/admin/accounts?locked=true')).body).toContain(email)
    expect((await send(browser, page, `${path}/unlocking`)).body).toContain('The failures are forgotten.')
    expect(await told(id, 'account.unlocked')).toEqual([{ by: 'operator@staff.example', reason: null }])
    expect((await open(browser, `${path}/sign-in`)).body).not.toContain('failed in a row')
  })
})

test('AU2: what people are called is shown as text', async () => {
  const { path } = await somebody('markup')
  const markup = '<img src=x onerror=alert(1)>"\'&'
  const { browser, page } = await atConsole(server, 'owner', path)
  await send(browser, page, path, { name: markup, reason: markup })
  for (const address of [path, '/admin/accounts?search=%3Cimg', `${path}/sign-in`]) {
    const { body } = await open(browser, address)
    expect(body).toContain('&lt;img src=x onerror=alert(1)&gt;&quot;')
    expect(body).not.toContain('<img')
  }
})
