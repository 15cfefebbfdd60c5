// The reference of the admin API as pages: what there is, and for each noun its routes with all that they take and answer.
import { consoleHead } from '../admin-console/console-page.ts'
import { table } from '../admin-console/lists.ts'
import { type Html, html } from '../html.ts'
import { KEYHOLE } from '../layout.ts'

/** A part of what a value is: words, or the name of a schema that has a place of its own. */
export type TypePart = string | { readonly schema: string }

/** A parameter, or a member of a body; `filter.account` and `items[].id` are members of members. */
export interface ReferenceMember {
  readonly name: string
  readonly type: readonly TypePart[]
  readonly required: boolean
  readonly meaning: string
}

/** What a body is made of. */
export interface ReferenceShape {
  readonly type: readonly TypePart[]
  readonly members: readonly ReferenceMember[]
}

/** A header of an answer, which has it `always` or now and then. */
export interface ReferenceHeader {
  readonly name: string
  readonly always: boolean
}

/** A route. */
export interface ReferenceOperation {
  readonly method: string
  readonly path: string
  readonly name: string
  readonly summary: string
  readonly texts: readonly string[]
  readonly scopes: readonly string[]
  readonly parameters: readonly (ReferenceMember & { readonly place: string })[]
  readonly body?: ReferenceShape & { readonly required: boolean; readonly mediaTypes: readonly string[] }
  readonly answers: readonly {
    readonly status: string
    readonly meaning: string
    readonly mediaTypes: readonly string[]
    /** Besides those of every answer. */
    readonly headers: readonly ReferenceHeader[]
    readonly shape?: ReferenceShape
  }[]
}

/** The routes of a noun, and the schemas that they speak of. */
export interface ReferenceGroup {
  readonly name: string
  /** The last part of its address. */
  readonly slug: string
  readonly operations: readonly ReferenceOperation[]
  readonly schemas: readonly (ReferenceShape & { readonly name: string; readonly meaning: string })[]
}

/** All of it. */
export interface Reference {
  readonly path: string
  readonly groups: readonly ReferenceGroup[]
  /** What every answer of another status is. */
  readonly problem: ReferenceShape
  readonly problems: readonly { readonly type: string; readonly status: number; readonly meaning: string }[]
}

/** Makes the first page: all routes, and what goes for each. */
export function referencePage(reference: Reference): Html {
  const body = html`<h1>The admin API</h1>
<p class="lead">What the console does, for programs, as <a href="${reference.path}/openapi.json">an OpenAPI document</a> says it. Requests carry an access token of this server with the resource <code>…/admin/api</code>.</p>
${reference.groups.map(
  ({ name, slug, operations }) => html`<section class="console-part" aria-labelledby="${slug}">
<h2 id="${slug}">${name}</h2>
${table(
  name,
  [
    {
      label: 'Route',
      names: true,
      cell: (one: ReferenceOperation) =>
        html`<a href="${reference.path}/reference/${slug}#${one.name}"><code>${one.method} ${one.path}</code></a>`,
    },
    { label: 'What it does', cell: ({ summary }: ReferenceOperation) => prose(summary) },
  ],
  operations,
)}
</section>
`,
)}
<section class="console-part" aria-labelledby="problems">
<h2 id="problems">Problems</h2>
<p class="quiet">Every answer has <code>X-Request-Id</code>, and one to a caller who was let in <code>RateLimit-Limit</code>, <code>RateLimit-Remaining</code> and <code>RateLimit-Reset</code>; where it may work later, <code>Retry-After</code> says when. Every other answer is <code>application/problem+json</code> (RFC 9457). <code>type</code> does not change; where it is <code>about:blank</code>, the status says it all.</p>
${table(
  'Problems',
  [
    { label: 'Type', names: true, cell: ({ type }) => html`<code>urn:latchkey:problem:${type}</code>` },
    { label: 'Status', cell: ({ status }) => String(status) },
    { label: 'Means', cell: ({ meaning }) => prose(meaning) },
  ],
  reference.problems,
)}
${memberTable('Members of a problem', reference.problem.members)}
</section>`
  return frame(reference, { title: 'The admin API', body })
}

