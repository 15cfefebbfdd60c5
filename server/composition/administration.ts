// Builds what administrators use: the functions that look at everything, the jobs that end much, and the admin API. The console stands
// on the same parts.
import type { Context, Middleware } from 'koa'
import type { Clock } from '../../config/clock.ts'
import type { Config } from '../../config/config.ts'
import manifest from '../../package.json' with { type: 'json' }
import { createAnswerAgain } from '../admin-api/idempotency.ts'
import { openApiOf, openApiRoute } from '../admin-api/openapi.ts'
import { overviewRoutes } from '../admin-api/overview.ts'
import { referenceRoutes } from '../admin-api/reference.ts'
import { refusedRequestRoutes } from '../admin-api/refused-requests.ts'
import type { ApiRoute } from '../admin-api/route.ts'
import { createAdminApi } from '../admin-api/routes.ts'
import { secretRoutes } from '../admin-api/secrets.ts'
import { showTree } from '../admin-api/session-tree.ts'
import { sessionRoutes } from '../admin-api/sessions.ts'
import type { ConsoleDoor, ConsoleRoute } from '../admin-console/console.ts'
import type { AuditStreams } from '../audit/audit-streams.ts'
import type { RedirectUriRule } from '../clients/redirect-uri-test.ts'
import { createCursors } from '../http/cursors.ts'
import type { Log } from '../http/log.ts'
import type { Metrics } from '../http/metrics.ts'
import { createLimit } from '../http/rate-limit.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import type { Task } from '../maintenance/schedule.ts'
import { adminResource, type OwnAccess } from '../provider/own-resources.ts'
import { createBulkEnds } from '../revocation-jobs/bulk-ends.ts'
import { grantJobWork } from '../revocation-jobs/grant-work.ts'
import { createRevocationJobs, type RevocationJobs } from '../revocation-jobs/revocation-jobs.ts'
import { sessionJobWork } from '../revocation-jobs/session-work.ts'
import type { SessionFilter } from '../sessions/session-filter.ts'
import { createSessionPreview, type SessionPreview } from '../sessions/session-preview.ts'
import { createSessionSearch } from '../sessions/session-search.ts'
import { createSessionTrees } from '../sessions/session-tree.ts'
import { createIdempotentRequests } from '../storage/idempotent-requests.ts'
import type { Throttles } from '../throttles/throttles.ts'
import { accountApiRoutes, createAccountParts } from './administration-accounts.ts'
import { type AuditAdministration, createAuditAdministration } from './administration-audit.ts'
import { type AdministrationBasis, accountIdOf, ownerIdOf } from './administration-basis.ts'
import { createGrantParts, grantApiRoutes } from './administration-grants.ts'
import { createOverviewParts, type OverviewParts } from './administration-overview.ts'
import { createRefusedRequestParts } from './administration-refused-requests.ts'
import { createRegistrationParts, registrationRoutes } from './administration-registrations.ts'
import { createSessionReviewParts, type SessionReviewParts } from './administration-session-reviews.ts'
import type { AuditParts } from './audit.ts'
import { noteRateLimit, noteRefusedAccess, noteRefusedToken, noteRefusedVisit } from './audited-refusals.ts'
import { consoleRoutes } from './console.ts'
import type { LogoutParts } from './logout.ts'
import type { MailParts } from './mail.ts'
import type { Nouns } from './nouns.ts'
import type { RevocationParts } from './revocations.ts'
import type { OpenStores } from './stores.ts'
import type { SystemParts } from './system.ts'
import type { WebhookParts } from './webhooks.ts'

/** What administrators use. */
export interface AdministrationParts extends AdministrationBasis {
  readonly consoleRoutes: readonly ConsoleRoute[]
  readonly auditStreams: AuditStreams
  readonly figures: OverviewParts['figures']
  readonly tasks: readonly Task[]
  readonly apiRoutes: readonly ApiRoute[]
  apiPages(ownAccess: OwnAccess): Middleware
  /** Told that somebody at the console was refused something. */
  readonly refusedVisit: ConsoleDoor['refused']
}

