// What is to be told of an end (logout tokens, webhooks, security event tokens) while a store fails or a process dies in the middle of
// telling it: each is told at least once and under one name, none is lost, and whoever listens elsewhere is told once and at once.
// Over processes of the program.

import { mkdtemp, rm } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { decodeJwt } from 'jose'
import { adminResourceOf, ask } from '../admin-api/api.ts'
import { Browser } from '../support/browser.ts'
import type { TestClient } from '../support/clients.ts'
import { type LogoutApp, startLogoutApp, until } from '../support/logout-app.ts'
import { claimsOf, obtainTokens, refresh, tokenRequest } from '../support/oauth.ts'
import { moveDatabaseClock, run } from '../support/postgres.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { PEOPLE, PROVISION } from './people.ts'

const CRM = appOf('crm')
const WIKI = appOf('wiki')
const SIEM = { client_id: 'siem', client_secret: 'a-secret-of-the-siem-that-is-long-enough' }
const ROBOT = { client_id: 'robot', client_secret: 'a-secret-of-the-robot-that-is-long-enough' }
const ROBOT_SCOPE = 'sessions:revoke grants:revoke webhooks:write audit:read'
const SESSION_REVOKED = 'https://schemas.openid.net/secevent/caep/event-type/session-revoked'
/** In seconds: longer than a claim holds. */
const LEASE = 16
const TABLES = ['logout_notifications', 'webhook_deliveries', 'signals'] as const

/** Somebody who is told, and can be made to keep the answer back. */
interface Listener {
  readonly name: string
  /** How often each thing was told, by its name: that of the notification, the `webhook-id`, the `jti`. */
  told(): Map<string, number>
  /** What each thing that was told is about, as the listener knows it. */
  about(): string[]
  /** Keeps answers back from now on; the function hands over those that wait. */
  hold(): () => ServerResponse[]
  accept(): void
  forget(): void
}

let folder: string
let cluster: Cluster
let apps: readonly LogoutApp[] = []
let receivers: readonly Receiver[] = []
let clock = 0
/** Whose telling is disturbed. */
let listeners: readonly Listener[] = []
/** The others. */
let bystanders: readonly Listener[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-outboxes-'))
  apps = [await startLogoutApp(), await startLogoutApp()]
  receivers = [await startReceiver(), await startReceiver(), await startReceiver()]
  const [crm, wiki] = apps
  const [hooks, otherHooks, siem] = receivers
  if (!crm || !wiki || !hooks || !otherHooks || !siem) throw new Error('somebody did not start')
  const clients = [
    ...PROVISION.clients,
    registrationOf(CRM, crm),
    registrationOf(WIKI, wiki),
    { ...SIEM, grant_types: ['client_credentials'], scope: 'ssf.manage' },
    { ...ROBOT, grant_types: ['client_credentials'], scope: ROBOT_SCOPE },
  ]
  const settings = { LATCHKEY_RATE_LIMITS: 'off', LATCHKEY_ANSWER_WITHIN_MS: '10000', LATCHKEY_SHARED_SIGNALS: 'on' }
  cluster = await startCluster({ folder, provision: { ...PROVISION, clients }, settings })
  for (const { url } of [hooks, otherHooks])
    expect((await administer('POST /webhooks', { body: { url, events: ['session.revoked'] } })).status).toBe(201)
  await makeStream(siem)
  listeners = [listenerAt('the app', crm), hookAt('the webhook', hooks), signalsAt('the stream', siem)]
  bystanders = [listenerAt('the other app', wiki), hookAt('the other webhook', otherHooks)]
}, 120_000)

afterEach(async () => {
  for (const listener of listeners) listener.accept()
  await everythingIsTold()
  for (const listener of [...listeners, ...bystanders]) listener.forget()
  expect(cluster.members.map((member) => member.hasCrashed())).toEqual([false, false])
}, 60_000)

afterAll(async () => {
  await cluster?.stop()
  await Promise.all([...apps, ...receivers].map((one) => one.stop()))
  await rm(folder, { recursive: true, force: true })
})

function appOf(client_id: string): TestClient {
  const client_secret = `a-secret-of-the-${client_id}-that-is-long-enough`
  return { client_id, client_secret, redirect_uri: `https://${client_id}.example/callback`, scope: 'openid email notes:read' }
}

function registrationOf({ client_id, client_secret, redirect_uri, scope }: TestClient, app: LogoutApp): object {
  const grants = { grant_types: ['authorization_code', 'refresh_token'], skip_consent: true }
  return { client_id, client_secret, redirect_uris: [redirect_uri], scope, ...grants, backchannel_logout_uri: app.uri }
}

