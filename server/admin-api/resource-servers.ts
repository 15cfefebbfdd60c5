// Resource servers by the admin API: the APIs that access tokens can be for, with their scopes and what people read of those.
import { z } from 'zod'
import { ACCESS } from '../../config/access.ts'
import type { Cursors } from '../http/cursors.ts'
import type { ResourceServerAdministration } from '../resource-servers/resource-server-administration.ts'
import {
  checkDescriptions,
  type ResourceServerEntry,
  resourceServerMembers,
  resourceServerOf,
} from '../resource-servers/resource-server-entry.ts'
import type { ResourceServerItem, ResourceServerSearch } from '../resource-servers/resource-server-search.ts'
import { refusing } from './refusals.ts'
import { type ApiRoute, route } from './route.ts'
import { ended, moment, name, notFound, pageOf, paging, readPage, reason, refused } from './shapes.ts'

/** What the routes call. */
export interface ResourceServerRoutesDeps {
  readonly cursors: Cursors
  readonly issuer: string
  /** Of one that does not say, in seconds. */
  readonly accessTokenTtl: number
  readonly search: ResourceServerSearch
  readonly administration: ResourceServerAdministration
}

const NOUN = 'resource server'

const id = z.strictObject({
  id: z
    .string()
    .max(600, 'it must have 600 characters at most')
    .meta({ description: 'The id (`rs_…`), or the identifier, percent-encoded.' }),
})
const dryRun = z.boolean('it must be true or false').default(false).meta({ description: 'Only says what would end.' })

const shape = z
  .object({
    id: z.string().meta({ description: 'For addresses: it is made of the identifier, and does not change.' }),
    identifier: z.string().meta({ description: 'RFC 8707 `resource`, and the `aud` of its access tokens.' }),
    name: z.string().nullable(),
    scopes: z.array(z.string()),
    scope_descriptions: z.record(z.string(), z.string()),
    access_token_format: z.enum(['jwt', 'opaque']),
    access_token_ttl: z.int(),
    default: z.boolean(),
    clients: z.array(z.string()).meta({ description: 'The clients that are it: they may introspect its tokens.' }),
    managed_by: z.enum(['provision', 'demo']).nullable(),
    created_at: moment,
    updated_at: moment,
  })
  .meta({ id: 'ResourceServer' })

const previewShape = z
  .object({
    dry_run: z.literal(true),
    members: z.array(z.string()).meta({ description: 'The members that would be different.' }),
    clients: z.array(z.string()).meta({ description: 'Clients whose access tokens would be dead; 100 are named at most.' }),
    more: z.boolean(),
  })
  .meta({ id: 'ResourceServerPreview' })

/** Makes the routes. */
export function resourceServerRoutes(deps: ResourceServerRoutesDeps): ApiRoute[] {
  return [listRoute(deps), getRoute(deps), createRoute(deps), replaceRoute(deps), deleteRoute(deps)]
}

function listRoute({ search, cursors }: ResourceServerRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/resource-servers',
    name: 'listResourceServers',
    tag: 'Resource servers',
    summary: 'List resource servers, by identifier',
    access: ACCESS.resourceServers.read,
    query: z.strictObject({
      q: name.optional().meta({ description: 'The beginning of the identifier or of the name.' }),
      ...paging,
    }),
    outcomes: { 200: { description: 'A page.', schema: pageOf(shape) } },
    async handle({ query: { limit, cursor, q } }) {
      const body = await readPage<ResourceServerItem>({
        cursors,
        list: `resource-servers ${JSON.stringify(q ?? null)}`,
        limit,
        cursor,
        read: (most, after) =>
          search.page({
            limit: most,
            ...(q === undefined ? {} : { beginning: q }),
            ...(after === undefined ? {} : { after: String(after[0]) }),
          }),
        placeOf: ({ identifier }) => [identifier],
        show,
      })
      return { body }
    },
  })
}

function getRoute(deps: ResourceServerRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/resource-servers/:id',
    name: 'getResourceServer',
    tag: 'Resource servers',
    summary: 'A resource server',
    access: ACCESS.resourceServers.read,
    params: id,
    outcomes: { 200: { description: 'The resource server.', schema: shape, headers: ['ETag'] } },
    async handle({ params }) {
      const server = await found(deps, params.id)
      return { body: show(server), version: server.version }
    },
  })
}

