// The audit log in the console: looked through, followed, counted and taken home.
import { Readable } from 'node:stream'
import type { Context } from 'koa'
import { ACCESS } from '../../config/access.ts'
import { isNetwork } from '../../config/network.ts'
import { isStorable } from '../../config/plain-text.ts'
import {
  AUDIT_LABELS,
  type AuditEventRow,
  type AuditFacetsView,
  auditDetail,
  auditList,
} from '../../views/admin-console/audit-log.ts'
import type { AuditEntry } from '../audit/audit-entry.ts'
import { EXPORT_FORMATS, EXPORT_TYPES, exportAudit, exportNote } from '../audit/audit-export.ts'
import { type AuditFeed, placeToGoOn } from '../audit/audit-feed.ts'
import { type AuditFilter, namesEvents } from '../audit/audit-filter.ts'
import { filterOf } from '../audit/audit-question.ts'
import type { AuditFacet, AuditSearch } from '../audit/audit-search.ts'
import type { AuditStreams } from '../audit/audit-streams.ts'
import type { Change } from '../audit/change.ts'
import { AUDIT_OUTCOMES } from '../audit/event-names.ts'
import type { Cursors } from '../http/cursors.ts'
import { beginEventStream } from '../http/event-stream.ts'
import type { Form } from '../http/form.ts'
import { HttpProblem } from '../http/problems.ts'
import type { ConsoleRoute, ConsoleVisit } from './console.ts'
import {
  type Asked,
  chipsOf,
  listHref,
  momentOf,
  readAsked,
  readFields,
  readRows,
  timeFaultOf,
  type View,
  viewsOf,
} from './list-query.ts'

/** What the pages call. */
export interface AuditPagesDeps {
  readonly cursors: Cursors
  readonly search: AuditSearch
  readonly feed: AuditFeed
  readonly streams: AuditStreams
  /** Writes down that the log was taken home. */
  readonly noteExport: (change: Change, detail: { readonly [name: string]: string }) => Promise<unknown>
  readonly accountIdOf: (name: string) => Promise<string | undefined>
  /** The e-mail address of the account that is meant; undefined for what names none that is there. Asked for many at once. */
  readonly emailOf: (id: string) => Promise<string | undefined>
}

const PATH = '/admin/audit'

const VIEWS: readonly View[] = [
  ['All', {}],
  ['Failed or refused', { outcome: 'failed' }],
  [
    'Revoked and ended',
    { name: 'session.revoked,session.signed_out,grant.revoked,access_token.revoked,account.contained,everything.ended' },
  ],
  ['Accounts', { name: 'account.*' }],
  ['Apps', { name: 'client.*,client_secret.*' }],
  ['Signing keys', { name: 'signing_key.*' }],
]

/**
 * Events of one page: each is unfolded in place, and so weighs more than a row. Each of its values is a link that carries the filter
 * with it, so of a long one there are fewer events, and a page is never heavier than pages are.
 */
const EVENTS = { most: 30, fewest: 2, bytes: 46_000, each: 1500, links: 8 } as const

function eventsOf(asked: Asked): number {
  const filter = listHref('', asked).replaceAll('&', '&amp;').length
  const fit = Math.floor((EVENTS.bytes - filter) / (EVENTS.each + EVENTS.links * filter))
  return Math.max(EVENTS.fewest, Math.min(EVENTS.most, fit))
}

/** Makes the pages. What has a name of its own comes before what is found by its id. */
export function auditPages(deps: AuditPagesDeps): ConsoleRoute[] {
  const { read, export: taking } = ACCESS.auditEvents
  return [
    { method: 'get', path: '/audit', access: read, handle: (ctx, visit) => showList(deps, ctx, visit) },
    { method: 'get', path: '/audit/stream', access: read, handle: (ctx, visit) => follow(deps, ctx, visit) },
    {
      method: 'post',
      path: '/audit/export',
      access: taking,
      back: (_, form) => listHref(PATH, askedIn(form), { format: form.get('format') }),
      handle: (ctx, visit, form) => takeHome(deps, ctx, visit, form),
    },
    { method: 'get', path: '/audit/:id', access: read, handle: (ctx, visit) => showEvent(deps, ctx, visit) },
  ]
}

