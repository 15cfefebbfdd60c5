// Builds what stands between the network and the nouns: the door, and our own pages.
import Router from '@koa/router'
import type { Middleware } from 'koa'
import type { Clock } from '../../config/clock.ts'
import type { Config } from '../../config/config.ts'
import { assets } from '../../views/assets.ts'
import { homePage } from '../../views/home.ts'
import { createAccountConsole } from '../account-console/routes.ts'
import type { AppParts, Door } from '../app.ts'
import type { OccasionalEvents } from '../audit/occasional.ts'
import { OWN_CALLBACK_PATH } from '../clients/own-client.ts'
import { createDevMail, DEV_MAIL_PATH } from '../dev-mail/routes.ts'
import { consentsOfAccount } from '../grants/consents.ts'
import { createAssets } from '../http/assets.ts'
import { createClientAddress } from '../http/client-address.ts'
import { createCsrf } from '../http/csrf.ts'
import { createDeadline } from '../http/deadline.ts'
import { createErrorPages } from '../http/error-pages.ts'
import { createHostPinning } from '../http/host-pinning.ts'
import type { Log } from '../http/log.ts'
import type { Metrics } from '../http/metrics.ts'
import { createLimit } from '../http/rate-limit.ts'
import { render } from '../http/render.ts'
import { originOf } from '../http/request-context.ts'
import { createRequestLog } from '../http/request-log.ts'
import { routesOf } from '../http/routes.ts'
import { createSecurityHeaders } from '../http/security-headers.ts'
import { createTokenLimits, type TokenLimits } from '../http/token-limits.ts'
import { InteractionNotFound, type InteractionPort } from '../interactions/interaction-port.ts'
import { createInteractionRoutes } from '../interactions/routes.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import { createPasswordLinkPages } from '../password-links/routes.ts'
import { apisOf, InteractionLost, type Interactions } from '../provider/interaction-port.ts'
import { POSTED_REQUESTS, sendOn } from '../provider/posted-requests.ts'
import { isForPrograms } from '../provider/protocol-routes.ts'
import { lostSignIn } from '../refused-requests/lost-sign-in.ts'
import { removeSetupLinkFile } from '../setup/announcement.ts'
import { createSetup } from '../setup/routes.ts'
import { LARGE_ENDS_WITHIN_MS } from '../storage/postgres.ts'
import type { Throttles } from '../throttles/throttles.ts'
import type { AdministrationParts } from './administration.ts'
import { noteRateLimit } from './audited-refusals.ts'
import { createConsolePages } from './console.ts'
import type { MailParts } from './mail.ts'
import type { Nouns } from './nouns.ts'
import type { ProtocolParts } from './protocol.ts'
import type { Announcements } from './registrations.ts'
import { createFeedPages, type RevocationParts } from './revocations.ts'
import type { SignalParts } from './signals.ts'
import { createStatusListPages } from './status-lists.ts'
import type { OpenStores } from './stores.ts'

/** Paths of people's pages: what one may only ask so often. Routers do not look at the case of a path, so neither may this. */
const PEOPLE = /^\/(?:interactions|setup|set-password|account|logout)(?:\/|$)/i

/** Paths of the endpoints where clients authenticate; the library answers them with a slash at the end as well. */
const CLIENTS = /^\/(?:token|revoke|introspect|par)\/*$/i

/** Paths where people and administrators may end very much, and what ends nothing there. */
const ENDS = /^\/(?:admin|account|logout|set-password)(?:\/|$)/i
const LOOKS = /^(?:GET|HEAD|OPTIONS)$/

/** Counts the requests of clients. */
export function createClientLimits({
  config,
  clock,
  metrics,
  ...told
}: {
  readonly config: Config
  readonly clock: Clock
  readonly metrics: Metrics
  readonly occasional: OccasionalEvents
  readonly throttles: Throttles
}): TokenLimits {
  const { tokenPerClient, tokenFailures, enabled } = config.rateLimits
  const windows = { clients: tokenPerClient, client_failures: tokenFailures }
  return createTokenLimits({
    requests: tokenPerClient,
    failures: tokenFailures,
    clock,
    counts: (ctx) => enabled && ctx.method === 'POST' && CLIENTS.test(ctx.path),
    turnedAway(limit, ctx, who) {
      metrics.count('rateLimited', { limit })
      noteRateLimit(told, ctx, { limit, ...who, ...windows[limit] })
    },
    lifted: told.throttles.lifted,
  })
}

/** Builds the door. */
export function createDoor(deps: {
  readonly config: Config
  readonly clock: Clock
  readonly log: Log
  readonly stores: OpenStores
  readonly tokenLimits: TokenLimits
  readonly metrics: Metrics
  readonly occasional: OccasionalEvents
  readonly throttles: Throttles
}): Door {
  const { config, clock, log, stores, tokenLimits, metrics } = deps
  return {
    hostPinning: createHostPinning({ issuer: config.issuer, aliases: config.hostAliases }),
    requestLog: createRequestLog({
      log,
      clock,
      clientAddress: createClientAddress(config.trustProxy),
      answered: metrics.request,
    }),
    securityHeaders: createSecurityHeaders({ secure: config.issuer.startsWith('https:') }),
    errorPages: createErrorPages({ log, storeFailed: (store) => metrics.count('storeFailures', { store }), isForPrograms }),
    deadline: createDeadline({
      log,
      milliseconds: ({ method, path }) =>
        // Whoever ends something is to be told what was ended, however much that is.
        ENDS.test(path) && !LOOKS.test(method) ? Math.max(config.answerWithinMs, LARGE_ENDS_WITHIN_MS) : config.answerWithinMs,
    }),
    rateLimits: [
      createLimit({
        limit: config.rateLimits.people,
        redis: stores.redis,
        counts: (ctx) => config.rateLimits.enabled && PEOPLE.test(ctx.path),
        log,
        turnedAway(ctx, who) {
          metrics.count('rateLimited', { limit: 'people' })
          noteRateLimit(deps, ctx, { limit: 'people', ...who, ...config.rateLimits.people })
        },
        lifted: (asker) => deps.throttles.lifted('people', asker),
      }),
      tokenLimits.middleware,
    ],
  }
}

