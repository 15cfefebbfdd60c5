// Apps that do not take what they are told of a sign-out: they fail, hang, send the server elsewhere or point into its network.
// Nobody else notices; and a sign-out of everybody, at every process, still reaches each app.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Browser } from '../support/browser.ts'
import type { TestClient } from '../support/clients.ts'
import { HANG, type LogoutApp, startLogoutApp, until, withStatus } from '../support/logout-app.ts'
import { claimsOf, obtainTokens } from '../support/oauth.ts'
import { redisUrl } from '../support/redis.ts'
import { startServer, type TestServer } from '../support/server.ts'

const NAMES = ['sound', 'failing', 'hanging', 'redirecting', 'inward', 'metadata'] as const

const clients = NAMES.map(
  (name): TestClient => ({
    client_id: name,
    client_secret: `a-secret-of-the-app-${name}-that-is-long-enough`,
    redirect_uri: `https://${name}.example/callback`,
    scope: 'openid profile email notes:read',
  }),
)

let sound: LogoutApp
let failing: LogoutApp
let hanging: LogoutApp
let redirecting: LogoutApp
let server: TestServer
/** Another process on the same database and the same Redis. */
let neighbour: TestServer
/** Something that must not be reached. */
let inside: LogoutApp

beforeAll(async () => {
  sound = await startLogoutApp()
  failing = await startLogoutApp()
  hanging = await startLogoutApp()
  redirecting = await startLogoutApp()
  inside = await startLogoutApp()
  failing.answer = withStatus(500)
  hanging.answer = HANG
  redirecting.answer = withStatus(302, { Location: inside.uri })
  const uris: { readonly [Name in (typeof NAMES)[number]]: string } = {
    sound: sound.uri,
    failing: failing.uri,
    hanging: hanging.uri,
    redirecting: redirecting.uri,
    inward: 'https://10.99.99.99/backchannel-logout',
    metadata: 'https://169.254.169.254/latest/meta-data/',
  }
  const redis = redisUrl()
  const provisioned = clients.map(({ client_id, client_secret, redirect_uri, scope }) => ({
    client_id,
    client_secret,
    redirect_uris: [redirect_uri],
    grant_types: ['authorization_code', 'refresh_token'],
    scope,
    skip_consent: true,
    backchannel_logout_uri: uris[client_id as keyof typeof uris],
  }))
  const provision = { clients: provisioned }
  server = await startServer({ redisUrl: redis, provision })
  const more = { redisUrl: redis, databaseUrl: server.databaseUrl, settings: { ISSUER: server.issuer } }
  neighbour = await startServer({ ...more, provision })
})

afterAll(async () => {
  await neighbour?.stop()
  await server?.stop()
  for (const app of [sound, failing, hanging, redirecting, inside]) await app?.stop()
})

async function signedIn(person = server.ada, apps = clients) {
  const browser = new Browser()
  const sids = new Map<string, unknown>()
  let sessionId = ''
  let accountId = ''
  for (const client of apps) {
    const { tokens } = await obtainTokens(server, client, { browser, person })
    sids.set(client.client_id, claimsOf(tokens.body.id_token).sid)
    sessionId = String(claimsOf(tokens.body.access_token).sid)
    accountId = String(claimsOf(tokens.body.id_token).sub)
  }
  return { browser, sids, sessionId, accountId }
}

type SignedIn = Awaited<ReturnType<typeof signedIn>>

test('LO3: apps that answer 500, hang, redirect or point inward hold nobody up; all is tried again, and logged', async () => {
  const { browser, sids, sessionId } = await signedIn()
  const page = await browser.open(new URL('/logout', server.issuer))
  const begun = performance.now()
  expect((await browser.submit(page)).body).toContain('You are signed out')
  expect(performance.now() - begun).toBeLessThan(1500)
  await until(() => sound.received.length === 1)
  expect(performance.now() - begun).toBeLessThan(2000)
  expect(sound.received[0]?.claims.sid).toBe(sids.get('sound'))
  await until(async () => (await errorsOf(sessionId)).size === 5)
  expect(Object.fromEntries(await errorsOf(sessionId))).toEqual({
    failing: 'it answered 500',
    hanging: 'it did not answer within 5 seconds',
    redirecting: 'it redirects (302), which is not followed',
    inward: 'its address 10.99.99.99 is private, and LATCHKEY_LOGOUT_PRIVATE_ADDRESSES does not name it',
    metadata: 'its address 169.254.169.254 is private, and LATCHKEY_LOGOUT_PRIVATE_ADDRESSES does not name it',
  })
  expect(inside.received).toEqual([])
  const logged = server.log.lines.filter(({ msg }) => String(msg).startsWith('an app was not told'))
  expect(new Set(logged.map(({ client }) => client))).toEqual(new Set(NAMES.slice(1)))
  const before = failing.received.length
  await server.advance(6)
  await until(() => failing.received.length > before)
  expect(sound.received).toHaveLength(1)
}, 60_000)

