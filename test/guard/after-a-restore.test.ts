// A database comes back from a backup while guards go on: they remember numbers that it gives again, and must not take what was ended
// afterwards for what they know already.
import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { loadConfig } from '../../config/config.ts'
import { createGuard, type Guard, type GuardOptions } from '../../guard/main.ts'
import { createCommandHandlers } from '../../server/commands/handlers.ts'
import { MACHINE, NOTES, SPA } from '../support/clients.ts'
import { clientRequest, obtainTokens, tokenRequest } from '../support/oauth.ts'
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

const machineToken = (server: TestServer) =>
  tokenRequest(server, MACHINE, { grant_type: 'client_credentials', resource: NOTES, scope: 'notes:read' })

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
  // The port is another one at each start; the issuer is the same.
  const port = new URL(issuer).port
  const elsewhere: GuardOptions['fetch'] = (request, init) =>
    fetch(String(request).replace(`:${port}/`, `:${new URL(now?.issuer ?? issuer).port}/`), init)
  const guard = async (options: Partial<GuardOptions>) => {
    const made = await createGuard({ issuer, audience: NOTES, log: () => undefined, fetch: elsewhere, ...options })
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
