// The page on which a person sets a password by a one-time link, over HTTP.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ask, robotToken, startAdminServer } from '../admin-api/api.ts'
import { Browser, formsOf } from '../support/browser.ts'
import { API, SPA } from '../support/clients.ts'
import { introspect, obtainTokens } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'

let server: TestServer
let token: string

const NEXT = { password: 'tangerine orbit 42', password_again: 'tangerine orbit 42' }

beforeAll(async () => {
  server = await startAdminServer({ settings: { LATCHKEY_RATE_LIMITS: 'on', LATCHKEY_RATE_LIMIT_PEOPLE: '500' } })
  token = await robotToken(server)
}, 60_000)

afterAll(() => server?.stop())

let number = 0

/** A new person, and the link that was made for them. */
async function someone(more: object = {}) {
  number += 1
  const email = `someone-${number}@links.example`
  const { body } = await ask(server, token, 'POST /accounts', { body: { email, name: 'Maria Mitchell', ...more } })
  return { id: body.id as string, email, url: body.password_link.url as string }
}

const signsIn = async (username: string, password = NEXT.password) => {
  const result = await server.latchkey.nouns.signIn.signIn({ username, password, origin: { address: '192.0.2.1' } })
  return result.outcome === 'ok'
}

const account = async (id: string) => (await ask(server, token, `GET /accounts/${id}`)).body

test('LG9: the link leads to a form, the form sets the password, and the link is dead', async () => {
  const { id, email, url } = await someone()
  const browser = new Browser()
  const page = await browser.open(url)
  expect(page.status).toBe(200)
  expect(page.headers['cache-control']).toBe('no-store')
  expect(page.headers['referrer-policy']).toBe('no-referrer')
  expect(page.body).toContain(email)
  const done = await browser.submit(page, NEXT)
  expect([done.status, done.url]).toEqual([200, `${server.issuer}/set-password`])
  expect(done.body).toContain('Your password is set')
  // Nothing had to end.
  expect(done.body).not.toContain('signed out')
  expect(await signsIn(email)).toBe(true)
  expect(await account(id)).toMatchObject({ has_password: true, email_verified: false, password_link: null })
  const again = await browser.open(url)
  expect(again.status).toBe(410)
  expect(again.body).toContain('works once')
  expect(again.body).not.toContain(email)
  expect((await browser.submit(page, { password: 'another password 77', password_again: 'another password 77' })).status).toBe(
    410,
  )
  expect(await signsIn(email)).toBe(true)
  const audit = await run(
    server.databaseUrl,
    `SELECT actor, address FROM audit_events WHERE name = 'password.reset' AND account_id = $1`,
    [id],
  )
  expect(audit).toEqual([{ actor: id, address: '127.0.0.1' }])
})

test('PW4: the secret stands nowhere: not in the database, not in the log', async () => {
  const { url } = await someone()
  await new Browser().open(url)
  const secret = new URL(url).searchParams.get('token') ?? ''
  expect(secret).toMatch(/^pwd_[\w-]{43}$/)
  expect(server.log.text).not.toContain(secret.slice(4, 30))
  const rows = await run(server.databaseUrl, `SELECT encode(digest, 'escape') AS digest FROM password_links`)
  expect(JSON.stringify(rows)).not.toContain(secret.slice(4, 30))
  const dump = await run(server.databaseUrl, 'SELECT detail::text FROM audit_events')
  expect(JSON.stringify(dump)).not.toContain(secret.slice(4, 30))
})

test('PW6: what the account had ends when a forgotten password is set anew, not before; and nobody is signed in by that', async () => {
  const { id } = (await ask(server, token, 'GET /accounts?search=grace@')).body.items[0]
  const { tokens } = await obtainTokens(server, SPA, { person: server.grace })
  await obtainTokens(server, SPA, { person: server.grace })
  const { body } = await ask(server, token, `POST /accounts/${id}/password-reset`)
  const browser = new Browser()
  const page = await browser.open(body.password_link.url)
  expect(await introspect(server, API, tokens.body.access_token ?? '')).toMatchObject({ active: true })
  expect((await browser.submit(page, { password: server.grace.password, password_again: '' })).body).toContain(
    'used this password before',
  )
  const done = await browser.submit(page, NEXT)
  expect(done.status).toBe(200)
  expect(done.body).toContain('You have been signed out of 2 devices.')
  expect(await introspect(server, API, tokens.body.access_token ?? '')).toEqual({ active: false })
  expect((await browser.open(`${server.issuer}/account`)).body).toContain('autocomplete="current-password"')
  expect(await signsIn(server.grace.username, server.grace.password)).toBe(false)
  expect(await signsIn(server.grace.username)).toBe(true)
})

test.each([
  ['x-forwarded-host', 'evil.example'],
  ['forwarded', 'host=evil.example;proto=http'],
  ['x-forwarded-proto', 'http'],
  ['x-original-host', 'evil.example'],
])('PW5: a link leads to this server, whatever the header %s of the request says', async (header, value) => {
  const { id } = await someone()
  const { body } = await ask(server, token, `POST /accounts/${id}/password-reset`, { headers: { [header]: value } })
  expect(body.password_link.url).toMatch(new RegExp(`^${server.issuer}/set-password\\?token=pwd_`))
})

test('PW5: nor is one made for a request that came for another host', async () => {
  const { id } = await someone()
  const headers = { authorization: `Bearer ${token}`, host: 'evil.example', 'content-type': 'application/json' }
  const answer = await new Browser().fetch(`${server.issuer}/admin/api/v1/accounts/${id}/password-reset`, { body: '{}', headers })
  expect(answer.status).toBe(421)
  expect(answer.body).not.toContain('pwd_')
})

