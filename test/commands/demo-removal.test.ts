// Removing the demo.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { removeDemo } from '../../server/commands/demo-removal.ts'
import { openWorkbench, signInAt, type Workbench } from './support.ts'

let bench: Workbench
beforeAll(async () => {
  bench = await openWorkbench()
})
afterAll(() => bench.close())

test('all of the demo goes, with every token of its, and nothing else', async () => {
  const { db } = bench
  const spa = (id: string) => ({
    client_id: id,
    token_endpoint_auth_method: 'none',
    redirect_uris: ['https://a.test/cb'],
    backchannel_logout_uri: 'https://a.test/logout',
    scope: 'notes:read',
  })
  await bench.provision({
    clients: [spa('demo-spa'), spa('own')],
    resource_servers: [{ identifier: 'urn:demo', scopes: ['notes:read'] }],
    accounts: [{ email: 'ada@demo.test', roles: ['owner'] }, { email: 'own@a.test' }],
  })
  await db.client.update({ where: { id: 'demo-spa' }, data: { managedBy: 'demo' } })
  await db.resourceServer.updateMany({ data: { managedBy: 'demo' } })
  const ada = await db.account.update({ where: { emailKey: 'ada@demo.test' }, data: { managedBy: 'demo' } })
  await signInAt(db, ada.id, 'own')
  const names = { clients: ['demo-spa'], resourceServers: ['urn:demo'], accounts: ['ada@demo.test'] }

  expect(await removeDemo(bench.deps, { dryRun: true })).toEqual(names)
  expect(await db.client.count()).toBe(2)
  expect(await removeDemo(bench.deps, { dryRun: false, reason: 'seen it' })).toEqual(names)
  expect(await db.client.findMany({ where: { status: 'active' } })).toMatchObject([{ id: 'own' }])
  expect(await db.account.findMany({ where: { status: 'active' } })).toMatchObject([{ email: 'own@a.test' }])
  // Of what is gone only the ids are left, until nothing hangs from them any more.
  expect(await db.client.findMany({ where: { status: 'deleted' } })).toMatchObject([{ id: 'demo-spa', metadata: {} }])
  expect(await db.account.findMany({ where: { status: 'deleted' } })).toMatchObject([{ id: ada.id, email: '', roles: [] }])
  expect(await db.resourceServer.count()).toBe(0)
  // An app that stays is told that her session is over.
  expect(await db.logoutNotification.findMany()).toMatchObject([{ accountId: ada.id, clientId: 'own', cause: 'demo_removed' }])
  const entries = await db.revocation.findMany()
  expect(entries.map(({ kind, value }) => `${kind} ${value}`)).toEqual(
    expect.arrayContaining(['client_id demo-spa', `sub ${ada.id}`]),
  )
  const events = await db.auditEvent.findMany({ where: { reason: 'seen it' } })
  expect(new Set(events.map(({ name }) => name))).toEqual(
    new Set(['resource_server.deleted', 'client.deleted', 'account.deleted']),
  )

  expect(await removeDemo(bench.deps, { dryRun: false })).toEqual({ clients: [], resourceServers: [], accounts: [] })
})
