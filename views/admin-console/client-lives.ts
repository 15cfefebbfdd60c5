// How long what an app gets really lives: on a timeline, and in a table with the setting that decides it and where that is changed.
import { type Html, html } from '../html.ts'
import { codes } from './client-parts.ts'
import { table } from './lists.ts'
import { count } from './tree.ts'

/** A life, what sets it, and what else would. */
export interface Life {
  readonly seconds: number
  readonly decidedBy: string
  readonly limits: readonly { readonly setting: string; readonly seconds: number }[]
}

/** How long something lasts unused, and at most. */
export interface LifeInUse {
  readonly unused: Life
  readonly most: Life
}

/** What a client can get, and how long that lives. */
export interface LifetimesView {
  readonly session: LifeInUse | undefined
  readonly grant: Life | undefined
  readonly refreshToken: LifeInUse | undefined
  readonly offlineRefreshToken: LifeInUse | undefined
  readonly idToken: Life | undefined
  readonly accessTokens: readonly (Life & { readonly resource?: string; readonly fixed?: true; readonly format: string })[]
  readonly unknownScopes: readonly string[]
}

/** Something that lives: at most, and unused where that is less. */
interface Living {
  readonly name: string
  /** Of an access token. */
  readonly resource?: string
  /** Nothing sets how long it lives. */
  readonly fixed?: true
  readonly most: Life
  readonly unused?: Life
}

/** Makes the card. */
export function clientLifetimes(view: LifetimesView): Html {
  const all = livingOf(view)
  const rows = all.flatMap(({ name, resource, fixed, most, unused }) => {
    const about = resource === undefined ? {} : { resource, ...(fixed === undefined ? {} : { fixed }) }
    if (unused === undefined) return [{ name, ...about, ...most }]
    return [
      { name: `${name}, unused`, ...about, ...unused },
      { name: `${name}, at most`, ...about, ...most },
    ]
  })
  return html`<section class="card lives" aria-labelledby="lives">
<h2 id="lives">How long what it gets really lives</h2>
<p class="lead">Of several limits the least counts. ${stayOf(view)}</p>
${all.length > 0 && timeline(all)}
${table<Row>('Lifetimes', COLUMNS, rows)}
${view.unknownScopes.length > 0 && html`<div class="notice error"><p>No API has the scopes ${codes(view.unknownScopes)}: the app never gets them.</p></div>`}
</section>`
}

function livingOf({ session, grant, refreshToken, offlineRefreshToken, idToken, accessTokens }: LifetimesView): Living[] {
  const inUse = (name: string, life: LifeInUse | undefined) => (life === undefined ? [] : [{ name, ...life }])
  const once = (name: string, life: Life | undefined) => (life === undefined ? [] : [{ name, most: life }])
  return [
    ...accessTokens.map(({ resource, fixed, format, ...most }) =>
      resource === undefined
        ? { name: 'Access token for no API', most }
        : { name: `Access token (${format})`, resource, ...(fixed === undefined ? {} : { fixed }), most },
    ),
    ...once('ID token', idToken),
    ...inUse('Session', session),
    ...inUse('Refresh token', refreshToken),
    ...inUse('Refresh token with offline_access', offlineRefreshToken),
    ...once('Grant', grant),
  ]
}

/** What it comes to for people: for how long an app can go on without asking them. */
function stayOf({ refreshToken, offlineRefreshToken }: LifetimesView): string {
  const longest = offlineRefreshToken ?? refreshToken
  if (longest === undefined) return 'The app gets no refresh token: with the access token its access is over.'
  const { most, unused } = longest
  return `Unused, the app is out after ${spoken(unused.seconds)}, and however much it is used, after ${spoken(most.seconds)} the person signs in again.`
}

interface Row extends Life {
  readonly name: string
  readonly resource?: string
  readonly fixed?: true
}

