// Builds what the first page of the console tells, and counts for it in the background.
import type { Clock } from '../../config/clock.ts'
import { readSecretAges } from '../clients/secret-ages.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import { readUntold } from '../logout-notifications/untold.ts'
import type { Task } from '../maintenance/schedule.ts'
import {
  clientSecretDuty,
  type Duty,
  LONG_SECONDS,
  lockedAccountDuty,
  logoutNotificationDuty,
  mailDuty,
  type SessionAudits,
  sessionAuditDuty,
  signingKeyDuty,
  systemDuty,
  webhookDuty,
  webhookSecretDuty,
} from '../overview/duties.ts'
import { createOverviewFigures, FIGURES_EVERY_SECONDS, type OverviewFigures } from '../overview/figures.ts'
import { lately } from '../overview/lately.ts'
import { createOverview, type LookOver, type OverviewDeps } from '../overview/overview.ts'
import { readSecretsByAge, type SecretItem, type SecretQuery } from '../overview/secrets-by-age.ts'
import type { SessionReviews } from '../session-reviews/session-reviews.ts'
import { selectFailingWebhooks } from '../webhooks/last-deliveries.ts'
import type { AccountParts } from './administration-accounts.ts'
import type { MailParts } from './mail.ts'
import type { OpenStores } from './stores.ts'
import type { SystemParts } from './system.ts'

/** What tells how the server fares. */
export interface OverviewParts {
  readonly overview: LookOver
  readonly figures: OverviewFigures
  secretsByAge(query: SecretQuery): Promise<SecretItem[]>
  readonly tasks: readonly Task[]
}

interface OverviewPartsDeps {
  readonly clock: Clock
  readonly stores: Pick<OpenStores, 'db'>
  readonly accounts: Pick<AccountParts, 'accountLocks'>
  readonly keys: Pick<KeyRing, 'turns'>
  readonly mail: Pick<MailParts, 'outbox'>
  readonly system: Pick<SystemParts, 'report'>
  readonly sessionReviews: Pick<SessionReviews, 'latestSignedOff' | 'nextAt' | 'page'>
}

/** Keys that are looked at: the latest. Of those before them none signs. */
const MOST_KEYS = 50

/** The server looks at itself for longer than at anything else here. */
const CHECKED_FOR_SECONDS = 10

/** Builds it. */
export function createOverviewParts(deps: OverviewPartsDeps): OverviewParts {
  const { clock } = deps
  const { db } = deps.stores
  const figures = createOverviewFigures({ db, countLocked: deps.accounts.accountLocks.countLocked })
  // What a page shows is also what a duty is about.
  const once = <Answer>(ask: () => Promise<Answer>) => lately(ask, { seconds: 0, clock })
  const parts = {
    figures: { events: figures.events, kept: once(figures.kept) },
    keys: once(() => deps.keys.turns.page({ limit: MOST_KEYS })),
    secrets: once(() => readSecretAges(db)),
  }
  return {
    figures,
    secretsByAge: (query) => readSecretsByAge(db, query),
    overview: createOverview({ ...parts, clock, duties: dutiesOf(deps, parts) }),
    tasks: [{ name: 'figures of the overview', everySeconds: FIGURES_EVERY_SECONDS, run: figures.run }],
  }
}

/** All duties. Whatever else is to be done again and again has its line here. */
function dutiesOf(
  { clock, stores, mail, system, sessionReviews }: OverviewPartsDeps,
  { figures, keys, secrets }: Pick<OverviewDeps, 'figures' | 'keys' | 'secrets'>,
): readonly Duty[] {
  const { db } = stores
  return [
    clientSecretDuty(secrets, clock),
    webhookSecretDuty(() => webhookSecretsDue(db), clock),
    signingKeyDuty(keys, clock),
    sessionAuditDuty(() => sessionAudits(sessionReviews), clock),
    lockedAccountDuty(async () => (await figures.kept()).lockedAccounts),
    logoutNotificationDuty(() => readUntold(db, LONG_SECONDS)),
    webhookDuty(() => selectFailingWebhooks(db, LONG_SECONDS)),
    mailDuty(() => mail.outbox.late(LONG_SECONDS)),
    systemDuty(lately(async () => (await system.report()).checks, { seconds: CHECKED_FOR_SECONDS, clock })),
  ]
}

/** There are few webhooks, and each has two secrets at most. */
async function webhookSecretsDue(db: OpenStores['db']): Promise<Date[]> {
  const secrets = await readSecretsByAge(db, { of: ['webhook'], due: false, limit: 200 })
  return secrets.flatMap(({ dueAt }) => (dueAt === undefined ? [] : [dueAt]))
}

async function sessionAudits(reviews: OverviewPartsDeps['sessionReviews']): Promise<SessionAudits> {
  const [signedOff, nextAt, [latest]] = await Promise.all([
    reviews.latestSignedOff(),
    reviews.nextAt(),
    reviews.page({ limit: 1 }),
  ])
  return { signedOffAt: signedOff?.signedOffAt, nextAt, waiting: latest?.state === 'open' ? latest : undefined }
}
