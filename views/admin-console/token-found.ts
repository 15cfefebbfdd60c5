// What a token turned out to be, or what names some: whether it is good, why not, what it says, and what it stands on. Never the token.
import { type Html, html } from '../html.ts'
import { moment } from '../moment.ts'
import { type AskingForm, askFirst } from './asking.ts'
import { facts, reasonField, standing, table } from './lists.ts'
import { type Owner, ownerLink } from './owner.ts'
import { REVOCATION_COLUMNS, type RevocationRow } from './tokens.ts'
import { words } from './tree.ts'

/** A link to what a token stands on. */
interface Link {
  readonly id: string
  readonly state: string
  readonly endReason?: string
}

/** What a token turned out to be, or what names tokens. */
export interface TokenFoundView {
  readonly kind: string
  /** Undefined where nobody can know. */
  readonly active: boolean | undefined
  readonly reason?: string
  readonly signature?: string
  readonly header?: { readonly [name: string]: unknown }
  readonly claims?: { readonly [name: string]: unknown }
  readonly jti?: string
  /** Of an opaque access token: the digest under which it is kept. */
  readonly keptAs?: string
  /** Of the id of a key: the page of the key. */
  readonly keyHref?: string
  /** Of what names tokens, for those who may end by it. */
  readonly value?: string
  readonly issuedAt?: Date
  readonly expiresAt?: Date
  readonly refresh?: {
    readonly generation: number
    readonly newestGeneration: number
    readonly rotatedAt?: Date
    readonly replayUntil?: Date
  }
  readonly links: {
    readonly client?: { readonly id: string; readonly name: string; readonly status: string; readonly isListed: boolean }
    readonly account?: Owner & { readonly status: string }
    readonly session?: Link
    readonly grant?: Link
  }
  readonly revocations: readonly RevocationRow[]
  readonly csrf: string
  /** The person may end the token alone. */
  readonly mayRevoke: boolean
  /** The person may end its grant. */
  readonly mayRevokeGrant: boolean
}

/** Makes the page. */
export function tokenFound(view: TokenFoundView): Html {
  const { active, reason, links, revocations } = view
  const leads = view.keyHref ?? links.grant ?? links.session ?? links.client ?? links.account
  return html`<p class="crumbs"><a href="/admin/tokens">Tokens</a></p>
<h1>${KINDS[view.kind] ?? view.kind}</h1>
<section class="card" aria-labelledby="about">
<h2 id="about">${active === true ? 'It is good' : active === false ? 'It is not good' : 'Nobody can know'}</h2>
${reason !== undefined && html`<p class="lead"><strong><bdi>${reason}</bdi></strong></p>`}
${aboutToken(view)}
${leads === undefined && html`<p class="quiet">It leads to nothing that is known here.</p>`}
${actions(view)}
</section>
${contents(view)}
${
  revocations.length > 0 &&
  html`<section class="card" aria-labelledby="revocations">
<h2 id="revocations">Revocations that name it</h2>
${table<RevocationRow>('Revocations that name it', REVOCATION_COLUMNS, revocations)}
</section>`
}`
}

function contents({ header, claims, signature }: TokenFoundView): Html | undefined {
  if (header === undefined && claims === undefined) return undefined
  const doubtful = signature !== undefined && signature !== 'good'
  return html`<section class="card" aria-labelledby="says">
<header><h2 id="says">What it says</h2>
${doubtful && html`<p class="lead">Whoever made it wrote this; nothing of it has to be true.</p>`}</header>
${header !== undefined && html`<h3>Header</h3><pre class="json"><code>${JSON.stringify(header, undefined, 2)}</code></pre>`}
${claims !== undefined && html`<h3>Claims</h3><pre class="json"><code>${JSON.stringify(claims, undefined, 2)}</code></pre>`}
</section>`
}

