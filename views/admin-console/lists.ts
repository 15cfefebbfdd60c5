// What the console's lists are made of: saved views, filters that can be taken off again, a table that becomes cards on a narrow
// screen, and the way to the next page.
import { type Html, type HtmlValue, html } from '../html.ts'

/** A link to a list with a filter that people often want. */
export interface SavedView {
  readonly label: string
  readonly href: string
  readonly current: boolean
}

/** A filter that is on, and the same list without it. */
export interface Chip {
  readonly label: string
  readonly value: string
  readonly withoutHref: string
}

/** Links to lists that people often want. */
export function savedViews(views: readonly SavedView[]): Html {
  const items = views.map(
    ({ label, href, current }) => html`<li><a href="${href}"${current && html` aria-current="true"`}>${label}</a></li>\n`,
  )
  return html`<nav aria-label="Views"><ul class="views">\n${items}</ul></nav>`
}

/** The filters that are on. */
export function chips(on: readonly Chip[], allHref: string): Html | undefined {
  if (on.length === 0) return undefined
  const items = on.map(
    ({ label, value, withoutHref }) =>
      html`<li><span>${label}: <bdi>${value}</bdi></span> <a href="${withoutHref}">Remove<span class="visually-hidden"> ${label}</span></a></li>\n`,
  )
  return html`<ul class="chips" aria-label="Filters">\n${items}${on.length > 1 && html`<li class="all"><a href="${allHref}">Remove all</a></li>\n`}</ul>`
}

/** A field of a filter form. */
export function filterField(field: {
  readonly name: string
  readonly label: string
  readonly value: string
  readonly hint?: string
  readonly choices?: readonly (readonly [value: string, label: string])[]
}): Html {
  const { name, label, value, hint, choices } = field
  const id = `filter-${name}`
  const described = hint !== undefined && html` aria-describedby="${id}-hint"`
  const control =
    choices === undefined
      ? html`<input id="${id}" name="${name}" type="text" value="${value}" autocomplete="off" spellcheck="false"${described}>`
      : html`<select id="${id}" name="${name}"${described}>
${choices.map(([choice, text]) => html`<option value="${choice}"${choice === value && html` selected`}>${text}</option>\n`)}</select>`
  return html`<div class="field">
<label for="${id}">${label}</label>
${control}
${hint !== undefined && html`<p class="hint" id="${id}-hint">${hint}</p>`}
</div>
`
}

/** What goes along without being seen; nothing where there is nothing to carry. */
export function carriedField(name: string, value = ''): Html {
  return value === '' ? html`` : html`<input type="hidden" name="${name}" value="${value}">\n`
}

/** The form that sets filters: closed until somebody wants it. */
export function filterForm(action: string, open: boolean, fields: readonly Html[]): Html {
  return html`<details class="filters"${open && html` open`}>
<summary>Filter</summary>
<form method="get" action="${action}">
<div class="filter-fields">
${fields}</div>
<p class="actions"><button class="button primary small" type="submit">Show</button></p>
</form>
</details>`
}

/** The choices of a filter that something is or is not so. */
export const YES_NO = [
  ['', 'All'],
  ['true', 'Yes'],
  ['false', 'No'],
] as const

/** A column. */
export interface Column<Row> {
  readonly label: string
  readonly cell: (row: Row) => HtmlValue
  /** The column that names the row. */
  readonly names?: boolean
}

/** A table. On a narrow screen each row is a card, whose cells say what they are. */
export function table<Row>(caption: string, columns: readonly Column<Row>[], rows: readonly Row[]): Html {
  return html`<table class="list">
<caption class="visually-hidden">${caption}</caption>
<thead><tr>${columns.map(({ label }) => html`<th scope="col">${label}</th>`)}</tr></thead>
<tbody>
${rows.map((row) => html`<tr>${columns.map((column) => tableCell(column, row))}</tr>\n`)}</tbody>
</table>`
}

function tableCell<Row>({ label, cell, names }: Column<Row>, row: Row): Html {
  const content = cell(row)
  if (names === true) return html`<th scope="row" data-label="${label}">${content}</th>`
  return html`<td data-label="${label}">${content}</td>`
}

/** The way to the next page, and back to the first. */
export function pager({ firstHref, nextHref }: { readonly firstHref?: string; readonly nextHref?: string }): Html | undefined {
  if (firstHref === undefined && nextHref === undefined) return undefined
  return html`<nav class="pager" aria-label="Pages">
${firstHref !== undefined && html`<a class="button small" href="${firstHref}">First page</a>`}
${nextHref !== undefined && html`<a class="button small" href="${nextHref}" rel="next">Next page</a>`}
</nav>`
}

