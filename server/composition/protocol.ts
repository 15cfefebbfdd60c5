// Builds the protocol: keys, registry and the provider, and keeps them up to date.
import { setTimeout as wait } from 'node:timers/promises'
import type { Middleware } from 'koa'
import type { Clock } from '../../config/clock.ts'
import type { Config } from '../../config/config.ts'
import type { OccasionalEvents } from '../audit/occasional.ts'
import { registerOwnClient } from '../clients/own-client.ts'
import { createClientCertificate } from '../http/client-certificate.ts'
import type { CookieSignatures } from '../http/cookie-signatures.ts'
import type { Log } from '../http/log.ts'
import type { Metrics } from '../http/metrics.ts'
import type { TokenLimits } from '../http/token-limits.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import type { Outbox } from '../mail/outbox.ts'
import { type AccountSignIn, createAccountSignIn } from '../provider/account-sign-in.ts'
import { createCurrentSession } from '../provider/current-session.ts'
import type { RefusedClient } from '../provider/failures.ts'
import { createHintedSessions } from '../provider/hinted-session.ts'
import { createInteractions, type Interactions } from '../provider/interaction-port.ts'
import { createJwtAccessTokens } from '../provider/jwt-access-tokens.ts'
import type { ProtocolMeasures } from '../provider/measures.ts'
import type { MutualTls } from '../provider/mutual-tls.ts'
import { createOwnAccess, type OwnAccess, ownResourceServers } from '../provider/own-resources.ts'
import { createProviderPages } from '../provider/pages.ts'
import { buildProvider } from '../provider/provider.ts'
import { createProviderHost, type ProviderHost } from '../provider/provider-host.ts'
import { loadRegistry, type Registry } from '../provider/registry.ts'
import { createSignOut } from '../provider/sign-out.ts'
import type { RefusedRequests } from '../refused-requests/refused-requests.ts'
import { findClientSession } from '../tokens/jwt-findings.ts'
import type { RevocationFollower } from '../tokens/revocation-follower.ts'
import { noteRefusedClient } from './audited-refusals.ts'
import type { Nouns } from './nouns.ts'
import type { OpenStores } from './stores.ts'

/** The protocol. */
export interface ProtocolParts {
  readonly host: ProviderHost
  readonly registry: Registry
  readonly interactions: Interactions
  readonly currentSession: ReturnType<typeof createCurrentSession>
  readonly accountSignIn: AccountSignIn
  /** Who may use our own APIs. */
  readonly ownAccess: OwnAccess
  /** Looks for changes of clients, resource servers and signing keys, and takes them over. */
  followRegistry(): Promise<void>
}

