// Resource servers in the console: the APIs that access tokens can be for, who may ask for what, and what people read before they agree.
import { type Html, html } from '../html.ts'
import { resourceRow } from '../interactions/consent.ts'
import { moment, spokenDuration } from '../moment.ts'
import { codes } from './client-parts.ts'
import { type Chip, chips, facts, faultNotice, filterField, filterForm, nothingHere, pager, table } from './lists.ts'

/** A resource server. */
export interface ResourceServerRow {
  /** `rs_…` */
  readonly id: string
  readonly identifier: string
  readonly name?: string
  readonly scopes: readonly string[]
  readonly scopeDescriptions?: { readonly [scope: string]: string }
  readonly accessTokenFormat: string
  /** Seconds. */
  readonly accessTokenTtl: number
  readonly isDefault: boolean
  readonly clientIds: readonly string[]
  readonly managedBy?: string
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** What the list shows. */
export interface ResourceServerListView {
  readonly servers: readonly ResourceServerRow[]
  readonly chips: readonly Chip[]
  readonly asked: { readonly [field: string]: string }
  readonly mayWrite: boolean
  readonly fault?: string
  readonly firstHref?: string
  readonly nextHref?: string
}

const PATH = '/admin/resource-servers'

/** So many scopes are named in the list. */
const MOST_NAMED = 6

/** Makes the list. */
export function resourceServerList(view: ResourceServerListView): Html {
  const { servers, asked, fault, mayWrite } = view
  const narrowed = Object.keys(asked).length > 0
  return html`<h1>APIs</h1>
<p class="lead">What access tokens can be for: each API (in the words of OAuth a resource server) with the scopes that apps may ask for.</p>
${mayWrite && html`<p class="actions"><a class="button primary" href="${PATH}/new">New API…</a></p>`}
${filterForm(PATH, fault !== undefined, [
  filterField({ name: 'q', label: 'Begins with', value: asked.q ?? '', hint: 'Its name or identifier' }),
])}
${chips(view.chips, PATH)}
${faultNotice(fault)}
${
  servers.length === 0
    ? nothingHere(
        'No APIs',
        narrowed
          ? 'None is registered that fits.'
          : 'Without an API, apps get access tokens that are good for userinfo alone. An owner registers one here, by the admin API, or in a provision file.',
        fault,
      )
    : table<ResourceServerRow>('APIs, by identifier', COLUMNS, servers)
}
${pager(view)}`
}

const COLUMNS = [
  {
    label: 'API',
    names: true,
    cell: ({ id, name, identifier }: ResourceServerRow) =>
      html`<a href="${PATH}/${id}"><bdi>${name ?? identifier}</bdi></a>${name !== undefined && html`<br><span class="quiet"><bdi>${identifier}</bdi></span>`}`,
  },
  {
    label: 'Scopes',
    cell: ({ scopes }: ResourceServerRow) =>
      html`${codes(scopes.slice(0, MOST_NAMED))}${scopes.length > MOST_NAMED && html` <span class="quiet">and ${scopes.length - MOST_NAMED} more</span>`}`,
  },
  {
    label: 'Access tokens',
    cell: ({ accessTokenFormat, accessTokenTtl }: ResourceServerRow) =>
      html`${FORMATS[accessTokenFormat] ?? accessTokenFormat}<br><span class="quiet">${lifeOf(accessTokenTtl)}</span>`,
  },
  {
    label: 'Asked for',
    cell: ({ isDefault }: ResourceServerRow) => (isDefault ? 'by its scopes alone' : 'by its identifier'),
  },
]

const FORMATS: { readonly [format: string]: string } = { jwt: 'JWT', opaque: 'Opaque' }

function lifeOf(seconds: number): string {
  return `${spokenDuration(seconds)} (${seconds} s)`
}

/** What an API is called; without a name it is its identifier. */
export function nameOf({ name, identifier }: Pick<ResourceServerRow, 'name' | 'identifier'>): string {
  return name ?? identifier
}

/** The page of a scope of an API. */
export function scopeHref(serverId: string, scope: string): string {
  return `${PATH}/${serverId}/scopes/${encodeURIComponent(scope)}`
}

/** What the page of one API shows. */
export interface ResourceServerView {
  readonly server: ResourceServerRow
  /** The clients whose registration lets them ask for one of its scopes. */
  readonly asking: { readonly clientIds: readonly string[]; readonly more: boolean }
  readonly mayWrite: boolean
}

/** Makes it. */
export function resourceServerDetail(view: ResourceServerView): Html {
  const { server, mayWrite } = view
  // What a file or the demo has made is changed there.
  const changes = mayWrite && server.managedBy === undefined
  return html`<p class="crumbs"><a href="${PATH}">APIs</a></p>
<h1><bdi>${nameOf(server)}</bdi></h1>
<section class="card" aria-labelledby="api">
<h2 id="api">API</h2>
${about(server)}
${changes && html`<p class="actions"><a class="button" href="${PATH}/${server.id}/change">Change…</a> <a class="button danger" href="${PATH}/${server.id}/deletion">Delete…</a></p>`}
</section>
${scopesOf(server, changes)}
${readByPeople(server)}
${askers(view)}`
}

function about(server: ResourceServerRow): Html {
  const { identifier, accessTokenFormat, accessTokenTtl, isDefault, clientIds, managedBy } = server
  const life = lifeOf(accessTokenTtl)
  return facts([
    [
      'Identifier',
      html`<code>${identifier}</code> <span class="quiet">the <code>resource</code> and <code>aud</code> of its access tokens</span>`,
    ],
    ['Access tokens', `${FORMATS[accessTokenFormat] ?? accessTokenFormat}, good for ${life}`],
    [
      'What was revoked',
      accessTokenFormat === 'jwt'
        ? `is refused within a second by an API that listens, and by one that does not when it expires: after ${spokenDuration(accessTokenTtl)} at most`
        : 'is refused at once: the API asks here about each token',
    ],
    [
      'Asked for',
      isDefault
        ? 'by its scopes alone: a request that names no API and asks for one of them means this one'
        : 'by its identifier: a request has to name it',
    ],
    [
      'The API itself',
      clientIds.length === 0
        ? 'no client: nobody may introspect its tokens but the apps that hold them'
        : html`${clientLinks(clientIds)} <span class="quiet">may introspect its tokens</span>`,
    ],
    ['Registered', html`${moment(server.createdAt)}, by ${managerOf(managedBy)}`],
    ['Changed', moment(server.updatedAt)],
  ])
}

function managerOf(managedBy: string | undefined): string {
  if (managedBy === undefined) return 'hand'
  return managedBy === 'provision' ? 'a provision file: it is changed there' : `the ${managedBy}`
}

function clientLinks(ids: readonly string[]): Html {
  return html`${ids.map((id, index) => html`${index > 0 && ', '}<a href="/admin/clients/${encodeURIComponent(id)}"><bdi>${id}</bdi></a>`)}`
}

function scopesOf(server: ResourceServerRow, changes: boolean): Html {
  const { id, scopes, scopeDescriptions } = server
  const texts = new Map(Object.entries(scopeDescriptions ?? {}))
  const columns = [
    { label: 'Scope', names: true, cell: (scope: string) => html`<code>${scope}</code>` },
    {
      label: 'What people read',
      cell: (scope: string) =>
        texts.has(scope) ? html`<bdi>${texts.get(scope)}</bdi>` : html`<span class="quiet">nothing but its name</span>`,
    },
    ...(changes
      ? [
          {
            label: 'Change',
            cell: (scope: string) =>
              html`<p class="links"><a href="${scopeHref(id, scope)}">Text…<span class="visually-hidden"> (${scope})</span></a>${scopes.length > 1 && html` <a href="${scopeHref(id, scope)}/removal">Remove…<span class="visually-hidden"> (${scope})</span></a>`}</p>`,
          },
        ]
      : []),
  ]
  return html`<section class="card" aria-labelledby="scopes">
<h2 id="scopes">Scopes</h2>
${table<string>('Scopes', columns, scopes)}
${changes && html`<p class="actions"><a class="button" href="${PATH}/${id}/scopes">Add a scope…</a></p>`}
</section>`
}

/** The very piece of the consent page, of an app that asks for all of it. */
function readByPeople({ identifier, name, scopes, scopeDescriptions = {} }: ResourceServerRow): Html {
  return html`<section class="card" aria-labelledby="consent">
<h2 id="consent">What people read</h2>
<p class="lead">Before they let an app in that asks for all of it. An app that asks for less shows less.</p>
<ul class="rows">
${resourceRow(identifier, scopes, { ...(name === undefined ? {} : { name }), scopes: scopeDescriptions })}
</ul>
</section>`
}

function askers({ server, asking }: ResourceServerView): Html {
  const { clientIds, more } = asking
  return html`<section class="card" aria-labelledby="askers">
<h2 id="askers">Apps that may ask</h2>
${
  clientIds.length === 0
    ? html`<p class="lead">None: no app is registered with one of its scopes. An app gets ${server.scopes.length === 1 ? 'it' : 'them'} when its <code>scope</code> names ${server.scopes.length === 1 ? 'it' : 'them'}.</p>`
    : html`<p class="lead">They are registered with one of its scopes at least.</p>
<p>${clientLinks(clientIds)}${more && ', and more'}</p>`
}
</section>`
}
