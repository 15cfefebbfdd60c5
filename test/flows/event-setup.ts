// Two people, two clients and two APIs for one event of the matrix, and what is left of all that they had once it has happened.
// Everything is made and looked at over HTTP.
import { readClientMetadata } from '../../server/clients/client-metadata.ts'
import { Browser } from '../support/browser.ts'
import { API, SPA, type TestClient } from '../support/clients.ts'
import {
  type Authorization,
  authorizationRequest,
  callbackParams,
  claimsOf,
  introspect,
  obtainTokens,
  redeem,
  refresh,
  signIn,
  tokenRequest,
} from '../support/oauth.ts'
import type { TestServer } from '../support/server.ts'

const PASSWORD = 'what the two of them say 1852'
const BY = { actor: 'system' }

/** Whether something is as it was, gives less than before, or has ended. */
export type Left = 'stays' | 'less' | 'ended'

/** What one person has in one browser. */
export interface Possessions {
  readonly person: { readonly username: string; readonly password: string }
  readonly browser: Browser
  readonly accountId: string
  readonly sessionId: string
  /** Of the client whose refresh tokens are bound to the session. */
  readonly bound: {
    readonly grantId: string
    readonly refreshToken: string
    /** The first one, which was spent long ago. */
    readonly spent: string
    readonly jwt: string
    readonly opaque: string
    readonly code: { readonly authorization: Authorization; readonly code: string }
    readonly redeemed: { readonly authorization: Authorization; readonly code: string }
  }
  /** Of the client that works offline. */
  readonly offline: {
    readonly grantId: string
    readonly refreshToken: string
    readonly spent: string
    readonly jwt: string
    readonly redeemed: { readonly authorization: Authorization; readonly code: string }
  }
}

/** Everything that an event may touch. */
export interface Setup {
  readonly server: TestServer
  /** An API whose tokens are JWTs, and one whose tokens are opaque. */
  readonly api: { readonly identifier: string; readonly read: string; readonly write: string }
  readonly books: { readonly identifier: string; readonly scope: string }
  readonly boundClient: TestClient
  readonly offlineClient: TestClient
  /** The client's own tokens. */
  readonly own: { readonly jwt: string; readonly opaque: string }
  /** This browser, another one of the same person, and somebody else’s. */
  readonly here: Possessions
  readonly there: Possessions
  readonly somebody: Possessions
}

/** Which of a session's apps are to be told that it is over for them. */
export type Told = '–' | 'bound' | 'offline' | 'both'

/** What is left after an event. */
export interface Remains {
  readonly sessions: { readonly here: Left; readonly there: Left; readonly somebody: Left }
  readonly bound: { readonly here: Left; readonly there: Left; readonly somebody: Left }
  readonly offline: { readonly here: Left; readonly there: Left; readonly somebody: Left }
  readonly jwts: { readonly here: Left; readonly there: Left; readonly somebody: Left }
  readonly opaques: { readonly here: Left; readonly there: Left; readonly somebody: Left }
  readonly codes: { readonly here: Left; readonly there: Left; readonly somebody: Left }
  readonly own: { readonly jwt: Left; readonly opaque: Left }
  /** The kinds of the entries that were written. */
  readonly entries: readonly string[]
  readonly told: { readonly here: Told; readonly there: Told; readonly somebody: Told }
}

/** What is registered for one set-up, before it is made: a server fixes the scopes that it knows when it starts or follows. */
export interface Registered {
  readonly name: string
  readonly people: readonly [Possessions['person'], Possessions['person']]
}

/** Registers the clients, APIs and people of a set-up. */
export async function register(server: TestServer, name: string): Promise<Registered> {
  const { accounts, endings, passwords } = server.latchkey.nouns
  const { clients, resourceServers } = server.latchkey.nouns.events.registered
  const more = { clientIds: [API.client_id], accessTokenTtl: 900, isDefault: false }
  await endings.run('registered', async (ending) => {
    await resourceServers.create(
      ending,
      { identifier: apiOf(name), scopes: [`${name}:read`, `${name}:write`], accessTokenFormat: 'jwt', ...more },
      BY,
    )
    await resourceServers.create(
      ending,
      { identifier: booksOf(name), scopes: [`${name}:books`], accessTokenFormat: 'opaque', ...more },
      BY,
    )
    for (const registration of [boundClientOf(name), offlineClientOf(name)]) {
      const { redirect_uri, client_secret, ...members } = registration
      const result = readClientMetadata({
        ...members,
        redirect_uris: [redirect_uri],
        // Nobody listens there: that it will be told is what counts.
        backchannel_logout_uri: 'http://127.0.0.1:1/backchannel-logout',
        grant_types: ['authorization_code', 'refresh_token', ...(client_secret === undefined ? [] : ['client_credentials'])],
        token_endpoint_auth_method: client_secret === undefined ? 'none' : 'client_secret_basic',
      })
      if ('issues' in result) throw new Error(JSON.stringify(result.issues))
      await clients.create(ending, { metadata: result.metadata }, BY)
      if (client_secret === undefined) continue
      await clients.addSecret(ending, { clientId: members.client_id, secret: client_secret, overlapSeconds: 0 }, BY)
    }
  })
  hash ??= passwords.hash(PASSWORD)
  const people = ['ada', 'grace'].map((who) => ({ username: `${who}-${name}@people.example`, password: PASSWORD }))
  for (const { username } of people) {
    await accounts.create({ email: username, emailVerified: true, passwordHash: await hash, roles: ['auditor', 'helpdesk'] })
  }
  const [ada, grace] = people
  if (ada === undefined || grace === undefined) throw new Error('nobody was registered')
  return { name, people: [ada, grace] }
}

