// `/shared-signals`: where clients make and read their stream of security events, and fetch them (OpenID Shared Signals Framework 1.0
// §7 and §8.1, RFC 8936).
import Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import { z } from 'zod'
import { plainText } from '../../config/plain-text.ts'
import { openToPages } from '../http/cross-origin.ts'
import { forPrograms } from '../http/error-pages.ts'
import { readJson } from '../http/json.ts'
import { HttpProblem } from '../http/problems.ts'
import { routesOf } from '../http/routes.ts'
import { MOST_SETS, type PollAnswer, type PollRequest } from '../signals/poll.ts'
import { eventUri, SIGNAL_EVENTS } from '../signals/security-event-token.ts'
import { POLL, PUSH, type SignalStream, type SignalStreams, VERIFICATION_SECONDS } from '../signals/streams.ts'

/** Where it is, below the issuer; the same is the resource that access tokens for it name (RFC 8707). */
export const SHARED_SIGNALS_PATH = '/shared-signals'

/** Where it says what there is (§7.2). */
const METADATA_PATH = '/.well-known/ssf-configuration'

/** What the routes need. */
export interface SharedSignalsDeps {
  readonly issuer: string
  readonly streams: SignalStreams
  readonly poll: (stream: SignalStream, request: PollRequest) => Promise<PollAnswer>
  /** The client that asks, by its access token. @throws HttpProblem 401 or 403 */
  readonly authorize: (ctx: Context) => Promise<string>
}

/** Makes the routes. */
export function createSharedSignals(deps: SharedSignalsDeps): Middleware[] {
  const { issuer } = deps
  const metadata = new Router()
  metadata.get(METADATA_PATH, (ctx) => {
    ctx.set('Cache-Control', 'public, max-age=300')
    // §7.1
    ctx.body = {
      spec_version: '1_0',
      issuer,
      jwks_uri: `${issuer}/jwks`,
      delivery_methods_supported: [PUSH, POLL],
      configuration_endpoint: `${issuer}${SHARED_SIGNALS_PATH}/stream`,
      verification_endpoint: `${issuer}${SHARED_SIGNALS_PATH}/verification`,
      authorization_schemes: [{ spec_urn: 'urn:ietf:rfc:6749' }],
      default_subjects: 'ALL',
    }
  })
  return [
    forPrograms(METADATA_PATH, openToPages(routesOf(metadata))),
    forPrograms(SHARED_SIGNALS_PATH, routesOf(createStreamRoutes(deps))),
  ]
}

