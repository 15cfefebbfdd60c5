// Who is turned away for asking too often.
import { z } from 'zod'
import { ACCESS } from '../../config/access.ts'
import type { Cursors } from '../http/cursors.ts'
import { LIMITS, type Throttle, type Throttles } from '../throttles/throttles.ts'
import { type ApiRoute, route } from './route.ts'
import { moment, name, notFound, pageOf, paging, readPage, reason } from './shapes.ts'

/** What the routes call. */
export interface ThrottleRoutesDeps {
  readonly cursors: Cursors
  readonly throttles: Throttles
}

const throttleShape = z
  .object({
    id: z.string(),
    limit: z.enum(LIMITS).meta({ description: 'The limit that turns them away, as the metrics and the audit log name it.' }),
    place: z.string().meta({ description: 'An address, or an IPv6 network: 192.0.2.7, 2001:db8:0:1::/64.' }),
    until: moment.meta({ description: 'One request more is let through then.' }),
  })
  .meta({ id: 'Throttle' })

/** Makes the routes. */
export function throttleRoutes({ cursors, throttles }: ThrottleRoutesDeps): ApiRoute[] {
  const list = route({
    method: 'get',
    path: '/throttles',
    name: 'listThrottles',
    tag: 'Sign-ins',
    summary: 'Who is turned away now for asking too often, the longest first',
    access: ACCESS.accounts.read,
    query: z.strictObject(paging),
    outcomes: { 200: { description: 'A page.', schema: pageOf(throttleShape) } },
    async handle({ query: { limit, cursor } }) {
      const body = await readPage<Throttle>({
        ...{ cursors, list: 'throttles', limit, cursor },
        read: (most, after) =>
          throttles.page({
            limit: most,
            ...(after === undefined ? {} : { after: { until: new Date(Number(after[0])), id: String(after[1]) } }),
          }),
        placeOf: ({ until, id }) => [until.getTime(), id],
        show: ({ until, ...throttle }) => ({ ...throttle, until: until.toISOString() }),
      })
      return { body }
    },
  })
  const lift = route({
    method: 'delete',
    path: '/throttles/:id',
    name: 'liftThrottle',
    tag: 'Sign-ins',
    summary: 'Forget the requests for which somebody is turned away',
    access: ACCESS.accounts.help,
    params: z.strictObject({ id: name }),
    body: z.strictObject({ reason }),
    bodyOptional: true,
    outcomes: { 200: { description: 'Done.', schema: z.object({ forgotten: z.int() }) } },
    async handle({ params, body, change }) {
      if (!(await throttles.lift(params.id, change(body.reason)))) throw notFound('throttle')
      return { body: { forgotten: 1 } }
    },
  })
  return [list, lift]
}