/** Builds it. */
export async function createProviderParts(deps: {
  readonly config: Config
  /** What every request passes first. */
  readonly door: readonly Middleware[]
  readonly cookieSignatures: CookieSignatures
  readonly clock: Clock
  readonly log: Log
  readonly stores: OpenStores
  readonly nouns: Nouns
  readonly tokenLimits: TokenLimits
  readonly keys: KeyRing
  readonly metrics: Metrics
  readonly outbox: Outbox
  readonly follower: RevocationFollower
  readonly occasional: OccasionalEvents
  readonly refused: RefusedRequests['record']
}): Promise<ProtocolParts> {
  const { config, clock, log, stores, nouns, keys, follower } = deps
  const measures = measuresOf(deps.metrics)
  const { db, live } = stores
  const { issuer } = config
  const secureCookies = issuer.startsWith('https:')
  await registerOwnClient(db, issuer)
  const registry = await loadRegistry({ db, own: ownResourceServers(issuer), lifeSeconds: longestLife(config) })
  noteLives(nouns, registry)
  const jwtAccessTokens = createJwtAccessTokens({ issuer, keys: keys.current, clock: () => follower.databaseNow() * 1000 })
  const signOut = signOutOf(deps)
  const pages = createProviderPages({ accounts: nouns.accounts, hinted: signOut.hinted })
  const mutualTls = mutualTlsOf(config, clock)
  const host = createProviderHost(() => {
    return buildProvider({
      ...nouns,
      store: live,
      registry,
      jwtAccessTokens,
      issuer,
      keys: keys.current(),
      clock,
      pages,
      measures,
      revocations: follower,
      wait: (seconds) => wait(seconds * 1000),
      outbox: deps.outbox,
      dpop: { nonceSecret: stores.sealer.derive('dpop nonces'), nonceRequired: config.dpopNonce === 'required' },
      mutualTls,
      failures: { log, measures, unavailablePage: pages.unavailable, expiredPage: pages.expired, ...refusalsOf(deps) },
      ...{ door: deps.door, cookieSignatures: deps.cookieSignatures, refused: deps.refused },
      lifetimes: config.lifetimes,
      codeLifeSeconds: config.lifetimes.authorizationCode,
      ...signOut,
      async findAccount(id) {
        const account = await nouns.accounts.findById(id)
        return account?.status === 'active' ? account : undefined
      },
    })
  })
  // A key that was compromised signs nothing from here on, and its signature opens nothing; the library reads its keys when it is built.
  keys.follow(() => {
    host.swap()
    log.info({ keys: keys.current().publicJwks.keys.map(({ kid }) => kid) }, 'the signing keys changed')
  })
  let keysMayDiffer = true
  const provider = () => host.current
  return {
    host,
    registry,
    interactions: createInteractions({ provider, consents: nouns.consents, registry }),
    currentSession: createCurrentSession({ provider, secureCookies }),
    accountSignIn: createAccountSignIn({ issuer, provider, secureCookies }),
    ownAccess: createOwnAccess({ jwtAccessTokens, tokenStatus: nouns.tokenStatus, certificateOf: mutualTls?.certificateOf }),
    async followRegistry() {
      const { changed, scopesChanged } = await registry.refresh()
      keysMayDiffer ||= changed
      noteLives(nouns, registry)
      if (scopesChanged) {
        host.swap()
        log.info({ scopes: registry.scopes().length }, 'the scopes of resource servers changed')
      }
      // Remembered until it is done: the registry tells of each change once.
      if (keysMayDiffer) await keys.refresh()
      keysMayDiffer = false
      await registry.noteLife()
    },
  }
}

/** How a session ends by a sign-out, and which one an app means. */
function signOutOf({ config, stores, nouns }: Pick<Parameters<typeof createProviderParts>[0], 'config' | 'stores' | 'nouns'>) {
  const { sessions } = nouns
  const store = stores.live
  const hinted = createHintedSessions({ sessions, findClientSession: (sid) => findClientSession(stores.db, sid) })
  return { hinted, endSession: createSignOut({ sessions, store, signOutScope: config.signOutScope, hinted }) }
}

function refusalsOf({ tokenLimits, occasional }: Pick<Parameters<typeof createProviderParts>[0], 'tokenLimits' | 'occasional'>) {
  return {
    clientFailed: tokenLimits.failed,
    clientRefused: (refused: RefusedClient) => noteRefusedClient(occasional, refused),
  }
}

function mutualTlsOf({ clientCertificates, trustProxy }: Config, clock: Clock): MutualTls | undefined {
  if (clientCertificates === undefined) return undefined
  const { header, chainChecked } = clientCertificates
  return { certificateOf: createClientCertificate({ header, trustProxy, clock }), chainChecked }
}

/** Of access tokens that are for no resource server. */
function longestLife({ lifetimes }: Config): number {
  return Math.max(lifetimes.accessToken, lifetimes.clientCredentials)
}

function noteLives(nouns: Nouns, registry: Registry): void {
  for (const server of registry.resourceServers()) nouns.noteAccessTokenLife(server.accessTokenTtl)
}

function measuresOf(metrics: Metrics): ProtocolMeasures {
  return {
    tokensIssued: (grantType) => metrics.count('tokensIssued', { grant_type: grantType }),
    tokensRefused: (error) => metrics.count('tokensRefused', { error }),
    refreshed: (outcome) => metrics.count('refreshes', { outcome }),
    codePresented: (outcome) => metrics.count('codes', { outcome }),
    storeFailed: (store) => metrics.count('storeFailures', { store }),
  }
}