function createRoute(deps: ResourceServerRoutesDeps): ApiRoute {
  const { issuer, accessTokenTtl, administration } = deps
  return route({
    method: 'post',
    path: '/resource-servers',
    name: 'createResourceServer',
    tag: 'Resource servers',
    summary: 'Register a resource server',
    access: ACCESS.resourceServers.write,
    body: z.strictObject({ ...resourceServerMembers(issuer), reason }).superRefine(checkDescriptions),
    outcomes: { 201: { description: 'The resource server.', schema: shape, headers: ['ETag', 'Location'] } },
    async handle({ body: { reason: why, ...entry }, change }) {
      const server = resourceServerOf(entry, accessTokenTtl)
      await refusing(NOUN, () => administration.create(server, change(why)))
      const made = await found(deps, server.identifier)
      return {
        status: 201,
        body: show(made),
        version: made.version,
        headers: { Location: `/admin/api/v1/resource-servers/${made.id}` },
      }
    },
  })
}

function replaceRoute(deps: ResourceServerRoutesDeps): ApiRoute {
  const { issuer, accessTokenTtl, administration } = deps
  const { identifier, ...members } = resourceServerMembers(issuer)
  return route({
    method: 'put',
    path: '/resource-servers/:id',
    name: 'replaceResourceServer',
    tag: 'Resource servers',
    summary: 'Change all of a resource server',
    description:
      'What is left out gets its default. The identifier does not change. Access tokens that may carry a scope that is gone are dead, and a refresh gets less.',
    access: ACCESS.resourceServers.write,
    params: id,
    body: z
      .strictObject({ identifier: identifier.optional(), ...members, reason, dry_run: dryRun })
      .superRefine(checkDescriptions),
    versioned: true,
    outcomes: {
      200: {
        description: 'What was changed and ended, or would be.',
        headersAtTimes: ['ETag'],
        schema: z.union([
          previewShape,
          ended.extend({ members: z.array(z.string()).meta({ description: 'The members that are different now.' }) }),
        ]),
      },
    },
    async handle({ params, body: { reason: why, dry_run: only, ...entry }, change, ifVersion }) {
      const before = await found(deps, params.id)
      const server = replacementOf(before, entry, accessTokenTtl)
      return refusing(NOUN, async () => {
        if (only)
          return { body: showPreview(await administration.preview({ identifier: before.identifier, server, seen: ifVersion })) }
        const done = await administration.replace({ server, seen: ifVersion }, change(why))
        const { version } = await found(deps, before.identifier)
        return { body: { ...done.ended, members: done.members }, version }
      })
    },
  })
}

function deleteRoute(deps: ResourceServerRoutesDeps): ApiRoute {
  return route({
    method: 'delete',
    path: '/resource-servers/:id',
    name: 'deleteResourceServer',
    tag: 'Resource servers',
    summary: 'Delete a resource server: access tokens that may be for it are dead',
    access: ACCESS.resourceServers.write,
    params: id,
    body: z.strictObject({ reason, dry_run: dryRun }),
    bodyOptional: true,
    outcomes: { 200: { description: 'What was ended, or would be.', schema: z.union([previewShape, ended]) } },
    async handle({ params, body, change }) {
      const { identifier } = await found(deps, params.id)
      return refusing(NOUN, async () => {
        if (body.dry_run) return { body: showPreview(await deps.administration.preview({ identifier })) }
        return { body: await deps.administration.delete(identifier, change(body.reason)) }
      })
    },
  })
}

/** @throws HttpProblem 409 when it is to have another identifier: what is registered under that is another resource server */
function replacementOf(
  { identifier }: ResourceServerItem,
  entry: Omit<ResourceServerEntry, 'identifier'> & { readonly identifier?: string | undefined },
  accessTokenTtl: number,
) {
  if (entry.identifier !== undefined && entry.identifier !== identifier)
    throw refused(`the identifier is ${identifier}, and does not change`)
  return resourceServerOf({ ...entry, identifier }, accessTokenTtl)
}

async function found({ search }: ResourceServerRoutesDeps, which: string): Promise<ResourceServerItem> {
  const server = await search.find(which)
  if (server === undefined) throw notFound(NOUN)
  return server
}

function show(server: ResourceServerItem): z.input<typeof shape> {
  const { managedBy } = server
  return {
    id: server.id,
    identifier: server.identifier,
    name: server.name ?? null,
    scopes: [...server.scopes],
    scope_descriptions: { ...server.scopeDescriptions },
    access_token_format: server.accessTokenFormat,
    access_token_ttl: server.accessTokenTtl,
    default: server.isDefault,
    clients: [...server.clientIds],
    managed_by: managedBy === 'provision' || managedBy === 'demo' ? managedBy : null,
    created_at: server.createdAt.toISOString(),
    updated_at: server.updatedAt.toISOString(),
  }
}

function showPreview({
  members,
  clientIds,
  more,
}: Awaited<ReturnType<ResourceServerAdministration['preview']>>): z.input<typeof previewShape> {
  return { dry_run: true, members: [...members], clients: [...clientIds], more }
}
