// FT21: a process whose clock is wrong by a minute or a day, beside one whose clock is right. PostgreSQL's clock decides what
// lives, so that a wrong one revives nothing, and ends nothing that it need not.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createGuard, type Guard } from '../../guard/main.ts'
import { outcomeOf, until } from '../guard/trial.ts'
import { API, NOTES, SPA, WEB } from '../support/clients.ts'
import { clientRequest, introspect, obtainTokens, refresh } from '../support/oauth.ts'
import { moveDatabaseClock } from '../support/postgres.ts'
import { ADA, PROVISION } from '../support/server.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { startFront } from './front.ts'

const GUARD = { client_id: 'notes-guard', client_secret: 'a-secret-of-the-guard-that-is-long-enough' }
const LIFE_OF_A_REVOCATION = 20 * 60

let folder: string
let cluster: Cluster
const members = { right: { issuer: '', ada: ADA }, wrong: { issuer: '', ada: ADA } }

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-clocks-'))
  const settings = { LATCHKEY_RATE_LIMITS: 'off', LATCHKEY_ANSWER_WITHIN_MS: '30000' }
  const clients = [...PROVISION.clients, { ...GUARD, grant_types: ['client_credentials'], scope: 'revocations:read' }]
  cluster = await startCluster({ folder, provision: { ...PROVISION, clients }, settings })
  const [right, wrong] = cluster.members.map(({ port }) => `http://localhost:${port}`)
  members.right.issuer = right ?? ''
  members.wrong.issuer = wrong ?? ''
}, 120_000)

afterAll(async () => {
  await cluster?.stop()
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

const revoke = (at: { issuer: string }, token: string) =>
  clientRequest({ issuer: at.issuer, ada: ADA }, '/revoke', WEB, { token }).then(({ status }) => status)

describe.each([
  ['a minute ahead', 60],
  ['a minute behind', -60],
  ['a day ahead', 86_400],
  ['a day behind', -86_400],
])('FT21: %s', (_title, seconds) => {
  beforeAll(() => cluster.members[1]?.setClock(seconds))
  afterAll(() => cluster.members[1]?.setClock(0))

  test('refresh goes on at both, in one chain, and a replay gets the same successor', async () => {
    const { right, wrong } = members
    const { tokens } = await obtainTokens(right, SPA)
    const first = await refresh(wrong, SPA, tokens.body.refresh_token ?? '')
    expect(first.status).toBe(200)
    const replay = await refresh(right, SPA, tokens.body.refresh_token ?? '')
    expect(replay.body.refresh_token).toBe(first.body.refresh_token)
    const second = await refresh(right, SPA, first.body.refresh_token ?? '')
    expect(second.status).toBe(200)
    expect((await refresh(wrong, SPA, second.body.refresh_token ?? '')).status).toBe(200)
  })

  test('tokens that it makes, JWT and opaque, live where the clock is right', async () => {
    const { right, wrong } = members
    const { tokens } = await obtainTokens(right, WEB)
    const jwt = await refresh(wrong, WEB, tokens.body.refresh_token ?? '')
    expect(await introspect(right, API, jwt.body.access_token ?? '')).toMatchObject({ active: true })
    const opaque = await refresh(wrong, WEB, jwt.body.refresh_token ?? '', { scope: 'openid email' })
    expect(opaque.body.access_token).toMatch(/^at_/)
    expect(await introspect(right, WEB, opaque.body.access_token ?? '')).toMatchObject({ active: true })
  })

  test('what is revoked at one is dead at the other', async () => {
    const { right, wrong } = members
    for (const [here, there] of [
      [right, wrong],
      [wrong, right],
    ] as const) {
      const { tokens } = await obtainTokens(right, WEB)
      expect(await revoke(here, tokens.body.refresh_token ?? '')).toBe(200)
      expect(await introspect(there, API, tokens.body.access_token ?? '')).toEqual({ active: false })
      expect((await refresh(there, WEB, tokens.body.refresh_token ?? '')).body.error).toBe('invalid_grant')
    }
  })
})

test('FT21, I5: a token that was revoked stays dead where the clock is behind, when its revocation has run out', async () => {
  const { right, wrong } = members
  const { tokens } = await obtainTokens(right, WEB)
  const access = tokens.body.access_token ?? ''
  expect(await revoke(right, access)).toBe(200)
  cluster.members[1]?.setClock(-86_400)
  await moveDatabaseClock(cluster.postgres.url, LIFE_OF_A_REVOCATION)
  try {
    expect(await introspect(wrong, API, access)).toEqual({ active: false })
    const userinfo = await fetch(new URL('/userinfo', wrong.issuer), { headers: { authorization: `Bearer ${access}` } })
    expect(userinfo.status).toBe(401)
  } finally {
    await moveDatabaseClock(cluster.postgres.url, 0)
    cluster.members[1]?.setClock(0)
  }
})

/** A guard that asks the process whose clock is wrong, for everything. */
async function atTheWrongOne(judge: (guard: Guard) => Promise<void>): Promise<void> {
  const front = await startFront(cluster.issuer, cluster.members[1]?.port ?? 0)
  const client = { id: GUARD.client_id, secret: GUARD.client_secret }
  const guard = await createGuard({ issuer: cluster.issuer, audience: NOTES, client, fetch: front.fetch, log: () => undefined })
  try {
    await judge(guard)
  } finally {
    await guard.close()
    front.close()
  }
}

test.each([-86_400, 86_400])(
  'FT21: a guard goes by the clock of PostgreSQL where that of the server is off by %d s',
  async (off) => {
    const { tokens } = await obtainTokens(members.right, WEB)
    const { tokens: others } = await obtainTokens(members.right, WEB)
    const access = tokens.body.access_token ?? ''
    // A process learns in a second that PostgreSQL's clock was set back, and until then the token has expired for it.
    await until(async () => (await introspect(members.right, API, access)).active === true)
    cluster.members[1]?.setClock(off)
    try {
      await atTheWrongOne(async (guard) => {
        expect(await outcomeOf(guard, access)).toBe('good')
        expect(await revoke(members.right, access)).toBe(200)
        await until(async () => (await outcomeOf(guard, access)) === 'InvalidToken: revoked')
        expect(guard.status().clockAheadSeconds).toBe(0)
      })
      await moveDatabaseClock(cluster.postgres.url, LIFE_OF_A_REVOCATION)
      await atTheWrongOne(async (guard) => {
        // The process learns that the time has jumped when it looks, in a second.
        await until(() => !guard.status().stale, 15_000)
        expect(guard.status().clockAheadSeconds).toBe(-LIFE_OF_A_REVOCATION)
        for (const token of [access, others.body.access_token ?? '']) {
          expect(await outcomeOf(guard, token)).toBe('InvalidToken: expired')
        }
      })
    } finally {
      await moveDatabaseClock(cluster.postgres.url, 0)
      cluster.members[1]?.setClock(0)
    }
  },
)