/**
 * What stands in the place of a list that has nothing in it. `fault`: what was asked for could not be looked for, so that nobody knows
 * whether there is something.
 */
export function nothingHere(title: string, text: HtmlValue, fault?: string): Html {
  if (fault !== undefined) return html``
  return html`<div class="empty"><p><strong>${title}</strong></p><p class="quiet">${text}</p></div>`
}

/** Why a list is empty that is narrowed to a state as well: of what it says otherwise there may be some in another state. */
export function noneLike(otherwise: string, { state }: { readonly [field: string]: string }): string {
  return `${state === undefined ? otherwise : state === 'live' ? 'None of them is live.' : 'Nothing matches.'} Take a filter off to see more.`
}

/** Facts about one thing. */
export function facts(rows: readonly (readonly [label: string, value: HtmlValue] | undefined)[]): Html {
  const items = rows.flatMap((row) => (row === undefined ? [] : [html`<div><dt>${row[0]}</dt><dd>${row[1]}</dd></div>\n`]))
  return html`<dl class="facts">\n${items}</dl>`
}

/** What is wrong, or was refused. The page opens at it: whoever does not see it hears it first, and whoever has no mouse is there. */
export function faultNotice(fault: string | readonly string[] | undefined): Html | undefined {
  const faults = fault === undefined ? [] : [fault].flat()
  if (faults.length === 0) return undefined
  return html`<div class="notice error" id="problem" tabindex="-1" autofocus role="alert">${faults.map((one) => html`<p>${one}</p>`)}</div>`
}

/** What is wrong with a form: in words that say where, and in those that stand at the field. */
export interface FormFault {
  readonly text: string
  /** Left out: it is of no one field. */
  readonly at?: { readonly field: string; readonly text: string }
}

/** What is wrong at one field: for its tag, with the hint that describes it as well, and for the place below it. */
export function faultsAt(
  faults: readonly FormFault[],
  field: string,
  hint?: string,
): { readonly tag: Html; readonly below: Html } {
  const here = faults.flatMap(({ at }) => (at?.field === field ? [at.text] : []))
  const describes = [hint, here.length > 0 && `${field}-fault`].filter(Boolean).join(' ')
  return {
    tag: html`${here.length > 0 && html` aria-invalid="true"`}${describes !== '' && html` aria-describedby="${describes}"`}`,
    below: html`${here.length > 0 && html`\n<div class="error" id="${field}-fault">${here.map((text) => html`<p>${text}</p>`)}</div>`}`,
  }
}

/** Why something is done. `missing`: it was sent without, and the page opens at the field. */
export function reasonField(value = '', missing = false): Html {
  return html`<div class="field">
<label for="reason">Why</label>
<input id="reason" name="reason" type="text" value="${value}" maxlength="1000" required autocomplete="off" aria-describedby="reason-hint${missing && ' reason-missing'}"${missing && html` aria-invalid="true" autofocus`}>
<p class="hint" id="reason-hint">For the audit log: whoever reads it later was not here.</p>
${missing && html`<p class="error" id="reason-missing">Nothing was done: say why.</p>`}
</div>`
}

/** How something stands, as a badge. */
export function standing(state: string): Html {
  const tone = TONES[state]
  return html`<span class="badge${tone !== undefined && ` ${tone}`}">${STATES[state] ?? state}</span>`
}

const TONES: { readonly [state: string]: 'good' | 'bad' } = {
  live: 'good',
  active: 'good',
  delivered: 'good',
  done: 'good',
  signing: 'good',
  failed: 'bad',
  failing: 'bad',
  suspended: 'bad',
  compromised: 'bad',
}

const STATES: { readonly [state: string]: string } = {
  live: 'Live',
  ended: 'Ended',
  expired: 'Expired',
  active: 'Active',
  suspended: 'Suspended',
  waiting: 'Waiting',
  running: 'Under way',
  retrying: 'Trying again',
  delivered: 'Delivered',
  failed: 'Failed',
  failing: 'Failing',
  disabled: 'Disabled',
  done: 'Done',
  announced: 'Announced',
  signing: 'Signing',
  retired: 'Retired',
  removed: 'Removed',
  compromised: 'Compromised',
}
