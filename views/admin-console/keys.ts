// Signing keys in the console: which there are, what is due, new ones, and what is done when somebody else may have one.
import { type Html, html } from '../html.ts'
import { moment } from '../moment.ts'
import { type AskingForm, askFirst } from './asking.ts'
import { facts, faultNotice, nothingHere, pager, reasonField, standing, table } from './lists.ts'

/** A key. */
export interface KeyRow {
  readonly kid: string
  readonly alg: string
  readonly status: string
  readonly createdAt: Date
  readonly signsFrom?: Date
  readonly signingSince?: Date
  readonly retiredAt?: Date
  readonly publishedUntil?: Date
  readonly due?: { readonly what: 'signs' | 'rotate' | 'removed'; readonly at: Date }
}

/** What the list shows. */
export interface KeyListView {
  readonly keys: readonly KeyRow[]
  readonly mayWrite: boolean
  /** Of the view, to say what is overdue. */
  readonly now: Date
  readonly firstHref?: string
  readonly nextHref?: string
}

const PATH = '/admin/keys'

/** Makes the list. */
export function keyList(view: KeyListView): Html {
  const { keys, mayWrite, now } = view
  return html`<h1>Signing keys</h1>
<p class="lead">They sign every token. A new key is announced for an hour, so that each API has fetched it; then it signs; then it is published until nothing that it signed is in use.</p>
${mayWrite && html`<p class="actions"><a class="button primary" href="${PATH}/rotation">New keys…</a></p>`}
${
  keys.length === 0
    ? nothingHere('No keys', 'The server makes its first keys when it starts.')
    : table<KeyRow>(
        'Signing keys, the latest first',
        [
          {
            label: 'Key',
            names: true,
            cell: ({ kid, alg }) =>
              html`<a href="${PATH}/${kid}"><code>${kid}</code></a><br><span class="quiet"><bdi>${alg}</bdi></span>`,
          },
          { label: 'State', cell: ({ status }) => standing(status) },
          { label: 'Made', cell: ({ createdAt }) => moment(createdAt) },
          { label: 'Next', cell: (key) => nextOf(key, now) },
        ],
        keys,
      )
}
${pager(view)}`
}

/** What happens next, or should be done. */
function nextOf({ due }: KeyRow, now: Date): Html | undefined {
  if (due === undefined) return undefined
  const at = (word: string) => html`<br><span class="quiet">${word} ${moment(due.at)}</span>`
  if (due.what === 'signs') return html`Signs${at('from')}`
  if (due.what === 'removed') return html`Its private part goes${at('after')}`
  if (due.at > now) return html`To be rotated${at('by')}`
  return html`<span class="badge bad">Rotation is due</span>${at('since')}`
}

/** What the page of one key shows. */
export interface KeyView {
  readonly key: KeyRow
  readonly mayWrite: boolean
  readonly now: Date
}

/** Makes it. */
export function keyDetail({ key, mayWrite, now }: KeyView): Html {
  const { kid, status } = key
  return html`<p class="crumbs"><a href="${PATH}">Signing keys</a></p>
<h1>Key for <bdi>${key.alg}</bdi></h1>
<section class="card" aria-labelledby="key">
<h2 id="key">Key</h2>
${facts([
  ['State', standing(status)],
  ['Id (kid)', html`<code>${kid}</code>`],
  ['Made', moment(key.createdAt)],
  key.signsFrom && ['Signs from', moment(key.signsFrom)],
  key.signingSince && ['Signing since', moment(key.signingSince)],
  key.retiredAt && ['Retired', moment(key.retiredAt)],
  key.publishedUntil && ['Published until', moment(key.publishedUntil)],
  key.due && ['Next', nextOf(key, now)],
])}
${
  mayWrite &&
  status !== 'compromised' &&
  html`<p class="actions">
${['announced', 'signing'].includes(status) && html`<a class="button" href="${PATH}/${kid}/retirement">${status === 'signing' ? 'Hand over now…' : 'Withdraw…'}</a>`}
<a class="button danger" href="${PATH}/${kid}/compromise">Somebody else may have it…</a></p>`
}
</section>`
}

/** What the page that asks before new keys are made shows. */
export interface KeyRotationView {
  readonly algorithms: readonly string[]
  readonly asked: { readonly alg: string; readonly now: boolean; readonly reason: string }
  /** Of the keys as they were looked at. */
  readonly version: string
  readonly csrf: string
  /** Why it was refused. */
  readonly fault?: string
}

/** Makes it. */
export function keyRotation({ algorithms, asked, version, csrf, fault }: KeyRotationView): Html {
  const options = algorithms.map((alg) => html`<option value="${alg}"${alg === asked.alg && html` selected`}>${alg}</option>\n`)
  return html`<p class="crumbs"><a href="${PATH}">Signing keys</a></p>
<h1>New keys</h1>
${faultNotice(fault)}
<section class="card" aria-labelledby="new">
<h2 id="new">What is made</h2>
<form method="post" action="${PATH}/rotation">
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="version" value="${version}">
<div class="field">
<label for="alg">For</label>
<select id="alg" name="alg"><option value="">each algorithm</option>
${options}</select>
</div>
<label class="choice"><input name="now" type="checkbox" value="yes"${asked.now && html` checked`}><span><strong>Sign at once</strong>
<span class="hint">A key that is announced already signs now. Without an hour’s notice, an API that has not fetched the new key refuses its tokens until it does.</span></span></label>
${reasonField(asked.reason)}
<p class="actions"><button class="button primary" type="submit">Make them</button>
<a class="button" href="${PATH}">Keep those that are there</a></p>
</form>
</section>`
}

/** What the page that asks before a key's turn ends shows. */
export interface KeyEndView extends AskingForm {
  readonly key: KeyRow
}

/** Before a key hands over, or is withdrawn. */
export function keyRetirement({ key, ...form }: KeyEndView): Html {
  const signing = key.status === 'signing'
  return askFirst({
    ...form,
    of: nameOf(key),
    title: signing ? 'Hand over now' : 'Withdraw the key',
    says: whatHappens(
      key,
      signing
        ? 'The key that is announced, or a new one, signs at once. What this one signed stays good, and it is published as long as any of that is in use.'
        : 'It is taken out of the published keys and never signs.',
    ),
    button: signing ? 'Hand over' : 'Withdraw it',
  })
}

/** Before all that a key has signed is ended. */
export function keyCompromise({ key, ...form }: KeyEndView): Html {
  return askFirst({
    ...form,
    of: nameOf(key),
    title: 'Somebody else may have the key',
    says: whatHappens(
      key,
      'It is published no longer, another one signs, and all that it signed is dead at once: every access token and ID token of everybody. People stay signed in, and apps get new tokens by their refresh tokens. This cannot be undone.',
    ),
    button: 'End all that it signed',
    danger: true,
  })
}

function nameOf({ kid, alg }: KeyRow) {
  return { name: html`Key for <bdi>${alg}</bdi>`, href: `${PATH}/${kid}` }
}

function whatHappens({ kid, status }: KeyRow, says: string): Html {
  return html`<p><code>${kid}</code> ${standing(status)}</p>
<p class="lead">${says}</p>`
}
