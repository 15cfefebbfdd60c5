// Builds what tells others of revocations: this process's copy of the list, the one in Redis, and those who listen.
import type { Context, Middleware } from 'koa'
import type { Config } from '../../config/config.ts'
import { REVOCATIONS_SCOPE } from '../../config/scopes.ts'
import type { Log } from '../http/log.ts'
import type { Metrics } from '../http/metrics.ts'
import type { Task } from '../maintenance/schedule.ts'
import { type OwnAccess, revocationsResource } from '../provider/own-resources.ts'
import { createFeedListeners, type FeedCaller, type FeedListeners, HEARTBEAT_SECONDS } from '../revocation-feed/listeners.ts'
import { createRevocationFeed } from '../revocation-feed/routes.ts'
import { createLateCommits } from '../tokens/late-commits.ts'
import { type Acknowledgements, createAcknowledgements } from '../tokens/revocation-acknowledgements.ts'
import type { RevocationFollower } from '../tokens/revocation-follower.ts'
import { createRevocationRelay } from '../tokens/revocation-relay.ts'
import { REVOCATIONS_CHANNEL, selectProgress } from '../tokens/revocations.ts'
import type { OpenStores } from './stores.ts'

/** What tells others. */
export interface RevocationParts {
  readonly follower: RevocationFollower
  readonly listeners: FeedListeners
  readonly acknowledgements: Acknowledgements
  readonly tasks: readonly Task[]
  close(): Promise<void>
}

/** Builds it, and reads the list for the first time. */
export async function tellOfRevocations(deps: {
  readonly issuer: string
  readonly follower: RevocationFollower
  readonly stores: OpenStores
  readonly log: Log
  readonly metrics: Metrics
}): Promise<RevocationParts> {
  const { issuer, follower, stores, log, metrics } = deps
  const acknowledgements = createAcknowledgements({ db: stores.db })
  const lateCommits = createLateCommits({ db: stores.db, follower })
  const listeners = createFeedListeners({ follower, fellBehind: () => metrics.count('feedResets', {}) })
  metrics.whenAsked(() => {
    metrics.set('feedListeners', {}, listeners.count)
    metrics.set('feedEntries', {}, follower.log.size)
    metrics.set('feedSequence', {}, follower.log.sequence)
  })
  await follower.catchUp()
  const { lineage } = await selectProgress(stores.db)
  const copy = stores.revocationCopy
  const relay = copy === undefined ? undefined : createRevocationRelay({ follower, copy, lineage, issuer })
  // A copy that is empty is filled before anybody is told that this process is ready; without Redis that comes later.
  await relay?.run().catch((error: unknown) => log.warn({ err: error }, 'revocations were not copied to Redis yet'))
  const notifications = stores.listen(REVOCATIONS_CHANNEL, follower.wake)
  return {
    follower,
    listeners,
    acknowledgements,
    tasks: [
      { name: 'revocations', everySeconds: 1, run: () => follower.catchUp().then(lateCommits.run) },
      ...(relay === undefined ? [] : [{ name: 'revocations in Redis', everySeconds: 1, run: relay.run }]),
      { name: 'listeners', everySeconds: HEARTBEAT_SECONDS, run: () => beat(follower, listeners) },
      { name: 'acknowledgements', everySeconds: 1, run: acknowledgements.write },
    ],
    async close() {
      listeners.close()
      lateCommits.close()
      relay?.close()
      await notifications.close()
      await acknowledgements.write().catch((error: unknown) => log.warn({ err: error }, 'acknowledgements were not written'))
    },
  }
}

/** Listeners hear that they are up to date when it has just been looked at, and hear nothing when it cannot be. */
async function beat(follower: RevocationFollower, listeners: FeedListeners): Promise<void> {
  const known = await follower.catchUp().then(
    () => true,
    () => false,
  )
  listeners.beat(known)
}

/** Builds the pages of the feed. */
export function createFeedPages(deps: {
  readonly config: Config
  readonly parts: RevocationParts
  readonly ownAccess: OwnAccess
}): Middleware {
  const { config, parts, ownAccess } = deps
  const access = { resource: revocationsResource(config.issuer), scope: REVOCATIONS_SCOPE }
  return createRevocationFeed({
    follower: parts.follower,
    listeners: parts.listeners,
    acknowledgements: parts.acknowledgements,
    async authorize(ctx: Context): Promise<FeedCaller> {
      const { clientId, jti, kid, issuedAt, expiresAt, accountId, sessionId, grantId } = await ownAccess.require(ctx, access)
      return { clientId, jti, kid, issuedAt, expiresAt, accountId, sessionId, grantId }
    },
  })
}
