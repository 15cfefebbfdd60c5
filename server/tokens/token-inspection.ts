// Something that may be a token, looked at: what it is, whether it is good or why not, and what it stands on. What was pasted is
// looked up by its digest, verified by its signature, and never given back. And the same for what only names tokens.
import type { Database } from '../storage/postgres.ts'
import { type AccessTokens, findStoredAccessToken, keptAs } from './access-tokens.ts'
import { findClientSession, findJwt, hasJwtShape, type JwtFindingDeps } from './jwt-findings.ts'
import { coversTokensOf, type ExplainedRevocation, pageRevocations, type RevocationName } from './live-revocations.ts'
import type { Once } from './once.ts'
import { parseRefreshToken } from './refresh-token.ts'
import { findRefreshToken } from './refresh-token-findings.ts'
import { looksLikeToken } from './revocation-by-name.ts'
import { type Finding, present } from './token-findings.ts'
import { readLinks, type TokenIds, type TokenLinks, whyNothingStands, whyOver } from './token-links.ts'

/** What was found, what it stands on, and the revocations in force that name it, with who is behind each. */
export interface TokenInspection extends Finding {
  readonly links: TokenLinks
  readonly revocations: readonly ExplainedRevocation[]
}

/** What names tokens, looked at. */
export interface NameInspection {
  /** Whether a token that carries the name can be good; undefined where nobody can know. */
  readonly active: boolean | undefined
  /** Whether there is such a thing; of a `jti` whether a revocation names it. */
  readonly known: boolean
  readonly reason?: string
  readonly ids: TokenIds
  readonly links: TokenLinks
  readonly revocations: readonly ExplainedRevocation[]
}

/** An authorization code that is kept. */
export interface StoredCode {
  readonly ids: TokenIds
  readonly redeemed: boolean
  readonly scope?: string
  readonly redirectUri?: string
  readonly issuedAt?: Date
  readonly expiresAt?: Date
}

/** Looks. */
export interface TokenInspections {
  /** At a token of any kind, or at what is none. */
  token(value: string): Promise<TokenInspection>
  name(name: RevocationName): Promise<NameInspection>
  /** Whether a text that is given as a `jti` opens something itself; codes and secrets of apps have the form of a `jti`, and are looked up. */
  isToken(text: string): Promise<boolean>
  /** At whatever somebody has at hand: a token, or what names some. */
  anything(text: string): Promise<FoundByText>
}

/** What a text is: something that names tokens, or a token, or nothing. */
export type FoundByText =
  | { readonly name: RevocationName; readonly found: NameInspection }
  | { readonly name?: undefined; readonly found: TokenInspection }

/** What it takes. */
export interface TokenInspectionDeps extends JwtFindingDeps {
  readonly accessTokens: Pick<AccessTokens, 'find'>
  readonly once: Pick<Once, 'findRedeemedCode'>
  readonly findCode: (value: string) => Promise<StoredCode | undefined>
  /** Whether it is a secret of an app, as far as it is known. */
  readonly isSecret: (text: string) => Promise<boolean>
  readonly replayWindowSeconds: number
}

/** Makes it. */
export function createTokenInspections(deps: TokenInspectionDeps): TokenInspections {
  const { db } = deps
  const inspections: TokenInspections = {
    async token(value) {
      const found = await find(deps, value)
      const names = [...namesOf(found.ids), ...named('jti', found.jti), ...named('kid', found.kid)]
      const isOurs = Object.keys(found.ids).length > 0 || found.signature === 'good'
      const { issuedAt } = found
      const entries = isOurs && names.length > 0 ? await pageRevocations(db, { names, limit: MOST }) : []
      const revocations = entries.filter((entry) => issuedAt === undefined || coversTokensOf(entry, issuedAt))
      return { ...found, links: await readLinks(db, found.ids), revocations }
    },

    async name(name) {
      const [ids, revocations] = await Promise.all([idsOfName(db, name), pageRevocations(db, { names: [name], limit: MOST })])
      const links = await readLinks(db, ids)
      return { ...(await judgeName(deps, name, { ids, links, revocations })), ids, links, revocations }
    },

    isToken: async (text) => looksLikeToken(text) || (await find(deps, text)).kind !== 'unknown' || (await deps.isSecret(text)),

    anything: (text) => findAnything(inspections, text),
  }
  return inspections
}

const PREFIXES: readonly (readonly [prefix: string, kind: RevocationName['kind']])[] = [
  ['gra_', 'grant_id'],
  ['ses_', 'sid'],
  ['acc_', 'sub'],
]

/** Nothing that names tokens of ours has other characters, or is longer. */
const NAME = /^[\x21-\x7E]{1,300}$/

async function findAnything({ token, name }: TokenInspections, text: string): Promise<FoundByText> {
  const [, prefixed] = PREFIXES.find(([prefix]) => text.startsWith(prefix)) ?? []
  if (prefixed !== undefined && NAME.test(text)) {
    const named = { kind: prefixed, value: text }
    return { name: named, found: await name(named) }
  }
  const found = await token(text)
  if (found.kind !== 'unknown' || !NAME.test(text)) return { found }
  for (const kind of ['client_id', 'kid', 'sid', 'jti'] as const) {
    const named = { kind, value: text }
    const byName = await name(named)
    if (byName.known) return { name: named, found: byName }
  }
  return { found }
}

/** Revocations of one name that are shown at most. */
const MOST = 50

