// Requests that were refused in the console: the list, one with what was expected beside what was received, and by a request's id.
import type { Context } from 'koa'
import { ACCESS } from '../../config/access.ts'
import { type RefusedRequestRow, refusedRequestDetail, refusedRequestList } from '../../views/admin-console/refused-requests.ts'
import { OWN_CLIENT_ID } from '../clients/own-client.ts'
import type { Cursors } from '../http/cursors.ts'
import { HttpProblem } from '../http/problems.ts'
import { CAUSES, isCause } from '../refused-requests/causes.ts'
import type { RefusedRequest } from '../refused-requests/explain.ts'
import type { RefusedRequestFilter, RefusedRequests } from '../refused-requests/refused-requests.ts'
import type { ConsoleRoute, ConsoleVisit } from './console.ts'
import { type Asked, chipsOf, readFields, readRows } from './list-query.ts'
import type { Finder } from './search.ts'

/** What the pages call. */
export interface RefusedRequestPagesDeps {
  readonly cursors: Cursors
  readonly refusedRequests: Pick<RefusedRequests, 'find' | 'page'>
}

const PATH = '/admin/refused-requests'
const LABELS = { client: 'App', cause: 'Cause' }

/** Makes the pages. */
export function refusedRequestPages(deps: RefusedRequestPagesDeps): ConsoleRoute[] {
  const { read } = ACCESS.refusedRequests
  return [
    { method: 'get', path: '/refused-requests', access: read, handle: (ctx, visit) => showList(deps, ctx, visit) },
    { method: 'get', path: '/refused-requests/:id', access: read, handle: (ctx, visit) => showOne(deps, ctx, visit) },
  ]
}

/** For the search box. */
export function createRefusedRequestFinder({ find }: Pick<RefusedRequests, 'find'>): Finder {
  return async (text, visit) => {
    if (!isRequestId(text) || !visit.may(ACCESS.refusedRequests.read)) return undefined
    return (await find(text)) === undefined ? undefined : hrefOf(text)
  }
}

async function showList({ cursors, refusedRequests }: RefusedRequestPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const { asked: all, twice } = readFields(ctx.query, ['id', ...Object.keys(LABELS)])
  const { id, ...asked } = all
  if (id !== undefined && (await refusedRequests.find(id)) !== undefined) {
    ctx.redirect(hrefOf(id))
    ctx.status = 303
    return
  }
  const filter = twice === undefined ? filterOf(asked) : undefined
  const cursor = typeof ctx.query.cursor === 'string' ? ctx.query.cursor : undefined
  const { rows, ...hrefs } =
    filter === undefined
      ? { rows: [] }
      : await readRows<RefusedRequest>({
          ...{ cursors, path: PATH, asked, cursor },
          read: (limit, after) =>
            refusedRequests.page({
              filter,
              limit,
              ...(after === undefined ? {} : { after: { at: Number(after[0]), requestId: String(after[1]) } }),
            }),
          placeOf: ({ at, requestIds }) => [at, requestIds[0] ?? ''],
        })
  const fault = twice?.fault ?? faultOf(id, filter)
  const body = refusedRequestList({
    requests: rows.map(rowOf),
    ...hrefs,
    asked: { ...asked, ...(id === undefined ? {} : { id }) },
    chips: chipsOf(PATH, asked, LABELS),
    causes: Object.keys(CAUSES),
    ...(fault === undefined ? {} : { fault }),
  })
  visit.show({ title: 'Refused requests', section: PATH, body }, fault === undefined ? 200 : filter === undefined ? 400 : 404)
}

function faultOf(id: string | undefined, filter: RefusedRequestFilter | undefined): string | undefined {
  if (filter === undefined) return 'There is no such cause.'
  if (id === undefined) return undefined
  return 'No refused request has that id. It may be a second early, more than a week old, or pushed out by later ones.'
}

async function showOne({ refusedRequests }: RefusedRequestPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const found = await refusedRequests.find(String(ctx.params.id))
  if (found === undefined) {
    throw new HttpProblem(
      404,
      'No such request',
      'None of the last requests that were refused has that id. They are kept for a week.',
    )
  }
  const row = rowOf(found)
  visit.show({ title: row.summary, section: PATH, body: refusedRequestDetail(row) })
}

function rowOf({ at, ...request }: RefusedRequest): RefusedRequestRow {
  return { ...request, ...CAUSES[request.cause], at: new Date(at), isOwn: request.clientId === OWN_CLIENT_ID }
}

/** Undefined when it asks for a cause that there is not. */
function filterOf({ client, cause }: Asked): RefusedRequestFilter | undefined {
  if (cause !== undefined && !isCause(cause)) return undefined
  return { ...(client === undefined ? {} : { clientId: client }), ...(cause === undefined ? {} : { cause }) }
}

function isRequestId(text: string): boolean {
  return /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/.test(text)
}

function hrefOf(id: string): string {
  return `${PATH}/${encodeURIComponent(id)}`
}
