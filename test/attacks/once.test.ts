// What is good once, asked for by many at the same moment, at two processes (I1). Codes are in codes.test.ts, refresh tokens in
// refresh-tokens.test.ts, proofs in dpop.test.ts, assertions in client-authentication.test.ts; what the stores promise for each
// kind of record is in test/contract.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Browser } from '../support/browser.ts'
import { WEB } from '../support/clients.ts'
import { authorizationRequest, clientRequest, obtainTokens, redeem } from '../support/oauth.ts'
import { redisUrl } from '../support/redis.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { errorLines } from './attempts.ts'

const RACERS = 50

let server: TestServer
let neighbour: TestServer

beforeAll(async () => {
  const redis = redisUrl()
  server = await startServer({ redisUrl: redis })
  neighbour = await startServer({ redisUrl: redis, databaseUrl: server.databaseUrl, settings: { ISSUER: server.issuer } })
})

afterAll(async () => {
  await neighbour?.stop()
  await server?.stop()
})

test('AZ17 I1: fifty tabs that open one pushed request get one code, and all others hear that it was used', async () => {
  const browser = new Browser()
  await obtainTokens(server, WEB, { browser })
  const authorization = authorizationRequest(server, WEB)
  const pushed = Object.fromEntries(new URL(authorization.url).searchParams)
  const { request_uri } = (await (await clientRequest(server, '/par', WEB, pushed)).json()) as { request_uri: string }
  const query = new URLSearchParams({ client_id: WEB.client_id, request_uri })
  const pages = await Promise.all(
    Array.from({ length: RACERS }, (_, index) =>
      browser.open(`${(index % 2 === 0 ? server : neighbour).issuer}/authorize?${query}`),
    ),
  )
  const outcomes = pages.map(({ url, status }) => {
    const params = new URL(url).searchParams
    return params.has('code') ? 'code' : (params.get('error') ?? status)
  })
  // Who comes when it was taken gets a page; who loses while it is taken is sent back; a machine that is busy says so (503).
  expect(['code', 400, 'invalid_request_uri', 503]).toEqual(expect.arrayContaining([...new Set(outcomes)]))
  const winners = pages.filter((_, index) => outcomes[index] === 'code')
  expect(winners.length).toBeLessThanOrEqual(1)
  // The one that took it may have been told to come back later.
  if (!outcomes.includes(503)) expect(winners).toHaveLength(1)
  for (const { url } of winners) {
    expect((await redeem(neighbour, WEB, authorization, new URL(url).searchParams.get('code') ?? '')).status).toBe(200)
  }
  expect((await browser.open(`${server.issuer}/authorize?${query}`)).url).not.toContain('code=')
})

test('no answer of all these was an error that nobody expected', () => {
  expect([...errorLines(server), ...errorLines(neighbour)]).toEqual([])
})