/** What kept apps from being told, of those that have been tried. */
async function errorsOf(sessionId: string): Promise<Map<string, string>> {
  const rows = await server.latchkey.logout.notifications.list({ sessionId })
  return new Map(rows.flatMap(({ clientId, lastError }) => (lastError === undefined ? [] : [[clientId, lastError] as const])))
}

test('LO3: not even this machine is reached where the setting names other addresses', async () => {
  const settings = { LATCHKEY_LOGOUT_PRIVATE_ADDRESSES: '10.99.0.0/16' }
  const strict = await startServer({ settings })
  await strict.latchkey.stores.db.client.create({ data: { id: 'here', metadata: { backchannel_logout_uri: inside.uri } } })
  const row = { id: 'lgo_1', sessionId: 'ses_1', clientId: 'here', accountId: 'acc_1', sid: 'one', cause: 'signed_out' }
  await strict.latchkey.stores.db.logoutNotification.create({ data: { ...row, giveUpAt: new Date(Date.now() + 60_000) } })
  await strict.latchkey.logout.delivery.run()
  const [told] = await strict.latchkey.logout.notifications.list()
  await strict.stop()
  expect(told?.lastError).toContain('LATCHKEY_LOGOUT_PRIVATE_ADDRESSES')
  expect(inside.received).toEqual([])
})

test('SE5: signing out everywhere tells each app of each session by its own name for it, whichever process does it', async () => {
  failing.answer = withStatus(204)
  const apps = clients.filter(({ client_id }) => client_id === 'sound' || client_id === 'failing')
  const ways = [
    async ({ browser }: SignedIn) => {
      await browser.submit(await browser.open(new URL('/logout', server.issuer)), { scope: 'account' })
    },
    async ({ accountId }: SignedIn) => {
      const ended = await neighbour.latchkey.nouns.sessions.endAll({ accountId, origin: {} })
      expect(ended).toMatchObject({ sessions: 4, logout_notifications: 8 })
    },
  ]
  for (const signOutEverywhere of ways) {
    for (const app of [sound, failing]) app.received.length = 0
    const sessions = await Promise.all([1, 2, 3, 4].map(() => signedIn(server.grace, apps)))
    const begun = performance.now()
    if (sessions[0] !== undefined) await signOutEverywhere(sessions[0])
    await until(() => sound.received.length === 4 && failing.received.length === 4)
    expect(performance.now() - begun).toBeLessThan(1500)
    for (const [name, app] of [['sound', sound] as const, ['failing', failing] as const]) {
      const expected = sessions.map(({ sids }) => sids.get(name))
      expect(new Set(app.received.map(({ claims }) => claims.sid))).toEqual(new Set(expected))
      expect(app.received.every(({ claims }) => claims.iss === server.issuer && claims.aud === name)).toBe(true)
    }
  }
}, 60_000)

test('LO3: apps that are many and all hang do not keep the others waiting until they are given up', async () => {
  const sockets = createServer(() => undefined)
  await new Promise<void>((resolve) => sockets.listen(0, '127.0.0.1', resolve))
  const { port } = sockets.address() as AddressInfo
  const { db } = server.latchkey.stores
  const many = Array.from({ length: 20 }, (_, index) => `hanging-${index}`)
  const uri = `http://127.0.0.1:${port}/`
  await db.client.createMany({ data: many.map((id) => ({ id, metadata: { backchannel_logout_uri: uri } })) })
  const giveUpAt = new Date(Date.now() + 86_400_000)
  const row = (clientId: string, index: number) => {
    const id = `${clientId}-${index}`
    return { id: `lgo_${id}`, sessionId: `ses_${id}`, clientId, accountId: 'acc_1', sid: id, cause: 'signed_out', giveUpAt }
  }
  await db.logoutNotification.createMany({ data: many.flatMap((clientId) => [0, 1, 2, 3].map((index) => row(clientId, index))) })
  await server.latchkey.logout.delivery.look()
  sound.received.length = 0
  // They have all places of the process at first, and nobody knows yet that they hang, which takes five seconds. A second is enough.
  let begun = performance.now()
  await db.logoutNotification.create({ data: row('sound', 99) })
  await until(() => sound.received.length === 1)
  expect(performance.now() - begun).toBeLessThan(3500)
  // Whoever has hung once has no more than half of the places.
  for (const next of [100, 101, 102]) {
    sound.received.length = 0
    begun = performance.now()
    await db.logoutNotification.create({ data: row('sound', next) })
    await server.latchkey.logout.delivery.look()
    await until(() => sound.received.length === 1)
    expect(performance.now() - begun).toBeLessThan(1500)
  }
  await db.logoutNotification.deleteMany()
  sockets.closeAllConnections()
  await new Promise((resolve) => sockets.close(resolve))
}, 60_000)