async function showList(deps: AuditPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const { asked, twice } = readFields(ctx.query, Object.keys(AUDIT_LABELS))
  const { filter, fault } = twice ?? (await askedFilter(asked, deps.accountIdOf))
  const cursor = typeof ctx.query.cursor === 'string' ? ctx.query.cursor : undefined
  const counting = ctx.query.facets === 'yes'
  const { rows, ...hrefs } =
    filter === undefined
      ? { rows: [] }
      : await readRows<AuditEntry>({
          ...{ cursors: deps.cursors, path: PATH, asked, cursor, rows: eventsOf(asked) },
          read: (limit, after) =>
            deps.search.page({ filter, limit, ...(after === undefined ? {} : { after: BigInt(String(after[0])) }) }),
          placeOf: ({ id }) => [String(id)],
        })
  const facets = counting && filter !== undefined ? await facetsOf(deps, filter) : undefined
  const body = auditList({
    ...{ events: await named(deps, rows), ...hrefs, asked },
    views: viewsOf(PATH, asked, VIEWS),
    chips: chipsOf(PATH, asked, AUDIT_LABELS),
    narrowed: (field, value) => listHref(PATH, asked, { [field]: value }),
    ...(fault === undefined ? {} : { fault }),
    ...(facets === undefined ? {} : { facets }),
    ...(rows.length > 0 && !counting ? { facetsHref: listHref(PATH, asked, { facets: 'yes' }) } : {}),
    ...(rows.length > 0 && visit.may(ACCESS.auditEvents.export)
      ? { exporting: { csrf: visit.csrf, format: String(ctx.query.format ?? '') } }
      : {}),
    ...(filter !== undefined && cursor === undefined && asked.before === undefined
      ? { followHref: listHref(`${PATH}/stream`, asked) }
      : {}),
  })
  visit.show({ title: 'Audit log', section: PATH, body }, fault === undefined ? 200 : 400)
}

async function showEvent({ search, ...deps }: AuditPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const id = String(ctx.params.id)
  const found = /^\d{1,18}$/.test(id) ? await search.find(BigInt(id)) : undefined
  const [event] = found === undefined ? [] : await named(deps, [found])
  if (found === undefined || event === undefined) {
    throw new HttpProblem(
      404,
      'No such event',
      'It may have been kept for as long as LATCHKEY_AUDIT_RETENTION says, and removed.',
    )
  }
  const body = auditDetail({
    event,
    seal: found.seal === undefined ? undefined : String(found.seal),
    narrowed: (field, value) => listHref(PATH, { [field]: value }),
  })
  visit.show({ title: event.name, section: PATH, body })
}

async function follow({ feed, streams, accountIdOf }: AuditPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const { asked, twice } = readFields(ctx.query, Object.keys(AUDIT_LABELS))
  const { filter, fault } = twice ?? (await askedFilter(asked, accountIdOf))
  if (filter === undefined) throw new HttpProblem(400, 'Not what was expected', fault ?? 'There is no such account.')
  if (!streams.admits(visit.account.id))
    throw new HttpProblem(503, 'Not here', 'You follow the audit log in as many places as one person may.', {
      retryAfterSeconds: 5,
    })
  // A browser that was cut off says by itself which event it was told last.
  const after = await placeToGoOn(feed, ctx.get('Last-Event-ID'))
  if (after === 'unreadable') throw new HttpProblem(400, 'Not a place', 'Last-Event-ID takes the id of an event of this stream.')
  if (after === 'gone')
    throw new HttpProblem(410, 'No longer there', 'What came meanwhile is not all there any more: look through the list.')
  streams.open(beginEventStream(ctx), { caller: visit.account.id, filter, after, stillAllowed: visit.stillAllowed })
}

