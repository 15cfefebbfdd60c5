// What is done to one thing after a page has said what will happen and asked why: the page, and the deed.
import type { Context } from 'koa'
import type { AccessRule } from '../../config/roles.ts'
import type { Html } from '../../views/html.ts'
import type { Change } from '../audit/change.ts'
import type { ConsoleRoute } from './console.ts'
import { listHref } from './list-query.ts'
import { redirectWithNotice } from './notices.ts'

/** A deed. */
export interface Deed<Thing> {
  /** The section that it belongs to, such as `/keys`; the thing's page stands below it, and this page below that. */
  readonly section: string
  readonly what: string
  readonly title: string
  readonly access: AccessRule
  /** The thing that the address names. @throws HttpProblem 404 */
  find(id: string): Promise<Thing>
  view(view: {
    readonly thing: Thing
    readonly action: string
    readonly reason: string
    readonly csrf: string
  }): Html | Promise<Html>
  /** Does it, and says so. @throws HttpProblem */
  act(thing: Thing, change: Change): Promise<string>
}

/** Makes the page and the deed. Both need a fresh sign-in. */
export function asking<Thing>(deed: Deed<Thing>): ConsoleRoute[] {
  const { section, what, title, access, find, view, act } = deed
  const route = { path: `${section}/:id/${what}`, access, fresh: true } as const
  const thingHref = (ctx: Context) => `/admin${section}/${encodeURIComponent(String(ctx.params.id))}`
  const askHref = (ctx: Context, reason: string) => listHref(`${thingHref(ctx)}/${what}`, { reason })
  return [
    {
      ...route,
      method: 'get',
      async handle(ctx, visit) {
        const { reason } = ctx.query
        const body = await view({
          thing: await find(String(ctx.params.id)),
          action: `${thingHref(ctx)}/${what}`,
          reason: typeof reason === 'string' ? reason.slice(0, 1000) : '',
          csrf: visit.csrf,
        })
        visit.show({ title, section: `/admin${section}`, body })
      },
    },
    {
      ...route,
      method: 'post',
      back: (ctx, form) => askHref(ctx, form.get('reason')),
      async handle(ctx, visit, form) {
        const thing = await find(String(ctx.params.id))
        const reason = form.get('reason').trim()
        if (reason === '') return void ctx.redirect(askHref(ctx, ''))
        redirectWithNotice(ctx, thingHref(ctx), await act(thing, visit.change(reason)))
      },
    },
  ]
}
