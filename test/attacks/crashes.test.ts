// The program is killed in the middle of what it does, again and again. Whoever has lost an answer tries again, and nobody
// is left without a token that works, or with two.
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Browser } from '../support/browser.ts'
import { SPA } from '../support/clients.ts'
import {
  authorizationRequest,
  callbackParams,
  obtainTokens,
  redeem,
  refresh,
  signIn,
  type TokenAnswer,
} from '../support/oauth.ts'
import { createDatabase, run, type TestDatabase } from '../support/postgres.ts'
import { freePorts, type Program, startProgram } from '../support/program.ts'
import { redisUrl } from '../support/redis.ts'
import { ADA, PROVISION } from '../support/server.ts'

const FAMILIES = 8
const KILLS = 5
/** Fixed, so that a run that finds something can be run again. */
const KILL_AFTER_MS = [40, 90, 150, 220, 310]

let folder: string
let database: TestDatabase
let program: Program
let start: () => Promise<Program>
const people = {
  get issuer() {
    return program.issuer
  },
  ada: ADA,
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-crashes-'))
  database = await createDatabase()
  const file = join(folder, 'provision.json')
  await writeFile(file, JSON.stringify(PROVISION))
  const ports = await freePorts()
  const settings = {
    DATA_DIR: folder,
    DATABASE_URL: database.url,
    REDIS_URL: redisUrl(),
    PROVISION_FILE: file,
    LATCHKEY_RATE_LIMITS: 'off',
    // Long enough for a restart on a busy machine; the default of 15 seconds is tried elsewhere.
    LATCHKEY_REFRESH_REPLAY_WINDOW: '60',
  }
  start = () => startProgram(ports, settings)
  program = await start()
}, 60_000)

afterAll(async () => {
  await program?.kill()
  await database?.drop()
  await rm(folder, { recursive: true, force: true })
})

/** An answer, or nothing when the program died before it. */
async function answerOf(asked: Promise<TokenAnswer>): Promise<TokenAnswer | undefined> {
  return asked.catch(() => undefined)
}

/** Refreshes without a pause until no answer comes; the newest token that is held. */
async function refreshUntilCut(first: string): Promise<string> {
  for (let held = first; ; ) {
    const answer = await answerOf(refresh(people, SPA, held))
    if (answer === undefined) return held
    expect(answer.status).toBe(200)
    held = answer.body.refresh_token ?? ''
  }
}

test('RT7: killed in the middle of refreshes, every family goes on with the token that its client holds', async () => {
  const started = await Promise.all(Array.from({ length: FAMILIES }, () => obtainTokens(people, SPA)))
  let held = started.map(({ tokens }) => tokens.body.refresh_token ?? '')
  for (let kill = 0; kill < KILLS; kill += 1) {
    const loops = held.map(refreshUntilCut)
    await new Promise((resolve) => setTimeout(resolve, KILL_AFTER_MS[kill]))
    await program.kill()
    held = await Promise.all(loops)
    program = await start()
    // The answer to the last refresh may be lost. The same token again gives it, or is still the newest.
    const again = await Promise.all(held.map((token) => refresh(people, SPA, token)))
    expect(again.map(({ status }) => status)).toEqual(Array(FAMILIES).fill(200))
    const next = await Promise.all(again.map(({ body }) => refresh(people, SPA, body.refresh_token ?? '')))
    expect(next.map(({ status }) => status)).toEqual(Array(FAMILIES).fill(200))
    held = next.map(({ body }) => body.refresh_token ?? '')
  }
  const [count] = await run(database.url, 'SELECT count(*)::int AS rows FROM refresh_families WHERE ended_at IS NULL')
  expect(count?.rows).toBe(FAMILIES)
}, 120_000)

test('CO6: killed in the middle of redemptions, a code is good or spent, and no tokens live that nobody holds', async () => {
  // Each in a browser of its own, so that each code has a grant of its own.
  const begun = await Promise.all(
    Array.from({ length: FAMILIES }, async () => {
      const browser = new Browser()
      const request = authorizationRequest(people, SPA)
      const page = await signIn(browser, await browser.open(request.url), ADA)
      return { browser, request, code: callbackParams(page).code ?? '' }
    }),
  )
  const asked = begun.map(({ request, code }) => answerOf(redeem(people, SPA, request, code)))
  await new Promise((resolve) => setTimeout(resolve, 15))
  await program.kill()
  const answers = await Promise.all(asked)
  program = await start()
  for (const [index, { browser, request, code }] of begun.entries()) {
    const answer = answers[index] ?? (await redeem(people, SPA, request, code))
    if (answer.status === 200) {
      expect((await refresh(people, SPA, answer.body.refresh_token ?? '')).status).toBe(200)
      continue
    }
    // Spent, and the answer lost: what was given on it lives no more, and the person signs in again without a password.
    expect(answer.body.error).toBe('invalid_grant')
    const [live] = await run(
      database.url,
      `SELECT count(*)::int AS families FROM redeemed_codes r JOIN refresh_families f ON f.grant_id = r.grant_id
       WHERE r.digest = $1 AND f.ended_at IS NULL`,
      [createHash('sha256').update(code).digest()],
    )
    expect(live?.families).toBe(0)
    expect((await obtainTokens(people, SPA, { browser })).tokens.status).toBe(200)
  }
}, 60_000)
