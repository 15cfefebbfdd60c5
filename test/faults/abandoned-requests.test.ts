// A request whose sender has given up, and which a server gets to only later: its sender went elsewhere with the same token, and
// has used what it got there. That is no theft, and nobody is signed out for it.
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { SPA } from '../support/clients.ts'
import { obtainTokens, refresh } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import { ADA, PROVISION } from '../support/server.ts'
import { type Cluster, startCluster } from './cluster.ts'

let folder: string
let cluster: Cluster

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-abandoned-'))
  const settings = { LATCHKEY_RATE_LIMITS: 'off', LATCHKEY_ANSWER_WITHIN_MS: '30000' }
  cluster = await startCluster({ folder, provision: PROVISION, settings })
}, 120_000)

afterAll(async () => {
  await cluster?.stop()
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

/** Sends a refresh and hangs up, once it has arrived where nobody reads it. */
async function abandon(port: number, token: string): Promise<void> {
  const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token, client_id: SPA.client_id }).toString()
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': String(body.length) }
  const sent = request({ host: 'localhost', port, method: 'POST', path: '/token', headers, agent: false })
  sent.on('error', () => undefined)
  sent.end(body)
  await new Promise((resolve) => sent.once('finish', resolve))
  await wait(50)
  sent.destroy()
}

test('I4: a refresh that is carried out when its sender has long gone on elsewhere ends nothing', async () => {
  const [first, second] = cluster.members
  if (first === undefined || second === undefined) throw new Error('two are wanted')
  const here = { issuer: cluster.issuer, ada: ADA }
  const { tokens } = await obtainTokens(here, SPA)
  const token = tokens.body.refresh_token ?? ''
  second.pause()
  await abandon(second.port, token)
  const next = await refresh(here, SPA, token)
  const afterNext = await refresh(here, SPA, next.body.refresh_token ?? '')
  expect(afterNext.status).toBe(200)
  second.resume()
  // It answers in turn: when this is answered, the request before it has been read.
  expect((await fetch(`http://localhost:${second.port}/jwks`)).status).toBe(200)
  await wait(500)
  expect((await refresh(here, SPA, afterNext.body.refresh_token ?? '')).status).toBe(200)
  const events = await run(cluster.postgres.url, `SELECT name FROM audit_events WHERE name = 'refresh_token.reused'`)
  expect(events).toEqual([])
})