async function find(deps: TokenInspectionDeps, value: string): Promise<Finding> {
  const refresh = parseRefreshToken(value)
  if (refresh !== undefined) return findRefreshToken(deps, refresh)
  if (hasJwtShape(value)) return findJwt(deps, value)
  return (await findOpaque(deps, value)) ?? (await findAuthorizationCode(deps, value)) ?? UNKNOWN
}

const UNKNOWN: Finding = {
  kind: 'unknown',
  active: false,
  reason: 'it is no token that this server has given out, or none that it still knows',
  ids: {},
}

async function findOpaque({ db, accessTokens, tokenStatus }: TokenInspectionDeps, value: string): Promise<Finding | undefined> {
  const stored = await findStoredAccessToken(db, value)
  if (stored === undefined) return undefined
  const { ids, issuedAt, expiresAt, payload, kind } = stored
  const alive = await accessTokens.find(kind, value)
  const times = { issuedAt: issuedAt.getTime() / 1000, expiresAt: expiresAt.getTime() / 1000 }
  // An opaque token has no `jti` but itself.
  const { whyDead } = alive === undefined ? await tokenStatus.check({ ...ids, ...times, jti: '' }) : {}
  const reason = alive === undefined ? (whyDead ?? (stored.ended ? 'it was revoked' : 'what it stands on has ended')) : undefined
  const { aud, scope, jkt, 'x5t#S256': thumbprint } = payload
  const cnf = present({ jkt, 'x5t#S256': thumbprint })
  const claims = {
    aud,
    scope,
    client_id: ids.clientId,
    sub: ids.accountId ?? ids.clientId,
    grant_id: ids.grantId,
    sid: ids.sessionId,
  }
  return {
    kind: 'access_token',
    format: 'opaque',
    keptAs: keptAs(value),
    active: reason === undefined,
    ...(reason === undefined ? {} : { reason }),
    claims: present({ ...claims, cnf: Object.keys(cnf).length === 0 ? undefined : cnf }),
    ids,
    issuedAt,
    expiresAt,
  }
}

async function findAuthorizationCode({ db, once, findCode }: TokenInspectionDeps, value: string): Promise<Finding | undefined> {
  const [code, redeemed] = await Promise.all([findCode(value), once.findRedeemedCode(value)])
  const ids = code?.ids ?? (redeemed === undefined ? undefined : { grantId: redeemed.grantId })
  if (ids === undefined) return undefined
  const isSpent = redeemed !== undefined || code?.redeemed === true
  const reason = isSpent ? 'it was redeemed' : whyNothingStands(ids, await readLinks(db, ids))
  return {
    kind: 'authorization_code',
    format: 'opaque',
    active: reason === undefined,
    ...(reason === undefined ? {} : { reason }),
    claims: present({ scope: code?.scope, redirect_uri: code?.redirectUri }),
    ids,
    ...(code?.issuedAt === undefined ? {} : { issuedAt: code.issuedAt }),
    ...(code?.expiresAt === undefined ? {} : { expiresAt: code.expiresAt }),
  }
}

function namesOf({ clientId, accountId, sessionId, grantId }: TokenIds): RevocationName[] {
  return [...named('client_id', clientId), ...named('sub', accountId), ...named('sid', sessionId), ...named('grant_id', grantId)]
}

function named(kind: RevocationName['kind'], value: string | undefined): RevocationName[] {
  return value === undefined || !/^[\x21-\x7E]+$/.test(value) ? [] : [{ kind, value }]
}

/** A `sid` may be a client's own name for the session, as ID tokens have it; a `sub` a client's, as its own tokens have it. */
async function idsOfName(db: Database, { kind, value }: RevocationName): Promise<TokenIds> {
  if (kind === 'grant_id') return { grantId: value }
  if (kind === 'client_id') return { clientId: value }
  if (kind === 'sub') return value.startsWith('acc_') ? { accountId: value } : { clientId: value }
  if (kind !== 'sid') return {}
  const [used] = value.startsWith('ses_') ? [] : await findClientSession(db, value)
  return used === undefined ? { sessionId: value } : { sessionId: used.sessionId, clientId: used.clientId }
}

async function judgeName(
  { keyStatus }: TokenInspectionDeps,
  { kind, value }: RevocationName,
  { ids, links, revocations }: Pick<NameInspection, 'ids' | 'links' | 'revocations'>,
): Promise<Pick<NameInspection, 'active' | 'known' | 'reason'>> {
  const known = (reason: string | undefined) => ({
    known: true,
    active: reason === undefined,
    ...(reason === undefined ? {} : { reason }),
  })
  const unknown = (noun: string) => ({ known: false, active: false, reason: `there is no such ${noun}` })
  const forGood = revocations.find(({ before }) => before === undefined)
  if (forGood !== undefined) return known(`revoked: ${forGood.reason}`)
  if (kind === 'jti') {
    const reason = 'it is not revoked; whether there is such a token, only the token can tell'
    return { known: revocations.length > 0, active: undefined, reason }
  }
  if (kind === 'kid') {
    const status = await keyStatus(value)
    return status === undefined ? unknown('key') : known(status === 'compromised' ? 'the key was compromised' : undefined)
  }
  if (kind === 'grant_id') return links.grant === undefined ? unknown('grant') : known(whyOver('it', links.grant))
  if (kind === 'sid') return links.session === undefined ? unknown('session') : known(whyOver('it', links.session))
  const { status } = (ids.accountId === undefined ? links.client : links.account) ?? {}
  if (status === undefined) return unknown(ids.accountId === undefined ? 'client' : 'account')
  return known(status === 'active' ? undefined : `it is ${status}`)
}
