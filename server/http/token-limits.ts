// How often a client may ask the token endpoint and its neighbours. Counted in the process: a round trip to Redis would
// cost what a refresh saves. The budget is wide, for each client and address, since whole offices share an address; the
// one for failures is strict, so that secrets and codes cannot be guessed.
import type { IncomingMessage } from 'node:http'
import type { Context, Middleware } from 'koa'
import type { Clock } from '../../config/clock.ts'
import { addressKey } from './client-address.ts'
import type { Limit, TurnedAway } from './rate-limit.ts'
import { requestInfo } from './request-context.ts'

/** Counts requests of clients. */
export interface TokenLimits {
  /** Counts each request, and answers 429 when there were too many, or too many failures. */
  readonly middleware: Middleware
  /** Counts a failure; `weight` is less than 1 for what nobody can guess, and apps run into by themselves. */
  failed(request: IncomingMessage, weight?: number): void
}

/** The limits. */
export type TokenLimitName = 'clients' | 'client_failures'

/** The most askers that are remembered at once. */
const MOST_ASKERS = 100_000

/** Makes it. */
export function createTokenLimits(deps: {
  readonly requests: Limit
  readonly failures: Limit
  readonly clock: Clock
  /** Which requests are counted. */
  readonly counts: (ctx: Context) => boolean
  /** Told of each request that is turned away, and by which limit. */
  readonly turnedAway?: (limit: TokenLimitName, ctx: Context, who: TurnedAway) => void
  /** Whether what was counted of an asker is to be forgotten. */
  readonly lifted?: (limit: TokenLimitName, asker: string) => Promise<boolean>
}): TokenLimits {
  const requests = new Windows(deps.requests, deps.clock)
  const failures = new Windows(deps.failures, deps.clock)

  /** The seconds that an asker has to wait, and for which limit. */
  async function waitOf(asker: string): Promise<{ readonly limit: TokenLimitName; readonly waitSeconds: number }> {
    const counted = requests.count(asker)
    const failed = failures.wait(asker, 1)
    const limit = failed > 0 ? 'client_failures' : 'clients'
    const waitSeconds = Math.max(counted, failed)
    if (waitSeconds === 0 || !(await deps.lifted?.(limit, asker))) return { limit, waitSeconds }
    const lifted = limit === 'clients' ? requests : failures
    lifted.forget(asker)
    return waitOf(asker)
  }

  return {
    async middleware(ctx, next) {
      if (!deps.counts(ctx)) return next()
      const asker = askerOf(ctx.req)
      const { limit, waitSeconds: wait } = await waitOf(asker)
      if (wait === 0) return next()
      deps.turnedAway?.(limit, ctx, { asker, waitSeconds: wait })
      ctx.status = 429
      ctx.set('Retry-After', String(wait))
      ctx.set('Cache-Control', 'no-store')
      // A single-page app must be able to read that it should wait; there is nothing else in the answer.
      ctx.set('Access-Control-Allow-Origin', '*')
      ctx.set('Access-Control-Expose-Headers', 'Retry-After')
      ctx.body = { error: 'temporarily_unavailable', error_description: `too many requests; try again in ${wait} seconds` }
    },
    failed(request, weight = 1) {
      failures.count(askerOf(request), weight)
    },
  }
}

/**
 * An address and the client it says it is, as far as that stands in a header: the body has not been read. So whoever
 * guesses the secret of one client does not slow down the same client elsewhere.
 */
function askerOf(request: IncomingMessage): string {
  const [scheme = '', credentials = ''] = (request.headers.authorization ?? '').split(' ')
  const encoded = scheme.toLowerCase() === 'basic' ? Buffer.from(credentials, 'base64').toString('utf8').split(':', 1)[0] : ''
  return `${addressKey(requestInfo(request).address)} ${decoded(encoded ?? '').slice(0, 200)}`
}

/** The client id is form-encoded before it is put into the header (RFC 6749 §2.3.1): `a` and `%61` are one client. */
function decoded(clientId: string): string {
  try {
    return decodeURIComponent(clientId.replaceAll('+', ' '))
  } catch {
    // Nobody is authenticated under such a name.
    return ''
  }
}

/** Fixed windows: so many in each, then none until the next. */
class Windows {
  readonly #limit: Limit
  readonly #clock: Clock
  readonly #seen = new Map<string, { until: number; count: number }>()

  constructor(limit: Limit, clock: Clock) {
    this.#limit = limit
    this.#clock = clock
  }

  /** Counts one, or as much as it weighs; the seconds to wait when that was too much. */
  count(key: string, weight = 1): number {
    const now = this.#clock()
    const known = this.#seen.get(key)
    if (known !== undefined && known.until > now) {
      known.count += weight
      return this.wait(key)
    }
    this.#seen.delete(key)
    if (this.#seen.size >= MOST_ASKERS) {
      for (const oldest of this.#seen.keys()) {
        this.#seen.delete(oldest)
        break
      }
    }
    this.#seen.set(key, { until: now + this.#limit.windowSeconds * 1000, count: weight })
    return 0
  }

  forget(key: string): void {
    this.#seen.delete(key)
  }

  /** The seconds to wait when there are too many, or would be with so many `more`. Counts nothing. */
  wait(key: string, more = 0): number {
    const known = this.#seen.get(key)
    const now = this.#clock()
    if (known === undefined || known.until <= now || known.count + more <= this.#limit.max) return 0
    return Math.ceil((known.until - now) / 1000)
  }
}
