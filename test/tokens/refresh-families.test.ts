// Families that move on together: one statement for many, in which each family still moves once, and nobody waits in a circle.

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { newGrantId } from '../../server/grants/grants.ts'
import { endAccount } from '../../server/sessions/session-ends.ts'
import { successorOf } from '../../server/tokens/refresh-families.ts'
import { moveFamilies, readFamilies } from '../../server/tokens/refresh-families-store.ts'
import { firstRefreshToken, type RefreshToken } from '../../server/tokens/refresh-token.ts'
import { SPA } from '../support/clients.ts'
import { redisUrl } from '../support/redis.ts'
import { startServer, type TestServer } from '../support/server.ts'

const LIFE = { idleSeconds: 3600 }

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

const db = () => server.latchkey.stores.db

/** An account with so many families, each on a grant of its own. */
async function accountWithFamilies(count: number): Promise<{ accountId: string; tokens: RefreshToken[] }> {
  const { accounts, families, grants } = server.latchkey.nouns
  const account = await accounts.create({ email: `${randomUUID()}@people.example`, password: 'a password of families 1' })
  const about = { accountId: account.id, clientId: SPA.client_id, sessionId: undefined, payload: {} }
  const tokens = Array.from({ length: count }, firstRefreshToken)
  for (const token of tokens) {
    const grantId = newGrantId()
    const addition = { consent: { openid: [], resources: {} }, agreed: false }
    await grants.save({ ...about, id: grantId, addition, lifeSeconds: 3600 })
    expect(await families.start({ ...about, token, grantId, sessionBound: false, senderKey: undefined })).toBe('started')
  }
  return { accountId: account.id, tokens }
}

const stepOf = (token: RefreshToken) => ({ token, next: successorOf(token), successor: new Uint8Array([1, 2, 3]) })

const generationsOf = async (tokens: readonly RefreshToken[]) =>
  (await readFamilies(db(), tokens)).map((state) => state?.generation)

test('many families move on by one statement; of two steps from the same token one is taken', async () => {
  const { tokens } = await accountWithFamilies(3)
  const [a, b, c] = tokens.map(stepOf)
  const [again] = tokens.map(stepOf)
  if (a === undefined || b === undefined || c === undefined || again === undefined) throw new Error('There are no steps.')
  const spent = { ...c, token: { ...c.token, generation: 7 } }
  const foreign = stepOf(firstRefreshToken())
  const [first, moved, second, wrong, unknown] = await moveFamilies(db(), [a, b, again, spent, foreign], LIFE)
  expect([first, second].filter(Boolean)).toHaveLength(1)
  expect({ moved, wrong, unknown }).toEqual({ moved: true, wrong: false, unknown: false })
  expect(await generationsOf(tokens)).toEqual([1, 1, 0])
  // The family has the token of the step that was taken, and no other.
  const winner = first ? a : again
  const loser = first ? again : a
  expect(await moveFamilies(db(), [stepOf(loser.next)], LIFE)).toEqual([false])
  expect(await moveFamilies(db(), [stepOf(winner.next)], LIFE)).toEqual([true])
})

test('asked for twice in one statement, a family is read for both', async () => {
  const { tokens } = await accountWithFamilies(1)
  const [token] = tokens
  if (token === undefined) throw new Error('There is no token.')
  const [one, unknown, other] = await readFamilies(db(), [token, firstRefreshToken(), token])
  expect(one?.generation).toBe(0)
  expect(unknown).toBeUndefined()
  expect(other).toEqual(one)
})

test('RT9: statements that move the same families in opposite orders, at two processes, and an end of all of them: none waits for another in a circle', async () => {
  for (let round = 0; round < 10; round += 1) {
    const { accountId, tokens } = await accountWithFamilies(12)
    const moves = [server, neighbour, server, neighbour].map((at, index) => {
      const steps = (index % 2 === 0 ? tokens : tokens.toReversed()).map(stepOf)
      return moveFamilies(at.latchkey.stores.db, steps, LIFE)
    })
    const end = neighbour.latchkey.nouns.endings.run('test', (ending) => endAccount(ending, accountId))
    const answers = await Promise.all(moves)
    expect((await end).refresh_families).toBe(12)
    // Each family moved once or, when the end was first, never.
    for (const index of tokens.keys()) {
      expect(answers.filter((moved, order) => moved[order % 2 === 0 ? index : 11 - index]).length).toBeLessThanOrEqual(1)
    }
    expect((await readFamilies(db(), tokens)).map((state) => state?.live)).toEqual(Array.from({ length: 12 }, () => false))
    expect(await moveFamilies(db(), tokens.map(stepOf), LIFE)).toEqual(Array.from({ length: 12 }, () => false))
  }
})
