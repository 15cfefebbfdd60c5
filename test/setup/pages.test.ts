// The setup page over HTTP, on a real database.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import Koa from 'koa'
import { createCsrf } from '../../server/http/csrf.ts'
import { HttpProblem } from '../../server/http/problems.ts'
import { createSetup } from '../../server/setup/routes.ts'
import { ORIGIN, openPeople, type People, POLICY } from '../accounts/people.ts'
import { Browser, formsOf } from '../support/browser.ts'

let people: People
let server: Server
let base: string
let forgotten: number

const OWNER = {
  name: 'Ada Lovelace',
  email: 'ada@example.com',
  password: 'tangerine orbit 42',
  password_again: 'tangerine orbit 42',
}

beforeEach(async () => {
  people = await openPeople()
  forgotten = 0
  server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const app = new Koa()
  app.keys = ['a key for the cookies of this test only']
  app.use(async (ctx, next) => {
    try {
      await next()
    } catch (error) {
      ctx.status = error instanceof HttpProblem ? error.status : 500
    }
  })
  const forgetLink = async () => {
    forgotten += 1
  }
  const csrf = createCsrf({ key: Buffer.alloc(32, 1), issuer: base })
  app.use(createSetup({ links: people.setupLinks, policy: POLICY, csrf, passwordComes: () => undefined, forgetLink }))
  server.on('request', app.callback())
})

afterEach(async () => {
  await new Promise((resolve) => server.close(resolve))
  await people.close()
})

async function openLink(browser = new Browser()) {
  const { token } = await people.setupLinks.issue()
  const url = `${base}/setup?token=${token}`
  return { browser, url, page: await browser.open(url) }
}

test('LG14: the link leads to a form, the form makes the owner, and the page is gone', async () => {
  const { browser, url, page } = await openLink()
  expect(page.status).toBe(200)
  expect(page.headers['cache-control']).toBe('no-store')
  const done = await browser.submit(page, OWNER)
  expect(done.status).toBe(200)
  expect(done.url).toBe(`${base}/setup`)
  expect(done.body).toContain('All set up')
  expect(forgotten).toBe(1)
  const signedIn = await people.signIn.signIn({ username: OWNER.email, password: OWNER.password, origin: ORIGIN })
  expect(signedIn).toMatchObject({ outcome: 'ok', account: { name: 'Ada Lovelace', roles: ['owner'] } })

  const again = await browser.open(url)
  expect(again.status).toBe(410)
  expect(again.body).toContain('There is an owner already')
  const twice = await browser.submit(page, { ...OWNER, email: 'eve@example.com' })
  expect(twice.status).toBe(410)
  expect(await people.db.account.count()).toBe(1)
})

test('LG14: two people with the same link, at once, make one owner', async () => {
  const first = await openLink()
  const second = new Browser()
  const page = await second.open(first.url)
  const pages = await Promise.all([
    first.browser.submit(first.page, OWNER),
    second.submit(page, { ...OWNER, email: 'eve@example.com' }),
  ])
  expect(pages.map(({ status }) => status).sort()).toEqual([200, 410])
  expect(await people.db.account.count()).toBe(1)
})

describe('a link that does not work says how to get another', () => {
  test('none at all', async () => {
    const page = await new Browser().open(`${base}/setup`)
    expect(page.status).toBe(404)
    expect(page.body).toContain('npx latchkey admin setup-link')
    expect(formsOf(page)).toEqual([])
  })

  test('one that expired, also while the form was open', async () => {
    const { browser, url, page } = await openLink()
    await people.advance(1801)
    for (const answer of [await browser.open(url), await browser.submit(page, OWNER)]) {
      expect(answer.status).toBe(410)
      expect(answer.body).toContain('npx latchkey admin setup-link')
    }
    expect(await people.db.account.count()).toBe(0)
  })

  test.each(['?token=', '?token=setup_wrong', '?token=a&token=b', '?token=%00', `?token=${'x'.repeat(5000)}`])(
    '%s',
    async (query) => {
      expect((await new Browser().open(`${base}/setup${query}`)).status).toBe(410)
    },
  )
})

describe('what is wrong is said, and what was typed stays, but for the password', () => {
  test.each([
    ['no address', { email: 'ada' }, 'not an e-mail address'],
    ['too short', { password: 'short', password_again: 'short' }, 'at least 12 characters'],
    ['common', { password: 'password1234', password_again: 'password1234' }, 'guessed first'],
    ['differs', { password_again: 'another' }, 'not the same'],
    ['name', { password: 'ada lovelace!', password_again: 'ada lovelace!' }, 'your name'],
  ])('%s', async (_what, input, text) => {
    const { browser, page } = await openLink()
    const answer = await browser.submit(page, { ...OWNER, ...input })
    expect(answer.status).toBe(422)
    expect(answer.body).toContain(text)
    expect(formsOf(answer)[0]?.fields).toMatchObject({ name: OWNER.name, password: '', password_again: '' })
    expect((await browser.submit(answer, { ...OWNER, email: 'ada@example.com' })).status).toBe(200)
  })
})

test('a form from elsewhere is not taken', async () => {
  const { page } = await openLink()
  expect((await new Browser().submit(page, OWNER)).status).toBe(403)
  expect(await people.db.account.count()).toBe(0)
})
