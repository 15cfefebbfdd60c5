// The demo: three apps to try the server with, and two people to sign in as. Everything it registers is marked as its own,
// and `latchkey demo remove` takes it away again.
import cluster from 'node:cluster'
import { setTimeout as wait } from 'node:timers/promises'
import { type Clock, systemClock } from '../../config/clock.ts'
import type { Config } from '../../config/config.ts'
import { errorCode } from '../../config/faults.ts'
import { LONGEST_ACCESS_TOKEN } from '../../config/lifetimes.ts'
import { REVOCATIONS_SCOPE } from '../../config/scopes.ts'
import { Secret } from '../../config/secrets.ts'
import { removeAccount } from '../accounts/account-standing.ts'
import type { Accounts } from '../accounts/accounts.ts'
import { emailKey } from '../accounts/email-key.ts'
import { recordChange } from '../audit/change.ts'
import { readClientMetadata } from '../clients/client-metadata.ts'
import type { ClientMetadata } from '../clients/client-metadata-members.ts'
import { matchesClientSecret } from '../clients/client-secrets.ts'
import { type Clients, createClients } from '../clients/clients.ts'
import { createResourceServers, type ResourceServers } from '../resource-servers/resource-servers.ts'
import type { Database, Transaction } from '../storage/postgres.ts'
import { createEndings, type Ending } from '../tokens/ending.ts'
import { completeDemoSecrets, type DemoSecrets, readDemoSecrets, writeDemoSecrets } from './demo-secrets.ts'
import { selectProvisionedAccounts, tryProvisioningLock } from './provision-store.ts'

/** Where the apps listen, on this machine. */
export interface DemoPorts {
  readonly spa: number
  readonly server: number
  readonly api: number
  /** Another copy of the API: what is revoked, both refuse. */
  readonly apiCopy: number
}

/** What the apps and the people who try them need. */
export interface DemoAccess {
  readonly ports: DemoPorts
  readonly people: readonly { readonly email: string; readonly password: Secret }[]
  /** By client_id. */
  readonly clientSecrets: { readonly [Id in typeof SERVER_CLIENT | typeof API_CLIENT]: Secret }
}

/** The demo cannot be registered beside what is there; the message says what to do. */
export class DemoRefused extends Error {
  override readonly name = 'DemoRefused'
}

const PORTS: DemoPorts = { spa: 3001, server: 3002, api: 3003, apiCopy: 3004 }
const PEOPLE = [
  { email: 'ada@demo.example', name: 'Ada Lovelace' },
  { email: 'grace@demo.example', name: 'Grace Hopper' },
]
const SPA_CLIENT = 'demo-spa'
const SERVER_CLIENT = 'demo-server'
const API_CLIENT = 'demo-api'
const API_SCOPES = ['notes:read', 'notes:write']
const DEMO = 'demo'
const BY = { actor: 'system', reason: 'the demo is on' }

/**
 * Registers the demo, in one transaction. What is there and right already stays as it is; an account whose password is no
 * longer known is made anew.
 * @throws DemoRefused when something of somebody else has one of the names, or the passwords cannot be kept
 */
export async function installDemo(deps: {
  readonly db: Database
  readonly accounts: Accounts
  readonly config: Pick<Config, 'dataDir' | 'lifetimes' | 'passwordPolicy'>
  readonly clock?: Clock
  readonly ports?: DemoPorts
}): Promise<DemoAccess> {
  const { db, accounts, config, clock = systemClock, ports = PORTS } = deps
  const clients = createClients({ db, clock })
  const resourceServers = createResourceServers({ db, clientIdsByScope: clients.idsByScope })
  // What ends here is in PostgreSQL, where every answer of ours comes from; only a server that starts does this.
  const endings = createEndings({ db, accessTokenLifeSeconds: () => LONGEST_ACCESS_TOKEN, announce: () => undefined })
  const secrets = await alone(db, async (tx) => {
    const kept = await readDemoSecrets(config.dataDir)
    const complete = completeDemoSecrets(kept, {
      emails: PEOPLE.map(({ email }) => email),
      clientIds: [SERVER_CLIENT, API_CLIENT],
      passwordMinLength: config.passwordPolicy.minLength,
    })
    await endings.within(tx, 'demo_registered', async (ending) => {
      for (const metadata of clientsOf(ports)) await registerClient(ending, clients, metadata, complete, clock)
      await registerApi(ending, resourceServers, ports, config.lifetimes.accessToken)
      await registerPeople(ending, accounts, complete, kept)
    })
    // Last of all: passwords are not written down before the accounts have them.
    await keep(config.dataDir, complete)
    return complete
  })
  return {
    ports,
    people: PEOPLE.map(({ email }) => ({ email, password: new Secret(secrets.passwords[email] ?? '') })),
    clientSecrets: {
      [SERVER_CLIENT]: new Secret(secrets.clientSecrets[SERVER_CLIENT] ?? ''),
      [API_CLIENT]: new Secret(secrets.clientSecrets[API_CLIENT] ?? ''),
    },
  }
}

