// The address that a session is recorded with, and the event that tells of its begin: whatever a socket or a proxy calls it.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { run } from '../support/postgres.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer

beforeAll(async () => {
  server = await startServer()
})

afterAll(() => server?.stop())

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['2001:db8::7', '2001:db8::7'],
  // RFC 4007 §11: the zone is a name of this host's, which the database does not know.
  ['fe80::1%eth0', 'fe80::1'],
  ['%eth0', null],
  ['192.0.2.7:4711', null],
  ['', null],
])('a sign-in from %j is recorded with %j', async (address, recorded) => {
  const { signIn, sessions } = server.latchkey.nouns
  const signedIn = await signIn.signIn({ ...server.ada, origin: {} })
  if (signedIn.outcome !== 'ok') throw new Error('the sign-in was refused')
  const [account] = await run(server.databaseUrl, 'SELECT id FROM accounts WHERE email = $1', [server.ada.username])
  const id = `ses_${Buffer.from(address).toString('hex')}`
  const rest = { methods: ['pwd'], lifeSeconds: 600, clients: [], afterEnd: signedIn.afterEnd }
  expect(await sessions.record({ ...rest, id, accountId: String(account?.id), origin: { address } })).toBe(true)
  for (const table of ['sessions WHERE id', "audit_events WHERE name = 'session.started' AND session_id"])
    expect(await run(server.databaseUrl, `SELECT host(address) AS address FROM ${table} = $1`, [id])).toEqual([
      { address: recorded },
    ])
})
