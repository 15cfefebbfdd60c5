// What is done to one thing after a page has said what will happen and asked why: the page, and the deed. What the rules refuse is said
// on the same page, with the reason still in it.
import type { Context } from 'koa'
import type { AccessRule } from '../../config/roles.ts'
import type { Html } from '../../views/html.ts'
import type { Change } from '../audit/change.ts'
import { leadOn } from '../http/error-pages.ts'
import type { ConsoleRoute, ConsoleVisit } from './console.ts'
import { listHref } from './list-query.ts'
import { redirectWithNotice } from './notices.ts'

/** A deed. */
export interface Deed<Thing> {
  /** The section that it belongs to, such as `/keys`; the thing's page stands below it, and this page below that. */
  readonly section: string
  /** What the page is of is a part of the thing, such as `/scopes/:scope`. */
  readonly below?: string
  readonly what: string
  readonly title: string
  readonly access: AccessRule
  /** The thing that the address names; `params` is what it names besides. @throws HttpProblem 404 */
  find(id: string, params: { readonly [name: string]: unknown }): Promise<Thing>
  /** What one may not do to this thing is refused before anything is asked. @throws HttpProblem 403 */
  insist?(visit: ConsoleVisit, thing: Thing): void
  view(view: {
    readonly thing: Thing
    readonly action: string
    readonly reason: string
    /** The form was sent without one. */
    readonly reasonMissing?: boolean
    readonly csrf: string
    /** Why it was refused. */
    readonly fault?: string
  }): Html | Promise<Html>
  /** Does it, and says so. */
  act(thing: Thing, change: Change): Promise<string>
  /** What the rules refuse, as a sentence. @throws whatever is no refusal */
  refusalOf(error: unknown): string
  /** The thing is gone when it is done. */
  readonly removes?: boolean
}

/** Makes the page and the deed. Both need a fresh sign-in. */
export function asking<Thing>(deed: Deed<Thing>): ConsoleRoute[] {
  const { section, below = '', what, access } = deed
  const route = { path: `${section}/:id${below}/${what}`, access, fresh: true } as const
  return [
    {
      ...route,
      method: 'get',
      handle: (ctx, visit) => ask(deed, ctx, visit, typeof ctx.query.reason === 'string' ? ctx.query.reason.slice(0, 1000) : ''),
    },
    {
      ...route,
      method: 'post',
      back: (ctx, form) => listHref(ctx.path, { reason: form.get('reason') }),
      handle: (ctx, visit, form) => act(deed, ctx, visit, form.get('reason').trim()),
    },
  ]
}

async function ask<Thing>(
  deed: Deed<Thing>,
  ctx: Context,
  visit: ConsoleVisit,
  reason: string,
  refused: { readonly status?: number; readonly fault?: string; readonly reasonMissing?: boolean } = {},
): Promise<void> {
  const { status = 200, ...why } = refused
  const thing = await thingOf(deed, ctx, visit)
  const body = await deed.view({ ...{ thing, action: ctx.path, reason, csrf: visit.csrf }, ...why })
  visit.show({ title: deed.title, section: `/admin${deed.section}`, body }, status)
}

async function act<Thing>(deed: Deed<Thing>, ctx: Context, visit: ConsoleVisit, reason: string): Promise<void> {
  const thing = await thingOf(deed, ctx, visit)
  if (reason === '') return ask(deed, ctx, visit, reason, { status: 400, reasonMissing: true })
  let notice: string
  try {
    notice = await deed.act(thing, visit.change(reason))
  } catch (error) {
    return ask(deed, ctx, visit, reason, { status: 409, fault: deed.refusalOf(error) })
  }
  redirectWithNotice(ctx, deed.removes === true ? `/admin${deed.section}` : thingHref(deed, ctx), notice)
}

async function thingOf<Thing>(deed: Deed<Thing>, ctx: Context, visit: ConsoleVisit): Promise<Thing> {
  const thing = await deed.find(String(ctx.params.id), ctx.params)
  leadOn(ctx, { href: thingHref(deed, ctx), label: 'Back' })
  deed.insist?.(visit, thing)
  return thing
}

function thingHref({ section }: { readonly section: string }, ctx: Context): string {
  return `/admin${section}/${encodeURIComponent(String(ctx.params.id))}`
}
