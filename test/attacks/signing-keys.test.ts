// A signing key that somebody else has: what it signed is refused at once, by every process, and another key signs.
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { importJWK, type JWK, SignJWT } from 'jose'
import { KeyRefused } from '../../server/keys/signing-keys.ts'
import { API, MACHINE, NOTES, SPA, WEB } from '../support/clients.ts'
import {
  authorizationRequest,
  callbackParams,
  claimsOf,
  headerOf,
  introspect,
  obtainTokens,
  redeem,
  refresh,
  tokenRequest,
} from '../support/oauth.ts'
import { redisUrl } from '../support/redis.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { errorLines } from './attempts.ts'

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

const BY = { actor: 'acc_admin', reason: 'it was in a backup that got out' }

describe('KR2: a key that is compromised', () => {
  test('is published no more, signs no more, and what it signed is dead at once, at every process', async () => {
    const { tokens } = await obtainTokens(server, SPA)
    const token = tokens.body.access_token ?? ''
    const kid = String(headerOf(token).kid)
    const stolen = server.latchkey.keys.current().privateJwks.keys.find((key) => key.kid === kid)
    const before = await kidsOf(server)
    expect(before).toContain(kid)

    const ended = await server.latchkey.keys.compromise(kid, BY)

    for (const node of [server, neighbour]) expect(await introspect(node, API, token)).toEqual({ active: false })
    const after = await kidsOf(server)
    expect(after).not.toContain(kid)
    expect(after.length).toBe(before.length)
    await until(async () => !(await kidsOf(neighbour)).includes(kid))

    const forged = await forge(stolen, claimsOf(token))
    for (const node of [server, neighbour]) {
      expect(await introspect(node, API, forged)).toEqual({ active: false })
      const answer = await refresh(node, SPA, tokens.body.refresh_token ?? '')
      expect(headerOf(answer.body.access_token)).toMatchObject({ alg: 'ES256', typ: 'at+jwt' })
      expect(headerOf(answer.body.access_token).kid).not.toBe(kid)
      expect(await introspect(server, API, answer.body.access_token ?? '')).toMatchObject({ active: true })
    }
    const { db } = server.latchkey.stores
    const entry = await db.revocation.findFirstOrThrow({ where: { kind: 'kid', value: kid } })
    expect([Number(entry.sequence), entry.before]).toEqual([ended.sequence, null])
    // Whoever has the key makes tokens of any life; it is remembered for as long as an API may have it.
    expect(entry.until.getTime()).toBeGreaterThan(Date.now() + 364 * 86_400_000)
    const events = await db.auditEvent.findMany({ where: { name: 'signing_key.compromised' } })
    expect(events).toMatchObject([{ actor: 'acc_admin', reason: BY.reason, detail: { kid, alg: 'ES256' } }])
  })

  test('cannot sign a hint that signs somebody out', async () => {
    const { browser, tokens } = await obtainTokens(server, WEB)
    const hint = tokens.body.id_token ?? ''
    await server.latchkey.keys.compromise(String(headerOf(hint).kid), BY)
    const url = new URL('/logout', server.issuer)
    url.search = new URLSearchParams({ id_token_hint: hint, post_logout_redirect_uri: 'https://web.example/' }).toString()
    const page = await browser.open(url)
    expect(page.status).toBe(400)
    expect(new URL(page.url).origin).toBe(server.issuer)
    expect((await refresh(server, WEB, tokens.body.refresh_token ?? '')).status).toBe(200)
  })

  test('signs nothing at a process that has not taken its keys over yet: whoever asks is to ask again', async () => {
    const { browser, tokens } = await obtainTokens(server, SPA)
    const authorization = authorizationRequest(server, SPA)
    const { code = '' } = callbackParams(await browser.open(authorization.url))
    const kid = String(headerOf(tokens.body.access_token).kid)
    // It hears of the key, but not of another one.
    const held = jest.spyOn(neighbour.latchkey.keys, 'refresh').mockResolvedValue(false)
    await server.latchkey.keys.compromise(kid, BY)
    const own = () => tokenRequest(neighbour, MACHINE, { grant_type: 'client_credentials', resource: NOTES, scope: 'notes:read' })
    const ask = {
      refresh: () => refresh(neighbour, SPA, tokens.body.refresh_token ?? ''),
      code: () => redeem(neighbour, SPA, authorization, code),
      own,
    }
    await until(async () => (await own()).status === 503)
    for (const one of Object.values(ask)) expect((await one()).body.error).toBe('temporarily_unavailable')
    held.mockRestore()
    await neighbour.latchkey.keys.refresh()
    for (const one of Object.values(ask)) {
      let token: string | undefined
      await until(async () => {
        token = (await one()).body.access_token
        return token !== undefined
      })
      expect(headerOf(token).kid).not.toBe(kid)
      expect(await introspect(server, API, token ?? '')).toMatchObject({ active: true })
    }
  })

  test('is compromised once, and what is no key never', async () => {
    const [kid = ''] = await kidsOf(server)
    await server.latchkey.keys.compromise(kid, BY)
    for (const name of [kid, 'never-was']) {
      await expect(server.latchkey.keys.compromise(name, BY)).rejects.toThrow(KeyRefused)
    }
    const { db } = server.latchkey.stores
    expect(await db.signingKey.count({ where: { status: 'signing' } })).toBe(3)
    expect(await db.revocation.count({ where: { kind: 'kid', value: kid } })).toBe(1)
  })

  test('by two at once gives one new key', async () => {
    const [kid = ''] = await kidsOf(server)
    await until(async () => (await kidsOf(neighbour)).includes(kid))
    const tried = await Promise.allSettled([server, neighbour].map((node) => node.latchkey.keys.compromise(kid, BY)))
    expect(tried.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(await server.latchkey.stores.db.signingKey.count({ where: { status: 'signing' } })).toBe(3)
  })
})

test('nothing of it was an error of the server', () => {
  expect(errorLines(server)).toEqual([])
  expect(errorLines(neighbour)).toEqual([])
})

async function kidsOf(node: TestServer): Promise<string[]> {
  const answer = await fetch(new URL('/jwks', node.issuer))
  return ((await answer.json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid)
}

async function until(done: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 5000; performance.now() < end; ) if (await done()) return
  throw new Error('it did not happen in five seconds')
}

/** A token that the thief makes, right in all but who signed it. */
async function forge(stolen: JWK | undefined, claims: object): Promise<string> {
  if (stolen?.kid === undefined) throw new Error('there is nothing to steal')
  const soon = Math.floor(Date.now() / 1000) + 600
  return new SignJWT({ ...claims, jti: 'forged', exp: soon })
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: stolen.kid })
    .sign(await importJWK(stolen, 'ES256'))
}
