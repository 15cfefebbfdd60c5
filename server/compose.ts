// The composition root: the only file that builds the parts and joins them. Tests build the same program with another
// clock and other stores.
import type { RequestListener } from 'node:http'
import { type Clock, systemClock } from '../config/clock.ts'
import type { Config } from '../config/config.ts'
import { signedLife } from '../config/lifetimes.ts'
import type { Secrets } from '../config/secrets.ts'
import { createApp, throughDoor } from './app.ts'
import { type AdministrationParts, createAdministration } from './composition/administration.ts'
import { type AuditParts, createAuditParts } from './composition/audit.ts'
import { createClosing } from './composition/closing.ts'
import { createLogout, type LogoutParts } from './composition/logout.ts'
import { createMail, type MailParts } from './composition/mail.ts'
import { countRun, openMetrics } from './composition/measures.ts'
import { createNouns, type Nouns } from './composition/nouns.ts'
import { createProviderParts, type ProtocolParts } from './composition/protocol.ts'
import { type Announcements, register } from './composition/registrations.ts'
import { type RevocationParts, tellOfRevocations } from './composition/revocations.ts'
import { createSignalParts, type SignalParts } from './composition/signals.ts'
import { type OpenStores, openStores } from './composition/stores.ts'
import { createSystem, type SystemParts } from './composition/system.ts'
import { createTasks } from './composition/tasks.ts'
import { createClientLimits, createDoor, createPages } from './composition/web.ts'
import { createWebhookParts, type WebhookParts } from './composition/webhooks.ts'
import { createConnectionFaults } from './http/connection-faults.ts'
import { createCookieSignatures } from './http/cookie-signatures.ts'
import { createLog, type Log } from './http/log.ts'
import type { ManagedProcess } from './http/management.ts'
import type { Metrics } from './http/metrics.ts'
import { type KeyRing, openKeyRing } from './keys/key-ring.ts'
import { createRestoreWatch, type RestoreWatch } from './maintenance/restored-database.ts'
import { type Schedule, startSchedule } from './maintenance/schedule.ts'
import { createRedirectUriRule } from './provider/redirect-uri-rule.ts'
import type { Registry } from './provider/registry.ts'
import { createThrottles } from './throttles/throttles.ts'
import { createRevocationFollower, type RevocationFollower } from './tokens/revocation-follower.ts'

/** What a test may put in the place of the real thing. */
export interface Overrides {
  readonly clock?: Clock
  readonly log?: Log
  /** Opens the stores itself, for tests with stores of their own. */
  readonly openStores?: typeof openStores
}

/** The program, ready to be listened for. */
export interface Latchkey extends AsyncDisposable {
  readonly app: { callback(): RequestListener }
  readonly management: ManagedProcess
  readonly metrics: Metrics
  readonly log: Log
  readonly nouns: Nouns
  readonly keys: KeyRing
  readonly stores: OpenStores
  readonly announcements: Announcements
  readonly mail: MailParts
  readonly administration: AdministrationParts
  readonly audit: AuditParts
  readonly revocations: RevocationParts
  readonly logout: LogoutParts
  readonly registry: Pick<Registry, 'catchUp'>
  readonly webhooks: WebhookParts
  /** Undefined where there are none. */
  readonly signals: SignalParts | undefined
  /** Says no to readiness probes from now on, so that no new requests are sent here. */
  drain(): void
  /** For what the end of the program waits, in words. */
  endWaitsFor(): string
}

