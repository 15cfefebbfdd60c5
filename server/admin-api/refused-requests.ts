// Requests that were refused, by the admin API: what was expected beside what was received, for the developers of apps.
import { z } from 'zod'
import { ACCESS } from '../../config/access.ts'
import type { Cursors } from '../http/cursors.ts'
import { CAUSES, type Cause, isCause } from '../refused-requests/causes.ts'
import type { RefusedRequest } from '../refused-requests/explain.ts'
import { REFUSED_AT } from '../refused-requests/refusal.ts'
import type { RefusedRequests } from '../refused-requests/refused-requests.ts'
import { type ApiRoute, route } from './route.ts'
import { moment, name, notFound, pageOf, paging, readPage } from './shapes.ts'

/** What the routes call. */
export interface RefusedRequestRoutesDeps {
  readonly cursors: Cursors
  readonly refusedRequests: Pick<RefusedRequests, 'find' | 'page'>
}

const refusedRequestShape = z
  .object({
    request_id: z.string().meta({ description: 'Of the first; `X-Request-Id` of its answer.' }),
    request_ids: z.array(z.string()).meta({ description: 'Of the first 20: each finds it.' }),
    at: moment,
    times: z.int().meta({ description: 'How many there were of the same client, cause and address within about a second.' }),
    endpoint: z.enum(REFUSED_AT),
    client_id: z.string().nullable().meta({ description: 'As it came. Null: it did not, or may be a secret.' }),
    client_known: z.boolean().meta({ description: 'Whether such a client is registered.' }),
    address: z.string(),
    user_agent: z.string().nullable(),
    error: z.string().meta({ description: 'What the app was told (RFC 6749 §5.2).' }),
    error_description: z.string().nullable(),
    cause: z.string().meta({ description: `One of ${Object.keys(CAUSES).join(', ')}.` }),
    summary: z.string().meta({ description: 'The cause in plain words.' }),
    expected: z.string().nullable(),
    received: z.string().nullable().meta({ description: 'Cut short, and without what may be a secret.' }),
    reasons: z.array(z.string()).meta({ description: 'In which parts the two differ, and what else is to be known.' }),
    change: z.string().meta({ description: 'What the developer of the app is to change.' }),
  })
  .meta({ id: 'RefusedRequest' })

/** Makes the routes. */
export function refusedRequestRoutes(deps: RefusedRequestRoutesDeps): ApiRoute[] {
  return [listRoute(deps), findRoute(deps)]
}

function listRoute({ cursors, refusedRequests }: RefusedRequestRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/refused-requests',
    name: 'listRefusedRequests',
    tag: 'Refused requests',
    summary: 'List the last authorization and token requests that were refused, and why, the latest first',
    description: 'The last 1,000 of seven days. What has just been refused may take a second to be there.',
    access: ACCESS.refusedRequests.read,
    query: z.strictObject({
      client: name.optional().meta({ description: 'A `client_id`.' }),
      cause: z.string().refine(isCause, 'there is no such cause').optional().meta({ description: 'As `cause` says it.' }),
      ...paging,
    }),
    outcomes: { 200: { description: 'A page.', schema: pageOf(refusedRequestShape) } },
    async handle({ query: { client, cause, limit, cursor } }) {
      const filter = {
        ...(client === undefined ? {} : { clientId: client }),
        // What the schema has let through.
        ...(cause === undefined ? {} : { cause: cause as Cause }),
      }
      const body = await readPage<RefusedRequest>({
        cursors,
        list: `refused requests ${JSON.stringify(filter)}`,
        limit,
        cursor,
        read: (most, after) =>
          refusedRequests.page({
            filter,
            limit: most,
            ...(after === undefined ? {} : { after: { at: Number(after[0]), requestId: String(after[1]) } }),
          }),
        placeOf: ({ at, requestIds }) => [at, requestIds[0] ?? ''],
        show,
      })
      return { body }
    },
  })
}

function findRoute({ refusedRequests }: RefusedRequestRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/refused-requests/:request_id',
    name: 'getRefusedRequest',
    tag: 'Refused requests',
    summary: 'Say why a request was refused',
    description: 'By the id that stands on the error page, and in `X-Request-Id` of every answer.',
    access: ACCESS.refusedRequests.read,
    params: z.strictObject({ request_id: name }),
    outcomes: { 200: { description: 'Why.', schema: refusedRequestShape } },
    async handle({ params }) {
      const found = await refusedRequests.find(params.request_id)
      if (found === undefined) throw notFound('refused request')
      return { body: show(found) }
    },
  })
}

function show(request: RefusedRequest): z.input<typeof refusedRequestShape> {
  return {
    request_id: request.requestIds[0] ?? '',
    request_ids: [...request.requestIds],
    at: new Date(request.at).toISOString(),
    times: request.times,
    endpoint: request.endpoint,
    client_id: request.clientId ?? null,
    client_known: request.known,
    address: request.address,
    user_agent: request.userAgent ?? null,
    error: request.error,
    error_description: request.description ?? null,
    cause: request.cause,
    ...CAUSES[request.cause],
    expected: request.expected ?? null,
    received: request.received ?? null,
    reasons: [...request.reasons],
  }
}
