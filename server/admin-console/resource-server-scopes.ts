// Scopes of resource servers in the console: one is added, what people read of it is changed, and one is taken away.
import type { Context } from 'koa'
import { ACCESS } from '../../config/access.ts'
import { scopeForm, scopeRemoval } from '../../views/admin-console/resource-server-forms.ts'
import { HttpProblem } from '../http/problems.ts'
import { resourceScopeFault, scopeDescriptionFault, scopeListFault } from '../resource-servers/resource-server-rules.ts'
import type { ResourceServerItem } from '../resource-servers/resource-server-search.ts'
import type { ResourceServer } from '../resource-servers/resource-servers.ts'
import { asking } from './asking.ts'
import type { ConsoleRoute, ConsoleVisit } from './console.ts'
import { listHref } from './list-query.ts'
import { redirectWithNotice } from './notices.ts'
import { refusing, sentence } from './refusals.ts'
import { faultsOf, found, OWNERS, type ResourceServerChangePagesDeps } from './resource-server-changes.ts'
import { findResourceServer, RESOURCE_SERVERS_PATH, resourceServerHref } from './resource-servers.ts'

type Deps = Pick<ResourceServerChangePagesDeps, 'search' | 'administration'>

/** What was filled in of a scope. */
interface Entered {
  readonly scope: string
  readonly text: string
  readonly version: string
  readonly reason: string
}

/** Makes the pages. */
export function resourceServerScopePages(deps: Deps): ConsoleRoute[] {
  return [
    {
      ...OWNERS,
      method: 'get',
      path: '/resource-servers/:id/scopes',
      handle: async (ctx, visit) => showForm(visit, await found(deps, ctx), { entered: filledIn(ctx) }),
    },
    {
      ...OWNERS,
      method: 'post',
      path: '/resource-servers/:id/scopes',
      back: (ctx, form) => listHref(ctx.path, { ...enteredOf(form.get) }),
      handle: (ctx, visit, form) => save(deps, ctx, visit, { entered: enteredOf(form.get) }),
    },
    {
      ...OWNERS,
      method: 'get',
      path: '/resource-servers/:id/scopes/:scope',
      async handle(ctx, visit) {
        const { server, scope } = await partOf(deps, ctx.params)
        showForm(visit, server, { scope, entered: { text: textOf(server, scope), ...filledIn(ctx) } })
      },
    },
    {
      ...OWNERS,
      method: 'post',
      path: '/resource-servers/:id/scopes/:scope',
      // Also an empty text is what was filled in.
      back: (ctx, form) => `${ctx.path}?${new URLSearchParams({ ...enteredOf(form.get) }).toString()}`,
      async handle(ctx, visit, form) {
        const { scope } = await partOf(deps, ctx.params)
        await save(deps, ctx, visit, { scope, entered: { ...enteredOf(form.get), scope } })
      },
    },
    ...removal(deps),
  ]
}

function removal(deps: Deps): ConsoleRoute[] {
  return asking<{ readonly server: ResourceServerItem; readonly scope: string }>({
    section: '/resource-servers',
    below: '/scopes/:scope',
    what: 'removal',
    title: 'Remove a scope',
    access: ACCESS.resourceServers.write,
    find: (_id, params) => partOf(deps, params),
    refusalOf: (error) => faultsOf(error).join(' '),
    async view({ thing: { server, scope }, ...form }) {
      const after = without(server, scope)
      const preview = await refusing(() => deps.administration.preview({ identifier: server.identifier, server: after }))
      return scopeRemoval({ server, scope, preview, ...form })
    },
    async act({ server, scope }, why) {
      const fault = scopeListFault(without(server, scope).scopes)
      if (fault !== undefined) throw new HttpProblem(409, 'Not so', sentence(`an API without a scope is none: ${fault}`))
      await deps.administration.replace({ server: without(server, scope), seen: server.version }, why)
      return 'The scope is gone, and access tokens that may carry it are refused from now on.'
    },
  })
}

/** The scope that an address names, of its resource server. @throws HttpProblem 404 */
async function partOf({ search }: Deps, params: { readonly [name: string]: unknown }) {
  const server = await findResourceServer(search, String(params.id))
  const scope = String(params.scope)
  if (!server.scopes.includes(scope)) throw new HttpProblem(404, 'No such scope', 'The API has none of that name.')
  return { server, scope }
}