/** Builds the pages. */
export function createPages(deps: {
  readonly config: Config
  readonly stores: OpenStores
  readonly nouns: Nouns
  readonly protocol: ProtocolParts
  readonly announcements: Announcements
  readonly mail: MailParts
  readonly keys: KeyRing
  readonly revocations: RevocationParts
  /** Undefined where there are no streams of security events. */
  readonly signals: SignalParts | undefined
  readonly clock: Clock
  readonly administration: AdministrationParts
}): Pick<AppParts, 'assets' | 'pages'> {
  const { config, stores, nouns, protocol, announcements, mail } = deps
  const { ownAccess } = protocol
  const csrf = createCsrf({ key: stores.sealer.derive('forged requests'), issuer: config.issuer })
  const policy = config.passwordPolicy
  const pages = [
    createFeedPages({ config, parts: deps.revocations, ownAccess }),
    ...createStatusListPages({ config, nouns, follower: deps.revocations.follower, keys: deps.keys.current }),
    ...(deps.signals?.pages(ownAccess) ?? []),
    deps.administration.apiPages(ownAccess),
    createConsolePages(deps.administration.consoleRoutes, { ...deps, csrf }),
    routesOf(createHomeRoutes(announcements.demo?.ports, mail.mailbox !== undefined)),
    ...createMailPages(mail),
    routesOf(createComeBackRoutes(protocol)),
    routesOf(createPostedRequestRoutes()),
    createSetup({
      links: nouns.setupLinks,
      ...{ policy, csrf, passwordComes: nouns.passwordComes },
      forgetLink: () => removeSetupLinkFile(config.dataDir),
    }),
    createPasswordLinkPages({ links: deps.administration.passwordLinks, policy, csrf }),
    createAccountConsole({
      csrf,
      policy,
      accounts: nouns.accounts,
      sessions: nouns.sessions,
      changePassword: nouns.changePassword,
      consentsOf: (accountId) => consentsOfAccount(stores.db, accountId),
      apisOf: (consent) => apisOf(protocol.registry, consent),
      withdrawConsent: nouns.events.grants.withdrawConsent,
      narrowConsent: nouns.events.grants.narrowConsent,
      currentSession: protocol.currentSession,
      signInUrl: protocol.accountSignIn.signInUrl,
    }),
    routesOf(
      createInteractionRoutes({
        port: interactionPort(protocol.interactions),
        signIn: nouns.signIn.signIn,
        passwordComes: nouns.passwordComes,
        lost: (ctx) => deps.administration.refusedRequests.record(lostSignIn(originOf(ctx), deps.clock())),
        csrf,
      }),
    ),
  ]
  return { assets: createAssets(assets), pages }
}

function createHomeRoutes(ports: { readonly spa: number; readonly server: number } | undefined, mailbox: boolean): Router {
  const router = new Router()
  const at = (port: number) => `http://localhost:${port}/`
  const demo =
    ports === undefined
      ? {}
      : { demo: { spa: at(ports.spa), server: at(ports.server), ...(mailbox ? { mailbox: DEV_MAIL_PATH } : {}) } }
  router.get('/', (ctx) => render(ctx, homePage(demo)))
  return router
}

/** Whoever looks wants to see what is still in the outbox as well. */
function createMailPages({ mailbox, delivery }: MailParts): Middleware[] {
  if (mailbox === undefined) return []
  const list = async () => {
    await delivery.run()
    return mailbox.list()
  }
  return [createDevMail({ list })]
}

function createComeBackRoutes({ accountSignIn }: ProtocolParts): Router {
  const router = new Router()
  router.get(OWN_CALLBACK_PATH, async (ctx) => {
    ctx.redirect((await accountSignIn.comeBack(ctx)) ?? '/')
  })
  return router
}

function createPostedRequestRoutes(): Router {
  const router = new Router()
  for (const path of POSTED_REQUESTS) router.post(path, sendOn)
  return router
}

/** The provider's interactions, in the words of the pages. */
function interactionPort(interactions: Interactions): InteractionPort {
  const known = async <Answer>(asked: Promise<Answer>): Promise<Answer> => {
    try {
      return await asked
    } catch (error) {
      if (error instanceof InteractionLost)
        throw new InteractionNotFound('the browser is in no such interaction', { cause: error })
      throw error
    }
  }
  return {
    find: (ctx, uid) => known(interactions.find(ctx, uid)),
    completeLogin: (ctx, uid, result) => known(interactions.completeLogin(ctx, uid, result)),
    completeConsent: (ctx, uid) => known(interactions.completeConsent(ctx, uid)),
    deny: (ctx, uid) => known(interactions.deny(ctx, uid)),
  }
}