test('what slowed sign-ins down is forgotten', async () => {
  const { email, url } = await someone()
  for (let tries = 0; tries < 11; tries += 1) await signsIn(email, 'wrong')
  const browser = new Browser()
  await browser.submit(await browser.open(url), NEXT)
  expect(await signsIn(email)).toBe(true)
})

test('PW4: of twenty people with one link, at once, one sets the password', async () => {
  const { email, url } = await someone()
  const password = (index: number) => `tangerine orbit number ${index}`
  const opened = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const browser = new Browser()
      return { browser, page: await browser.open(url) }
    }),
  )
  const answers = await Promise.all(
    opened.map(({ browser, page }, index) =>
      browser.submit(page, { password: password(index), password_again: password(index) }),
    ),
  )
  const winner = answers.findIndex(({ status }) => status === 200)
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  expect(answers.filter(({ status }) => ![200, 410, 503].includes(status))).toEqual([])
  expect(await signsIn(email, password(winner))).toBe(true)
})

describe('a link does not work', () => {
  const dead = async (url: string) => (await new Browser().open(url)).status

  test('PW4: when another one took its place', async () => {
    const { id, url } = await someone()
    const { body } = await ask(server, token, `POST /accounts/${id}/password-reset`)
    expect(await dead(url)).toBe(410)
    expect((await new Browser().open(body.password_link.url)).status).toBe(200)
  })

  test.each([
    ['suspended', 'POST', '/suspension', undefined],
    ['contained', 'POST', '/containment', undefined],
    ['deleted', 'DELETE', '', undefined],
    ['moved to another address', 'PATCH', '', { email: 'moved@links.example' }],
  ])('when the account was %s, also while the form was open', async (_what, method, path, body) => {
    const { id, email, url } = await someone()
    const browser = new Browser()
    const page = await browser.open(url)
    const answer = await ask(server, token, `${method} /accounts/${id}${path}`, body === undefined ? {} : { body })
    expect(answer.status).toBe(200)
    expect(await dead(url)).toBe(410)
    expect((await browser.submit(page, NEXT)).status).toBe(410)
    expect(await signsIn(email)).toBe(false)
    // A reinstated account gets a link of its own.
    if (path === '/suspension') {
      await ask(server, token, `DELETE /accounts/${id}/suspension`)
      expect(await dead(url)).toBe(410)
    }
  })

  test('after a day', async () => {
    const { url } = await someone()
    const browser = new Browser()
    const page = await browser.open(url)
    await server.advance(86_401)
    expect(await dead(url)).toBe(410)
    expect((await browser.submit(page, NEXT)).status).toBe(410)
    token = await robotToken(server)
  })

  test.each(['?token=', '?token=pwd_wrong', '?token=a&token=b', '?token=%00', `?token=${'x'.repeat(5000)}`])(
    '%s',
    async (query) => {
      const page = await new Browser().open(`${server.issuer}/set-password${query}`)
      expect(page.status).toBe(410)
      expect(formsOf(page)).toEqual([])
    },
  )

  test('there is none at all', async () => {
    expect(await dead(`${server.issuer}/set-password`)).toBe(404)
  })
})

describe('what is wrong is said', () => {
  test.each([
    ['too short', { password: 'short', password_again: 'short' }, 'at least 12 characters'],
    ['common', { password: 'password1234', password_again: 'password1234' }, 'guessed first'],
    ['differs', { ...NEXT, password_again: 'another' }, 'not the same'],
    ['name', { password: 'maria mitchell!', password_again: 'maria mitchell!' }, 'your name'],
    ['too long', { password: 'x'.repeat(300), password_again: 'x'.repeat(300) }, 'at most'],
  ])('%s, and the link stays good', async (_what, input, text) => {
    const { url, email } = await someone()
    const browser = new Browser()
    const answer = await browser.submit(await browser.open(url), input)
    expect(answer.status).toBe(422)
    expect(answer.body).toContain(text)
    expect(formsOf(answer)[0]?.fields).toMatchObject({ password: '', password_again: '' })
    expect((await browser.submit(answer, NEXT)).status).toBe(200)
    expect(await signsIn(email)).toBe(true)
  })
})

test('WB3: a form from elsewhere is not taken', async () => {
  const { url, email } = await someone()
  const page = await new Browser().open(url)
  expect((await new Browser().submit(page, NEXT)).status).toBe(403)
  expect(await signsIn(email)).toBe(false)
})

test('a mailed link goes to the account’s address alone, and shows that the person gets mail there', async () => {
  number += 1
  const email = `someone-${number}@links.example`
  const { body } = await ask(server, token, 'POST /accounts', { body: { email, send_mail: true } })
  await server.latchkey.mail.delivery.run()
  const [mail] = (await server.latchkey.mail.mailbox?.list()) ?? []
  expect(mail).toMatchObject({ to: email, subject: 'Set your password' })
  const url = /http\S+token=pwd_[\w-]+/.exec(mail?.text ?? '')?.[0] ?? ''
  expect(mail?.html).toContain(url)
  const browser = new Browser()
  expect((await browser.submit(await browser.open(url), NEXT)).status).toBe(200)
  expect(await account(body.id)).toMatchObject({ email_verified: true, has_password: true })
  expect(await signsIn(email)).toBe(true)
})

test('DS3: whoever tries links is counted as others who try things', async () => {
  const browser = new Browser()
  let status = 0
  for (let tries = 0; tries < 600 && status !== 429; tries += 1) {
    status = (await browser.fetch(`${server.issuer}/SET-password?token=pwd_${tries}`)).status
  }
  expect(status).toBe(429)
})
