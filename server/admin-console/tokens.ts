// Tokens in the console: one is pasted and explained; access tokens end by what names them; and the revocations in force are shown, with
// who has applied them. What is pasted is posted, and stands neither in an address nor in the page that shows what it is.
import type { Context } from 'koa'
import { ACCESS } from '../../config/access.ts'
import { isStorable } from '../../config/plain-text.ts'
import { endKeptToken, tokenFound } from '../../views/admin-console/token-found.ts'
import { listenersPage, TOKEN_NAME_LABELS, tokensPage } from '../../views/admin-console/tokens.ts'
import { type TokenRevocation, TokenUnknown } from '../grants/token-revocation.ts'
import type { Cursors } from '../http/cursors.ts'
import type { Form } from '../http/form.ts'
import { HttpProblem } from '../http/problems.ts'
import type { ExplainedRevocation, RevocationName, RevocationPage } from '../tokens/live-revocations.ts'
import type { Acknowledgements, CountedListener } from '../tokens/revocation-acknowledgements.ts'
import type { RevokeByName } from '../tokens/revocation-by-name.ts'
import type { FoundByText, TokenInspections } from '../tokens/token-inspection.ts'
import type { ConsoleRoute, ConsoleVisit } from './console.ts'
import { type Asked, chipsOf, listHref, readFields, readRows } from './list-query.ts'
import { redirectWithNotice } from './notices.ts'
import { refusalOf } from './refusals.ts'

/** What the pages call. */
export interface TokenPagesDeps {
  readonly cursors: Cursors
  readonly inspections: TokenInspections
  readonly revokeByName: RevokeByName
  readonly revocation: Pick<TokenRevocation, 'revokeKept'>
  readonly revocations: (query: RevocationPage) => Promise<ExplainedRevocation[]>
  readonly listeners: Acknowledgements['page']
  /** The number of the last revocation. */
  readonly sequence: () => Promise<number>
}

const PATH = '/admin/tokens'
const KEPT_PATH = `${PATH}/kept/revocation`
const LABELS = { kind: 'By', value: 'Value' }

/** Makes the pages. */
export function tokenPages(deps: TokenPagesDeps): ConsoleRoute[] {
  return [
    { method: 'get', path: '/tokens', access: ACCESS.tokens.read, handle: (ctx, visit) => showTokens(deps, ctx, visit) },
    {
      method: 'get',
      path: '/tokens/listeners',
      access: ACCESS.tokens.read,
      handle: (ctx, visit) => showListeners(deps, ctx, visit),
    },
    {
      method: 'post',
      path: '/tokens/inspection',
      access: ACCESS.tokens.read,
      // A token has no place in an address, and whatever is pasted may be one.
      back: (_ctx, form) => listHref(PATH, { token: form.get('token') }),
      keptApart: true,
      handle: (_ctx, visit, form) => look(deps, visit, form.get('token')),
    },
    {
      method: 'post',
      path: '/tokens/revocation',
      access: ACCESS.tokens.revoke,
      fresh: true,
      back: (_ctx, form) => namedHref(form),
      // Somebody may paste a token there.
      keptApart: true,
      handle: (ctx, visit, form) => endByName(deps, ctx, visit, form),
    },
    {
      method: 'get',
      path: '/tokens/kept/revocation',
      access: ACCESS.tokens.revoke,
      fresh: true,
      async handle({ query: { digest, reason } }, visit) {
        showKept(visit, { digest: digestOf(digest), reason: typeof reason === 'string' ? reason : '' })
      },
    },
    {
      method: 'post',
      path: '/tokens/kept/revocation',
      access: ACCESS.tokens.revoke,
      fresh: true,
      // The page on which the form stood showed a token that was pasted, and is not there any more.
      back: (_ctx, form) => listHref(KEPT_PATH, { digest: form.get('digest'), reason: form.get('reason') }),
      handle: (ctx, visit, form) => endKept(deps, ctx, visit, form),
    },
  ]
}

/** For the search box: shows what a text turned out to be; false when it is nothing that is known here. */
export async function showIfToken(
  { inspections }: Pick<TokenPagesDeps, 'inspections'>,
  visit: ConsoleVisit,
  text: string,
): Promise<boolean> {
  if (!visit.may(ACCESS.tokens.read) || !isStorable(text)) return false
  const looked = await inspections.anything(withoutScheme(text))
  const known = looked.name === undefined ? looked.found.kind !== 'unknown' : looked.found.known
  if (known) showFound(visit, looked)
  return known
}

