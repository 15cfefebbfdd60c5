// What a process remembers of clients and resource servers, as others change it.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { loadRegistry, type Registry } from '../../server/provider/registry.ts'
import { openWorkbench, type Workbench } from '../commands/support.ts'

let bench: Workbench
let registry: Registry

beforeAll(async () => {
  bench = await openWorkbench()
  registry = await loadRegistry({ db: bench.db, own: [], lifeSeconds: 900 })
})
afterAll(() => bench.close())

test('whoever has seen a later state finds it, and what has changed is still told to the one who follows', async () => {
  const before = registry.lookedAt()
  await bench.provision({ resource_servers: [{ identifier: 'https://a.test/api', scopes: ['a:read'] }] })
  const row = await bench.db.registryVersion.findUniqueOrThrow({ where: { id: 1 } })
  await Promise.all([registry.catchUp(row.version), registry.catchUp(row.version), registry.catchUp(row.version)])
  expect(registry.resourceServers().map(({ identifier }) => identifier)).toEqual(['https://a.test/api'])
  const looked = registry.lookedAt()
  expect(looked).toBeGreaterThan(before)
  expect(await registry.refresh()).toEqual({ changed: true, scopesChanged: true })
  expect(await registry.refresh()).toEqual({ changed: false, scopesChanged: false })
})

test('the state that is known is not looked for again', async () => {
  const row = await bench.db.registryVersion.findUniqueOrThrow({ where: { id: 1 } })
  const before = registry.lookedAt()
  await registry.catchUp(row.version)
  expect(registry.lookedAt()).toBe(before)
})
