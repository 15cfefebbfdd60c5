// Clients in the console: the list, one with what is registered of it and how long what it gets really lives, and its end.
import { type Html, html } from '../html.ts'
import { moment } from '../moment.ts'
import { type AskingView, askFirst } from './asking.ts'
import {
  clientLifetimes,
  clientRedirects,
  clientSecrets,
  codes,
  type LifetimesView,
  type SecretView,
  type TriedView,
} from './client-parts.ts'
import { type HistoryView, historyCard } from './history.ts'
import {
  type Chip,
  chips,
  facts,
  filterField,
  filterForm,
  nothingHere,
  pager,
  type SavedView,
  savedViews,
  standing,
  table,
} from './lists.ts'
import { count } from './tree.ts'

/** A client in the list. */
export interface ClientRow {
  readonly id: string
  readonly name?: string
  readonly kind: string
  readonly status: string
  readonly managedBy?: string
  readonly createdAt: Date
}

/** What the list shows. */
export interface ClientListView {
  readonly clients: readonly ClientRow[]
  readonly views: readonly SavedView[]
  readonly chips: readonly Chip[]
  readonly asked: { readonly [field: string]: string }
  readonly fault?: string
  readonly firstHref?: string
  readonly nextHref?: string
}

const PATH = '/admin/clients'

const KINDS: { readonly [kind: string]: string } = {
  web: 'Web app with a server',
  spa: 'Single-page app',
  native: 'App on a device',
  machine: 'Program without people',
}

/** Makes the list. */
export function clientList(view: ClientListView): Html {
  const { asked, fault, clients } = view
  return html`<h1>Apps</h1>
<p class="lead">What is registered here as a client: apps that people sign in to, and programs that act for themselves.</p>
${savedViews(view.views)}
${filterForm(PATH, fault !== undefined, [
  filterField({ name: 'q', label: 'Begins with', value: asked.q ?? '', hint: 'Its name or client_id' }),
  filterField({ name: 'kind', label: 'Kind', value: asked.kind ?? '', choices: [['', 'All'], ...Object.entries(KINDS)] }),
  filterField({
    name: 'status',
    label: 'State',
    value: asked.status ?? '',
    choices: [
      ['', 'All'],
      ['active', 'Active'],
      ['suspended', 'Suspended'],
    ],
  }),
])}
${chips(view.chips, PATH)}
${fault !== undefined && html`<div class="notice error" role="alert"><p>${fault}</p></div>`}
${clients.length === 0 ? nothingHere('No apps', 'None is registered that fits. Apps are registered by the admin API or a provision file.') : table<ClientRow>('Apps, by client_id', COLUMNS, clients)}
${pager(view)}`
}

const COLUMNS = [
  {
    label: 'App',
    names: true,
    cell: ({ id, name }: ClientRow) =>
      html`<a href="${hrefOf(id)}"><bdi>${name ?? id}</bdi></a><br><span class="quiet"><bdi>${id}</bdi></span>`,
  },
  { label: 'Kind', cell: ({ kind }: ClientRow) => KINDS[kind] ?? kind },
  { label: 'State', cell: ({ status }: ClientRow) => standing(status) },
  { label: 'Registered', cell: ({ createdAt }: ClientRow) => moment(createdAt) },
  { label: 'By', cell: ({ managedBy }: ClientRow) => managerOf(managedBy) },
]

function hrefOf(id: string): string {
  return `${PATH}/${encodeURIComponent(id)}`
}

function managerOf(managedBy: string | undefined): string {
  return managedBy === undefined ? 'hand' : managedBy === 'provision' ? 'a provision file' : `the ${managedBy}`
}

/** What the page of one client shows. */
export interface ClientView {
  readonly client: ClientRow & {
    readonly metadata: {
      readonly redirect_uris: readonly string[]
      readonly grant_types: readonly string[]
      readonly scope: string
    }
    readonly secrets: readonly SecretView[]
    readonly actsFor: readonly string[]
  }
  readonly holds: { readonly grants: number; readonly refreshFamilies: number; readonly accounts: number; readonly more: boolean }
  readonly lives: LifetimesView
  readonly history?: HistoryView | undefined
  /** A redirect URI that was tried. */
  readonly tried?: TriedView
  readonly mayStop: boolean
}