async function takeHome(deps: AuditPagesDeps, ctx: Context, visit: ConsoleVisit, form: Form): Promise<void> {
  const { filter, fault } = await askedFilter(askedIn(form), deps.accountIdOf)
  const format = EXPORT_FORMATS.find((one) => one === form.get('format'))
  if (filter === undefined || format === undefined)
    throw new HttpProblem(
      400,
      'Not what was expected',
      fault ?? 'The audit log is exported as csv, ndjson or ecs, of accounts that there are.',
    )
  await deps.noteExport(visit.change(), await exportNote(deps.search, filter, format))
  const { mediaType, extension } = EXPORT_TYPES[format]
  ctx.set('Cache-Control', 'no-store')
  ctx.set('Content-Disposition', `attachment; filename="audit-events.${extension}"`)
  ctx.set('Content-Type', mediaType)
  ctx.status = 200
  ctx.body = Readable.from(exportAudit(deps.search, filter, format))
}

function askedIn(form: Form): Asked {
  const fields = Object.keys(AUDIT_LABELS)
  return readAsked(Object.fromEntries(fields.map((field) => [field, form.get(field)])), fields)
}

/** With the e-mail addresses of the accounts that they name. */
async function named({ emailOf }: Pick<AuditPagesDeps, 'emailOf'>, entries: readonly AuditEntry[]): Promise<AuditEventRow[]> {
  const ids = new Set(entries.flatMap(({ actor, accountId }) => [actor, accountId].filter((id) => id !== undefined)))
  const found = await Promise.all([...ids].map(async (id) => [id, await emailOf(id)] as const))
  const emails = Object.fromEntries(found.flatMap(([id, email]) => (email === undefined ? [] : [[id, email]])))
  return entries.map((entry) => ({ ...entry, id: String(entry.id), emails }))
}

const FIELD_OF: { readonly [facet in AuditFacet]: AuditFacetsView['facets'][number]['field'] } = {
  name: 'name',
  outcome: 'outcome',
  actor: 'actor',
  account: 'account',
  client: 'client',
  address: 'ip',
  reason: 'reason',
}

async function facetsOf({ search, emailOf }: AuditPagesDeps, filter: AuditFilter): Promise<AuditFacetsView> {
  const { counted, more, facets } = await search.facets(filter)
  const shown = Object.entries(FIELD_OF).map(async ([facet, field]) => ({
    field,
    values: await Promise.all(
      facets[facet as AuditFacet].map(async ({ value, count }) => {
        const label = await emailOf(value)
        // As much as the filter takes.
        return {
          value: field === 'reason' ? value.slice(0, MOST_OF_REASON) : value,
          count,
          ...(label === undefined ? {} : { label }),
        }
      }),
    ),
  }))
  return { counted, more, facets: await Promise.all(shown) }
}

const MOST_OF_REASON = 100

/** The filter that was filled in; or what is wrong with it. Neither, when it asks for an account that is not there. */
async function askedFilter(
  asked: Asked,
  accountIdOf: AuditPagesDeps['accountIdOf'],
): Promise<{ readonly filter?: AuditFilter; readonly fault?: string }> {
  const fault = faultOf(asked)
  if (fault !== undefined) return { fault }
  const { name, outcome, request_id: requestId, since, before, ...rest } = asked
  const question = {
    ...{ ...rest, requestId, names: name?.split(',').map((text) => text.trim()) },
    outcome: AUDIT_OUTCOMES.find((one) => one === outcome),
    since: since === undefined ? undefined : momentOf(since),
    before: before === undefined ? undefined : momentOf(before),
  }
  const filter = await filterOf(question, accountIdOf)
  return filter === undefined ? {} : { filter }
}

function faultOf({ since, before, ...asked }: Asked): string | undefined {
  const { name, outcome, ip, reason } = asked
  if (Object.values(asked).some((text) => !isStorable(text) || text.length > 2000))
    return 'A field holds what no such name can hold.'
  if (name?.split(',').every((text) => namesEvents(text.trim())) === false)
    return 'There is no such event. Write a name such as session.revoked, several with commas between, or session.* for all of them.'
  if (outcome !== undefined && !AUDIT_OUTCOMES.some((one) => one === outcome)) return 'An event has succeeded or failed.'
  if (ip !== undefined && !isNetwork(ip))
    return 'From where must be an address such as 192.0.2.7, or a network such as 192.0.2.0/24.'
  if (reason !== undefined && reason.length > MOST_OF_REASON) return 'Why: the first 100 characters are enough.'
  return timeFaultOf({ moments: [since, before] })
}