/** Builds it. */
export function createAdministration(deps: {
  readonly config: Config
  readonly log: Log
  readonly metrics: Metrics
  readonly stores: OpenStores
  readonly nouns: Nouns
  readonly keys: KeyRing
  readonly revocations: RevocationParts
  readonly logout: LogoutParts
  readonly webhooks: WebhookParts
  readonly system: SystemParts
  readonly clock: Clock
  readonly mail: MailParts
  readonly audit: AuditParts
  readonly redirectUriRule: RedirectUriRule
  readonly throttles: Throttles
}): AdministrationParts {
  const { config, stores, nouns, audit } = deps
  const { db, sealer } = stores
  const cursors = createCursors({ key: sealer.derive('cursors') })
  const jobs: RevocationJobs = createRevocationJobs({
    db,
    endings: nouns.endings,
    work: {
      sessions: sessionJobWork(nouns.events.sessions),
      grants: grantJobWork(nouns.events.grants, { refreshIdleSeconds: config.lifetimes.refreshIdle }),
    },
    patiently: stores.patiently,
    // Whoever asks does not wait; when it cannot be worked at now, the look of every second says so.
    begun: () => void jobs.run().catch(() => undefined),
  })
  const sessionSearch = createSessionSearch({ db })
  const ofSessions = {
    sessionSearch,
    sessionEnds: createBulkEnds<SessionFilter, SessionPreview>({
      noun: 'sessions',
      jobs,
      preview: createSessionPreview({ db, config }),
      now: () => performance.now(),
      liveIds: sessionSearch.liveIds,
      revoke: nouns.events.sessions.revoke,
    }),
    sessionTree: createSessionTrees({
      db,
      notifications: deps.logout.notifications,
      acknowledgements: deps.revocations.acknowledgements,
      accessTokenLifeSeconds: nouns.accessTokenLifeSeconds,
    }),
  }
  const log = createAuditAdministration({ audit, cursors, db })
  const sessionReviews = createSessionReviewParts({ ...deps, cursors })
  const registered = { grants: createGrantParts({ ...deps, jobs }), registrations: createRegistrationParts(deps) }
  const accounts = createAccountParts(deps)
  const { tasks: counting, ...overview } = createOverviewParts({ ...deps, accounts, sessionReviews: sessionReviews.reviews })
  const parts = {
    ...ofSessions,
    ...accounts,
    ...overview,
    ...registered,
    refusedRequests: createRefusedRequestParts({ ...deps, ...registered }),
    jobs,
    cursors,
    limit: limitOf(deps),
    auditStreams: log.streams,
    tasks: [...log.tasks, ...sessionReviews.tasks, ...counting],
    sessionReviews: sessionReviews.reviews,
  }
  const apiRoutes = routesOf({ ...parts, ...deps, auditRoutes: log.routes, sessionReviewRoutes: sessionReviews.routes })
  return {
    ...parts,
    consoleRoutes: consoleRoutes({ ...deps, administration: parts, auditLog: log, sessionReviewPages: sessionReviews.pages }),
    apiRoutes,
    refusedVisit: (...refusal) => noteRefusedVisit(audit.occasional, ...refusal),
    apiPages: (ownAccess) =>
      createAdminApi(apiRoutes, {
        limit: parts.limit,
        notLetIn: (...refusal) => noteRefusedToken(audit.occasional, ...refusal),
        refused: (...refusal) => noteRefusedAccess(audit.occasional, ...refusal),
        answerAgain: createAnswerAgain(createIdempotentRequests({ db, sealer })),
        async authenticate(ctx) {
          const { token, scopes, roles } = await ownAccess.find(ctx, adminResource(config.issuer))
          const { clientId, accountId } = token
          return { clientId, scopes, ...(accountId === undefined ? {} : { accountId, roles: roles ?? [] }) }
        },
      }),
  }
}

function limitOf({ config, log, stores, metrics, audit, throttles }: Parameters<typeof createAdministration>[0]): Middleware {
  return createLimit({
    limit: config.rateLimits.administrators,
    redis: stores.redis,
    counts: () => config.rateLimits.enabled,
    asker: (ctx: Context) => `administrator ${String(ctx.state.caller)}`,
    log,
    turnedAway(ctx, who) {
      metrics.count('rateLimited', { limit: 'administrators' })
      const about = { limit: 'administrators', ...who, ...config.rateLimits.administrators } as const
      noteRateLimit({ ...audit, throttles }, ctx, about, String(ctx.state.caller))
    },
    lifted: (asker) => throttles.lifted('administrators', asker),
  })
}

/** All routes of the admin API. */
function routesOf(
  deps: AdministrationBasis & {
    readonly config: Config
    readonly stores: OpenStores
    readonly nouns: Nouns
    readonly revocations: RevocationParts
    readonly logout: LogoutParts
    readonly keys: KeyRing
    readonly webhooks: WebhookParts
    readonly auditRoutes: AuditAdministration['routes']
    readonly sessionReviewRoutes: SessionReviewParts['routes']
  },
): readonly ApiRoute[] {
  const { config, nouns, jobs, cursors } = deps
  const findId = accountIdOf(nouns)
  const findOwner = ownerIdOf(nouns)
  const document = openApiOf(() => routes, { issuer: config.issuer, version: manifest.version })
  const routes: ApiRoute[] = [
    openApiRoute(document),
    ...referenceRoutes(document),
    ...overviewRoutes(deps),
    ...secretRoutes(deps),
    ...sessionRoutes({
      cursors,
      jobs,
      search: deps.sessionSearch,
      events: nouns.events.sessions,
      ends: deps.sessionEnds,
      tree: async (sessionId, may) => showTree(await deps.sessionTree(sessionId), may),
      accountIdOf: findId,
      ownerIdOf: findOwner,
    }),
    ...accountApiRoutes(deps, { ...deps, accountIdOf: findId }),
    ...grantApiRoutes(deps.grants, { ...deps, accountIdOf: findId, ownerIdOf: findOwner }),
    ...registrationRoutes(deps.registrations, deps),
    ...deps.auditRoutes({ accountIdOf: findId }),
    ...refusedRequestRoutes(deps),
    ...deps.sessionReviewRoutes,
  ]
  return routes
}