async function look({ inspections }: TokenPagesDeps, visit: ConsoleVisit, pasted: string): Promise<void> {
  const text = withoutScheme(pasted.trim())
  if (text === '' || !isStorable(text)) throw new HttpProblem(400, 'Nothing to look at', 'Paste a token, or what names one.')
  showFound(visit, await inspections.anything(text))
}

/** A token that was copied with the header in which it came (RFC 6750 §2.1, RFC 9449 §7.1). */
function withoutScheme(text: string): string {
  return text.replace(/^(?:Authorization:\s*)?(?:Bearer|DPoP)\s+/i, '')
}

function showFound(visit: ConsoleVisit, { name, found }: FoundByText): void {
  const mayName = name?.kind !== 'kid' || visit.may(ACCESS.keys.write)
  const named =
    name === undefined
      ? {}
      : { kind: name.kind, ...(name.kind === 'jti' ? { jti: name.value } : {}), ...(mayName ? { value: name.value } : {}) }
  const body = tokenFound({
    kind: 'unknown',
    ...found,
    ...named,
    ...(name?.kind === 'kid' ? { keyHref: `/admin/keys/${encodeURIComponent(name.value)}` } : {}),
    csrf: visit.csrf,
    mayRevoke: visit.may(ACCESS.tokens.revoke),
    mayRevokeGrant: visit.may(ACCESS.grants.revoke),
  })
  visit.show({ title: 'A token', section: PATH, body })
}

/** What was filled in of the form that ends by a name, and why that was refused; no fault: for want of a reason. */
interface Refused {
  readonly named: { readonly kind: string; readonly value: string; readonly reason: string }
  readonly fault?: string
  readonly status: number
}

