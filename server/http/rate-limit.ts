// How often one may ask. People's pages are counted for each address in Redis, so that all processes count together;
// without Redis each process goes on counting by itself, from what it let through before, and never lets everything through.
import type { Cluster, Redis } from 'ioredis'
import type { Context, Middleware } from 'koa'
import ratelimit from 'koa-ratelimit'
import { liveKey, liveKeys } from '../storage/keys.ts'
import { addressKey } from './client-address.ts'
import type { Log } from './log.ts'
import { HttpProblem } from './problems.ts'
import { requestInfo } from './request-context.ts'

/** So many requests in so long. */
export interface Limit {
  readonly max: number
  readonly windowSeconds: number
}

/** Somebody who is turned away. */
export interface TurnedAway {
  /** What the limit counts by. */
  readonly asker: string
  /** When one request more is let through. */
  readonly waitSeconds: number
}

/** The most addresses that a process remembers; beyond it the ones it has known longest are forgotten. */
const MOST_ADDRESSES = 50_000

const RESET = 'RateLimit-Reset'

/** Makes the middleware; `counts` says which requests are counted. */
export function createLimit(deps: {
  readonly limit: Limit
  readonly redis: Redis | Cluster | undefined
  readonly counts: (ctx: Context) => boolean
  /** Whose requests are counted together: by the place they come from, when left out. */
  readonly asker?: (ctx: Context) => string
  readonly log: Log
  /** Told of each request that is turned away. */
  readonly turnedAway?: (ctx: Context, who: TurnedAway) => void
  /** Whether what this process has counted by itself of an asker is to be forgotten. What Redis has counted is forgotten there. */
  readonly lifted?: (asker: string) => Promise<boolean>
}): Middleware {
  const { limit, redis, log, asker = (ctx: Context) => addressKey(requestInfo(ctx.req).address) } = deps
  const common = {
    duration: limit.windowSeconds * 1000,
    max: limit.max,
    id: asker,
    namespace: liveKeys.limit,
    headers: { remaining: 'RateLimit-Remaining', reset: RESET, total: 'RateLimit-Limit' },
    // The limiter would write the answer itself; it is ours, as a page.
    throw: false,
  }
  const counted = new BoundedMap<string, unknown>(MOST_ADDRESSES)
  const inProcess = oneByOne(ratelimit({ ...common, driver: 'memory', db: counted }))
  const shared = redis === undefined ? undefined : ratelimit({ ...common, driver: 'redis', db: scriptSender(redis) })

  async function admit(ctx: Context): Promise<boolean> {
    if (shared !== undefined) return askShared(shared, inProcess, ctx, log)
    if (await ask(inProcess, ctx)) return true
    if (!(await deps.lifted?.(asker(ctx)))) return false
    counted.delete(liveKey(liveKeys.limit, asker(ctx)))
    return ask(inProcess, ctx)
  }

  return async (ctx, next) => {
    if (!deps.counts(ctx)) return next()
    if (!(await admit(ctx))) {
      // The limiter rounds down, and 0 would mean at once.
      const waitSeconds = Math.max(1, Number(ctx.response.get('Retry-After')))
      ctx.set(RESET, String(waitSeconds))
      deps.turnedAway?.(ctx, { asker: asker(ctx), waitSeconds })
      throw tooMany(waitSeconds)
    }
    // The limiter says at which second, and whoever is told wants to know in how many (draft-ietf-httpapi-ratelimit-headers).
    ctx.set(RESET, String(Math.max(1, Math.ceil(Number(ctx.response.get(RESET)) - secondsNow()))))
    await next()
  }
}

/** The time that the limiter goes by, which is this machine's and none that is passed in. */
function secondsNow(): number {
  return (performance.timeOrigin + performance.now()) / 1000
}

/**
 * What the limiter uses of a client: it defines a command of its own at its first request, and calls that. A batch of commands
 * that is being gathered then does not know the new one, and ioredis throws where nobody can catch it: the process would end. So
 * the script is sent as it is.
 */
function scriptSender(redis: Redis | Cluster): Redis {
  const sender = {
    defineCommand(name: string, { lua, numberOfKeys = 0 }: { readonly lua: string; readonly numberOfKeys?: number }) {
      Object.assign(sender, { [name]: (...args: (string | number)[]) => redis.eval(lua, numberOfKeys, ...args) })
    },
  }
  // Its types want a whole client.
  return sender as Partial<Redis> as Redis
}

async function askShared(shared: Middleware, inProcess: Middleware, ctx: Context, log: Log): Promise<boolean> {
  let admitted: boolean
  try {
    admitted = await ask(shared, ctx)
  } catch (error) {
    log.warn({ err: error }, 'the shared rate limit cannot be asked: this process counts by itself')
    return ask(inProcess, ctx)
  }
  // A Redis that stops answering, for a moment or for good, gives nobody as many tries again.
  if (admitted) await ask(inProcess, unanswered(ctx))
  return admitted
}

/** The request, for a limiter that is to count it and must not touch the answer. */
function unanswered(ctx: Context): Context {
  const nowhere = { value: undefined, writable: true }
  return Object.create(ctx, { set: { value: () => undefined }, body: nowhere, status: nowhere, state: { value: {} } })
}

/** Asks a limiter whether it would go on, without letting it: an error of the page is not an error of the limiter. */
async function ask(limiter: Middleware, ctx: Context): Promise<boolean> {
  let admitted = false
  await limiter(ctx, async () => {
    admitted = true
  })
  return admitted
}

/**
 * Lets one request at a time ask. The memory driver hands out the very entry that it counts down, so of requests that ask at
 * once, as all do that have waited in vain for Redis, each would read what the last of them left, and be refused too soon.
 */
function oneByOne(limiter: Middleware): Middleware {
  let last: Promise<unknown> = Promise.resolve()
  return (ctx, next) => {
    const asked = last.then(() => limiter(ctx, next))
    last = asked.catch(() => undefined)
    return asked
  }
}

function tooMany(retryAfterSeconds: number): HttpProblem {
  const minutes = Math.max(1, Math.ceil(retryAfterSeconds / 60))
  return new HttpProblem(
    429,
    'Too many tries',
    `There were too many requests from where you are. Please wait ${minutes === 1 ? 'a minute' : `${minutes} minutes`} and try again.`,
    { retryAfterSeconds },
  )
}

/** A map that forgets its oldest entries rather than grow without end. */
class BoundedMap<Key, Value> extends Map<Key, Value> {
  readonly #most: number

  constructor(most: number) {
    super()
    this.#most = most
  }

  override set(key: Key, value: Value): this {
    if (this.size >= this.#most && !this.has(key)) {
      for (const oldest of this.keys()) {
        this.delete(oldest)
        break
      }
    }
    return super.set(key, value)
  }
}
