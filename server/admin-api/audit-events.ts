// The audit log: looked through, listened to, and taken home as a file.
import { Readable } from 'node:stream'
import type { Context } from 'koa'
import { z } from 'zod'
import { ACCESS } from '../../config/access.ts'
import type { AuditEntry } from '../audit/audit-entry.ts'
import { auditJson, EXPORT_FORMATS, EXPORT_TYPES, type ExportFormat, exportAudit, exportNote } from '../audit/audit-export.ts'
import { type AuditFeed, type FeedPlace, placeToGoOn } from '../audit/audit-feed.ts'
import { AUDIT_FACETS, type AuditSearch, MOST_COUNTED } from '../audit/audit-search.ts'
import type { AuditStreams } from '../audit/audit-streams.ts'
import { headText } from '../audit/chain.ts'
import type { Change } from '../audit/change.ts'
import type { Cursors } from '../http/cursors.ts'
import { HttpProblem } from '../http/problems.ts'
import { askedFilter, eventShape, filters, standing } from './audit-asked.ts'
import { type ApiRoute, route } from './route.ts'
import { name, notFound, pageOf, paging, readPage } from './shapes.ts'

/** What the routes call. */
export interface AuditRoutesDeps {
  readonly cursors: Cursors
  readonly search: AuditSearch
  readonly feed: AuditFeed
  readonly streams: AuditStreams
  /** Writes down that the log was taken home. */
  readonly noteExport: (change: Change, detail: { readonly [name: string]: string }) => Promise<void>
  /** The id of the account that an id or an e-mail address names. */
  readonly accountIdOf: (name: string) => Promise<string | undefined>
}

const facetShape = z.array(z.object({ value: z.string(), count: z.int() }))

/** Makes the routes. What has a name of its own comes before what is found by its id. */
export function auditEventRoutes(deps: AuditRoutesDeps): ApiRoute[] {
  return [listRoute(deps), facetsRoute(deps), headRoute(deps), exportRoute(deps), streamRoute(deps), getRoute(deps)]
}

function listRoute({ search, cursors, accountIdOf }: AuditRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/audit-events',
    name: 'listAuditEvents',
    tag: 'Audit',
    summary: 'List what happened, the latest first',
    access: ACCESS.auditEvents.read,
    query: z.strictObject({ ...filters, ...paging }),
    outcomes: { 200: { description: 'A page.', schema: pageOf(eventShape) } },
    async handle({ query: { limit, cursor, ...asked } }) {
      const filter = await askedFilter(asked, accountIdOf)
      if (filter === undefined) return { body: { items: [], next_cursor: null } }
      const body = await readPage<AuditEntry>({
        cursors,
        list: `audit-events ${JSON.stringify(filter)}`,
        limit,
        cursor,
        read: (most, after) =>
          search.page({ filter, limit: most, ...(after === undefined ? {} : { after: BigInt(String(after[0])) }) }),
        placeOf: ({ id }) => [String(id)],
        show: auditJson,
      })
      return { body }
    },
  })
}

function getRoute({ search }: AuditRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/audit-events/:id',
    name: 'getAuditEvent',
    tag: 'Audit',
    summary: 'One thing that happened',
    access: ACCESS.auditEvents.read,
    params: z.strictObject({ id: name }),
    outcomes: {
      200: {
        description: 'The event.',
        schema: eventShape
          .extend({
            seal: z.int().nullable().meta({ description: 'The number of its seal in the chain; null while it has none.' }),
          })
          .meta({ id: 'SealedAuditEvent' }),
      },
    },
    async handle({ params }) {
      const event = /^\d{1,18}$/.test(params.id) ? await search.find(BigInt(params.id)) : undefined
      if (event === undefined) throw notFound('event')
      return { body: { ...auditJson(event), seal: event.seal === undefined ? null : Number(event.seal) } }
    },
  })
}

function facetsRoute({ search, accountIdOf }: AuditRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/audit-events/facets',
    name: 'countAuditEvents',
    tag: 'Audit',
    summary: 'What the latest events have in common',
    description: `Of the latest ${MOST_COUNTED} that are meant: how many have which name, outcome, actor and so on, the most frequent first.`,
    access: ACCESS.auditEvents.read,
    query: z.strictObject(filters),
    outcomes: {
      200: {
        description: 'The counts.',
        schema: z
          .object({
            counted: z.int(),
            more: z.boolean().meta({ description: 'There are more than were counted, or may be.' }),
            facets: z.object(Object.fromEntries(AUDIT_FACETS.map((facet) => [facet, facetShape]))),
          })
          .meta({ id: 'AuditFacets' }),
      },
    },
    async handle({ query }) {
      const filter = await askedFilter(query, accountIdOf)
      return { body: filter === undefined ? NOTHING_COUNTED : await search.facets(filter) }
    },
  })
}