function listenerAt(name: string, app: LogoutApp): Listener {
  const [notification, attempt] = [0, 1]
  const jtis = () => app.received.map(({ claims }) => String(claims.jti).split('.'))
  return {
    name,
    told() {
      // A logout token has an identifier of its own each time (RFC 7519 §4.1.7), in which that of the notification stays.
      expect(new Set(jtis().map((parts) => parts.join('.'))).size).toBe(app.received.length)
      expect(jtis().every((parts) => Number(parts[attempt]) > 0)).toBe(true)
      return countOf(jtis().map((parts) => parts[notification] ?? ''))
    },
    about: () => app.received.map(({ claims }) => String(claims.sid)),
    ...answering(app, 200),
  }
}

function hookAt(name: string, receiver: Receiver): Listener {
  return {
    name,
    told: () => countOf(receiver.received.map(({ headers }) => String(headers['webhook-id']))),
    about: () => receiver.received.map(({ body }) => String(JSON.parse(body).data.session_id)),
    ...answering(receiver, 202),
  }
}

function signalsAt(name: string, receiver: Receiver): Listener {
  return {
    name,
    told: () => countOf(receiver.received.map(({ body }) => String(decodeJwt(body).jti))),
    about: () => receiver.received.map(({ body }) => JSON.stringify(decodeJwt(body).sub_id)),
    ...answering(receiver, 202),
  }
}

function answering(
  where: { answer: LogoutApp['answer']; readonly received: unknown[] },
  status: number,
): Pick<Listener, 'hold' | 'accept' | 'forget'> {
  return {
    hold() {
      const held: ServerResponse[] = []
      where.answer = (response) => void held.push(response)
      return () => held
    },
    accept() {
      where.answer = (response) => void response.writeHead(status).end()
    },
    forget() {
      where.received.length = 0
    },
  }
}

function countOf(names: readonly string[]): Map<string, number> {
  return new Map([...Map.groupBy(names, (name) => name)].map(([name, all]) => [name, all.length]))
}

const robotToken = async () => {
  const params = { grant_type: 'client_credentials', resource: adminResourceOf(cluster), scope: ROBOT_SCOPE }
  return (await tokenRequest(reachable(), ROBOT, params)).body.access_token ?? ''
}

const administer = async (request: string, options: Parameters<typeof ask>[3] = {}) =>
  ask(cluster, await robotToken(), request, options)

const reachable = () => ({ issuer: cluster.issuer, ada: PEOPLE[0] ?? { username: '', password: '' } })

async function makeStream(siem: Receiver): Promise<void> {
  const resource = `${cluster.issuer}/shared-signals`
  const params = { grant_type: 'client_credentials', resource, scope: 'ssf.manage' }
  const { body } = await tokenRequest(reachable(), SIEM, params)
  const headers = { authorization: `Bearer ${body.access_token}`, 'content-type': 'application/json' }
  const delivery = { method: 'urn:ietf:rfc:8935', endpoint_url: siem.url }
  const stream = JSON.stringify({ delivery, events_requested: [SESSION_REVOKED] })
  expect((await fetch(`${resource}/stream`, { method: 'POST', headers, body: stream })).status).toBe(201)
}

/** Somebody who is signed in to both apps. */
async function signedIn() {
  const browser = new Browser()
  const { tokens } = await obtainTokens(reachable(), CRM, { browser })
  await obtainTokens(reachable(), WIKI, { browser })
  const { sid } = claimsOf(tokens.body.id_token)
  const { sid: session, grant_id: grant } = claimsOf(tokens.body.access_token)
  return { sid: String(sid), session: String(session), grant: String(grant), refreshToken: tokens.body.refresh_token ?? '' }
}

const endSession = async (session: string) => (await administer(`DELETE /sessions/${session}`)).status

/** What is claimed is free again for whoever looks first. */
async function leasesRunOut(): Promise<void> {
  clock += LEASE
  await moveDatabaseClock(cluster.postgres.url, clock)
}

async function untold(): Promise<number> {
  const counts = TABLES.map((table) =>
    run(cluster.postgres.url, `SELECT count(*)::int AS n FROM ${table} WHERE state <> 'delivered'`),
  )
  return (await Promise.all(counts)).reduce((sum, [row]) => sum + Number(row?.n), 0)
}

async function everythingIsTold(): Promise<void> {
  await until(async () => (await untold()) === 0)
}

/** Each listener was told of so many things, each of them so many times. */
function expectTold(who: readonly Listener[], things: number, times: number): void {
  const seen = who.map(({ name, told }) => [name, [...told().values()]])
  expect(seen).toEqual(who.map(({ name }) => [name, Array.from({ length: things }, () => times)]))
}

const isReady = async (index: number) => {
  const port = cluster.members[index]?.managementPort
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined)
  return answer?.status === 200
}