async function showTokens(deps: TokenPagesDeps, ctx: Context, visit: ConsoleVisit, refused?: Refused): Promise<void> {
  const { asked, twice } = readFields(ctx.query, Object.keys(LABELS))
  const filterFault = twice?.fault ?? faultOf(asked)
  const fault = refused?.fault ?? filterFault
  const cursor = typeof ctx.query.cursor === 'string' ? ctx.query.cursor : undefined
  const { rows: revocations, ...hrefs } = filterFault !== undefined ? { rows: [] } : await readRevocations(deps, asked, cursor)
  const { token, end_kind: kind, end_value: value, reason } = ctx.state.filledIn === true ? ctx.query : {}
  const body = tokensPage({
    revocations,
    ...hrefs,
    csrf: visit.csrf,
    mayRevoke: visit.may(ACCESS.tokens.revoke),
    pasted: textOf(token),
    named: refused?.named ?? { kind: textOf(kind), value: textOf(value), reason: textOf(reason) },
    reasonMissing: refused !== undefined && refused.fault === undefined,
    chips: chipsOf(PATH, asked, LABELS),
    asked,
    ...(fault === undefined ? {} : { fault }),
    ...(filterFault === undefined ? {} : { filterFault }),
  })
  visit.show({ title: 'Tokens', section: PATH, body }, refused?.status ?? (fault === undefined ? 200 : 400))
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function faultOf({ kind, value }: Asked): string | undefined {
  if (kind !== undefined && kindOf(kind) === undefined) return 'Tokens are not named by that.'
  if (value !== undefined && (!isStorable(value) || value.length > 300)) return 'The value is none that a token can carry.'
  return undefined
}

function kindOf(text: string): RevocationName['kind'] | undefined {
  return TOKEN_NAME_LABELS.map(([name]) => name as RevocationName['kind']).find((name) => name === text)
}

function readRevocations({ cursors, revocations }: TokenPagesDeps, asked: Asked, cursor: string | undefined) {
  const { kind, value } = asked
  const known = kind === undefined ? undefined : kindOf(kind)
  return readRows<ExplainedRevocation>({
    ...{ cursors, path: PATH, asked, cursor },
    read: (limit, after) =>
      revocations({
        limit,
        ...(known === undefined ? {} : { kind: known }),
        ...(value === undefined ? {} : { value }),
        ...(after === undefined ? {} : { beforeSequence: Number(after[0]) }),
      }),
    placeOf: ({ sequence }) => [sequence],
  })
}

async function showListeners({ cursors, listeners, sequence }: TokenPagesDeps, ctx: Context, visit: ConsoleVisit): Promise<void> {
  const cursor = typeof ctx.query.cursor === 'string' ? ctx.query.cursor : undefined
  const newest = await sequence()
  const { rows, ...hrefs } = await readRows<CountedListener>({
    ...{ cursors, path: `${PATH}/listeners`, asked: {}, cursor },
    read: (limit, after) =>
      listeners({
        limit,
        ...(after === undefined ? {} : { after: { clientId: String(after[0]), instance: String(after[1]) } }),
      }),
    placeOf: ({ clientId, instance }) => [clientId, instance],
  })
  const body = listenersPage({ listeners: rows, newest, ...hrefs })
  visit.show({ title: 'Who has applied the revocations', section: PATH, body })
}

/** A digest of 256 bits, and nothing that opens anything. */
function digestOf(value: unknown): string {
  if (typeof value === 'string' && /^[\w-]{43}$/.test(value)) return value
  throw new HttpProblem(400, 'That names no token', 'Look at the token once more.')
}

/** The page that showed the token is not there any more: nobody has it but who pasted it. */
function showKept(
  visit: ConsoleVisit,
  { reasonMissing = false, ...asked }: { digest: string; reason: string; reasonMissing?: boolean },
) {
  const body = endKeptToken({ action: KEPT_PATH, ...asked, reasonMissing, csrf: visit.csrf })
  visit.show({ title: 'A token', section: PATH, body }, reasonMissing ? 400 : 200)
}

async function endKept({ revocation }: TokenPagesDeps, ctx: Context, visit: ConsoleVisit, form: Form): Promise<void> {
  const [digest, reason] = [digestOf(form.get('digest')), form.get('reason').trim()]
  if (reason === '') return showKept(visit, { digest, reason, reasonMissing: true })
  try {
    await revocation.revokeKept(digest, visit.change(reason))
  } catch (error) {
    if (!(error instanceof TokenUnknown)) throw error
    throw new HttpProblem(404, 'No such token', 'It has expired, or is none of this server.', { cause: error })
  }
  redirectWithNotice(ctx, PATH, 'The token is dead: whoever asks about it is told so.')
}

/** The page of tokens with the form filled in. */
function namedHref(form: Form): string {
  return listHref(PATH, { end_kind: form.get('kind'), end_value: form.get('value'), reason: form.get('reason') })
}

async function endByName(deps: TokenPagesDeps, ctx: Context, visit: ConsoleVisit, form: Form): Promise<void> {
  const [kind, value, reason] = [kindOf(form.get('kind')), form.get('value').trim(), form.get('reason').trim()]
  const named = { kind: form.get('kind'), value: form.get('value'), reason }
  const refuse = (status: number, fault?: string) =>
    showTokens(deps, ctx, visit, { named, status, ...(fault === undefined ? {} : { fault }) })
  if (kind === undefined || !/^[\x21-\x7E]{1,300}$/.test(value))
    return refuse(400, 'That names no tokens. Choose by what they are named, and give its value.')
  if (kind === 'jti' && (await deps.inspections.isToken(value)))
    return showTokens(deps, ctx, visit, {
      named: { ...named, value: '' },
      fault:
        'That is no jti, but a token, a code, a link or the secret of an app itself, and was not written down. A token is ended where tokens are looked at, and a secret replaced on the page of its app.',
      status: 400,
    })
  if (reason === '') return refuse(400)
  try {
    if (kind === 'kid') visit.insist(ACCESS.keys.write)
  } catch {
    return refuse(403, 'What a key has signed is everybody’s: this takes the role owner.')
  }
  const { known, links } = await deps.inspections.name({ kind, value })
  if (kind !== 'jti' && !known) return refuse(404, 'There is no such thing: nothing here has that name.')
  const name = { kind, value: kind === 'sid' ? (links.session?.id ?? value) : value }
  try {
    await deps.revokeByName(name, visit.change(reason))
  } catch (error) {
    return refuse(409, refusalOf(error))
  }
  const done = 'Ended. APIs that listen refuse these access tokens within a second.'
  redirectWithNotice(ctx, listHref(PATH, { kind: name.kind, value: name.value }), done)
}