/**
 * Starts the apps in this process. An app that cannot start is told of in its line, and keeps nothing else from starting.
 * @returns what the person at the terminal is to be told
 */
export async function startDemo({
  access,
  issuer,
}: {
  readonly access: DemoAccess
  readonly issuer: string
}): Promise<{ readonly lines: string[]; close(): Promise<void> }> {
  const { clientSecrets } = access
  const apiUrl = address(access.ports.api)
  const options = { issuer, apiUrl }
  const startNotesApi = async (port: number) => {
    const { startApi } = await import('../../examples/api/api.ts')
    const client = { clientId: API_CLIENT, clientSecret: clientSecrets[API_CLIENT].reveal() }
    return startApi({ issuer, ...client, audience: apiUrl, spaOrigin: address(access.ports.spa), port, log: noticeLater() })
  }
  const apps = [
    await started('Single-page app', async () => {
      const { startSpa } = await import('../../examples/spa/spa.ts')
      return startSpa({ ...options, apiCopyUrl: address(access.ports.apiCopy), clientId: SPA_CLIENT, port: access.ports.spa })
    }),
    await started('Server-rendered app', async () => {
      const { startServerApp } = await import('../../examples/server-app/server-app.ts')
      const client = { clientId: SERVER_CLIENT, clientSecret: clientSecrets[SERVER_CLIENT].reveal() }
      return startServerApp({ ...options, ...client, port: access.ports.server })
    }),
    await started('Notes API', () => startNotesApi(access.ports.api)),
    await started('A copy of it', () => startNotesApi(access.ports.apiCopy)),
  ]
  const lines = [
    'Try it:',
    ...apps.map(({ name, outcome }) => `  ${name.padEnd(21)}${outcome}`),
    'Sign in as:',
    ...access.people.map(({ email, password }) => `  ${email.padEnd(21)}${password.reveal()}`),
    'Take the demo away with: npx latchkey demo remove (and DEMO=off)',
  ]
  return {
    // Of several processes one has the ports, and tells.
    lines: cluster.isWorker && apps.every(({ close }) => close === undefined) ? [] : lines,
    async close() {
      await Promise.all(apps.map(({ close }) => close?.()))
    },
  }
}

/** The server that the API listens to is this one, and only answers when the demo is there. */
function noticeLater(): (line: { readonly level: 'info' | 'warn' | 'error'; readonly message: string }) => void {
  const since = performance.now()
  return ({ level, message }) => {
    if (performance.now() - since > STARTING_MS) console[level](`The demo's API: ${message}`)
  }
}

const STARTING_MS = 15_000

async function started(
  name: string,
  start: () => Promise<{ readonly url: string; close(): Promise<void> }>,
): Promise<{ readonly name: string; readonly outcome: string; readonly close?: () => Promise<void> }> {
  try {
    const { url, close } = await start()
    return { name, outcome: url, close }
  } catch (error) {
    if (errorCode(error) === 'ERR_MODULE_NOT_FOUND' || errorCode(error) === 'MODULE_NOT_FOUND') {
      return { name, outcome: 'not started: it needs the development dependencies (npm ci without --omit=dev)' }
    }
    return { name, outcome: `not started: ${error instanceof Error ? error.message : String(error)}` }
  }
}

function clientsOf({ spa, server }: DemoPorts): ClientMetadata[] {
  const app = (clientId: string, name: string, port: number) => ({
    client_id: clientId,
    client_name: name,
    redirect_uris: [`${address(port)}/callback`],
    post_logout_redirect_uris: [`${address(port)}/`],
    grant_types: ['authorization_code', 'refresh_token'],
    scope: ['openid', 'profile', 'email', ...API_SCOPES].join(' '),
    skip_consent: true,
  })
  return [
    { ...app(SPA_CLIENT, 'Demo: single-page app', spa), token_endpoint_auth_method: 'none' },
    {
      ...app(SERVER_CLIENT, 'Demo: server-rendered app', server),
      backchannel_logout_uri: `${address(server)}/backchannel-logout`,
    },
    {
      client_id: API_CLIENT,
      client_name: 'Demo: notes API',
      grant_types: ['client_credentials'],
      scope: REVOCATIONS_SCOPE,
      skip_consent: true,
    },
  ].map((registration) => {
    const read = readClientMetadata(registration)
    if ('issues' in read) throw new Error(`the demo's ${registration.client_id}: ${read.issues[0]?.message}`)
    return read.metadata
  })
}