function aboutToken({ links, keyHref, refresh, signature, issuedAt, expiresAt, jti }: TokenFoundView): Html {
  const { client, account, session, grant } = links
  const linked = (page: string, { id, state, endReason }: Link) =>
    html`<a href="${page}${id}"><code>${id}</code></a> ${standing(state)}${endReason !== undefined && html` <span class="quiet">${words(endReason)}</span>`}`
  return facts([
    signature === undefined ? undefined : ['Signature', SIGNATURES[signature] ?? signature],
    keyHref === undefined ? undefined : ['Key', html`<a href="${keyHref}">a signing key of this server</a>`],
    refresh === undefined ? undefined : ['Generation', generation(refresh)],
    client === undefined
      ? undefined
      : [
          'App',
          html`${client.isListed ? html`<a href="/admin/clients/${client.id}"><bdi>${client.name}</bdi></a>` : html`<bdi>${client.name}</bdi>`} ${standing(client.status)}`,
        ],
    account === undefined ? undefined : ['Account', html`${ownerLink(account)} ${standing(account.status)}`],
    session === undefined ? undefined : ['Session', linked('/admin/sessions/', session)],
    grant === undefined ? undefined : ['Grant', linked('/admin/grants/', grant)],
    issuedAt === undefined ? undefined : ['Issued', moment(issuedAt)],
    expiresAt === undefined ? undefined : ['Expires', moment(expiresAt)],
    jti === undefined ? undefined : ['jti', html`<code>${jti}</code>`],
  ])
}

function generation({ generation: own, newestGeneration, rotatedAt, replayUntil }: NonNullable<TokenFoundView['refresh']>): Html {
  return html`${own}, and its family is at ${newestGeneration}${rotatedAt !== undefined && html`, last rotated ${moment(rotatedAt)}`}${replayUntil !== undefined && html`; its app gets its successor once more until ${moment(replayUntil)}`}`
}

/** A JWT is ended by its `jti`, and an opaque token by its digest: the page does not repeat it. */
function actions(view: TokenFoundView): Html | undefined {
  const { kind, active, jti, keptAs, value, links, csrf, mayRevoke, mayRevokeGrant } = view
  const alone = mayRevoke && active === true && jti !== undefined && kind === 'access_token'
  const kept = mayRevoke && active === true && keptAs !== undefined
  // What only names a client's own tokens is ended by the name of the client.
  const named = mayRevoke && active !== false && value !== undefined && (kind !== 'sub' || value.startsWith('acc_'))
  const withGrant = mayRevokeGrant && links.grant?.state === 'live'
  if (!alone && !kept && !named && !withGrant) return undefined
  return html`${kept && endForm('/admin/tokens/kept/revocation', { csrf, digest: keptAs }, 'End this token alone')}${named && endForm('/admin/tokens/revocation', { csrf, kind, value }, kind === 'jti' ? 'End this token' : 'End the access tokens that carry it')}${
    alone && endForm('/admin/tokens/revocation', { csrf, kind: 'jti', value: jti }, 'End this token alone')
  }
${withGrant && html`<p class="actions"><a class="button danger" href="/admin/grants/revocation?id=${links.grant?.id ?? ''}">End its grant with all its tokens…</a></p>`}`
}

/** Before an opaque token ends that was asked to end without a reason. */
export function endKeptToken({ digest, ...form }: AskingForm & { readonly digest: string }): Html {
  return askFirst({
    ...form,
    of: { name: 'Tokens', href: '/admin/tokens' },
    title: 'End a token',
    says: html`<p class="lead">The token that you looked at, and it alone. Whoever asks about it from then on is told that it is dead.</p>`,
    button: 'End this token alone',
    danger: true,
    hidden: { digest },
  })
}

function endForm(action: string, fields: { readonly [name: string]: string }, label: string): Html {
  return html`<form method="post" action="${action}">
${Object.entries(fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">\n`)}${reasonField()}
<p class="actions"><button class="button danger" type="submit">${label}</button></p>
</form>`
}

const KINDS: { readonly [kind: string]: string } = {
  access_token: 'Access token',
  refresh_token: 'Refresh token',
  id_token: 'ID token',
  logout_token: 'Logout token',
  security_event_token: 'Security event token',
  authorization_code: 'Authorization code',
  other_jwt: 'A JWT that is no token',
  unknown: 'Nothing that is known here',
  jti: 'Access token, by its jti',
  grant_id: 'Tokens of a grant',
  sid: 'Tokens of a session',
  sub: 'Tokens of an account',
  client_id: 'Tokens of an app',
  kid: 'Tokens that a key signed',
}

const SIGNATURES: { readonly [signature: string]: string } = {
  good: 'by a key of this server',
  bad: 'wrong',
  unknown_key: 'by a key that is none of this server’s',
  compromised_key: 'by a key that was compromised',
  unchecked: 'not looked at: it is not of this server',
}
