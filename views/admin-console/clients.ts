// Clients in the console: the list.
import { type Html, html } from '../html.ts'
import { moment } from '../moment.ts'
import { kindWords, managerOf } from './client-parts.ts'
import {
  type Chip,
  chips,
  faultNotice,
  filterField,
  filterForm,
  nothingHere,
  pager,
  type SavedView,
  savedViews,
  standing,
  table,
} from './lists.ts'

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
  readonly mayWrite: boolean
  readonly fault?: string
  readonly firstHref?: string
  readonly nextHref?: string
}

const PATH = '/admin/clients'

/** Makes the list. */
export function clientList(view: ClientListView): Html {
  const { asked, fault, clients, mayWrite } = view
  return html`<h1>Apps</h1>
<p class="lead">What is registered here as a client: apps that people sign in to, and programs that act for themselves.</p>
${mayWrite && html`<p class="actions"><a class="button primary" href="${PATH}/new">New app…</a></p>`}
${savedViews(view.views)}
${filterForm(PATH, fault !== undefined, [
  filterField({ name: 'q', label: 'Begins with', value: asked.q ?? '', hint: 'Its name or client_id' }),
  filterField({ name: 'kind', label: 'Kind', value: asked.kind ?? '', choices: [['', 'All'], ...Object.entries(kindWords)] }),
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
  filterField({
    name: 'secrets',
    label: 'Secret',
    value: asked.secrets ?? '',
    choices: [
      ['', 'All'],
      ['due', 'Older than 90 days'],
    ],
  }),
])}
${chips(view.chips, PATH)}
${faultNotice(fault)}
${clients.length === 0 ? nothingHere('No apps', 'None is registered that fits. Owners register apps here, by the admin API or in a provision file.', fault) : table<ClientRow>('Apps, by client_id', COLUMNS, clients)}
${pager(view)}`
}

const COLUMNS = [
  {
    label: 'App',
    names: true,
    cell: ({ id, name }: ClientRow) =>
      html`<a href="${hrefOf(id)}"><bdi>${name ?? id}</bdi></a><br><span class="quiet"><bdi>${id}</bdi></span>`,
  },
  { label: 'Kind', cell: ({ kind }: ClientRow) => kindWords[kind] ?? kind },
  { label: 'State', cell: ({ status }: ClientRow) => standing(status) },
  { label: 'Registered', cell: ({ createdAt }: ClientRow) => moment(createdAt) },
  { label: 'By', cell: ({ managedBy }: ClientRow) => managerOf(managedBy) },
]

function hrefOf(id: string): string {
  return `${PATH}/${encodeURIComponent(id)}`
}
