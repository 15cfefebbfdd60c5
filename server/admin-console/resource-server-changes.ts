// What owners do with resource servers in the console: one is registered, changed and deleted, and its scopes come and go.
import type { Context } from 'koa'
import { ACCESS } from '../../config/access.ts'
import type { FormFault } from '../../views/admin-console/lists.ts'
import {
  newResourceServer,
  type ResourceServerEntered,
  resourceServerChange,
  resourceServerDeletion,
} from '../../views/admin-console/resource-server-forms.ts'
import { ChangedMeanwhile } from '../audit/versions.ts'
import type { Form } from '../http/form.ts'
import type { ResourceServerAdministration } from '../resource-servers/resource-server-administration.ts'
import { type ResourceServerEntry, resourceServerEntry, resourceServerOf } from '../resource-servers/resource-server-entry.ts'
import type { ResourceServerItem, ResourceServerSearch } from '../resource-servers/resource-server-search.ts'
import { asking } from './asking.ts'
import type { ConsoleRoute, ConsoleVisit } from './console.ts'
import { listHref, secondsOf } from './list-query.ts'
import { redirectWithNotice } from './notices.ts'
import { refusalOf, refusing, sentence } from './refusals.ts'
import { findResourceServer, RESOURCE_SERVERS_PATH, resourceServerHref } from './resource-servers.ts'

/** What the pages call. */
export interface ResourceServerChangePagesDeps {
  readonly issuer: string
  /** Of one that does not say, in seconds. */
  readonly accessTokenTtl: number
  readonly search: ResourceServerSearch
  readonly administration: ResourceServerAdministration
}

/** Scopes decide what tokens are good for, and what is taken away ends tokens. */
export const OWNERS = { access: ACCESS.resourceServers.write, fresh: true } as const

type Get = (name: string) => string

/** Makes the pages. They come before those of a resource server, since one of them has a name where that has an id. */
export function resourceServerChangePages(deps: ResourceServerChangePagesDeps): ConsoleRoute[] {
  return [
    {
      ...OWNERS,
      method: 'get',
      path: '/resource-servers/new',
      handle: async (ctx, visit) => showNew(visit, { format: 'jwt', ...filledIn(ctx) }),
    },
    {
      ...OWNERS,
      method: 'post',
      path: '/resource-servers',
      back: (_ctx, form) => listHref(`${RESOURCE_SERVERS_PATH}/new`, fieldsOf(form.get)),
      handle: (ctx, visit, form) => make(deps, ctx, visit, form),
    },
    {
      ...OWNERS,
      method: 'get',
      path: '/resource-servers/:id/change',
      async handle(ctx, visit) {
        const server = await found(deps, ctx)
        const { filled, version, reason = '', ...fields } = filledIn(ctx)
        showChange(visit, server, filled === 'in' ? { fields, version: version ?? '', reason } : { reason })
      },
    },
    {
      ...OWNERS,
      method: 'post',
      path: '/resource-servers/:id/change',
      back: (ctx, form) =>
        listHref(ctx.path, { ...fieldsOf(form.get), version: form.get('version'), reason: form.get('reason'), filled: 'in' }),
      handle: (ctx, visit, form) => change(deps, ctx, visit, form),
    },
    ...asking<ResourceServerItem>({
      section: '/resource-servers',
      what: 'deletion',
      title: 'Delete an API',
      access: ACCESS.resourceServers.write,
      removes: true,
      find: (id) => findResourceServer(deps.search, id),
      refusalOf,
      async view({ thing: server, ...form }) {
        const preview = await refusing(() => deps.administration.preview({ identifier: server.identifier }))
        return resourceServerDeletion({ server, preview, ...form })
      },
      async act({ identifier }, why) {
        await deps.administration.delete(identifier, why)
        return 'The API is deleted, and access tokens that may be for it are refused from now on.'
      },
    }),
  ]
}

/** The resource server that the address names. @throws HttpProblem 404 */
export function found({ search }: Pick<ResourceServerChangePagesDeps, 'search'>, ctx: Context): Promise<ResourceServerItem> {
  return findResourceServer(search, String(ctx.params.id))
}

