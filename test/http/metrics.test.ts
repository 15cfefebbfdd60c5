// What the operator's monitoring is told, asked at the management port while people and apps use the server.
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createManagementServer } from '../../server/http/management.ts'
import { METRICS } from '../../server/http/metric-table.ts'
import { Browser } from '../support/browser.ts'
import { MACHINE, SPA, WEB } from '../support/clients.ts'
import { samplesOf } from '../support/metrics.ts'
import {
  authorizationRequest,
  callbackParams,
  clientRequest,
  obtainTokens,
  redeem,
  refresh,
  signIn,
  tokenRequest,
} from '../support/oauth.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
let management: Server
let url: string

beforeAll(async () => {
  server = await startServer({
    settings: { LATCHKEY_RATE_LIMITS: 'on', LATCHKEY_RATE_LIMIT_TOKEN_FAILURES: '3', LATCHKEY_RATE_LIMIT_PEOPLE: '60' },
  })
  management = createManagementServer(() => [server.latchkey.management]).listen(0, '127.0.0.1')
  await once(management, 'listening')
  url = `http://127.0.0.1:${(management.address() as AddressInfo).port}`
})

afterAll(async () => {
  management?.closeAllConnections()
  management?.close()
  await server?.stop()
})

async function samples(): Promise<ReadonlyMap<string, number>> {
  return samplesOf(await (await fetch(`${url}/metrics`)).text())
}

/** By how much each sample grows while something is done. */
async function growth(work: () => Promise<unknown>): Promise<(sample: string) => number> {
  const before = await samples()
  await work()
  const after = await samples()
  return (sample) => (after.get(sample) ?? 0) - (before.get(sample) ?? 0)
}

test('the text is what Prometheus reads, and has every metric of the table', async () => {
  const answer = await fetch(`${url}/metrics`)
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
  const text = await answer.text()
  for (const { name, kind, meaning } of Object.values(METRICS))
    expect(text).toContain(`# HELP ${name} ${meaning}\n# TYPE ${name} ${kind}\n`)
  expect(await (await fetch(`${url}/metrics/more`)).json()).toEqual({ status: 'not found' })
})

test('refreshes are counted by what became of them', async () => {
  const { tokens } = await obtainTokens(server, SPA)
  const first = tokens.body.refresh_token ?? ''
  const grew = await growth(async () => {
    const second = await refresh(server, SPA, first)
    await refresh(server, SPA, first)
    await refresh(server, WEB, first)
    await refresh(server, SPA, 'nonsense')
    await refresh(server, SPA, `rt_${'A'.repeat(22)}.0.${'B'.repeat(43)}`)
    await refresh(server, SPA, second.body.refresh_token?.replace('.1.', '.7.') ?? '')
  })
  for (const outcome of ['rotated', 'replayed', 'foreign', 'malformed', 'unknown', 'ahead'])
    expect([outcome, grew(`latchkey_refreshes_total{outcome="${outcome}"}`)]).toEqual([outcome, 1])
  expect(grew('latchkey_token_requests_served_total{grant_type="refresh_token"}')).toBe(2)
  expect(grew('latchkey_token_requests_refused_total{error="invalid_grant"}')).toBe(4)
  expect(grew('latchkey_http_requests_total{route="token",status="200"}')).toBe(2)
  expect(grew('latchkey_http_requests_total{route="token",status="400"}')).toBe(4)
  expect(grew('latchkey_http_request_duration_seconds_count{route="token"}')).toBe(6)
})

test('a reused token is a count, a revocation by its cause, and the last sequence', async () => {
  const { tokens } = await obtainTokens(server, SPA)
  await refresh(server, SPA, tokens.body.refresh_token ?? '')
  await server.advance(16)
  const grew = await growth(() => refresh(server, SPA, tokens.body.refresh_token ?? ''))
  expect(grew('latchkey_refreshes_total{outcome="reused"}')).toBe(1)
  expect(grew('latchkey_revocations_total{cause="refresh_token_reused"}')).toBe(1)
  expect(grew('latchkey_revocation_sequence')).toBe(1)
})