/** The people of all set-ups have one password, which is hashed once. */
let hash: Promise<string> | undefined

/** The scopes that the server knows. */
export async function scopesOf({ issuer }: TestServer): Promise<readonly string[]> {
  const discovery = await fetch(new URL('/.well-known/openid-configuration', issuer))
  return ((await discovery.json()) as { scopes_supported: string[] }).scopes_supported
}

/** Asks again until it is so, for ten seconds. */
export async function until(done: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 10_000; performance.now() < end; ) if (await done()) return
  throw new Error('it did not happen in ten seconds')
}

/** Signs the people in and gets them everything. */
export async function setUp(server: TestServer, { name, people }: Registered): Promise<Setup> {
  const [ada, grace] = people
  const [boundClient, offlineClient] = [boundClientOf(name), offlineClientOf(name)]
  const [here, there, somebody] = await Promise.all([
    possess(server, name, ada),
    possess(server, name, ada),
    possess(server, name, grace),
  ])
  const ownToken = async (resource: string, scope: string) =>
    (await tokenRequest(server, offlineClient, { grant_type: 'client_credentials', resource, scope })).body.access_token ?? ''
  return {
    server,
    api: { identifier: apiOf(name), read: `${name}:read`, write: `${name}:write` },
    books: { identifier: booksOf(name), scope: `${name}:books` },
    boundClient,
    offlineClient,
    here,
    there,
    somebody,
    own: { jwt: await ownToken(apiOf(name), `${name}:read`), opaque: await ownToken(booksOf(name), `${name}:books`) },
  }
}

async function possess(server: TestServer, name: string, person: Possessions['person']): Promise<Possessions> {
  const browser = new Browser()
  const params = { resource: apiOf(name) }
  const [boundClient, offlineClient] = [boundClientOf(name), offlineClientOf(name)]
  const first = await obtainTokens(server, boundClient, { browser, person, params: { ...params, scope: boundScope(name) } })
  const second = await refresh(server, boundClient, first.tokens.body.refresh_token ?? '', { scope: 'openid email' })
  const third = await refresh(server, boundClient, second.body.refresh_token ?? '')
  const inFlight = authorizationRequest(server, boundClient, { ...params, scope: boundScope(name) })
  const page = await signIn(browser, await browser.open(inFlight.url), person)
  const offline = await obtainTokens(server, offlineClient, {
    browser,
    person,
    params: { ...params, scope: `${boundScope(name)} offline_access`, prompt: 'consent' },
  })
  const offlineNext = await refresh(server, offlineClient, offline.tokens.body.refresh_token ?? '')
  const offlineLast = await refresh(server, offlineClient, offlineNext.body.refresh_token ?? '')
  const claims = claimsOf(first.tokens.body.access_token)
  return {
    person,
    browser,
    accountId: String(claims.sub),
    sessionId: String(claims.sid),
    bound: {
      grantId: String(claims.grant_id),
      refreshToken: third.body.refresh_token ?? '',
      spent: first.tokens.body.refresh_token ?? '',
      jwt: first.tokens.body.access_token ?? '',
      opaque: second.body.access_token ?? '',
      code: { authorization: inFlight, code: callbackParams(page).code ?? '' },
      redeemed: first,
    },
    offline: {
      grantId: String(claimsOf(offline.tokens.body.access_token).grant_id),
      refreshToken: offlineLast.body.refresh_token ?? '',
      spent: offline.tokens.body.refresh_token ?? '',
      jwt: offline.tokens.body.access_token ?? '',
      redeemed: offline,
    },
  }
}