async function registerClient(
  ending: Ending,
  clients: Clients,
  metadata: ClientMetadata,
  { clientSecrets }: DemoSecrets,
  clock: Clock,
): Promise<void> {
  const clientId = metadata.client_id
  const found = (await clients.list(ending.tx)).find(({ id }) => id === clientId)
  if (found === undefined) await clients.create(ending, { metadata, managedBy: DEMO }, BY)
  else if (found.managedBy === DEMO) await clients.update(ending, { metadata }, BY)
  else throw taken(`client ${clientId}`)
  const secret = clientSecrets[clientId]
  if (secret !== undefined && !matchesClientSecret(found?.secrets ?? [], secret, clock())) {
    await clients.addSecret(ending, { clientId, secret, overlapSeconds: 0 }, BY)
  }
}

async function registerApi(
  ending: Ending,
  resourceServers: ResourceServers,
  { api }: DemoPorts,
  accessTokenTtl: number,
): Promise<void> {
  const identifier = address(api)
  const server = {
    identifier,
    name: 'Demo: notes API',
    scopes: API_SCOPES,
    accessTokenFormat: 'jwt' as const,
    accessTokenTtl,
    // Both apps name the API that they want (RFC 8707), so nobody else's API has to step aside.
    isDefault: false,
    clientIds: [API_CLIENT],
    managedBy: DEMO,
  }
  const found = (await resourceServers.list(ending.tx)).find((other) => other.identifier === identifier)
  if (found === undefined) await resourceServers.create(ending, server, BY)
  else if (found.managedBy === DEMO) await resourceServers.update(ending, server, BY)
  else throw taken(`resource server ${identifier}`)
}

async function registerPeople(ending: Ending, accounts: Accounts, complete: DemoSecrets, kept: DemoSecrets): Promise<void> {
  const { tx } = ending
  const keys = PEOPLE.map(({ email }) => emailKey(email))
  const found = (await selectProvisionedAccounts(tx, keys)).filter((account) => keys.includes(account.emailKey))
  for (const { email, name } of PEOPLE) {
    const account = found.find((other) => other.emailKey === emailKey(email))
    if (account !== undefined && account.managedBy !== DEMO) throw taken(`account ${email}`)
    if (account !== undefined && kept.passwords[email] !== undefined) continue
    if (account !== undefined) await removeAccount(ending, account.id, BY)
    const password = complete.passwords[email] ?? ''
    const { id } = await accounts.create({ email, emailVerified: true, name, password, managedBy: DEMO }, tx)
    await recordChange(tx, 'account.created', BY, { accountId: id })
  }
}

async function keep(dataDir: string, secrets: DemoSecrets): Promise<void> {
  try {
    await writeDemoSecrets(dataDir, secrets)
  } catch (error) {
    throw new DemoRefused(`the demo cannot keep its passwords in ${dataDir} (${errorCode(error)}): turn it off with DEMO=off`, {
      cause: error,
    })
  }
}

function taken(what: string): DemoRefused {
  return new DemoRefused(`the ${what} is there already and not of the demo: rename it, or turn the demo off with DEMO=off`)
}

function address(port: number): string {
  return `http://localhost:${port}`
}

/** One process at a time; it waits for the others, and for provisioning, which may change the same things. */
async function alone<Result>(db: Database, work: (tx: Transaction) => Promise<Result>): Promise<Result> {
  for (let attempt = 0; attempt < LOCK_ATTEMPTS; attempt++) {
    const done = await db.$transaction(async (tx) => ((await tryProvisioningLock(tx)) ? { result: await work(tx) } : undefined), {
      timeout: LONGEST_TRANSACTION_MS,
    })
    if (done !== undefined) return done.result
    await wait(LOCK_ATTEMPT_EVERY_MS)
  }
  throw new DemoRefused('another process has been provisioning for 30 seconds: look what it is waiting for, and try again')
}

const LOCK_ATTEMPTS = 150
const LOCK_ATTEMPT_EVERY_MS = 200
const LONGEST_TRANSACTION_MS = 60_000