test('so is a code that comes twice', async () => {
  const authorization = authorizationRequest(server, SPA)
  const browser = new Browser()
  const { code = '' } = callbackParams(await signIn(browser, await browser.open(authorization.url), server.grace))
  const grew = await growth(async () => {
    await redeem(server, SPA, authorization, code)
    await redeem(server, SPA, authorization, code)
  })
  expect(grew('latchkey_authorization_codes_total{outcome="redeemed"}')).toBe(1)
  expect(grew('latchkey_authorization_codes_total{outcome="replayed"}')).toBe(1)
  expect(grew('latchkey_revocations_total{cause="code_replayed"}')).toBe(1)
})

test('sign-ins are counted, with the reason when they failed', async () => {
  const attempt = async (person: { username: string; password: string }) => {
    const browser = new Browser()
    await browser.submit(await browser.open(authorizationRequest(server, SPA).url), person)
  }
  const grew = await growth(async () => {
    await attempt(server.ada)
    await attempt({ ...server.ada, password: 'not that one' })
    await attempt({ username: 'nobody@people.example', password: 'not that one' })
  })
  for (const outcome of ['succeeded', 'wrong_password', 'unknown_account'])
    expect([outcome, grew(`latchkey_sign_ins_total{outcome="${outcome}"}`)]).toEqual([outcome, 1])
})

test('the stores, their connections and the program itself are told', async () => {
  const now = await samples()
  expect(now.get('latchkey_store_up{store="postgres"}')).toBe(1)
  expect(now.get('latchkey_store_up{store="redis"}')).toBe(1)
  expect(now.get('latchkey_database_connections{state="idle"}')).toBeGreaterThan(0)
  expect(now.get('latchkey_database_pool_waiting')).toBe(0)
  expect(now.get('latchkey_password_hashing_waiting')).toBe(0)
  expect(now.get('latchkey_processes')).toBe(1)
  expect([...now.keys()].filter((name) => name.startsWith('latchkey_build_info{version="'))).toHaveLength(1)
})

test('the backlog of a table is told as long as this process looks after it', async () => {
  const { metrics } = server.latchkey
  metrics.purgeBacklog('refresh_families', 1200)
  expect((await samples()).get('latchkey_purge_backlog_rows{table="refresh_families"}')).toBe(1200)
  metrics.purgeBacklog('refresh_families', undefined)
  expect((await samples()).has('latchkey_purge_backlog_rows{table="refresh_families"}')).toBe(false)
})

test('CO10: nobody outside decides what is in a label: no code, token, client, address or path is', async () => {
  const { tokens, code } = await obtainTokens(server, SPA)
  const client = { ...SPA, client_id: 'an-invented-client' }
  await tokenRequest(server, client, { grant_type: 'invented-grant' })
  await tokenRequest(server, client, { grant_type: 'client_credentials' })
  await tokenRequest(server, SPA, { grant_type: 'invented-grant' })
  await clientRequest(server, '/revoke', SPA, { token: tokens.body.access_token ?? '' })
  await fetch(`${server.issuer}/invented/path?code=${code}`, { headers: { 'X-Forwarded-For': '203.0.113.77' } })
  await fetch(`${server.issuer}/token/${code}`, { method: 'PROPFIND' })
  const text = await (await fetch(`${url}/metrics`)).text()
  const secrets = [code, tokens.body.access_token ?? '', tokens.body.refresh_token ?? '', SPA.client_id]
  for (const word of ['invented', '203.0.113.77', ...secrets]) expect([word, text.includes(word)]).toEqual([word, false])
})

// The last one: nobody is let in after it.
test('whoever asks too often is counted', async () => {
  const wrong = { ...MACHINE, client_secret: 'not-the-secret-of-this-client-0000000000' }
  const grew = await growth(async () => {
    for (let tries = 0; tries < 5; tries += 1) await tokenRequest(server, wrong, { grant_type: 'client_credentials' })
    for (let asked = 0; asked < 61; asked += 1) await fetch(`${server.issuer}/account`, { redirect: 'manual' })
  })
  expect(grew('latchkey_rate_limited_total{limit="client_failures"}')).toBeGreaterThan(0)
  expect(grew('latchkey_rate_limited_total{limit="people"}')).toBeGreaterThan(0)
  expect(grew('latchkey_http_requests_total{route="account",status="429"}')).toBeGreaterThan(0)
})
