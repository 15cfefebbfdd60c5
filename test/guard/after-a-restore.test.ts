// A database comes back from a backup while guards go on: they remember numbers that it gives again, and must not take what was ended
// afterwards for what they know already.
import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { loadConfig } from '../../config/config.ts'
import { createGuard, type Guard, type GuardOptions } from '../../guard/main.ts'
import { createCommandHandlers } from '../../server/commands/handlers.ts'
import { MACHINE, NOTES, SPA } from '../support/clients.ts'
import { clientRequest, headerOf, obtainTokens, tokenRequest } from '../support/oauth.ts'
import { createDatabase, run, type TestDatabase, urlOfDatabase } from '../support/postgres.ts'
import { redisUrl } from '../support/redis.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { outcomeOf, until } from './trial.ts'

const CLIENT = { client_id: 'notes-guard', client_secret: 'a-secret-of-the-guard-that-is-long-enough' }
const provision = { clients: [{ ...CLIENT, grant_types: ['client_credentials'], scope: 'revocations:read' }] }

let database: TestDatabase
let backup: string
let now: TestServer | undefined
const guards: Guard[] = []
const connections: Redis[] = []

beforeEach(async () => {
  database = await createDatabase()
  backup = `${database.url}_backup_${randomBytes(4).toString('hex')}`
})

afterEach(async () => {
  await Promise.all(guards.splice(0).map((guard) => guard.close()))
  for (const connection of connections.splice(0)) connection.disconnect()
  await now?.stop()
  now = undefined
  await database?.drop()
  await run(urlOfDatabase(backup, 'postgres'), `DROP DATABASE IF EXISTS ${nameOf(backup)} WITH (FORCE)`)
})

const nameOf = (url: string) => new URL(url).pathname.slice(1)

async function copy(from: string, to: string): Promise<void> {
  const postgres = urlOfDatabase(from, 'postgres')
  await run(postgres, `DROP DATABASE IF EXISTS ${nameOf(to)} WITH (FORCE)`)
  await run(postgres, `CREATE DATABASE ${nameOf(to)} TEMPLATE ${nameOf(from)}`)
}

/** The port is another one at each start; the issuer is the same. */
const elsewhere =
  (issuer: string): NonNullable<GuardOptions['fetch']> =>
  (request, init) =>
    fetch(String(request).replace(`:${new URL(issuer).port}/`, `:${new URL(now?.issuer ?? issuer).port}/`), init)

const machineToken = (server: TestServer, client: Parameters<typeof tokenRequest>[1] = MACHINE) =>
  tokenRequest(server, client, { grant_type: 'client_credentials', resource: NOTES, scope: 'notes:read' })

test('RT16: what the restored database ends under numbers that were given before is refused by every guard', async () => {
  const redis = redisUrl()
  const start = (redisOf: string, issuer?: string) =>
    startServer({
      databaseUrl: database.url,
      redisUrl: redisOf,
      provision,
      ...(issuer === undefined ? {} : { settings: { ISSUER: issuer } }),
    })
  const first = await start(redis)
  const { issuer } = first
  const people = [await obtainTokens(first, SPA), await obtainTokens(first, SPA)].map(
    ({ tokens }) => tokens.body.access_token ?? '',
  )
  const lost = (await obtainTokens(first, SPA)).tokens.body.access_token ?? ''
  const living = [...people, (await machineToken(first)).body.access_token ?? '']
  await first.stop()
  await copy(database.url, backup)

  // One revocation less than there are clients: the end of everything gives all of their numbers again, and comes further.
  now = await start(redis, issuer)
  const [{ count }] = await run(database.url, 'SELECT count(*)::int AS count FROM clients')
  for (let revoked = 1; revoked < count - 1; revoked += 1) {
    const { body } = await machineToken(now)
    await clientRequest(now, '/revoke', MACHINE, { token: body.access_token ?? '' })
  }
  await clientRequest(now, '/revoke', SPA, { token: lost })
  const redisClient = () => {
    const connection = new Redis(redis)
    connections.push(connection)
    return connection
  }
  const guard = async (options: Partial<GuardOptions>) => {
    const made = await createGuard({ issuer, audience: NOTES, log: () => undefined, fetch: elsewhere(issuer), ...options })
    guards.push(made)
    return made
  }
  const client = { id: CLIENT.client_id, secret: CLIENT.client_secret }
  const all = [await guard({ client }), await guard({ redis: redisClient(), client }), await guard({ redis: redisClient() })]
  for (const judge of all) {
    await until(async () => (await outcomeOf(judge, lost)) === 'InvalidToken: revoked')
    for (const token of living) expect(await outcomeOf(judge, token)).toBe('good')
  }
  await now.stop()

  await copy(backup, database.url)
  // As the command does it: by a process of its own, while no server runs.
  const command = await start(redisUrl(), issuer)
  const { config } = loadConfig({ NODE_ENV: 'test' })
  await createCommandHandlers({ config, latchkey: command.latchkey })['end everything']?.({ reason: 'restored' })
  await command.stop()
  now = await start(redis, issuer)

  all.push(await guard({ redis: redisClient() }))
  for (const judge of all) {
    for (const token of living) await until(async () => (await outcomeOf(judge, token)) === 'InvalidToken: revoked', 15_000)
  }
}, 120_000)

const BY = { actor: 'acc_admin', reason: 'the next turn' } as const
const LATE = { client_id: 'registered-late', client_secret: 'a-secret-of-the-late-one-that-is-long-enough' }

test('RT16: tokens of a client that the backup does not know are refused by a guard that starts after the restore', async () => {
  const redis = redisUrl()
  const start = (issuer?: string, ...more: readonly (typeof LATE)[]) => {
    const clients = [
      ...provision.clients,
      ...more.map((client) => ({ ...client, grant_types: ['client_credentials'], scope: 'notes:read' })),
    ]
    const settings = issuer === undefined ? {} : { ISSUER: issuer }
    return startServer({ databaseUrl: database.url, redisUrl: redis, provision: { clients }, settings })
  }
  const first = await start()
  const { issuer } = first
  await first.latchkey.keys.turns.rotate({ alg: 'ES256' }, BY)
  await first.stop()
  await copy(database.url, backup)

  now = await start(issuer, LATE)
  const before = (await machineToken(now, LATE)).body.access_token ?? ''
  // The backup calls this key announced: it has signed since.
  await now.latchkey.keys.turns.rotate({ alg: 'ES256', now: true }, BY)
  const signedByTheNext = (await machineToken(now, LATE)).body.access_token ?? ''
  expect(headerOf(signedByTheNext).kid).not.toBe(headerOf(before).kid)
  const lost = [before, signedByTheNext]
  for (const token of lost) expect((await clientRequest(now, '/revoke', LATE, { token })).status).toBe(200)
  await now.stop()

  await copy(backup, database.url)
  now = await start(issuer)
  const client = { id: CLIENT.client_id, secret: CLIENT.client_secret }
  const connection = new Redis(redis)
  connections.push(connection)
  for (const source of [{ client }, { redis: connection }]) {
    const judge = await createGuard({ issuer, audience: NOTES, log: () => undefined, fetch: elsewhere(issuer), ...source })
    guards.push(judge)
    for (const token of lost) expect(await outcomeOf(judge, token)).toBe('InvalidToken: revoked')
    // The keys themselves stay in use.
    const { body } = await machineToken(now)
    expect(lost.map((token) => headerOf(token).kid)).toContain(headerOf(body.access_token).kid)
    expect(await outcomeOf(judge, body.access_token ?? '')).toBe('good')
  }
}, 120_000)
