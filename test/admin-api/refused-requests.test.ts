// Refused requests by the admin API: listed, narrowed, found by the ids of the requests, and never more than a thousand.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Refusal } from '../../server/refused-requests/refusal.ts'
import { REFUSED_REQUESTS_KEPT } from '../../server/refused-requests/refused-requests.ts'
import { explained, requestIdOf } from '../refused-requests/explained.ts'
import { Browser } from '../support/browser.ts'
import { MACHINE, SPA } from '../support/clients.ts'
import { authorizationRequest, tokenRequest } from '../support/oauth.ts'
import type { TestServer } from '../support/server.ts'
import { ask, robotToken, startAdminServer } from './api.ts'

let server: TestServer
let token: string

const MARKUP = `<img src=x onerror=alert(1)>"'&amp;\u202e`

beforeAll(async () => {
  server = await startAdminServer()
  token = await robotToken(server)
}, 60_000)

afterAll(() => server?.stop())

const get = (path: string) => ask(server, token, `GET ${path}`)

/** Writes down refusals as if they had come one after the other. */
async function plant(count: number, of: (index: number) => Partial<Refusal>): Promise<void> {
  const { refusedRequests } = server.latchkey.administration
  for (let index = 0; index < count; index += 1) {
    const { requestId = `planted-${index}`, ...more } = of(index)
    refusedRequests.record({
      ...{ at: Date.now(), address: '192.0.2.1', endpoint: 'token', params: {}, known: false, shownBy: 'none', requestId },
      ...{ error: { code: 'invalid_client', description: 'client authentication failed', detail: 'client not found' } },
      ...more,
    })
    await refusedRequests.close()
  }
}

test('one has all its members, and is found by its id', async () => {
  const answer = await tokenRequest(server, { ...MACHINE, client_secret: 'wrong' }, { grant_type: 'client_credentials' })
  const id = requestIdOf(answer)
  const request = await explained(server, token, id)
  expect(request).toEqual({
    request_id: id,
    request_ids: [id],
    at: expect.stringMatching(/^\d{4}-/),
    times: 1,
    endpoint: 'token',
    client_id: MACHINE.client_id,
    client_known: true,
    address: expect.stringMatching(/^(127\.0\.0\.1|::1)$/),
    user_agent: 'node',
    error: 'invalid_client',
    error_description: 'client authentication failed',
    cause: 'secret_wrong',
    summary: 'The secret is none of the app’s.',
    expected: 'a secret of the app that is good',
    received: 'something else',
    reasons: [expect.stringMatching(/^secret 1: made/)],
    change: expect.stringMatching(/^Take the secret/),
  })
  expect((await get('/refused-requests')).body.items[0]).toEqual(request)
})

test('an id that is none, or of a request that was not refused', async () => {
  const { headers } = await get('/sessions')
  for (const id of ['not-there', requestIdOf({ headers }), '%3Cb%3E', 'a'.repeat(300)]) {
    const { status, body } = await get(`/refused-requests/${id}`)
    expect([status, body.type]).toEqual([404, 'urn:latchkey:problem:not-found'])
  }
})

test('AD6: markup and control characters of strangers come back as plain text', async () => {
  const url = authorizationRequest(server, SPA, { redirect_uri: `https://spa.example/${MARKUP}` }).url
  const request = await explained(server, token, requestIdOf(await new Browser().fetch(url)))
  expect(request.received).toBe(`https://spa.example/${MARKUP.replace('\u202e', '\u{FFFD}')}`)
  const unknown = await new Browser().fetch(authorizationRequest(server, { ...SPA, client_id: '<b>\u202e\n' }).url)
  expect(await explained(server, token, requestIdOf(unknown))).toMatchObject({
    client_known: false,
    client_id: '<b>\u{FFFD}\u{FFFD}',
  })
})

describe('the list', () => {
  beforeAll(async () => {
    await plant(12, (index) => ({ clientId: `planted-${index % 3}`, address: `192.0.2.${index}` }))
    await plant(1, () => ({ clientId: SPA.client_id, known: true, requestId: 'of-the-spa', error: { code: 'server_error' } }))
  })

  test('goes on where a page ended', async () => {
    const ids: string[] = []
    let cursor = ''
    for (let pages = 0; pages < 20; pages += 1) {
      const { body } = await get(`/refused-requests?limit=4${cursor}`)
      ids.push(...body.items.map((item: { readonly request_id: string }) => item.request_id))
      if (body.next_cursor === null) break
      cursor = `&cursor=${body.next_cursor}`
    }
    expect(ids.length).toBeGreaterThanOrEqual(13)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids[0]).toBe('of-the-spa')
  })

  test.each([
    [`client=${SPA.client_id}&cause=server_failed`, ['of-the-spa']],
    ['client=planted-0', ['planted-9', 'planted-6', 'planted-3', 'planted-0']],
    ['client=planted-0&cause=secret_wrong', []],
    ['client=nobody-at-all', []],
  ])('is narrowed by %s', async (query, ids) => {
    const { status, body } = await get(`/refused-requests?${query}`)
    expect([status, body.items.map((item: { readonly request_id: string }) => item.request_id)]).toEqual([200, ids])
  })

  test.each(['cause=none', 'cause[eq]=other', 'cause=constructor', 'client=', 'client=%00', 'cursor=AA', 'limit=0', 'address=1'])(
    'AD6: refuses %s in words',
    async (query) => {
      const { status, body } = await get(`/refused-requests?${query}`)
      expect(status).toBe(400)
      expect(body.detail).not.toMatch(/Invalid|undefined|expected string/i)
    },
  )
})

test('there are a thousand at most, and a list of them answers in time', async () => {
  const { most } = REFUSED_REQUESTS_KEPT
  const recent = server.latchkey.stores.recentLog({ key: 'refused-requests', ...REFUSED_REQUESTS_KEPT })
  const texts = async () => {
    const all: string[] = []
    for await (const text of recent.read()) all.push(text)
    return all
  }
  const [text = ''] = await texts()
  const request = { ...JSON.parse(text), received: 'x'.repeat(300), reasons: ['y'.repeat(300), 'z'.repeat(300)] }
  for (let round = 0; round < 60; round += 1) {
    await recent.add(
      Array.from({ length: 20 }, (_, index) => ({
        kind: 'a flood',
        text: JSON.stringify({ ...request, requestIds: [`flood-${round}-${index}`] }),
      })),
    )
  }
  expect(await texts()).toHaveLength(most)
  // What is most of a kind went first.
  expect((await get('/refused-requests/planted-0')).status).toBe(200)
  expect((await get('/refused-requests/flood-0-0')).status).toBe(404)
  const times: number[] = []
  for (let round = 0; round < 20; round += 1) {
    const began = performance.now()
    expect((await get('/refused-requests?client=planted-0')).body.items).toHaveLength(4)
    times.push(performance.now() - began)
  }
  // The quickest: other tests share the machine.
  expect(Math.min(...times)).toBeLessThan(100)
})
