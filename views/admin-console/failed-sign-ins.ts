// Sign-ins that failed, and what has to wait for it, in the console.
import { emailAddress } from '../email-address.ts'
import { type Html, html } from '../html.ts'
import { moment } from '../moment.ts'
import { type Chip, chips, faultNotice, filterField, filterForm, nothingHere, pager, table } from './lists.ts'
import { words } from './tree.ts'

/** A sign-in that failed. */
export interface FailedSignInRow {
  readonly id: string
  readonly at: Date
  readonly reason?: string
  readonly account?: { readonly id: string; readonly email: string; readonly name?: string }
  readonly subject?: string
  readonly address?: string
  readonly userAgent?: string
}

/** How many there were. */
export interface FailureCountRow {
  readonly at: Date
  readonly count: number
  readonly reasons: { readonly [reason: string]: number }
}

/** What the list shows. */
export interface FailedSignInListView {
  readonly failures: readonly FailedSignInRow[]
  /** Of all that there were in the last days; undefined when the list asks for others. */
  readonly counts?: { readonly hours: readonly FailureCountRow[]; readonly days: readonly FailureCountRow[] }
  readonly chips: readonly Chip[]
  readonly asked: { readonly [field: string]: string }
  readonly reasons: readonly string[]
  readonly fault?: string
  readonly firstHref?: string
  readonly nextHref?: string
}

const PATH = '/admin/failed-sign-ins'

/** Makes the list. */
export function failedSignInList(view: FailedSignInListView): Html {
  const { failures, counts, fault } = view
  return html`<h1>Failed sign-ins</h1>
${counts !== undefined && countsOf(counts)}
${filters(view)}
${chips(view.chips, PATH)}
${faultNotice(fault)}
${
  failures.length === 0
    ? nothingHere('No failed sign-ins', 'There are none like that.', fault)
    : html`${table<FailedSignInRow>('Failed sign-ins, the latest first', COLUMNS, failures)}${pager(view)}`
}`
}

function countsOf({ hours, days }: NonNullable<FailedSignInListView['counts']>): Html {
  const sum = (rows: readonly FailureCountRow[]) => rows.reduce((total, { count }) => total + count, 0).toLocaleString('en-GB')
  const columns = [
    { label: 'From', names: true, cell: ({ at }: FailureCountRow) => moment(at) },
    { label: 'Failed', cell: ({ count }: FailureCountRow) => String(count) },
    {
      label: 'Why',
      cell: ({ reasons }: FailureCountRow) =>
        Object.entries(reasons)
          .map(([reason, count]) => `${words(reason)} ${count}`)
          .join(', ') || '–',
    },
  ]
  return html`<details class="filters"><summary>${sum(hours)} in 24 hours, ${sum(days)} in 7 days</summary>
<div class="counts"><h2>By the day</h2>
${table('Failed sign-ins by the day', columns, days.toReversed())}
<h2>By the hour</h2>
${table('Failed sign-ins by the hour', columns, hours.toReversed())}</div>
</details>`
}

function filters({ asked, fault, reasons }: FailedSignInListView): Html {
  const value = (name: string) => asked[name] ?? ''
  return filterForm(PATH, fault !== undefined, [
    filterField({ name: 'account', label: 'Account', value: value('account'), hint: 'E-mail address or id' }),
    filterField({ name: 'ip', label: 'Address', value: value('ip'), hint: '192.0.2.7' }),
    filterField({ name: 'subject', label: 'No account’s', value: value('subject'), hint: 'As it stands in the list' }),
    filterField({
      name: 'reason',
      label: 'Why',
      value: value('reason'),
      choices: [['', 'All'], ...reasons.map((reason) => [reason, words(reason)] as const)],
    }),
    filterField({ name: 'since', label: 'Since', value: value('since'), hint: 'UTC: 2026-11-26 or 2026-11-26T09:30' }),
    filterField({ name: 'before', label: 'Before', value: value('before') }),
  ])
}

const COLUMNS = [
  { label: 'When', cell: ({ at }: FailedSignInRow) => moment(at) },
  { label: 'At', names: true, cell: ({ account, subject }: FailedSignInRow) => whose(account, subject) },
  {
    label: 'From',
    cell: ({ address }: FailedSignInRow) =>
      address === undefined ? 'unknown' : html`<a href="${PATH}?ip=${encodeURIComponent(address)}">${address}</a>`,
  },
  { label: 'Why', cell: ({ reason }: FailedSignInRow) => words(reason ?? 'unknown') },
]

function whose(account: { readonly id: string; readonly email: string } | undefined, subject: string | undefined): Html {
  if (account !== undefined) {
    return html`<a href="/admin/accounts/${account.id}">${emailAddress(account.email === '' ? account.id : account.email)}</a>`
  }
  if (subject === undefined) return html`<span class="quiet">no account’s</span>`
  return html`<span class="quiet">no account’s</span><br><a href="${PATH}?subject=${encodeURIComponent(subject)}"><code>${subject}</code></a>`
}

/** What has to wait. */
export interface BlockRow {
  readonly id: string
  readonly what?: string
  readonly account?: { readonly id: string; readonly email: string }
  readonly failures: number
  readonly until: Date
}

/** What the list of blocks shows. */
export interface BlockListView {
  readonly blocks: readonly BlockRow[]
  /** Undefined for those who may not lift any. */
  readonly csrf?: string
  /** Addresses that are turned away: a part of the page. */
  readonly throttles: Html
  readonly firstHref?: string
  readonly nextHref?: string
}

/** Makes the list. */
export function blockList(view: BlockListView): Html {
  const { blocks, csrf } = view
  const columns = [
    { label: 'At', names: true, cell: ({ id, account }: BlockRow) => whose(account, id) },
    { label: 'What', cell: ({ what }: BlockRow) => words(what ?? 'sign_in') },
    { label: 'Failed in a row', cell: ({ failures }: BlockRow) => String(failures) },
    { label: 'Has to wait until', cell: ({ until }: BlockRow) => moment(until) },
    ...(csrf === undefined
      ? []
      : [
          {
            label: 'Lift',
            cell: ({ id, account }: BlockRow) =>
              html`<form method="post" action="/admin/blocks/${id}/lifting"><input type="hidden" name="csrf" value="${csrf}"><button class="button small" type="submit">Lift<span class="visually-hidden"> ${account?.email ?? id}</span></button></form>`,
          },
        ]),
  ]
  return html`<h1>Blocks</h1>
<p class="lead">After ten failures in a row the next attempt has to wait, longer each time, for a quarter of an hour at most.</p>
${
  blocks.length === 0
    ? nothingHere('No blocks', 'No sign-in has to wait.')
    : html`${table<BlockRow>('What has to wait, the longest first', columns, blocks)}${pager(view)}`
}
${view.throttles}`
}
