// Signing keys by the admin API, and what their turns mean for those who verify: announced before they sign, published after.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { errorLines } from '../attacks/attempts.ts'
import { API, MACHINE, SPA } from '../support/clients.ts'
import { headerOf, introspect, obtainTokens, refresh, tokenRequest } from '../support/oauth.ts'
import { run } from '../support/postgres.ts'
import { redisUrl } from '../support/redis.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { ask, expectOnly, personToken, robotToken, startAdminServer } from './api.ts'

let server: TestServer
let neighbour: TestServer
let token: string

beforeAll(async () => {
  const redis = redisUrl()
  server = await startAdminServer({ redisUrl: redis })
  neighbour = await startServer({ redisUrl: redis, databaseUrl: server.databaseUrl, settings: { ISSUER: server.issuer } })
  token = await robotToken(server)
})

afterAll(async () => {
  await neighbour?.stop()
  await server?.stop()
})

const keysOf = async () => (await ask(server, token, 'GET /keys')).body.items as readonly Shown[]
const post = (path: string, body: unknown = {}) => ask(server, token, `POST ${path}`, { body })

interface Shown {
  readonly kid: string
  readonly alg: string
  readonly status: string
  readonly due: { readonly what: string; readonly at: string } | null
}

async function jwks(node: TestServer): Promise<{ keys: { kid: string }[] }> {
  const answer = await fetch(new URL('/jwks', node.issuer))
  return (await answer.json()) as { keys: { kid: string }[] }
}

async function publishes(node: TestServer, kid: string): Promise<boolean> {
  return (await jwks(node)).keys.some((key) => key.kid === kid)
}

/** The key with which a process signs access tokens. */
async function signsWith(node: TestServer): Promise<unknown> {
  const { body } = await tokenRequest(node, MACHINE, { grant_type: 'client_credentials', scope: 'notes:read' })
  return headerOf(body.access_token).kid
}

async function until(done: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 10_000; performance.now() < end; ) if (await done()) return
  throw new Error('it did not happen in ten seconds')
}

/** Time passes, and the processes do what is due. */
async function pass(seconds: number): Promise<void> {
  await server.advance(seconds)
  await server.latchkey.keys.turns.run()
  token = await robotToken(server)
}

test('the list shows the keys with what is due, and nothing that could sign', async () => {
  const { status, body } = await ask(server, token, 'GET /keys')
  expect(status).toBe(200)
  expect(body.items.map(({ alg, status: at }: Shown) => `${alg} ${at}`).sort()).toEqual([
    'ES256 signing',
    'EdDSA signing',
    'RS256 signing',
  ])
  for (const key of body.items) {
    expect(Object.keys(key)).toEqual([
      'kid',
      'alg',
      'status',
      'created_at',
      'signs_from',
      'signing_since',
      'retired_at',
      'published_until',
      'due',
    ])
    expect(key.due.what).toBe('rotate')
    expect(new Date(key.due.at).getTime() - new Date(key.signing_since).getTime()).toBe(90 * 86_400_000)
  }
  const sealed = await run(server.databaseUrl, "SELECT encode(sealed_private, 'base64') AS sealed FROM signing_keys")
  for (const row of sealed) expect(JSON.stringify(body)).not.toContain(String(row.sealed).slice(0, 40))
  const first = await ask(server, token, 'GET /keys?limit=2')
  const second = await ask(server, token, `GET /keys?limit=2&cursor=${first.body.next_cursor}`)
  expect([...first.body.items, ...second.body.items]).toEqual(body.items)
  expect(second.body.next_cursor).toBeNull()
})