/** Makes it. */
export function clientDetail(view: ClientView): Html {
  const { client, holds, mayStop } = view
  const { metadata } = client
  const more = holds.more && ' or more'
  return html`<p class="crumbs"><a href="${PATH}">Apps</a></p>
<h1><bdi>${client.name ?? client.id}</bdi></h1>
<section class="card" aria-labelledby="app">
<h2 id="app">App</h2>
${facts([
  ['State', standing(client.status)],
  ['client_id', html`<code>${client.id}</code>`],
  ['Kind', KINDS[client.kind] ?? client.kind],
  ['Registered', html`${moment(client.createdAt)}, by ${managerOf(client.managedBy)}`],
  ['May ask for', metadata.scope === '' ? 'no scope' : html`<code>${metadata.scope}</code>`],
  ['Grant types', codes(metadata.grant_types)],
  client.actsFor.length === 0 ? undefined : ['Acts for', codes(client.actsFor)],
  [
    'Holds',
    html`<a href="/admin/grants?${new URLSearchParams({ client: client.id, state: 'live' }).toString()}">${count(holds.grants, 'grant')}</a>${more} of ${count(holds.accounts, 'account')}, ${count(holds.refreshFamilies, 'refresh token')}${more}`,
  ],
  [
    'Sessions',
    html`<a href="/admin/sessions?${new URLSearchParams({ client: client.id, state: 'live' }).toString()}">of people who use it now</a>`,
  ],
])}
${
  mayStop &&
  html`<p class="actions">
${client.status === 'active' ? html`<a class="button danger" href="${hrefOf(client.id)}/suspension">Suspend…</a>` : html`<a class="button" href="${hrefOf(client.id)}/reinstatement">Let it in again…</a>`}
${client.secrets.length > 0 && html`<a class="button danger" href="${hrefOf(client.id)}/compromise">Somebody else has its secret…</a>`}</p>`
}
</section>
${clientSecrets(client.secrets)}
${clientRedirects({ href: hrefOf(client.id), uris: metadata.redirect_uris, tried: view.tried })}
${clientLifetimes(view.lives)}
${historyCard(view.history)}
<section class="card" aria-labelledby="registered">
<h2 id="registered">All that is registered</h2>
<pre class="json"><code>${JSON.stringify(metadata, undefined, 2)}</code></pre>
</section>`
}

/** What the pages that ask before a client's end show. */
export interface ClientEndView extends Pick<AskingView, 'action' | 'reason' | 'csrf' | 'fault'> {
  readonly client: ClientRow
  readonly holds: ClientView['holds']
}

/** Before it is suspended. */
export function clientSuspension({ client, holds, ...form }: ClientEndView): Html {
  return askFirst({
    ...form,
    of: nameOf(client),
    title: 'Suspend the app',
    says: html`${whatEnds(holds)}
<p class="lead">Nobody can use it until it is let in again. What was ended does not come back.</p>`,
    button: 'Suspend it',
    danger: true,
  })
}

/** Before all that it has ends, with its secrets. */
export function clientCompromise({ client, holds, ...form }: ClientEndView): Html {
  return askFirst({
    ...form,
    of: nameOf(client),
    title: 'Somebody else has its secret',
    says: html`${whatEnds(holds)}
<p class="lead">Its secrets are never good again, and it needs a new one before it can get tokens. A provision file that has the old one does not bring it back.</p>`,
    button: 'End all that it has',
    danger: true,
  })
}

/** Before it is let in again. */
export function clientReinstatement({ client, ...form }: Omit<ClientEndView, 'holds'>): Html {
  return askFirst({
    ...form,
    of: nameOf(client),
    title: 'Let the app in again',
    says: html`<p class="lead">People can sign in to it again. What was ended when it was suspended stays so.</p>`,
    button: 'Let it in',
  })
}

function nameOf({ id, name }: ClientRow) {
  return { name: html`<bdi>${name ?? id}</bdi>`, href: hrefOf(id) }
}

function whatEnds({ grants, refreshFamilies, accounts, more }: ClientView['holds']): Html {
  const beyond = more ? ' or more' : ''
  return facts([
    ['People', `${accounts}${beyond}`],
    ['Grants that end', `${grants}${beyond}`],
    ['Refresh tokens', `${refreshFamilies}${beyond}`],
    ['Access tokens', 'all of the app’s: APIs that listen refuse them within a second'],
  ])
}