/** The number of the last revocation. */
export async function sequenceOf({ latchkey }: TestServer): Promise<number> {
  return Number((await latchkey.stores.db.revocationCounter.findUniqueOrThrow({ where: { id: 1 } })).sequence)
}

/** Looks at all that there was. `before` is the number of the last revocation before the event. */
export async function lookAt(setup: Setup, before: number): Promise<Remains> {
  const each = async <Found>(of: (possessions: Possessions) => Promise<Found>) => ({
    here: await of(setup.here),
    there: await of(setup.there),
    somebody: await of(setup.somebody),
  })
  const { server, own, offlineClient, boundClient } = setup
  // A client that was changed less than a second ago may be told to ask again.
  await server.latchkey.registry.catchUp()
  const entries = await server.latchkey.stores.db.revocation.findMany({ where: { sequence: { gt: before } } })
  const told = await each((possessions) => appsTold(setup, possessions))
  const jwts = await each(async ({ bound }) => left((await introspect(server, API, bound.jwt)).active))
  const opaques = await each(async ({ bound }) => left(await opensUserinfo(server, bound.opaque)))
  const ownLeft = {
    jwt: left((await introspect(server, API, own.jwt)).active),
    opaque: left((await introspect(server, API, own.opaque)).active),
  }
  return {
    entries: [...new Set(entries.map(({ kind }) => kind))].sort(),
    told,
    jwts,
    opaques,
    own: ownLeft,
    sessions: await each(async (possessions) => left(await isSignedIn(server, possessions))),
    bound: await each(async ({ bound }) => given(setup, await refresh(server, boundClient, bound.refreshToken))),
    offline: await each(async ({ offline }) => given(setup, await refresh(server, offlineClient, offline.refreshToken))),
    codes: await each(async ({ bound }) =>
      given(setup, await redeem(server, boundClient, bound.code.authorization, bound.code.code)),
    ),
  }
}

async function appsTold({ server, boundClient, offlineClient }: Setup, { sessionId }: Possessions): Promise<Told> {
  const told = (await server.latchkey.logout.notifications.list({ sessionId })).map(({ clientId }) => clientId)
  const [bound, offline] = [told.includes(boundClient.client_id), told.includes(offlineClient.client_id)]
  if (told.length > Number(bound) + Number(offline)) throw new Error(`told more than once: ${told.join(', ')}`)
  if (bound && offline) return 'both'
  return bound ? 'bound' : offline ? 'offline' : '–'
}

function left(alive: boolean): Left {
  return alive ? 'stays' : 'ended'
}

/** What an answer of the token endpoint gives, and that what it gives is alive. */
async function given({ server, api }: Setup, { status, body }: Awaited<ReturnType<typeof refresh>>): Promise<Left> {
  // "Not now" is no answer to whether it has ended.
  if (status >= 500) throw new Error(`the token endpoint answered ${status}`)
  if (status !== 200) return 'ended'
  const token = body.access_token ?? ''
  // Without an API that it could be for it is one for us.
  if (!token.includes('.')) return (await opensUserinfo(server, token)) ? 'less' : 'ended'
  if (!(await introspect(server, API, token)).active) throw new Error('a token was given that is dead')
  return String(claimsOf(token).scope).split(' ').includes(api.write) ? 'stays' : 'less'
}

async function opensUserinfo({ issuer }: TestServer, token: string): Promise<boolean> {
  return (await fetch(new URL('/userinfo', issuer), { headers: { authorization: `Bearer ${token}` } })).status === 200
}

/** Whether the browser still is signed in as the same person, as an app that needs no consent sees it. */
async function isSignedIn(server: TestServer, { browser, accountId }: Possessions): Promise<boolean> {
  const authorization = authorizationRequest(server, SPA, { prompt: 'none', scope: 'openid' })
  const { code } = callbackParams(await browser.open(authorization.url))
  if (code === undefined) return false
  return claimsOf((await redeem(server, SPA, authorization, code)).body.id_token).sub === accountId
}

function apiOf(name: string): string {
  return `https://${name}.apis.example`
}

function booksOf(name: string): string {
  return `https://${name}.books.example`
}

function boundScope(name: string): string {
  return `openid email ${name}:read ${name}:write`
}

function boundClientOf(name: string): TestClient {
  return { client_id: `bound-${name}`, redirect_uri: 'https://bound.example/callback', scope: boundScope(name) }
}

function offlineClientOf(name: string): TestClient {
  return {
    client_id: `offline-${name}`,
    client_secret: `a-secret-of-the-offline-client-of-${name}`,
    redirect_uri: 'https://offline.example/callback',
    scope: `openid email offline_access ${name}:read ${name}:write ${name}:books`,
  }
}