/** What was not done and why, as sentences, when the rules say so. @throws whatever is no refusal */
export function faultsOf(error: unknown): string[] {
  if (error instanceof ChangedMeanwhile)
    return ['The API has been changed since you opened this page. Nothing was saved: save it anew if it still holds.']
  return [refusalOf(error)]
}

const FIELDS = ['identifier', 'name', 'scopes', 'format', 'ttl', 'default', 'clients'] as const

type Fields = { readonly [field in (typeof FIELDS)[number]]?: string }

/** The form's fields, as they come back after signing in. */
function fieldsOf(get: Get): { readonly [field: string]: string } {
  return Object.fromEntries(FIELDS.map((field) => [field, get(field)]))
}

function filledIn({ query }: Context): { readonly [field: string]: string } {
  return Object.fromEntries(Object.entries(query).filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}

function enteredOf({ identifier = '', name = '', scopes = '', format = '', ttl = '', clients = '', ...rest }: Fields) {
  return { identifier, name, scopes, format, ttl, clients, isDefault: (rest.default ?? '') !== '' }
}

function showNew(visit: ConsoleVisit, fields: Fields, faults: readonly FormFault[] = []): void {
  const body = newResourceServer({ entered: enteredOf(fields), csrf: visit.csrf, faults })
  visit.show({ title: 'New API', section: RESOURCE_SERVERS_PATH, body }, faults.length === 0 ? 200 : 422)
}

async function make(deps: ResourceServerChangePagesDeps, ctx: Context, visit: ConsoleVisit, form: Form): Promise<void> {
  const fields = fieldsOf(form.get)
  const entered = enteredOf(fields)
  const read = entryOf(deps, { ...entered, ...scopesIn(entered.scopes) })
  if ('faults' in read) return showNew(visit, fields, read.faults)
  const server = resourceServerOf(read.entry, deps.accessTokenTtl)
  try {
    await deps.administration.create(server, visit.change())
  } catch (error) {
    return showNew(visit, fields, ofAll(faultsOf(error)))
  }
  const { id } = await findResourceServer(deps.search, server.identifier)
  redirectWithNotice(
    ctx,
    resourceServerHref(id),
    'The API is registered. Apps get its scopes when their registration names them.',
  )
}

/** One a line: the scope, which has no space in it, and what people read of it. */
function scopesIn(text: string): Pick<ResourceServerEntry, 'scopes' | 'scope_descriptions'> {
  const lines = linesOf(text).map((line) => /^(\S+)\s*(.*)$/.exec(line) ?? ['', line, ''])
  const texts = lines.filter(([, , words]) => words !== '').map(([, scope = '', words = '']) => [scope, words] as const)
  return { scopes: lines.map(([, scope = '']) => scope), scope_descriptions: Object.fromEntries(texts) }
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

/** What a resource server is to be, as it was filled in; or all that is wrong with it. */
function entryOf(
  { issuer }: ResourceServerChangePagesDeps,
  entered: Omit<ResourceServerEntered, 'scopes'> & Pick<ResourceServerEntry, 'scopes' | 'scope_descriptions'>,
): { readonly entry: ResourceServerEntry } | { readonly faults: readonly FormFault[] } {
  const { identifier, name, scopes, scope_descriptions: descriptions, format, ttl, isDefault } = entered
  const seconds = ttl.trim() === '' ? undefined : secondsOf(ttl.trim())
  const unreadable = ttl.trim() !== '' && seconds === undefined
  const clients = linesOf(entered.clients)
  const read = resourceServerEntry(issuer).safeParse({
    ...{ identifier: identifier.trim(), scopes, scope_descriptions: descriptions, access_token_format: format },
    ...(name.trim() === '' ? {} : { name: name.trim() }),
    ...(seconds === undefined ? {} : { access_token_ttl: seconds }),
    ...{ default: isDefault, clients },
  })
  const faults = (read.error?.issues ?? []).map(({ path, message }) => faultAt(path, message, { scopes, clients }))
  if (unreadable) faults.push(faultAt(['access_token_ttl'], 'it must be written as 10m, 1h or 900'))
  return read.success && !unreadable ? { entry: read.data } : { faults }
}

/** `Scopes: openid: it is a scope of this server itself` says where, in the words of the form, and of a list which one of it. */
function faultAt(
  [member, which]: readonly PropertyKey[],
  message: string,
  lists: { readonly [member: string]: readonly string[] } = {},
): FormFault {
  const { label, field } = FIELD_OF[String(member)] ?? { label: String(member), field: undefined }
  const named = typeof which === 'number' ? lists[String(member)]?.[which] : which
  const one = named === undefined ? '' : `${String(named).slice(0, LONGEST_SHOWN)}: `
  const text = `${label}: ${one}${message}.`
  if (field === undefined) return { text }
  return { text, at: { field, text: one === '' ? sentence(message) : `${one}${message}.` } }
}

/** Of what was written in the place of a scope; the field has all of it. */
const LONGEST_SHOWN = 200

/** What is of no one field. */
function ofAll(faults: readonly string[]): FormFault[] {
  return faults.map((text) => ({ text }))
}

const FIELD_OF: { readonly [member: string]: { readonly label: string; readonly field: string } } = {
  identifier: { label: 'Identifier', field: 'identifier' },
  name: { label: 'Name', field: 'name' },
  scopes: { label: 'Scopes', field: 'scopes' },
  scope_descriptions: { label: 'What people read', field: 'scopes' },
  access_token_format: { label: 'Access tokens', field: 'format' },
  access_token_ttl: { label: 'Good for', field: 'ttl' },
  clients: { label: 'Clients that are this API', field: 'clients' },
}

/** What was filled in, when something was; its version is that of when it was filled in, unless it was refused. */
function showChange(
  visit: ConsoleVisit,
  server: ResourceServerItem,
  shown: {
    readonly fields?: Fields
    readonly version?: string
    readonly reason: string
    readonly reasonMissing?: boolean
    readonly faults?: readonly FormFault[]
  },
): void {
  const { fields, version = server.version, reason, reasonMissing = false, faults = [] } = shown
  const now = {
    ...{ identifier: server.identifier, name: server.name ?? '', scopes: '', format: server.accessTokenFormat },
    ...{ ttl: String(server.accessTokenTtl), isDefault: server.isDefault, clients: server.clientIds.join('\n') },
  }
  const entered = fields === undefined ? now : enteredOf(fields)
  const body = resourceServerChange({
    ...{ server, entered, version, reasonMissing, faults, csrf: visit.csrf },
    reason: reason.slice(0, 1000),
  })
  visit.show({ title: 'Change the API', section: RESOURCE_SERVERS_PATH, body }, faults.length === 0 ? 200 : 409)
}

async function change(deps: ResourceServerChangePagesDeps, ctx: Context, visit: ConsoleVisit, form: Form): Promise<void> {
  const server = await found(deps, ctx)
  const fields = fieldsOf(form.get)
  const reason = form.get('reason').trim()
  const reasonMissing = reason === ''
  const refuse = async (faults: readonly FormFault[]) =>
    showChange(visit, await found(deps, ctx), { fields, reason, reasonMissing, faults })
  const { identifier, scopes, scopeDescriptions: descriptions } = server
  const read = entryOf(deps, {
    ...enteredOf(fields),
    ...{ identifier, scopes: [...scopes], scope_descriptions: { ...descriptions } },
  })
  const faults = [...(reasonMissing ? ofAll([UNSAID]) : []), ...('faults' in read ? read.faults : [])]
  if ('faults' in read || reasonMissing) return refuse(faults)
  try {
    const wanted = resourceServerOf(read.entry, deps.accessTokenTtl)
    await deps.administration.replace({ server: wanted, seen: form.get('version') }, visit.change(reason))
  } catch (error) {
    return refuse(ofAll(faultsOf(error)))
  }
  redirectWithNotice(ctx, resourceServerHref(server.id), 'Saved.')
}

const UNSAID = 'Nothing was saved: say why it is changed, for the audit log.'
