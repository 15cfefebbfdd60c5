// Listeners that come in at the very moment in which their client is suspended: some are let in before, and none goes on listening.
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { tokenRequest } from '../support/oauth.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { type FeedListener, listen } from './listener.ts'

const SECRET = 'a-secret-of-the-guard-that-is-long-enough'
const CLIENTS = ['guard-one', 'guard-two', 'guard-three', 'guard-four']

let server: TestServer

beforeAll(async () => {
  const rest = { client_secret: SECRET, grant_types: ['client_credentials'], scope: 'revocations:read' }
  server = await startServer({ provision: { clients: CLIENTS.map((client_id) => ({ client_id, ...rest })) } })
})

afterAll(async () => {
  await server?.stop()
})

test.each(CLIENTS)('fifty listeners of %s', async (id) => {
  const asked = { grant_type: 'client_credentials', resource: `${server.issuer}/revocations`, scope: 'revocations:read' }
  const { body } = await tokenRequest(server, { client_id: id, client_secret: SECRET }, asked)
  const headers = { authorization: `Bearer ${body.access_token}` }
  const coming: Promise<FeedListener>[] = []
  let suspended: Promise<unknown> | undefined
  for (let index = 0; index < 50; index += 1) {
    if (index === 15) suspended = server.latchkey.nouns.events.clients.suspend(id, { actor: 'system' })
    coming.push(listen(`${server.issuer}/revocations`, headers))
    if (index % 2 === 0) await wait(1)
  }
  await suspended
  const listeners = await Promise.all(coming)
  const letIn = listeners.filter(({ status }) => status === 200)
  expect(letIn.length).toBeGreaterThan(0)
  for (const listener of letIn) await listener.until(({ ended }) => ended)
  expect(server.latchkey.revocations.listeners.count).toBe(0)
})