describe('a rotation', () => {
  test('KR1: the new key is published before it signs, the old one for as long as what it signed lives; nobody notices', async () => {
    const before = (await keysOf()).find(({ alg }) => alg === 'ES256')?.kid ?? ''
    const { tokens: early } = await obtainTokens(server, SPA)
    const { status, body } = await post('/keys/rotation', { alg: 'ES256', reason: 'the yearly one' })
    expect([status, body.items]).toMatchObject([200, [{ alg: 'ES256', status: 'announced', due: { what: 'signs' } }]])
    const next: string = body.items[0].kid
    // Whoever fetches the keys now knows both, at every process, and has an hour for it.
    for (const node of [server, neighbour]) await until(() => publishes(node, next))
    const fetched = createLocalJWKSet((await jwks(neighbour)) as Parameters<typeof createLocalJWKSet>[0])
    const during = await obtainTokens(server, SPA)
    expect(headerOf(during.tokens.body.access_token).kid).toBe(before)

    await pass(3601)
    expect((await keysOf()).filter(({ kid }) => [before, next].includes(kid)).map(({ kid, status: at }) => [kid, at])).toEqual(
      expect.arrayContaining([
        [next, 'signing'],
        [before, 'retired'],
      ]),
    )
    await until(async () => (await signsWith(neighbour)) === next)
    const { tokens: late } = await obtainTokens(server, SPA)
    expect(headerOf(late.body.access_token).kid).toBe(next)
    for (const one of [during.tokens.body.access_token, late.body.access_token]) {
      await expect(
        jwtVerify(one ?? '', fetched, { currentDate: new Date(Date.now()) }).catch((error: Error) => error.name),
      ).resolves.not.toBe('JWKSNoMatchingKey')
    }
    // What it signed stays good, and who has signed in stays so.
    const refreshed = await refresh(server, SPA, during.tokens.body.refresh_token ?? '')
    expect([refreshed.status, headerOf(refreshed.body.access_token).kid]).toEqual([200, next])
    expect(await introspect(server, API, refreshed.body.access_token ?? '')).toMatchObject({ active: true })
    expect(early.body.access_token).toBeDefined()
    for (const node of [server, neighbour]) expect(await publishes(node, before)).toBe(true)

    // A day and a minute later nothing that it signed is in use.
    await pass(86_400 + 61)
    for (const node of [server, neighbour]) await until(async () => !(await publishes(node, before)))
    const rows = await run(
      server.databaseUrl,
      `SELECT status, length(sealed_private) AS bytes FROM signing_keys WHERE id = '${before}'`,
    )
    expect(rows).toEqual([{ status: 'removed', bytes: 0 }])
    const events = await run(
      server.databaseUrl,
      "SELECT name, actor, reason FROM audit_events WHERE name LIKE 'signing_key.%' AND name <> 'signing_key.created' ORDER BY id",
    )
    expect(events).toEqual([
      { name: 'signing_key.announced', actor: 'robot', reason: 'the yearly one' },
      { name: 'signing_key.activated', actor: 'system', reason: null },
      { name: 'signing_key.retired', actor: 'system', reason: null },
      { name: 'signing_key.removed', actor: 'system', reason: null },
    ])
  })

  test('KR5: by fifty at once, at two processes, announces one key, and both publish it', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => post('/keys/rotation', { alg: 'EdDSA' })))
    const mine = server.latchkey.keys.turns.rotate({ alg: 'EdDSA' }, { actor: 'robot' }).catch(() => undefined)
    const theirs = neighbour.latchkey.keys.turns.rotate({ alg: 'EdDSA' }, { actor: 'robot' }).catch(() => undefined)
    await Promise.all([mine, theirs])
    expectOnly(answers, 200, 409)
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    const announced = (await keysOf()).filter(({ alg, status }) => alg === 'EdDSA' && status === 'announced')
    expect(announced).toHaveLength(1)
    for (const node of [server, neighbour]) await until(() => publishes(node, announced[0]?.kid ?? ''))
    // Its turn comes once, whoever looks.
    await server.advance(3601)
    await Promise.all([...Array(10)].flatMap(() => [server.latchkey.keys.turns.run(), neighbour.latchkey.keys.turns.run()]))
    token = await robotToken(server)
    const events = await run(
      server.databaseUrl,
      `SELECT count(*)::int AS count FROM audit_events WHERE name = 'signing_key.activated' AND detail->>'kid' = '${announced[0]?.kid}'`,
    )
    expect(events).toEqual([{ count: 1 }])
    const signing = (await keysOf()).filter(({ alg, status }) => alg === 'EdDSA' && status === 'signing')
    expect(signing.map(({ kid }) => kid)).toEqual([announced[0]?.kid])
  })

  test('now takes the key that was announced, or a new one, and every process signs with it', async () => {
    const { body: announced } = await post('/keys/rotation', { alg: 'RS256' })
    const { body } = await post('/keys/rotation', { now: true })
    const signing = body.items.filter(({ status }: Shown) => status === 'signing')
    expect(signing.map(({ alg }: Shown) => alg).sort()).toEqual(['ES256', 'EdDSA', 'RS256'])
    expect(signing.map(({ kid }: Shown) => kid)).toContain(announced.items[0].kid)
    expect(body.items.filter(({ status }: Shown) => status === 'retired')).toHaveLength(3)
    const kid = signing.find(({ alg }: Shown) => alg === 'ES256').kid
    for (const node of [server, neighbour]) await until(async () => (await signsWith(node)) === kid)
  })
})