const NOTHING_COUNTED = { counted: 0, more: false, facets: Object.fromEntries(AUDIT_FACETS.map((facet) => [facet, []])) }

function headRoute({ feed }: AuditRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/audit-events/head',
    name: 'getAuditHead',
    tag: 'Audit',
    summary: 'The last seal of the chain',
    description:
      'Kept elsewhere, it shows one day that nothing of the log before it was changed or cut off: `latchkey audit verify --head`.',
    access: ACCESS.auditEvents.read,
    outcomes: {
      200: { description: 'The head; null when nothing has a seal yet.', schema: z.object({ head: z.string().nullable() }) },
    },
    async handle() {
      const last = await feed.head()
      return { body: { head: last === undefined ? null : headText(last) } }
    },
  })
}

function exportRoute({ search, accountIdOf, noteExport }: AuditRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/audit-events/export',
    name: 'exportAuditEvents',
    tag: 'Audit',
    summary: 'All events that are meant, as a file',
    description:
      'The earliest first. `csv` is for spreadsheets, `ndjson` has an event of this API on each line, and `ecs` one of the Elastic Common Schema. That it was exported is an event too. A file that breaks off is not whole: the connection then ends in an error.',
    access: ACCESS.auditEvents.export,
    query: z.strictObject({
      ...filters,
      format: z.enum(EXPORT_FORMATS, `it must be one of ${EXPORT_FORMATS.join(', ')}`).default('csv'),
    }),
    outcomes: {
      200: {
        description: 'The file.',
        headers: ['Content-Disposition'],
        types: Object.values(EXPORT_TYPES).map(({ mediaType }) => mediaType.split(';')[0] ?? ''),
      },
    },
    async handle({ query: { format, ...asked }, change }) {
      const filter = await askedFilter(asked, accountIdOf)
      if (filter === undefined) throw notFound('account')
      await noteExport(change(), await exportNote(search, filter, format))
      return { headers: fileHeaders(format), stream: Readable.from(exportAudit(search, filter, format)) }
    },
  })
}

function fileHeaders(format: ExportFormat) {
  const { mediaType, extension } = EXPORT_TYPES[format]
  return { 'Content-Type': mediaType, 'Content-Disposition': `attachment; filename="audit-events.${extension}"` }
}

function streamRoute({ feed, streams, accountIdOf }: AuditRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/audit-events/stream',
    name: 'streamAuditEvents',
    tag: 'Audit',
    summary: 'Events as they happen',
    description:
      'Server-sent events: `data` is an event as the list has it, `id` its place. Whoever comes again with `Last-Event-ID` (or `after`) misses nothing and gets nothing twice; 410 says that the place is no longer kept. An event comes two or three seconds after it happened. Heartbeats (`event: heartbeat`) come every five seconds.',
    access: ACCESS.auditEvents.read,
    query: z.strictObject({
      ...standing,
      after: z.string().max(40).optional().meta({ description: 'A place, as `Last-Event-ID`.' }),
    }),
    outcomes: { 200: { description: 'The stream.', types: ['text/event-stream'] } },
    async handle({ ctx, query: { after, ...asked }, caller, stillAllowed }) {
      const filter = await askedFilter(asked, accountIdOf)
      if (filter === undefined) throw notFound('account')
      const place = await placeAsked(ctx, after, feed)
      if (!streams.admits(caller.actor)) {
        ctx.set('Connection', 'close')
        throw new HttpProblem(503, 'Not here', 'This process takes no more listeners just now, or none of yours.', {
          retryAfterSeconds: 5,
        })
      }
      return { listener: (response) => streams.open(response, { caller: caller.actor, filter, after: place, stillAllowed }) }
    },
  })
}

/** From where a listener goes on: from now when it does not say. @throws HttpProblem 400, 410 */
async function placeAsked(ctx: Context, asked: string | undefined, feed: AuditFeed): Promise<FeedPlace> {
  const place = await placeToGoOn(feed, ctx.get('Last-Event-ID') || asked)
  if (place === 'unreadable')
    throw new HttpProblem(400, 'Not a place', '`after` and Last-Event-ID take the id of an event of this stream.', {
      type: 'invalid-request',
    })
  if (place === 'gone')
    throw new HttpProblem(
      410,
      'No longer there',
      'What comes after this place is not all there any more. Begin again without it, and look through the list.',
    )
  return place
}
