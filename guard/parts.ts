// The parts of a guard, made and joined: who is handed what. Nothing starts here.
import { createTokenVerification } from './access-token.ts'
import { type Acknowledgements, createAcknowledgements } from './acknowledgements.ts'
import { createClientAuthentication } from './client-authentication.ts'
import { createClock, createServerTime, type GuardClock, millisecondsSince, moment, type ServerTime } from './clock.ts'
import { createFeed, type Feed } from './feed.ts'
import { createFeedToken } from './feed-token.ts'
import { createFollowing, type Following } from './following.ts'
import { createIntrospection } from './introspection.ts'
import { createDiscovery, type IssuerMetadata } from './issuer.ts'
import { createKeys, type Keys } from './keys.ts'
import { createKnowledge, type Knowledge } from './knowledge.ts'
import { consoleLog, type GuardLog, withoutRepeats } from './log.ts'
import type { GuardOptions, KnownCredentials, Settled } from './options.ts'
import { createProofVerification } from './proof.ts'
import { metadataAddress } from './protected-resource.ts'
import { createRedisSource } from './redis-source.ts'
import { createRequests, type Requests } from './requests.ts'
import { createStalePolicy, type StalePolicy } from './stale-policy.ts'
import { createStreamSource, type Source } from './stream-source.ts'
import { createVerification, type Verification } from './verification.ts'

/** What a guard is made of. */
export interface Parts {
  readonly discover: () => Promise<IssuerMetadata>
  readonly keys: Keys
  readonly knowledge: Knowledge
  readonly following: Following
  readonly policy: StalePolicy
  readonly acknowledgements: Acknowledgements | undefined
  readonly verification: Verification
  readonly time: ServerTime
  readonly log: GuardLog
}

/** `closed` ends everything that is under way. */
export function makeParts(settled: Settled, options: GuardOptions, closed: AbortSignal): Parts {
  const clock = createClock(options.clock)
  const log = withoutRepeats(options.log ?? consoleLog, () => clock.elapsed())
  const time = createServerTime(clock, (ahead) => log({ level: 'warn', message: clockIsOff(ahead) }))
  const requests = createRequests(options.fetch ?? fetch, closed)
  const discover = createDiscovery(settled.issuer, requests)
  const lastRequests = createRequests(options.fetch ?? fetch, new AbortController().signal)
  const asking = settled.client && makeAsking(settled, settled.client, { discover, requests, lastRequests, clock, time, log })
  const acknowledgements = asking && createAcknowledgements(asking.feed, clock)
  const knowledge = createKnowledge(clock, time, (sequence) => acknowledgements?.applied(sequence))
  const keys = createKeys({ discover, requests, clock, isRevoked: knowledge.hasKey, log, closed })
  const following = createFollowing({
    feed: asking?.feed,
    source: makeSource(settled, asking?.feed, { knowledge, clock, time }),
    sourceName: settled.redis === undefined ? 'stream' : 'redis',
    knowledge,
    maxStalenessMs: settled.maxStalenessMs,
    clock,
    log,
    closed,
    onTick: createHousekeeping(clock, knowledge, () => {
      policy.watch()
      keys.tick()
      acknowledgements?.tick()
    }),
  })
  const { whenStale, maxStalenessMs } = settled
  const fault = () => following.fault
  const policy = createStalePolicy({ whenStale, maxStalenessMs, knowledge, introspect: asking?.introspect, fault, log })
  const verification = createVerification({
    verifyToken: createTokenVerification(settled, keys, time),
    verifyProof: createProofVerification(settled.proofMaxAgeSeconds, time, clock),
    knowledge,
    policy,
    metadataUrl: metadataAddress(settled)?.url,
    closed,
  })
  return { discover, keys, knowledge, following, policy, acknowledgements, verification, time, log }
}

interface Ground {
  readonly discover: () => Promise<IssuerMetadata>
  readonly requests: Requests
  readonly lastRequests: Requests
  readonly clock: GuardClock
  readonly time: ServerTime
  readonly log: GuardLog
}

/** What can be asked with the client's credentials. */
function makeAsking({ issuer }: Settled, client: KnownCredentials, ground: Ground) {
  const { discover, requests, lastRequests, clock, time, log } = ground
  const authenticate = createClientAuthentication(client, { issuer, time })
  const url = `${issuer.replace(/\/$/, '')}/revocations`
  const token = createFeedToken({ clientId: client.id, resource: url, discover, authenticate, requests, clock })
  return {
    feed: createFeed({ url, token, requests, lastRequests, clock, time }),
    introspect: createIntrospection({ clientId: client.id, discover, authenticate, requests, log }),
  }
}

interface SourceGround {
  readonly knowledge: Knowledge
  readonly clock: GuardClock
  readonly time: ServerTime
}

function makeSource({ redis, issuer }: Settled, feed: Feed | undefined, { knowledge, clock, time }: SourceGround): Source {
  if (redis !== undefined) return createRedisSource({ client: redis, issuer, knowledge, clock, time })
  if (feed !== undefined) return createStreamSource({ feed, knowledge, clock })
  throw new TypeError('a guard without a feed and without Redis has nothing to follow')
}

const SWEEP_MS = 30_000

/** What has to be done every quarter of a second, and what less often. */
function createHousekeeping(clock: GuardClock, knowledge: Knowledge, always: () => void): () => void {
  let swept = moment(clock)
  return () => {
    always()
    if (millisecondsSince(clock, swept) < SWEEP_MS) return
    swept = moment(clock)
    knowledge.sweep()
  }
}

function clockIsOff(ahead: number): string {
  if (ahead === 0) return 'the clock of this machine agrees with the authorization server again.'
  const by = `${Math.abs(ahead)} s ${ahead > 0 ? 'ahead of' : 'behind'}`
  return `the clock of this machine is ${by} the authorization server's. Tokens are judged by the server's time; let NTP set this clock.`
}