/** Builds the program. @throws what stands in the way of a start, as errors whose message names the fix */
export async function compose(config: Config, secrets: Secrets, overrides: Overrides = {}): Promise<Latchkey> {
  const clock = overrides.clock ?? systemClock
  const log = overrides.log ?? createLog(config.log)
  const stores = await (overrides.openStores ?? openStores)(config, secrets, { clock, log })
  // Whatever stands in the way, nothing that was opened before keeps the program.
  await using opened = new AsyncDisposableStack()
  opened.defer(() => stores.close())
  const metrics = openMetrics({ stores })
  const basis = { config, clock, log, stores, metrics }
  const audit = createAuditParts(basis)
  const { occasional } = audit
  const follower = createRevocationFollower({ db: stores.db })
  // Whoever is answered that something has ended finds that this process knows.
  const heard = () => follower.catchUp().catch(() => undefined)
  const logout = createLogout({ ...basis, keys: () => keys.current() })
  const nouns = createNouns({ ...basis, announce: heard, appsWait: logout.appsWait })
  const webhooks = createWebhookParts(basis)
  const signals = createSignalParts({ ...basis, keys: () => keys.current() })
  const mail = createMail({ ...basis, secrets })
  // The first to be read: with another ENCRYPTION_KEY than theirs nothing may be written.
  const keys = await openKeyRing({ ...stores, endings: nouns.endings, publishedSeconds: signedLife(config.lifetimes) })
  const restoreWatch = createRestoreWatch({ ...stores, ...follower, log, endEverything: nouns.endEverything })
  await restoreWatch.check()
  const revocations = await tellOfRevocations({ issuer: config.issuer, follower, stores, log, metrics })
  opened.defer(() => revocations.close())
  const system = await createSystem({ ...basis, keys, revocations, webhooks })
  const throttles = createThrottles({ db: stores.db, list: stores.throttleList, clock })
  const built = { nouns, keys, mail, revocations, logout, webhooks, audit, system, throttles }
  // It is the provider that decides, which is built later, and asked when somebody has come in.
  const redirectUriRule = createRedirectUriRule(() => protocol.host.current)
  const administration = createAdministration({ ...basis, ...built, redirectUriRule })
  const announcements = await register({ config, clock, log, stores, nouns })
  const cookieSignatures = createCookieSignatures(secrets.cookieKeys.map((key) => key.reveal()))
  const tokenLimits = createClientLimits({ config, clock, metrics, occasional, throttles })
  const door = createDoor({ config, clock, log, stores, tokenLimits, metrics, occasional, throttles })
  const protocol = await createProviderParts({
    ...{ ...basis, nouns, tokenLimits, keys, follower, cookieSignatures, occasional },
    door: throughDoor(door),
    outbox: mail.outbox,
    refused: administration.refusedRequests.record,
  })
  heed(follower, { restoreWatch, protocol, keys })
  const app = createApp({
    door,
    cookieSignatures,
    onError: createConnectionFaults({ log }),
    provider: protocol.host,
    ...createPages({ ...basis, ...built, protocol, announcements, signals, administration }),
  })
  const parts = { ...built, app, log, metrics, stores, announcements, administration, signals, registry: protocol.registry }
  const tasks = createTasks({ ...parts, protocol, restoreWatch })
  system.runs.expect(tasks)
  const schedule = startSchedule(tasks, {
    log,
    ran(task, error) {
      countRun(metrics, clock, task, error)
      system.runs.ran(task, error)
    },
  })
  // From here on it is closed in its own order.
  opened.move()
  return assemble({ ...parts, schedule, restoreWatch, system })
}

/** What news of revocations means elsewhere. Whoever fails here looks again by itself within a second. */
function heed(
  follower: RevocationFollower,
  {
    restoreWatch,
    protocol,
    keys,
  }: { readonly restoreWatch: RestoreWatch; readonly protocol: ProtocolParts; readonly keys: Pick<KeyRing, 'refresh'> },
): void {
  follower.subscribe((news) => {
    if (news.what === 'put_back') restoreWatch.putBack(news.knownUpTo).catch(() => undefined)
    else {
      const named = new Set(news.entries.map(({ kind }) => kind))
      // What ended a client's tokens changed the client; and nothing is to be signed with a key that somebody else has.
      if (named.has('client_id')) protocol.followRegistry().catch(() => undefined)
      if (named.has('kid')) keys.refresh().catch(() => undefined)
    }
  })
}

function assemble(
  parts: Omit<Latchkey, 'management' | 'drain' | 'endWaitsFor' | typeof Symbol.asyncDispose> & {
    schedule: Schedule
    restoreWatch: RestoreWatch
    system: SystemParts
  },
): Latchkey {
  const { schedule, restoreWatch, system, ...latchkey } = parts
  const { metrics, stores, revocations, logout, webhooks, signals } = latchkey
  const deliveries = {
    'logout notifications': logout.delivery,
    webhooks: webhooks.delivery,
    ...(signals === undefined ? {} : { 'security events': signals.delivery }),
  }
  const closing = createClosing({ ...latchkey, schedule, restoreWatch, system, deliveries })
  let draining = false
  return {
    ...latchkey,
    management: {
      started: async () => true,
      missing: async () => (draining ? ['the process is shutting down'] : stores.missing()),
      figures: () => metrics.figures(),
    },
    drain() {
      draining = true
      revocations.listeners.close()
      latchkey.administration.auditStreams.close()
    },
    endWaitsFor: closing.waitsFor,
    async [Symbol.asyncDispose]() {
      draining = true
      await closing.close()
    },
  }
}
