// WB7: whatever goes wrong becomes a page in plain words or problem+json, with the right status, and tells nothing of our insides.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import Router from '@koa/router'
import { HashingBusy } from '../../server/accounts/hashing-pool.ts'
import { createAssets } from '../../server/http/assets.ts'
import { HttpProblem } from '../../server/http/problems.ts'
import { routesOf } from '../../server/http/routes.ts'
import { StorageUnavailable } from '../../server/storage/errors.ts'
import { Browser } from '../support/browser.ts'
import { type SmallApp, startSmallApp } from './small-app.ts'

const SECRET_CAUSE = 'duplicate key value in /srv/latchkey/accounts.ts: SELECT * FROM accounts'
const STORE_DOWN = new StorageUnavailable('postgres', SECRET_CAUSE)

const THROWN: { readonly [name: string]: unknown } = {
  unexpected: new TypeError(SECRET_CAUSE),
  text: SECRET_CAUSE,
  nothing: undefined,
  store: STORE_DOWN,
  'store-wrapped': new Error('the library met an error', { cause: new Error('again', { cause: STORE_DOWN }) }),
  hashing: new HashingBusy(SECRET_CAUSE),
  late: new HttpProblem(503, 'Not available right now', 'It took too long.', { retryAfterSeconds: 2 }),
  refused: new HttpProblem(403, 'Please try again', 'Reload the page.', { cause: new Error(SECRET_CAUSE) }),
  limited: new HttpProblem(429, 'Too many tries', 'Please wait.', { retryAfterSeconds: 61 }),
  exposed: Object.assign(new Error(SECRET_CAUSE), { status: 400, expose: true }),
  pretends: Object.assign(new Error(SECRET_CAUSE), { status: 404, expose: false }),
}

let app: SmallApp
let browser: Browser

beforeAll(async () => {
  app = await startSmallApp(() => {
    const router = new Router({ prefix: '/things/:id' })
    router.use((_ctx, next) => next())
    router.get('/', (ctx) => {
      ctx.body = 'a thing'
    })
    router.post('/', (ctx) => {
      ctx.body = 'made'
    })
    router.get('/fault', (ctx) => {
      throw THROWN[ctx.params.id ?? '']
    })
    router.get('/silence', () => {})
    const asset = { path: '/assets/a.css', type: 'text/css', body: Buffer.from('a {}') }
    return [createAssets([asset]), routesOf(router)]
  })
})

afterAll(() => app.stop())

beforeEach(() => {
  browser = new Browser()
  app.lines.lines.length = 0
})

describe('WB7: what is thrown', () => {
  test.each<[name: string, status: number, title: string, retryAfter: string | undefined]>([
    ['unexpected', 500, 'Something went wrong', undefined],
    ['text', 500, 'Something went wrong', undefined],
    ['nothing', 500, 'Something went wrong', undefined],
    ['pretends', 500, 'Something went wrong', undefined],
    ['store', 503, 'Not available right now', '5'],
    ['store-wrapped', 503, 'Not available right now', '5'],
    ['hashing', 503, 'Very busy right now', '5'],
    ['late', 503, 'Not available right now', '2'],
    ['refused', 403, 'Please try again', undefined],
    ['limited', 429, 'Too many tries', '61'],
    ['exposed', 400, 'That did not work', undefined],
  ])('%s is answered with %i for people and for programs', async (name, status, title, retryAfter) => {
    const page = await browser.fetch(`${app.url}/things/${name}/fault`)
    expect([page.status, page.headers['retry-after']]).toEqual([status, retryAfter])
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8')
    expect(page.headers['cache-control']).toBe('no-store')
    expect(page.body).toContain(`<h1>${title}</h1>`)

    const answer = await browser.fetch(`${app.url}/things/${name}/fault`, { headers: { accept: 'application/json' } })
    expect([answer.status, answer.headers['retry-after']]).toEqual([status, retryAfter])
    expect(answer.headers['content-type']).toBe('application/problem+json')
    expect(answer.headers['cache-control']).toBe('no-store')
    const requestId = answer.headers['x-request-id']
    expect(JSON.parse(answer.body)).toMatchObject({ type: 'about:blank', title, status, request_id: requestId })

    for (const { body } of [page, answer]) {
      expect(body).not.toContain('accounts')
      expect(body).not.toMatch(/\bat .*:\d+:\d+|node_modules|\.ts\b|SELECT|Error|Koa|Node/)
    }
  })

  test.each(['unexpected', 'store'])('of %s the operator is told all, and the page says where to look', async (name) => {
    const page = await browser.fetch(`${app.url}/things/${name}/fault`)
    const requestId = String(page.headers['x-request-id'])
    expect(page.body).toContain(`<code>${requestId}</code>`)
    const line = app.lines.lines.find((candidate) => candidate.msg === 'request failed')
    expect(line).toMatchObject({ requestId, err: { message: expect.stringContaining(SECRET_CAUSE), stack: expect.any(String) } })
  })

  test('of what has no other cause the operator is told what was answered', async () => {
    await browser.fetch(`${app.url}/things/late/fault`)
    const line = app.lines.lines.find((candidate) => candidate.msg === 'request failed')
    expect(line).toMatchObject({ status: 503, why: 'It took too long.' })
  })

  test('a refusal is nothing that an operator must know of', async () => {
    await browser.fetch(`${app.url}/things/refused/fault`)
    expect(app.lines.lines.filter(({ msg }) => msg === 'request failed')).toEqual([])
  })
})

describe('WB7: 404 and 405', () => {
  test.each<[method: string, path: string, status: number, allow: string | undefined]>([
    ['GET', '/nothing', 404, undefined],
    ['POST', '/nothing', 404, undefined],
    ['GET', '/things/1', 200, undefined],
    ['GET', '/things/1/nothing', 404, undefined],
    ['POST', '/things/1/nothing', 404, undefined],
    ['GET', '/things/1/silence', 404, undefined],
    ['PUT', '/things/1', 405, 'HEAD, GET, POST'],
    ['DELETE', '/things/1/silence', 405, 'HEAD, GET'],
    ['OPTIONS', '/things/1', 405, 'HEAD, GET, POST'],
    ['TRACE', '/things/1', 405, 'HEAD, GET, POST'],
    ['POST', '/assets/a.css', 405, 'GET, HEAD'],
    ['POST', '/robots.txt', 405, 'GET, HEAD'],
    ['GET', '/assets/b.css', 404, undefined],
    ['GET', '/assets/%2e%2e/package.json', 404, undefined],
    ['GET', '/things/%E0%A4%A', 200, undefined],
    ['GET', '/%00', 404, undefined],
    ['GET', '//things/1', 404, undefined],
  ])('%s %s: %i', async (method, path, status, allow) => {
    const page = await browser.fetch(`${app.url}${path}`, { method })
    expect([page.status, page.headers.allow]).toEqual([status, allow])
  })
})

test('HEAD has the headers of a page and no body', async () => {
  const page = await browser.fetch(`${app.url}/nothing`, { method: 'HEAD' })
  expect([page.status, page.headers['content-type'], page.body]).toEqual([404, 'text/html; charset=utf-8', ''])
})