test('FT13: PostgreSQL dies between what was told and the note of it: it is told once more, under the same name', async () => {
  const { session } = await signedIn()
  const held = listeners.map((listener) => listener.hold())
  expect(await endSession(session)).toBe(200)
  await until(() => held.every((all) => all().length === 1))
  await until(() => bystanders.every(({ told }) => told().size === 1))
  await until(async () => (await untold()) === listeners.length)
  await cluster.postgres.kill()
  await answerAll(held)
  // By now the notes have failed: nobody listens there.
  await until(async () => !(await isReady(0)) && !(await isReady(1)))
  for (const listener of listeners) listener.accept()
  await cluster.postgres.restart()
  expect(await untold()).toBe(listeners.length)
  await until(async () => (await isReady(0)) && (await isReady(1)))
  await leasesRunOut()
  await everythingIsTold()
  expectTold(listeners, 1, 2)
  expectTold(bystanders, 1, 1)
}, 60_000)

test('a process dies between the answer to what it told and the note of it: another one tells it once more, under the same name', async () => {
  const [first, second] = cluster.members
  if (first === undefined || second === undefined) throw new Error('there are not two')
  await second.kill()
  const { session } = await signedIn()
  const held = listeners.map((listener) => listener.hold())
  expect(await endSession(session)).toBe(200)
  await until(() => held.every((all) => all().length === 1))
  await until(async () => (await untold()) === listeners.length)
  // It has the answers, and cannot write that down.
  first.proxies.postgres.hang()
  await answerAll(held)
  await first.kill()
  // What it had sent is lost with the line: otherwise the note of a dead process would come.
  first.proxies.postgres.cut()
  first.proxies.postgres.heal()
  for (const listener of listeners) listener.accept()
  expect(await untold()).toBe(listeners.length)
  expectTold(listeners, 1, 1)
  await leasesRunOut()
  await second.start()
  await everythingIsTold()
  expectTold(listeners, 1, 2)
  expectTold(bystanders, 1, 1)
  await first.start()
}, 60_000)

test('FT14: PostgreSQL is restarted again and again while sessions end: whatever was ended is told of, and nothing twice by two names', async () => {
  const people = []
  for (let count = 0; count < 8; count += 1) people.push(await signedIn())
  const endAll = people.map(async ({ session }, index) => {
    await wait(index * 250)
    await until(async () => (await endSession(session).catch(() => 0)) === 200, 30_000)
  })
  const crash = async () => {
    for (let times = 0; times < 3; times += 1) {
      await until(() => (listeners[0]?.told().size ?? 0) > times)
      await cluster.postgres.kill()
      await cluster.postgres.restart()
    }
  }
  await Promise.all([...endAll, crash()])
  await until(async () => (await isReady(0)) && (await isReady(1)))
  await leasesRunOut()
  await everythingIsTold()
  for (const { name, told, about } of [...listeners, ...bystanders]) {
    expect([name, told().size, new Set(about()).size]).toEqual([name, people.length, people.length])
  }
  const [app, hooks] = listeners
  expect(new Set(app?.about())).toEqual(new Set(people.map(({ sid }) => sid)))
  expect(new Set(hooks?.about())).toEqual(new Set(people.map(({ session }) => session)))
}, 90_000)

test('FT1: without Redis ends are told of as ever, each once', async () => {
  const [left, given] = [await signedIn(), await signedIn()]
  await cluster.redis.kill()
  try {
    expect(await endSession(left.session)).toBe(200)
    expect((await administer(`DELETE /grants/${given.grant}`)).status).toBe(200)
    const [app, ...others] = listeners
    // Of a grant that ends alone the app is told that had it; the session goes on.
    await until(() => app?.told().size === 2 && [...others, ...bystanders].every(({ told }) => told().size === 1))
    await everythingIsTold()
    expect(new Set(app?.about())).toEqual(new Set([left.sid, given.sid]))
    expectTold(app === undefined ? [] : [app], 2, 1)
    expectTold([...others, ...bystanders], 1, 1)
  } finally {
    await cluster.redis.restart()
  }
  await until(async () => (await isReady(0)) && (await isReady(1)))
  expect((await refresh(reachable(), CRM, given.refreshToken)).body.error).toBe('invalid_grant')
}, 60_000)

/** Gives the answers that were kept back; whoever has one closes the connection. */
async function answerAll(held: readonly (() => ServerResponse[])[]): Promise<void> {
  await Promise.all(
    held.flatMap((all) =>
      all().map(async (response) => {
        const { promise: isOver, resolve } = Promise.withResolvers<void>()
        response.socket?.once('close', () => resolve())
        response.writeHead(200, { connection: 'close' }).end()
        await isOver
      }),
    ),
  )
}
