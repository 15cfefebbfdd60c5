// `/revocations`: what was ended before its time, for resource servers that check tokens by themselves. As JSON, or as events for
// whoever stays connected; and where they tell how far they have come.
import { randomUUID } from 'node:crypto'
import Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import { z } from 'zod'
import { forPrograms } from '../http/error-pages.ts'
import { readJson } from '../http/json.ts'
import { isKnown } from '../http/known-version.ts'
import { HttpProblem } from '../http/problems.ts'
import { routesOf } from '../http/routes.ts'
import type { Acknowledgements } from '../tokens/revocation-acknowledgements.ts'
import type { RevocationFollower } from '../tokens/revocation-follower.ts'
import type { FeedCaller, FeedListeners } from './listeners.ts'

/** Where it is, below the issuer; the same is the resource that access tokens for it name (RFC 8707). */
export const REVOCATIONS_PATH = '/revocations'

/**
 * The header with PostgreSQL's time at the answer, in seconds since the epoch: listeners judge tokens by it. `Date` (RFC 9110 §6.6.1) is
 * that of a host, or of a proxy that puts its own in its place.
 */
export const TIME_HEADER = 'Latchkey-Time'

/**
 * The header that says in how many seconds to acknowledge again. Each revocation is acknowledged by everybody who listens, and a
 * thousand of them at once would keep people waiting who sign in.
 */
export const AGAIN_AFTER_HEADER = 'Latchkey-Again-After'

/** So many hardly cost anything. */
const ACKNOWLEDGEMENTS_PER_SECOND = 100

/** What the routes need. */
export interface RevocationFeedDeps {
  readonly follower: RevocationFollower
  readonly listeners: FeedListeners
  readonly acknowledgements: Acknowledgements
  /** Who asks, by its access token. @throws HttpProblem 401 or 403, and says what is missing in `WWW-Authenticate` */
  readonly authorize: (ctx: Context) => Promise<FeedCaller>
}

/** Makes the routes. */
export function createRevocationFeed({ follower, listeners, acknowledgements, authorize }: RevocationFeedDeps): Middleware {
  const { log } = follower
  const router = new Router({ prefix: REVOCATIONS_PATH })
  const snapshot = rememberText(() => JSON.stringify({ sequence: log.sequence, entries: log.after(0, log.size) }))
  // A database that was put back gives numbers again, to other entries.
  let generation = randomUUID()
  follower.subscribe(({ what }) => {
    if (what === 'put_back') generation = randomUUID()
  })

  router.get('/', async (ctx) => {
    // Whatever ended the caller before this was seen by whoever is asked now.
    const admittedAt = log.sequence
    const caller = await authorize(ctx)
    const after = placeOf(ctx)
    // What was committed before the question is in the answer.
    await follower.catchUp()
    if (after > log.sequence) throw beyond(after)
    ctx.vary('Accept')
    ctx.set(TIME_HEADER, follower.databaseNow().toFixed(3))
    const streams = ctx.accepts('application/json', 'text/event-stream') === 'text/event-stream'
    if (streams && ctx.method === 'GET') return listen(ctx, caller, { after, admittedAt })
    ctx.set('Cache-Control', 'private, no-cache')
    const version = `"${generation}-${log.sequence}-${log.size}"`
    ctx.set('ETag', version)
    if (isKnown(ctx, version)) {
      ctx.status = 304
      return
    }
    ctx.type = 'application/json'
    ctx.body = after === 0 ? snapshot(version) : JSON.stringify({ sequence: log.sequence, entries: log.after(after, log.size) })
  })

  addAcknowledgements(router, { follower, listeners, acknowledgements, authorize })

  function listen(ctx: Context, caller: FeedCaller, place: Parameters<FeedListeners['open']>[2]): void {
    if (!listeners.admit) {
      // Another process has room, or will have.
      ctx.set('Connection', 'close')
      throw new HttpProblem(503, 'Not here', 'This process takes no more listeners just now.', { retryAfterSeconds: 1 })
    }
    // From here on the answer is written by the listeners.
    ctx.respond = false
    ctx.res.statusCode = 200
    ctx.res.setHeader('Content-Type', 'text/event-stream; charset=utf-8')
    ctx.res.setHeader('Cache-Control', 'no-store')
    // Or nginx would keep it until there is more.
    ctx.res.setHeader('X-Accel-Buffering', 'no')
    ctx.res.flushHeaders()
    listeners.open(ctx.res, caller, place)
  }

  return forPrograms(REVOCATIONS_PATH, routesOf(router))
}

/** Where listeners say how far they have come, and that they end. */
function addAcknowledgements(router: Router, { follower, listeners, acknowledgements, authorize }: RevocationFeedDeps): void {
  const { log } = follower
  router.post('/acknowledgements', async (ctx) => {
    const { clientId } = await authorize(ctx)
    const { sequence, instance } = await readJson(ctx, ACKNOWLEDGEMENT)
    if (sequence > log.sequence) await follower.catchUp()
    if (sequence > log.sequence) throw beyond(sequence)
    acknowledgements.note({ clientId, instance, sequence })
    ctx.set(AGAIN_AFTER_HEADER, (listeners.count / ACKNOWLEDGEMENTS_PER_SECOND).toFixed(2))
    ctx.status = 204
  })

  router.delete('/acknowledgements/:instance', async (ctx) => {
    const { clientId } = await authorize(ctx)
    const instance = INSTANCE.safeParse(ctx.params.instance)
    // Nobody of another name has ever been heard.
    if (instance.success) await acknowledgements.forget({ clientId, instance: instance.data })
    ctx.status = 204
  })
}

const INSTANCE = z.string('it must be text').regex(/^[\w-]{1,64}$/, 'it must be of 1 to 64 letters, digits, - and _')

const ACKNOWLEDGEMENT = z.strictObject({
  sequence: z.int('it must be the number of an entry').min(0, 'it must not be negative'),
  instance: INSTANCE,
})

const NUMBER = /^\d{1,15}$/

/** From where the caller goes on: 0, from the beginning. A listener that connects again says so in a header of its own. */
function placeOf(ctx: Context): number {
  const given = ctx.get('Last-Event-ID') || ctx.query.after
  if (given === undefined || given === '') return 0
  if (typeof given !== 'string' || !NUMBER.test(given)) {
    throw new HttpProblem(400, 'Not a sequence', '`after` and Last-Event-ID take the number of an entry, and only once.')
  }
  return Number(given)
}

/** The database was put back, or the number made up. */
function beyond(sequence: number): HttpProblem {
  return new HttpProblem(410, 'Not that far', `There is no revocation ${sequence}. Take the whole list again, without \`after\`.`)
}

/** Thousands may ask for the same at once. */
function rememberText(make: () => string): (name: string) => string {
  let known = ''
  let text = ''
  return (name) => {
    if (name !== known) {
      text = make()
      known = name
    }
    return text
  }
}
