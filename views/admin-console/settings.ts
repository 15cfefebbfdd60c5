// Settings in the console: what is in force, where it came from, and what it changes.
import { type Html, html } from '../html.ts'
import { spokenDuration } from '../moment.ts'
import { nothingHere, type SavedView, savedViews, table } from './lists.ts'

/** A setting. */
export interface SettingRow {
  readonly variable: string
  /** What it changes. `code` stands in backticks, as in the documentation. */
  readonly meaning: string
  /** What it takes, in words. */
  readonly wanted: string
  /** That of a secret is never here. */
  readonly value?: string
  /** Of a length of time. */
  readonly seconds?: number
  readonly secret: boolean
  /** Where the value came from. */
  readonly source: string
  /** Somebody has set it. */
  readonly isSet: boolean
  /** What it would be, if nobody had. */
  readonly usual?: string
  /** What stands for it when it is missing. */
  readonly otherwise?: string
}

/** Some of them. */
export interface SettingGroupView {
  readonly title: string
  /** The headings under which docs/configuration.md has them. */
  readonly documentedUnder: readonly string[]
  readonly settings: readonly SettingRow[]
}

/** What the page shows. */
export interface SettingListView {
  readonly groups: readonly SettingGroupView[]
  readonly views: readonly SavedView[]
  readonly environment: string
}

/** Makes it. */
export function settingList({ groups, views, environment }: SettingListView): Html {
  return html`<h1>Settings</h1>
<p class="lead">What this server was started with. Each is changed where it comes from, an environment variable, a file or the
<code>settings</code> of the provision file, and counts when every process has been started again. <code>npx latchkey config check</code> tells
beforehand what is wrong.</p>
${environment !== 'production' && html`<div class="notice warning"><p>This is a server for ${environment}: what production refuses is allowed here.</p></div>`}
${savedViews(views)}
${groups.length === 0 ? nothingHere('Nothing is set', 'Every setting is what it is when nobody sets it.') : groups.map(group)}`
}

function group({ title, documentedUnder, settings }: SettingGroupView): Html {
  const id = `settings-${title.toLowerCase().replaceAll(/\W+/g, '-')}`
  return html`<section class="console-part settings" aria-labelledby="${id}">
<h2 id="${id}">${title}</h2>
<p class="quiet">In <code>docs/configuration.md</code> under ${documentedUnder.join(' and ')}.</p>
${table<SettingRow>(title, COLUMNS, settings)}
</section>
`
}

const COLUMNS = [
  {
    label: 'Setting',
    names: true,
    cell: ({ variable, meaning, wanted }: SettingRow) =>
      html`<code>${variable}</code><br><span class="quiet">${withCode(meaning)}</span><br><span class="quiet">Takes ${withCode(wanted)}.</span>`,
  },
  { label: 'In force', cell: inForceOf },
  { label: 'From', cell: sourceOf },
]

function inForceOf({ value, seconds, secret, isSet, otherwise }: SettingRow): Html {
  if (secret && isSet) return html`Set <span class="quiet">and not shown</span>`
  if (value === undefined)
    return html`<span class="quiet">Not set${otherwise !== undefined && html`: ${withCode(otherwise)}`}</span>`
  if (value === '') return html`<span class="quiet">Empty</span>`
  return html`<code>${value}</code>${seconds !== undefined && html`<br><span class="quiet">${lifeOf(seconds)}</span>`}`
}

function lifeOf(seconds: number): string {
  return seconds < 60 ? `${seconds} seconds` : spokenDuration(seconds)
}

function sourceOf({ source, isSet, usual }: SettingRow): Html {
  if (!isSet) return html`<span class="quiet">${SOURCES[source] ?? source}</span>`
  return html`<span class="badge">${SOURCES[source] ?? source}</span>${usual !== undefined && html`<br><span class="quiet">otherwise ${usual === '' ? 'empty' : html`<code>${usual}</code>`}</span>`}`
}

const SOURCES: { readonly [source: string]: string } = {
  environment: 'Environment',
  'secret file': 'File',
  'provision file': 'Provision file',
  default: 'Default',
  'not set': 'Nowhere',
}

/** Text of the documentation: what stands in backticks is code. */
function withCode(text: string): Html {
  return html`${text.split('`').map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part))}`
}
