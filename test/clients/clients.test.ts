// Clients on a real database: registering, changing, removing, and secrets that overlap.
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { readClientMetadata } from '../../server/clients/client-metadata.ts'
import type { ClientMetadata } from '../../server/clients/client-metadata-members.ts'
import { generateClientSecret, matchesClientSecret } from '../../server/clients/client-secrets.ts'
import { ClientRefused } from '../../server/clients/client-standing.ts'
import { type Clients, createClients } from '../../server/clients/clients.ts'
import type { Ending } from '../../server/tokens/ending.ts'
import { openWorkbench, type Workbench } from '../commands/support.ts'
import { tamper } from '../support/postgres.ts'

const BY = { actor: 'acc_admin', reason: 'a test', origin: { address: '192.0.2.7' } }
const APP = metadataOf({ client_id: 'app', redirect_uris: ['https://app.example/cb'], scope: 'openid notes:read' })

let bench: Workbench
let clients: Clients
let now = 1_800_000_000_000
beforeAll(async () => {
  bench = await openWorkbench()
  clients = createClients({ db: bench.db, clock: () => now })
})
afterAll(() => bench.close())
beforeEach(async () => {
  await bench.db.client.deleteMany()
  await tamper(bench.url)
  await bench.db.revocation.deleteMany()
})

function metadataOf(registration: Record<string, unknown>): ClientMetadata {
  const result = readClientMetadata(registration)
  if ('issues' in result) throw new Error(JSON.stringify(result.issues))
  return result.metadata
}

/** Runs a change as callers do: in a transaction that also ends what the change takes the ground from. */
function change<Result>(work: (ending: Ending) => Promise<Result>): Promise<Result> {
  return bench.db.$transaction(async (tx) => {
    const results: Result[] = []
    await bench.deps.endings.within(tx, 'test', async (ending) => {
      results.push(await work(ending))
    })
    return results[0] as Result
  })
}

async function goodSecrets(among: readonly string[]): Promise<string[]> {
  const { secrets } = (await clients.find('app')) ?? { secrets: [] }
  return among.filter((secret) => matchesClientSecret(secrets, secret, now))
}

test('a client is registered once, and found by its id', async () => {
  await change((ending) => clients.create(ending, { metadata: APP }, BY))
  expect(await clients.find('app')).toEqual({ id: 'app', metadata: APP, status: 'active', secrets: [] })
  expect(await clients.find('nobody')).toBeUndefined()
  await expect(change((ending) => clients.create(ending, { metadata: APP }, BY))).rejects.toThrow(ClientRefused)
  expect(await bench.db.auditEvent.findMany()).toMatchObject([
    { name: 'client.created', clientId: 'app', actor: 'acc_admin', reason: 'a test', address: '192.0.2.7' },
  ])
})

test('what is not there cannot be changed or removed', async () => {
  const nothing = [
    change((ending) => clients.update(ending, { metadata: APP }, BY)),
    change((ending) => clients.delete(ending, 'app', BY)),
    change((ending) => clients.addSecret(ending, { clientId: 'app', secret: generateClientSecret(), overlapSeconds: 0 }, BY)),
  ]
  for (const refused of await Promise.allSettled(nothing))
    expect(refused).toMatchObject({ status: 'rejected', reason: expect.any(ClientRefused) })
  expect(await bench.db.auditEvent.count()).toBe(0)
})

test('a change that is none writes nothing, and who manages the client stays', async () => {
  await change((ending) => clients.create(ending, { metadata: APP, managedBy: 'provision' }, BY))
  expect(await change((ending) => clients.update(ending, { metadata: { ...APP } }, BY))).toEqual([])
  expect(await change((ending) => clients.update(ending, { metadata: { ...APP, client_name: 'Notes' } }, BY))).toEqual([
    'client_name',
  ])
  expect((await clients.find('app'))?.managedBy).toBe('provision')
  expect(await bench.db.auditEvent.count()).toBe(2)
})

test('two secrets are good at once for as long as they overlap, and never more than two', async () => {
  await change((ending) => clients.create(ending, { metadata: APP }, BY))
  const [first, second, third] = [generateClientSecret(), generateClientSecret(), generateClientSecret()]
  const all = [first, second, third]
  const add = (secret: string, overlapSeconds: number) =>
    change((ending) => clients.addSecret(ending, { clientId: 'app', secret, overlapSeconds }, BY))
  await add(first, 60)
  expect(await goodSecrets(all)).toEqual([first])
  await add(second, 60)
  expect(await goodSecrets(all)).toEqual([first, second])
  now += 59_000
  expect(await goodSecrets(all)).toEqual([first, second])
  now += 1000
  expect(await goodSecrets(all)).toEqual([second])
  await add(first, 60)
  await add(third, 60)
  expect(await goodSecrets(all)).toEqual([first, third])
  expect(await bench.db.clientSecret.count()).toBe(2)
  await add(second, 0)
  expect(await goodSecrets(all)).toEqual([second])
  expect(await bench.db.clientSecret.count()).toBe(1)
  await change((ending) => clients.removeSecrets(ending, 'app', BY))
  expect(await goodSecrets(all)).toEqual([])
})

test('a secret that is not good enough is refused, and not repeated', async () => {
  await change((ending) => clients.create(ending, { metadata: APP }, BY))
  const refused = change((ending) => clients.addSecret(ending, { clientId: 'app', secret: 'hunter2', overlapSeconds: 0 }, BY))
  await expect(refused).rejects.toThrow(/^(?!.*hunter2).*32 characters/)
})

test('a client that goes ends all of its tokens that are out, and the id can be given again', async () => {
  await change((ending) => clients.create(ending, { metadata: APP }, BY))
  await change((ending) => clients.delete(ending, 'app', BY))
  const [entry] = await bench.db.revocation.findMany()
  const [clock] = await bench.db.$queryRaw<{ now: Date }[]>`SELECT latchkey_now() AS now`
  expect(entry).toMatchObject({ kind: 'client_id', value: 'app' })
  // Ten seconds ahead, rounded up: no process makes a token for it later than that. Tokens issued later are not concerned.
  const ahead = (entry?.before?.getTime() ?? 0) - (clock?.now.getTime() ?? 0)
  expect(ahead).toBeGreaterThan(9000)
  expect(ahead).toBeLessThanOrEqual(11_000)
  expect(entry?.until.getTime()).toBeGreaterThan((clock?.now.getTime() ?? 0) + 900_000)
  await change((ending) => clients.create(ending, { metadata: APP }, BY))
  expect((await clients.list()).map(({ id }) => id)).toEqual(['app'])
})