const COLUMNS = [
  {
    label: 'What',
    names: true,
    cell: ({ name, resource }: Row) =>
      html`<bdi>${name}</bdi>${resource !== undefined && html`<br><span class="quiet"><bdi>${resource}</bdi></span>`}`,
  },
  { label: 'Lives', cell: ({ seconds }: Row) => spoken(seconds) },
  { label: 'Set by', cell: setBy },
  {
    label: 'Other limits',
    cell: ({ limits, decidedBy }: Row) => {
      const others = limits.filter(({ setting }) => setting !== decidedBy)
      return others.length === 0
        ? html`<span class="quiet">–</span>`
        : html`${others.map(({ setting, seconds }, index) => html`${index > 0 && html`<br>`}<span class="quiet">${spoken(seconds)} by <code>${setting}</code></span>`)}`
    },
  },
]

/** An API says for itself how long its tokens live, on its page; everything else is a setting of the server, whose own APIs have no page. */
function setBy({ decidedBy, resource, fixed }: Row): Html {
  if (fixed === true) return html`<span class="quiet">nothing: this server is that API</span>`
  const href = resource === undefined ? '/admin/settings' : `/admin/resource-servers/${encodeURIComponent(resource)}`
  return html`<a href="${href}"><code>${resource === undefined ? decidedBy : 'access_token_ttl'}</code></a>`
}

function spoken(seconds: number): string {
  const [noun, size] = UNITS.find((unit) => seconds >= unit[1] && seconds % unit[1] === 0) ?? ['second', 1]
  return count(seconds / size, noun)
}

const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const

const WIDTH = 640
const LEFT = 8
const ROW = 46
const TICKS = [
  [60, '1 min'],
  [900, '15 min'],
  [3600, '1 h'],
  [28_800, '8 h'],
  [86_400, '1 day'],
  [604_800, '7 days'],
  [2_592_000, '30 days'],
  [31_536_000, '1 year'],
] as const

/** The same as a picture: each begins when it is given out, on a scale by which an hour and a month can both be seen. */
function timeline(all: readonly Living[]): Html {
  const end = Math.max(86_400, ...all.map(({ most }) => most.seconds))
  const at = (seconds: number) => LEFT + Math.round((WIDTH - 2 * LEFT) * (Math.log(1 + seconds / 60) / Math.log(1 + end / 60)))
  const height = all.length * ROW + 34
  const ticks = TICKS.filter(([seconds]) => seconds <= end)
  const bars = all.map(({ name, resource, most, unused }, index) => {
    const y = index * ROW + 6
    const until = unused === undefined ? most : unused
    return html`<text class="what" x="${LEFT}" y="${y + 15}">${short(resource === undefined ? name : `${name} ${resource}`)}</text>
<rect class="most" x="${LEFT}" y="${y + 22}" width="${at(most.seconds) - LEFT}" height="14" rx="3"/>
<rect class="unused" x="${LEFT}" y="${y + 22}" width="${at(until.seconds) - LEFT}" height="14" rx="3"/>
`
  })
  const lines = ticks.map(([seconds, label], index) => {
    const isLast = index === ticks.length - 1
    const next = ticks[index + 1]
    const room = next === undefined ? WIDTH : at(next[0]) - at(seconds) - (index === ticks.length - 2 ? 40 : 0)
    // Its words stand before its line, where there is no room behind it.
    const place = isLast && WIDTH - at(seconds) < 40 ? 'last' : room < 60 ? 'crowded' : 'between'
    return html`<line x1="${at(seconds)}" y1="0" x2="${at(seconds)}" y2="${height - 22}"/>
<text class="${place}" x="${at(seconds)}" y="${height - 6}">${label}</text>
`
  })
  return html`<figure class="timeline">
<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="How long each lives, from the moment it is given out. The table below says the same.">
${lines}${bars}</svg>
<figcaption class="quiet">Dark: unused. Light: at most, however much it is used. The scale is not even, so that minutes and months both fit.</figcaption>
</figure>`
}

function short(text: string): string {
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}
