// RT15: the whole installation is restarted at once, as when the power fails: both processes and both stores are killed right after
// the last answer, Redis comes back empty, and all go on with what PostgreSQL has.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createGuard } from '../../guard/main.ts'
import { outcomeOf, until } from '../guard/trial.ts'
import { Browser } from '../support/browser.ts'
import { API, NOTES, type TestClient } from '../support/clients.ts'
import { authorizationRequest, callbackParams, obtainTokens, refresh, signIn, type TokenAnswer } from '../support/oauth.ts'
import { type Cluster, startCluster } from './cluster.ts'
import type { Answer } from './history.ts'
import { GUARD, HASTY, PATIENT, PEOPLE, PROVISION } from './people.ts'
import { createRequests, type Requests } from './requests.ts'

const [PERSON, OTHER] = PEOPLE

let folder: string
let cluster: Cluster
let requests: Requests

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-restart-'))
  const settings = { LATCHKEY_RATE_LIMITS: 'off', LATCHKEY_ANSWER_WITHIN_MS: '10000' }
  cluster = await startCluster({ folder, provision: PROVISION, settings })
  const ledger = { now: () => performance.now(), write: () => undefined, entries: [], close: async () => undefined }
  requests = createRequests({ issuer: cluster.issuer, ports: cluster.members.map(({ port }) => port), ledger })
}, 120_000)

afterAll(async () => {
  requests?.close()
  await cluster?.stop()
  await rm(folder, { recursive: true, force: true })
})

const from = (at: number) => ({ who: 'somebody', address: '10.0.0.1', at })
const reachable = (person = PERSON) => ({ issuer: cluster.issuer, ada: person ?? { username: '', password: '' } })
const everywhere = () => cluster.members.map(({ number }) => number)

interface Held {
  readonly app: TestClient
  readonly refresh: string
  readonly access: string
}

const heldBy = (app: TestClient, { body }: TokenAnswer): Held => ({
  app,
  refresh: body.refresh_token ?? '',
  access: body.access_token ?? '',
})

async function signedIn(
  app: TestClient,
  person = PERSON,
  browser = new Browser(),
): Promise<Held & { readonly browser: Browser }> {
  const { tokens } = await obtainTokens(reachable(person), app, { browser })
  expect(tokens.status).toBe(200)
  return { ...heldBy(app, tokens), browser }
}

const refreshAt = (at: number, { app, refresh: token }: Held): Promise<Answer | null> =>
  requests.token(from(at), app, { grant_type: 'refresh_token', refresh_token: token }, { token })

/** Everything dies in the middle of what it does, and is started again in the order in which an operator would. */
async function restartEverything(): Promise<void> {
  await Promise.all([...cluster.members.map((member) => member.kill()), cluster.postgres.kill(), cluster.redis.kill()])
  await Promise.all([cluster.postgres.restart(), cluster.redis.restart()])
  await Promise.all(cluster.members.map((member) => member.start()))
}

async function expectDead(what: string, held: Held, { access = true } = {}): Promise<void> {
  for (const at of everywhere()) {
    if (access) expect([what, at, await requests.introspect(from(at), API, held.access)]).toEqual([what, at, INACTIVE])
    if (access) expect([what, at, await requests.userinfo(from(at), held.access)]).toEqual([what, at, { status: 401 }])
    expect([what, at, await refreshAt(at, held)]).toEqual([what, at, REFUSED])
  }
}

const INACTIVE = { status: 200, active: false }
const REFUSED = { status: 400, error: 'invalid_grant' }

test('RT15: what was revoked, spent or ended is dead after a restart of every process and both stores, and the rest goes on', async () => {
  const revoked = await signedIn(HASTY)
  const jwtOnly = await signedIn(PATIENT)
  const left = await signedIn(PATIENT, OTHER)
  const spent = await signedIn(HASTY)
  const second = heldBy(HASTY, await refresh(reachable(), HASTY, spent.refresh))
  const third = heldBy(HASTY, await refresh(reachable(), HASTY, second.refresh))
  const living = [await signedIn(PATIENT), await signedIn(HASTY)]
  const unredeemed = authorizationRequest(reachable(), PATIENT)
  const { code = '' } = callbackParams(await signIn(left.browser, await left.browser.open(unredeemed.url), reachable().ada))

  await left.browser.submit(await left.browser.open(new URL('/logout', cluster.issuer)))
  expect(await requests.revoke(from(1), PATIENT, jwtOnly.access)).toEqual({ status: 200 })
  expect(await requests.revoke(from(2), HASTY, revoked.refresh)).toEqual({ status: 200 })
  await restartEverything()

  await expectDead('revoked', revoked)
  await expectDead('left', left)
  for (const at of everywhere()) expect([at, await requests.introspect(from(at), API, jwtOnly.access)]).toEqual([at, INACTIVE])
  const params = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: PATIENT.redirect_uri,
    code_verifier: unredeemed.verifier,
  }
  expect(await requests.token(from(1), PATIENT, params, { code })).toEqual(REFUSED)

  // Whose family nobody ended goes on at either process, and so does one of which only an access token was ended.
  for (const [at, held] of [...living, jwtOnly].entries()) {
    const next = await refreshAt((at % 2) + 1, held)
    expect([at, next?.status]).toEqual([at, 200])
    expect(next?.refresh).not.toBe(held.refresh)
    for (const node of everywhere())
      expect(await requests.introspect(from(node), API, next?.access ?? '')).toEqual({ status: 200, active: true })
  }
  // A guard that begins now hears of what was ended before.
  const client = { id: GUARD.client_id, secret: GUARD.client_secret }
  const guard = await createGuard({ issuer: cluster.issuer, audience: NOTES, client, log: () => undefined })
  try {
    await until(() => guard.status().following === 'stream')
    for (const { access } of [revoked, left, jwtOnly]) expect(await outcomeOf(guard, access)).toBe('InvalidToken: revoked')
    for (const { access } of living) expect(await outcomeOf(guard, access)).toBe('good')
  } finally {
    await guard.close()
  }
  // The token before the last is a thief's: it ends what was alive until then.
  expect((await requests.introspect(from(1), API, third.access))?.active).toBe(true)
  expect(await refreshAt(2, spent)).toEqual(REFUSED)
  await expectDead('spent', third)
  expect((await signedIn(PATIENT)).refresh).not.toBe('')
}, 120_000)