/** Makes the page of a noun. */
export function referenceGroupPage(reference: Reference, group: ReferenceGroup): Html {
  const body = html`<p class="crumbs"><a href="${reference.path}/reference">The admin API</a></p>
<h1>${group.name}</h1>
${group.operations.map(operationCard)}
${
  group.schemas.length > 0 &&
  html`<section class="console-part" aria-labelledby="shapes">
<h2 id="shapes">What they speak of</h2>
${group.schemas.map(
  (schema) => html`<h3 id="schema-${schema.name}">${schema.name}</h3>
${schema.meaning !== '' && html`<p>${prose(schema.meaning)}</p>`}
${schema.members.length === 0 ? html`<p>${typeOf(schema.type)}</p>` : memberTable(`Members of ${schema.name}`, schema.members)}
`,
)}
</section>`
}`
  return frame(reference, { title: group.name, body, current: group.slug })
}

function operationCard(one: ReferenceOperation): Html {
  const { method, path, name, summary, texts, scopes, parameters, body, answers } = one
  return html`<section class="card" aria-labelledby="${name}">
<header><h2 id="${name}"><code>${method} ${path}</code></h2>
<p class="lead">${prose(summary)}.</p></header>
${texts.map((text) => html`<p>${prose(text)}</p>\n`)}
<p class="quiet">${scopes.length === 0 ? 'Open to everybody.' : html`Takes the scope ${scopes.map((scope, index) => html`${index > 0 && ' or '}<code>${scope}</code>`)}.`}</p>
${parameters.length > 0 && html`<h3>Parameters</h3>\n${parameterTable(name, parameters)}`}
${
  body !== undefined &&
  html`<h3>Body</h3>
<p>${typeOf(body.type)} as ${listed(body.mediaTypes)}${!body.required && ', which may be left out'}.</p>
${body.members.length > 0 && memberTable(`Body of ${name}`, body.members)}`
}
<h3>Answers</h3>
${answers.map(
  ({ status, meaning, mediaTypes, headers, shape }) => html`<p><strong>${status}</strong>: ${prose(meaning)}${
    shape === undefined
      ? mediaTypes.length > 0 && html` ${listed(mediaTypes)}.`
      : html` ${typeOf(shape.type)} as ${listed(mediaTypes)}.`
  }${headers.map(({ name, always }) => html` It ${always ? 'has' : 'may have'} <code>${name}</code>.`)}</p>
${shape !== undefined && shape.members.length > 0 && memberTable(`Answer ${status} of ${name}`, shape.members)}
`,
)}
</section>
`
}

function parameterTable(name: string, parameters: ReferenceOperation['parameters']): Html {
  const place = { label: 'In', cell: ({ place: where }: (typeof parameters)[number]) => where }
  const [first, ...others] = MEMBER_COLUMNS
  return table(`Parameters of ${name}`, [first, place, ...others], parameters)
}

function memberTable(caption: string, members: readonly ReferenceMember[]): Html {
  return table(caption, MEMBER_COLUMNS, members)
}

const MEMBER_COLUMNS = [
  {
    label: 'Name',
    names: true,
    cell: ({ name, required }: ReferenceMember) =>
      html`<code>${name}</code>${required && html` <span class="quiet">required</span>`}`,
  },
  { label: 'What it is', cell: ({ type }: ReferenceMember) => typeOf(type) },
  { label: 'Means', cell: ({ meaning }: ReferenceMember) => prose(meaning) },
] as const

function typeOf(parts: readonly TypePart[]): Html {
  return html`${parts.map((part) => (typeof part === 'string' ? prose(part) : html`<a href="#schema-${part.schema}">${part.schema}</a>`))}`
}

function listed(mediaTypes: readonly string[]): Html {
  return html`${mediaTypes.map((type, index) => html`${index > 0 && ' or '}<code>${type}</code>`)}`
}

/** Text in which a word that stands between backticks is code. */
function prose(text: string): Html {
  return html`${text.split(CODE).map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part))}`
}

const CODE = /(?<![^\s([–…])`([^`]+)`(?![^\s.,;:!?)\]–…’])/

function frame(
  { path, groups }: Reference,
  { title, body, current }: { readonly title: string; readonly body: Html; readonly current?: string },
): Html {
  return html`${consoleHead(title)}
<body class="console">
<a class="skip" href="#main">Skip to the content</a>
<header class="site-header"><a class="home" href="${path}/reference">${KEYHOLE}<span>Latchkey</span></a></header>
<nav class="sections" aria-label="Nouns of the API">
<ul>
${groups.map(({ name, slug }) => html`<li><a href="${path}/reference/${slug}"${slug === current && html` aria-current="page"`}>${name}</a></li>\n`)}</ul>
</nav>
<main id="main" class="console-main" tabindex="-1">
${body}
</main>
<footer class="site-footer"><a href="/admin">The console</a> · <a href="${path}/openapi.json">OpenAPI document</a></footer>
</body>
</html>
`
}