function createStreamRoutes({ issuer, streams, poll, authorize }: SharedSignalsDeps): Router {
  const router = new Router({ prefix: SHARED_SIGNALS_PATH })
  router.use((ctx, next) => {
    ctx.set('Cache-Control', 'no-store')
    return next()
  })

  router.post('/stream', async (ctx) => {
    const clientId = await authorize(ctx)
    const { delivery, events_requested, description } = await readJson(ctx, STREAM)
    const push = delivery.method === PUSH ? pushOf(delivery) : undefined
    const stream = await streams
      .create({ clientId, push, eventsRequested: events_requested ?? SIGNAL_EVENTS.map(eventUri), description })
      .catch(refuse)
    // §8.1.1.1: as a client has one.
    if (stream === undefined) throw new HttpProblem(409, 'There is one', 'The client has a stream already: delete it first.')
    ctx.status = 201
    ctx.body = configurationOf(issuer, stream)
  })

  router.get('/stream', async (ctx) => {
    const stream = await streams.find(await authorize(ctx))
    const { stream_id: id } = ctx.query
    // §8.1.1.2: without an id, all that there are.
    if (id === undefined) {
      ctx.body = stream === undefined ? [] : [configurationOf(issuer, stream)]
      return
    }
    if (stream === undefined || stream.id !== id) throw noStream()
    ctx.body = configurationOf(issuer, stream)
  })

  router.delete('/stream', async (ctx) => {
    const clientId = await authorize(ctx)
    const { stream_id: id } = ctx.query
    if (typeof id !== 'string') throw new HttpProblem(400, 'Which stream?', 'The parameter stream_id is missing.')
    if (!(await streams.delete(clientId, id))) throw noStream()
    ctx.status = 204
  })

  router.post('/verification', async (ctx) => {
    const stream = await streams.find(await authorize(ctx))
    const { stream_id, state } = await readJson(ctx, VERIFYING)
    if (stream === undefined || stream.id !== stream_id) throw noStream()
    // §8.1.4.2
    if (!(await streams.verify(stream, state)))
      throw new HttpProblem(429, 'Too often', `A stream is verified every ${VERIFICATION_SECONDS} seconds at most.`, {
        retryAfterSeconds: VERIFICATION_SECONDS,
      })
    ctx.status = 204
  })

  router.post('/poll', async (ctx) => {
    const stream = await streams.find(await authorize(ctx))
    if (stream === undefined || stream.endpointUrl !== null)
      throw new HttpProblem(404, 'No such stream', 'The client has no stream that is fetched.')
    const { maxEvents, ack, setErrs } = await readJson(ctx, POLLING)
    const refused = Object.fromEntries(Object.entries(setErrs).map(([id, { err }]) => [id, err]))
    ctx.body = await poll(stream, { most: maxEvents, acknowledged: ack, refused })
  })

  return router
}

const STREAM = z.object({
  // §8.1.1.1: without a word it fetches.
  delivery: z
    .object({
      method: z.enum([PUSH, POLL], `it must be ${PUSH} or ${POLL}`),
      endpoint_url: plainText(2000).optional(),
      authorization_header: z.string().max(2000).optional(),
    })
    .default({ method: POLL }),
  events_requested: z.array(plainText(2000)).max(50).optional(),
  description: plainText(200).default(''),
})

const VERIFYING = z.object({ stream_id: z.string(), state: plainText(1000).default('') })

/** RFC 8936 §2.4. To wait until something comes is the transmitter's to allow, and is not allowed here. */
const POLLING = z.object({
  maxEvents: z.int().min(0).default(MOST_SETS),
  returnImmediately: z.boolean().optional(),
  ack: z.array(plainText(100)).max(500).default([]),
  setErrs: z.record(plainText(100), z.object({ err: plainText(200) })).default({}),
})

function pushOf({ endpoint_url, authorization_header }: z.output<typeof STREAM>['delivery']) {
  if (endpoint_url === undefined)
    throw new HttpProblem(400, 'Not what was expected', 'delivery.endpoint_url is missing: where is it to be pushed to?')
  return { endpointUrl: endpoint_url, authorization: authorization_header }
}

/** §8.1.1; what is secret of it is not shown. */
function configurationOf(issuer: string, { id, clientId, endpointUrl, eventsRequested, events, description }: SignalStream) {
  return {
    stream_id: id,
    iss: issuer,
    aud: clientId,
    delivery:
      endpointUrl === null
        ? { method: POLL, endpoint_url: `${issuer}${SHARED_SIGNALS_PATH}/poll` }
        : { method: PUSH, endpoint_url: endpointUrl },
    events_supported: SIGNAL_EVENTS.map(eventUri),
    events_requested: eventsRequested,
    events_delivered: events.map(eventUri),
    min_verification_interval: VERIFICATION_SECONDS,
    ...(description === '' ? {} : { description }),
  }
}

function refuse(error: unknown): never {
  const refused = error instanceof Error && ['SignalStreamRefused', 'WebhookRefused'].includes(error.name)
  if (refused) throw new HttpProblem(400, 'That stream cannot be', error.message, { cause: error })
  throw error
}

function noStream(): HttpProblem {
  return new HttpProblem(404, 'No such stream', 'The client has no stream of that name.')
}
