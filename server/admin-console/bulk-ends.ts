// Ends of what was selected in a list, or of all that its filter finds: the page that shows what would end and asks why, and the end.
import type { Context } from 'koa'
import { isStorable } from '../../config/plain-text.ts'
import type { AccessRule } from '../../config/roles.ts'
import type { Html } from '../../views/html.ts'
import type { Form } from '../http/form.ts'
import { safeReturnPath } from '../http/return-path.ts'
import { type BulkEnds, MOST_ENDED_AT_ONCE, type Which } from '../revocation-jobs/bulk-ends.ts'
import type { Ended } from '../tokens/ending.ts'
import type { ConsoleRoute, ConsoleVisit } from './console.ts'
import { type Asked, listHref, readAsked } from './list-query.ts'
import { redirectWithNotice } from './notices.ts'

/** What the pages of one noun are made of. */
export interface BulkEndPages<Filter extends object, Preview> {
  /** `/sessions`: below it they stand. */
  readonly noun: string
  readonly title: string
  readonly access: AccessRule
  readonly ends: BulkEnds<Filter, Preview>
  /** The fields of the list's filter. */
  readonly fields: readonly string[]
  /** Undefined when nothing can be found by it. */
  filterOf(asked: Asked): Promise<Filter | undefined>
  view(view: {
    readonly preview: Preview
    readonly ids?: readonly string[]
    readonly filter?: string
    readonly csrf: string
    readonly reason: string
    /** The form was sent without one. */
    readonly reasonMissing: boolean
    readonly backHref: string
    readonly backTo: Origin['is']
    /** The page on which it was ticked; it goes along. */
    readonly back?: string
  }): Html
  wordsOf(ended: Ended): string
}

/** Where the page stands for what a list's filter finds. */
export function endAllHref(noun: string, filter: string, back?: string): string {
  return `/admin${noun}/revocation?${new URLSearchParams({ filter, ...(back === undefined ? {} : { back }) })}`
}

/** Whether a list that is narrowed may have something live in it: on the page that is shown, or on one before or after it. */
export function mayEndAll(
  asked: Asked,
  page: {
    readonly rows: readonly { readonly state: string }[]
    readonly firstHref?: string
    readonly nextHref?: string
  },
): boolean {
  const { length } = Object.keys(asked)
  if (length === 0 || (asked.state !== undefined && asked.state !== 'live')) return false
  return page.firstHref !== undefined || page.nextHref !== undefined || page.rows.some(({ state }) => state === 'live')
}

/** Makes them. */
export function bulkEndPages<Filter extends object, Preview>(pages: BulkEndPages<Filter, Preview>): ConsoleRoute[] {
  const { noun, access } = pages
  const common = { path: `${noun}/revocation`, access, fresh: true } as const
  return [
    { ...common, method: 'get', handle: (ctx, visit) => ask(pages, visit, askedFor(ctx)) },
    {
      ...common,
      method: 'post',
      back: (_ctx, form) => askHref(noun, askedIn(form)),
      handle: (ctx, visit, form) => end(pages, ctx, visit, askedIn(form)),
    },
  ]
}

interface EndAsked {
  readonly ids: string
  readonly filter: string
  readonly reason: string
  readonly back: string
}

function askedIn(form: Form): EndAsked {
  return { ids: form.get('ids'), filter: form.get('filter'), reason: form.get('reason'), back: form.get('back') }
}

function askedFor({ query }: Context): EndAsked {
  const text = (field: string) => (typeof query[field] === 'string' ? query[field] : '')
  return { ids: [query.id ?? []].flat().join(' '), filter: text('filter'), reason: text('reason'), back: text('back') }
}

function askHref(noun: string, { ids, filter, reason, back }: EndAsked): string {
  const query = new URLSearchParams({ filter, reason, ...(back === '' ? {} : { back }) })
  for (const id of ids.split(' ')) if (id !== '') query.append('id', id)
  return `/admin${noun}/revocation?${query}`
}

/** A page on which is ticked what ends. */
interface Origin {
  readonly is: 'list' | 'report' | 'account'
  readonly href: string
}

/** Where somebody came from, and goes back to. Nobody is led elsewhere by an address that others made. */
function originOf(noun: string, back: string): Origin | undefined {
  const href = safeReturnPath(back)
  if (href === undefined) return undefined
  if (href.startsWith('/admin/session-audits/')) return { is: 'report', href }
  if (href.startsWith('/admin/accounts/')) return { is: 'account', href }
  return href.split('?')[0] === `/admin${noun}` ? { is: 'list', href } : undefined
}

/** The list as it was narrowed. */
function narrowedHref({ noun, fields }: { readonly noun: string; readonly fields: readonly string[] }, filter: string): string {
  return listHref(`/admin${noun}`, readAsked(Object.fromEntries(new URLSearchParams(filter)), fields))
}

async function ask<Filter extends object, Preview>(
  pages: BulkEndPages<Filter, Preview>,
  visit: ConsoleVisit,
  { ids, filter, reason, back: from }: EndAsked,
  reasonMissing = false,
): Promise<void> {
  const which = await whichOf(pages, ids.split(' '), filter)
  const origin = originOf(pages.noun, from)
  const body = pages.view({
    preview: await pages.ends.preview(which),
    ...('ids' in which ? { ids: which.ids } : { filter }),
    csrf: visit.csrf,
    ...{ reason, reasonMissing },
    backHref: origin?.href ?? narrowedHref(pages, filter),
    backTo: origin?.is ?? 'list',
    ...(origin === undefined ? {} : { back: origin.href }),
  })
  visit.show({ title: pages.title, section: `/admin${pages.noun}`, body }, reasonMissing ? 400 : 200)
}

async function end<Filter extends object, Preview>(
  pages: BulkEndPages<Filter, Preview>,
  ctx: Context,
  visit: ConsoleVisit,
  asked: EndAsked,
): Promise<void> {
  if (asked.reason.trim() === '') return ask(pages, visit, asked, true)
  const which = await whichOf(pages, asked.ids.split(' '), asked.filter)
  const done = await pages.ends.end(which, visit.change(asked.reason.trim()))
  if ('job' in done) {
    ctx.redirect(`/admin/jobs/${done.job.id}`)
    ctx.status = 303
    return
  }
  redirectWithNotice(ctx, nextHref(pages, which, asked), pages.wordsOf(done.ended))
}

/** What ended alone shows on its page that it did; from a report, and after many, people go on where they were. */
function nextHref<Filter extends object, Preview>(
  pages: BulkEndPages<Filter, Preview>,
  which: Which<Filter>,
  { back, filter }: EndAsked,
): string {
  const origin = originOf(pages.noun, back)
  const [only, ...others] = 'ids' in which ? which.ids : []
  const isAlone = only !== undefined && others.length === 0
  if (isAlone && origin?.is !== 'report') return `/admin${pages.noun}/${encodeURIComponent(only)}`
  return origin?.href ?? narrowedHref(pages, filter)
}

/** What an end is of: ids, or the query of a list. A filter that says nothing would be everybody, and is nobody. */
async function whichOf<Filter extends object, Preview>(
  { fields, filterOf }: BulkEndPages<Filter, Preview>,
  ids: readonly string[],
  query: string,
): Promise<Which<Filter>> {
  const named = ids.filter((id) => id !== '' && isStorable(id)).slice(0, MOST_ENDED_AT_ONCE)
  if (named.length > 0) return { ids: named }
  const filter = await filterOf(readAsked(Object.fromEntries(new URLSearchParams(query)), fields))
  return filter === undefined || Object.keys(filter).length === 0 ? { ids: [] } : { filter }
}
