// Who is turned away for asking too often, in the console.
import type { Context } from 'koa'
import { ACCESS } from '../../config/access.ts'
import { THROTTLES_PATH, type ThrottleListView, throttleList, type throttlePart } from '../../views/admin-console/throttles.ts'
import type { Cursors } from '../http/cursors.ts'
import type { LimitName, Throttle, Throttles } from '../throttles/throttles.ts'
import type { ConsoleRoute, ConsoleVisit } from './console.ts'
import { readRows } from './list-query.ts'
import { redirectWithNotice } from './notices.ts'

/** What the pages call. */
export interface ThrottlePagesDeps {
  readonly cursors: Cursors
  readonly throttles: Throttles
}

const BLOCKS_PATH = '/admin/blocks'

const LIMIT_WORDS: { readonly [limit in LimitName]: string } = {
  people: 'pages of people',
  clients: 'requests of an app',
  client_failures: 'failed requests of an app',
  administrators: 'requests to the console or the API',
}

/** Makes the pages. */
export function throttlePages({ cursors, throttles }: ThrottlePagesDeps): ConsoleRoute[] {
  const { read, help } = ACCESS.accounts
  return [
    {
      method: 'get',
      path: '/throttles',
      access: read,
      async handle(ctx, visit) {
        const cursor = typeof ctx.query.cursor === 'string' ? ctx.query.cursor : undefined
        const { rows, ...hrefs } = await readRows<Throttle>({
          ...{ cursors, path: THROTTLES_PATH, asked: {}, cursor },
          read: (limit, after) =>
            throttles.page({
              limit,
              ...(after === undefined ? {} : { after: { until: new Date(Number(after[0])), id: String(after[1]) } }),
            }),
          placeOf: ({ until, id }) => [until.getTime(), id],
        })
        visit.show({
          title: 'Throttled addresses',
          section: BLOCKS_PATH,
          body: throttleList({ ...shown(rows, visit), ...hrefs }),
        })
      },
    },
    {
      method: 'post',
      path: '/throttles/:id/lifting',
      access: help,
      back: () => BLOCKS_PATH,
      async handle(ctx: Context, visit) {
        const lifted = await throttles.lift(String(ctx.params.id), visit.change())
        redirectWithNotice(
          ctx,
          BLOCKS_PATH,
          lifted ? 'Within a second the next request is let through.' : 'There was nothing left to lift.',
        )
      },
    },
  ]
}

/** So many stand on the page of blocks. */
const FIRST = 10

/** The first of them, for the page of blocks. */
export async function firstThrottles(throttles: Throttles, visit: ConsoleVisit): Promise<Parameters<typeof throttlePart>[0]> {
  const found = await throttles.page({ limit: FIRST + 1 })
  return { ...shown(found.slice(0, FIRST), visit), more: found.length > FIRST }
}

function shown(throttles: readonly Throttle[], visit: ConsoleVisit): Pick<ThrottleListView, 'throttles' | 'csrf'> {
  return {
    throttles: throttles.map((throttle) => ({ ...throttle, limit: LIMIT_WORDS[throttle.limit] })),
    ...(visit.may(ACCESS.accounts.help) ? { csrf: visit.csrf } : {}),
  }
}
