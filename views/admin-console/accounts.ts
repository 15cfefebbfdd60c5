// The list of accounts in the console.
import { emailAddress } from '../email-address.ts'
import { type Html, html } from '../html.ts'
import { moment } from '../moment.ts'
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
  YES_NO,
} from './lists.ts'

/** An account in the list. */
export interface AccountRow {
  readonly id: string
  readonly email: string
  readonly name?: string
  readonly roles: readonly string[]
  readonly status: 'active' | 'suspended'
  readonly createdAt: Date
  readonly passwordSetAt?: Date
  readonly lastSignedInAt?: Date
}

/** What the list shows. */
export interface AccountListView {
  readonly accounts: readonly AccountRow[]
  readonly views: readonly SavedView[]
  readonly chips: readonly Chip[]
  /** The filter's fields as they were filled in. */
  readonly asked: { readonly [field: string]: string }
  /** What is wrong with them. */
  readonly fault?: string
  /** All roles that there are. */
  readonly roles: readonly string[]
  readonly mayCreate: boolean
  readonly mayImport: boolean
  readonly firstHref?: string
  readonly nextHref?: string
}

/** Makes the list. */
export function accountList(view: AccountListView): Html {
  const { accounts, fault, mayCreate, mayImport } = view
  return html`<h1>Accounts</h1>
${
  mayCreate &&
  html`<p class="actions"><a class="button primary small" href="/admin/accounts/new">New account…</a>
${mayImport && html`<a class="button small" href="/admin/accounts/import">Import…</a>`}</p>`
}
${savedViews(view.views)}
${filters(view)}
${chips(view.chips, '/admin/accounts')}
${faultNotice(fault)}
${
  accounts.length === 0
    ? nothingHere('No accounts', 'Nobody is like that. Take a filter off to see more.', fault)
    : html`${table<AccountRow>('Accounts', COLUMNS, accounts)}${pager(view)}`
}`
}

function filters({ asked, fault, roles }: AccountListView): Html {
  const value = (name: string) => asked[name] ?? ''
  return filterForm('/admin/accounts', fault !== undefined, [
    filterField({ name: 'search', label: 'E-mail or name', value: value('search'), hint: 'Its beginning' }),
    filterField({
      name: 'role',
      label: 'Role',
      value: value('role'),
      choices: [['', 'All'], ...roles.map((role) => [role, role] as const)],
    }),
    filterField({
      name: 'status',
      label: 'Status',
      value: value('status'),
      choices: [
        ['', 'All'],
        ['active', 'Active'],
        ['suspended', 'Suspended'],
      ],
    }),
    filterField({ name: 'has_password', label: 'Has a password', value: value('has_password'), choices: YES_NO }),
    filterField({ name: 'never_signed_in', label: 'Never signed in', value: value('never_signed_in'), choices: YES_NO }),
    filterField({ name: 'locked', label: 'Has to wait', value: value('locked'), choices: YES_NO }),
    filterField({ name: 'since', label: 'Made since', value: value('since'), hint: 'UTC: 2026-11-26 or 2026-11-26T09:30' }),
    filterField({ name: 'before', label: 'Made before', value: value('before') }),
  ])
}

const COLUMNS = [
  {
    label: 'Account',
    names: true,
    cell: ({ id, email, name }: AccountRow) =>
      html`<a href="/admin/accounts/${id}">${emailAddress(email)}</a>${name !== undefined && html`<br><span class="quiet"><bdi>${name}</bdi></span>`}`,
  },
  {
    label: 'Roles',
    cell: ({ roles }: AccountRow) => (roles.length === 0 ? html`<span class="quiet">none</span>` : roles.join(', ')),
  },
  { label: 'Made', cell: ({ createdAt }: AccountRow) => moment(createdAt) },
  {
    label: 'Last signed in',
    cell: ({ lastSignedInAt }: AccountRow) =>
      lastSignedInAt === undefined ? html`<span class="quiet">never</span>` : moment(lastSignedInAt),
  },
  {
    label: 'Status',
    cell: ({ status, passwordSetAt }: AccountRow) =>
      html`${standing(status)}${passwordSetAt === undefined && html`<br><span class="quiet">no password</span>`}`,
  },
]