test('a key is taken from its turn: one that is announced never signs, one that signs hands over at once', async () => {
  const { body: announced } = await post('/keys/rotation', { alg: 'ES256' })
  const { kid } = announced.items[0]
  expect((await post(`/keys/${kid}/retirement`)).body.items).toMatchObject([{ kid, status: 'removed' }])
  const signing = (await keysOf()).find(({ alg, status }) => alg === 'ES256' && status === 'signing')?.kid
  const { body } = await post(`/keys/${signing}/retirement`, { reason: 'we do not like it' })
  expect(body.items.map(({ status }: Shown) => status).sort()).toEqual(['retired', 'signing'])
  for (const over of [kid, signing]) {
    const { status, body: problem } = await post(`/keys/${over}/retirement`)
    expect([status, problem.detail]).toEqual([409, `The key ${over} signs nothing any more.`])
  }
})

describe('KR2: a key that somebody else may have', () => {
  test('is previewed, and then dead with all that it signed; the one that was announced has its turn', async () => {
    const { body: announced } = await post('/keys/rotation', { alg: 'ES256' })
    const next = announced.items[0].kid
    const { tokens } = await obtainTokens(server, SPA)
    token = await robotToken(server)
    const kid = String(headerOf(tokens.body.access_token).kid)
    const preview = await post(`/keys/${kid}/compromise`, { dry_run: true })
    expect(preview.body).toMatchObject({ dry_run: true, key: { kid, status: 'signing' }, everything_it_signed: true })
    expect(await introspect(server, API, tokens.body.access_token ?? '')).toMatchObject({ active: true })
    const { status, body } = await post(`/keys/${kid}/compromise`, { reason: 'it was in a backup' })
    expect([status, body.sequence]).toEqual([200, expect.any(Number)])
    // The token of the one who did it is dead as well.
    expect((await ask(server, token, 'GET /keys')).status).toBe(401)
    token = await robotToken(server)
    expect(await introspect(server, API, tokens.body.access_token ?? '')).toEqual({ active: false })
    expect(headerOf(token).kid).toBe(next)
    for (const node of [server, neighbour]) await until(async () => !(await publishes(node, kid)))
    const again = await post(`/keys/${kid}/compromise`)
    expect([again.status, again.body.detail]).toEqual([409, `There is no key ${kid} in use.`])
  })

  test('AD2, AD6: what is no key is not there', async () => {
    for (const kid of ['nobody', "a'--", 'x'.repeat(300), '%ED%A0%80'])
      for (const what of ['compromise', 'retirement']) expect((await post(`/keys/${kid}/${what}`)).status).toBe(404)
    // What holds a character that no name can hold is refused before it is looked for.
    expect((await post('/keys/%00/compromise')).status).toBe(400)
    for (const body of [{ alg: 'HS256' }, { alg: { not: '' } }, { now: 'yes' }, { kid: 'mine' }])
      expect((await post('/keys/rotation', body)).status).toBe(400)
  })

  test('AD1: is for owners', async () => {
    const operator = await personToken(server, 'operator')
    expect((await ask(server, operator, 'GET /keys')).status).toBe(200)
    expect((await ask(server, operator, 'POST /keys/rotation', { body: {} })).status).toBe(403)
  })
})

test('nothing of it was an error of the server', () => {
  expect(errorLines(server)).toEqual([])
  expect(errorLines(neighbour)).toEqual([])
})
