// Resource servers in the console: the list, and one with its scopes, what people read of them, and who may ask.
import type { Context } from 'koa'
import { ACCESS } from '../../config/access.ts'
import { isStorable } from '../../config/plain-text.ts'
import { resourceServerDetail, resourceServerList } from '../../views/admin-console/resource-servers.ts'
import type { Cursors } from '../http/cursors.ts'
import { HttpProblem } from '../http/problems.ts'
import type { ResourceServerItem, ResourceServerSearch } from '../resource-servers/resource-server-search.ts'
import type { ConsoleRoute, ConsoleVisit } from './console.ts'
import { chipsOf, listHref, readFields, readRows } from './list-query.ts'
import { createNameFinder, type Finder } from './search.ts'

/** What the pages call. */
export interface ResourceServerPagesDeps {
  readonly cursors: Cursors
  readonly search: ResourceServerSearch
}

/** Where they are. */
export const RESOURCE_SERVERS_PATH = '/admin/resource-servers'

/** Makes the pages. */
export function resourceServerPages(deps: ResourceServerPagesDeps): ConsoleRoute[] {
  const { read: access } = ACCESS.resourceServers
  return [
    { method: 'get', path: '/resource-servers', access, handle: (ctx, visit) => showList(deps, ctx, visit) },
    { method: 'get', path: '/resource-servers/:id', access, handle: (ctx, visit) => showOne(deps, ctx, visit) },
  ]
}

/** For the search box: an identifier, or an id. */
export function createResourceServerFinder(find: ResourceServerSearch['find']): Finder {
  return async (text, visit) => {
    if (!visit.may(ACCESS.resourceServers.read) || text.length > 500) return undefined
    const server = await find(text)
    return server === undefined ? undefined : resourceServerHref(server.id)
  }
}

/** For the search box: by what the name or the identifier begins with. */
export function createResourceServerNameFinder({ page }: Pick<ResourceServerSearch, 'page'>): Finder {
  return createNameFinder({
    access: ACCESS.resourceServers.read,
    find: (text) => page({ beginning: text, limit: 2 }),
    hrefOf: ({ id }) => resourceServerHref(id),
    listOf: (text) => listHref(RESOURCE_SERVERS_PATH, { q: text }),
  })
}

/** The address of the page of one. */
export function resourceServerHref(id: string): string {
  return `${RESOURCE_SERVERS_PATH}/${encodeURIComponent(id)}`
}

/** The one of an id. @throws HttpProblem 404 */
export async function findResourceServer(search: Pick<ResourceServerSearch, 'find'>, id: string): Promise<ResourceServerItem> {
  const server = await search.find(id)
  if (server === undefined) throw new HttpProblem(404, 'No such API', 'None is registered by that id.')
  return server
}

async function showList({ search, cursors }: ResourceServerPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const { asked, twice } = readFields(ctx.query, ['q'])
  const { q } = asked
  const cursor = typeof ctx.query.cursor === 'string' ? ctx.query.cursor : undefined
  const isOdd = twice !== undefined || (q !== undefined && (!isStorable(q) || q.length > 300))
  const { rows: servers, ...hrefs } = isOdd
    ? { rows: [] }
    : await readRows<ResourceServerItem>({
        ...{ cursors, path: RESOURCE_SERVERS_PATH, asked, cursor },
        read: (limit, after) =>
          search.page({
            limit,
            ...(q === undefined ? {} : { beginning: q }),
            ...(after === undefined ? {} : { after: String(after[0]) }),
          }),
        placeOf: ({ identifier }) => [identifier],
      })
  const body = resourceServerList({
    servers,
    ...hrefs,
    asked,
    chips: chipsOf(RESOURCE_SERVERS_PATH, asked, { q: 'Begins with' }),
    mayWrite: visit.may(ACCESS.resourceServers.write),
    ...(isOdd ? { fault: twice?.fault ?? 'The search holds what no name can hold.' } : {}),
  })
  visit.show({ title: 'APIs', section: RESOURCE_SERVERS_PATH, body }, isOdd ? 400 : 200)
}

async function showOne({ search }: ResourceServerPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const server = await findResourceServer(search, String(ctx.params.id))
  const body = resourceServerDetail({
    server,
    asking: await search.clientsWith(server.scopes),
    mayWrite: visit.may(ACCESS.resourceServers.write),
  })
  visit.show({ title: server.name ?? server.identifier, section: RESOURCE_SERVERS_PATH, body })
}