function textOf({ scopeDescriptions = {} }: ResourceServer, scope: string): string {
  return new Map(Object.entries(scopeDescriptions)).get(scope) ?? ''
}

/** A resource server with a scope, and with what people read of it; an empty text is none. */
function withScope(server: ResourceServer, { scope, text }: Pick<Entered, 'scope' | 'text'>): ResourceServer {
  const bare = without(server, scope)
  const scopes = server.scopes.includes(scope) ? server.scopes : [...server.scopes, scope]
  const texts = { ...bare.scopeDescriptions, ...(text === '' ? {} : { [scope]: text }) }
  return { ...withTexts(bare, texts), scopes }
}

function without(server: ResourceServer, scope: string): ResourceServer {
  const texts = Object.entries(server.scopeDescriptions ?? {}).filter(([name]) => name !== scope)
  return { ...withTexts(server, Object.fromEntries(texts)), scopes: server.scopes.filter((one) => one !== scope) }
}

function withTexts(
  { scopeDescriptions: _before, ...server }: ResourceServer,
  texts: { readonly [scope: string]: string },
): ResourceServer {
  return { ...server, ...(Object.keys(texts).length === 0 ? {} : { scopeDescriptions: texts }) }
}

function enteredOf(get: (name: string) => string): Entered {
  return { scope: get('scope').trim(), text: get('text').trim(), version: get('version'), reason: get('reason').trim() }
}

function filledIn({ query }: Context): Partial<Entered> {
  const entries = (['scope', 'text', 'version', 'reason'] as const).flatMap((field) => {
    const value = query[field]
    return typeof value === 'string' ? [[field, value.slice(0, 1000)]] : []
  })
  return Object.fromEntries(entries)
}

function showForm(
  visit: ConsoleVisit,
  server: ResourceServerItem,
  shown: { readonly scope?: string; readonly entered: Partial<Entered>; readonly faults?: readonly string[] },
): void {
  const { scope, entered, faults = [] } = shown
  const body = scopeForm({
    server,
    ...(scope === undefined ? {} : { scope }),
    entered: { scope: entered.scope ?? '', text: entered.text ?? '' },
    version: faults.length === 0 ? (entered.version ?? server.version) : server.version,
    reason: entered.reason ?? '',
    csrf: visit.csrf,
    faults,
  })
  const title = scope === undefined ? 'Add a scope' : `Scope ${scope}`
  visit.show({ title, section: RESOURCE_SERVERS_PATH, body }, faults.length === 0 ? 200 : 409)
}

async function save(
  deps: Deps,
  ctx: Context,
  visit: ConsoleVisit,
  { scope, entered }: { readonly scope?: string; readonly entered: Entered },
): Promise<void> {
  const server = await found(deps, ctx)
  const refuse = async (faults: readonly string[]) =>
    showForm(visit, await found(deps, ctx), { ...(scope === undefined ? {} : { scope }), entered, faults })
  const faults = scopeFaults(server, entered, scope === undefined)
  if (faults.length > 0) return refuse(faults)
  try {
    await deps.administration.replace({ server: withScope(server, entered), seen: entered.version }, visit.change(entered.reason))
  } catch (error) {
    return refuse(faultsOf(error))
  }
  const done = scope === undefined ? 'The scope is there. Apps get it when their registration names it.' : 'Saved.'
  redirectWithNotice(ctx, resourceServerHref(server.id), done)
}

function scopeFaults(server: ResourceServerItem, { scope, text, reason }: Entered, isNew: boolean): string[] {
  const taken = isNew && server.scopes.includes(scope) ? 'the API has that scope already' : undefined
  const named = isNew ? (resourceScopeFault(scope) ?? scopeListFault([...server.scopes, scope])) : undefined
  const faults = [
    reason === '' ? 'nothing was saved: say why it is changed, for the audit log' : undefined,
    named === undefined ? taken : `scope: ${named}`,
    text === '' ? undefined : prefixed('what people read', scopeDescriptionFault(text)),
  ]
  return faults.flatMap((fault) => (fault === undefined ? [] : [sentence(fault)]))
}

function prefixed(label: string, fault: string | undefined): string | undefined {
  return fault === undefined ? undefined : `${label}: ${fault}`
}
