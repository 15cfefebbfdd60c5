// What a JWT is, and whether it is good: whose it is, by which key, of which kind, and what it stands on. Decoded members are shown
// whoever wrote them; nothing is believed that is not signed by a key of this server.
import { compactVerify, createLocalJWKSet, decodeJwt, decodeProtectedHeader, errors, type JWK } from 'jose'
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'
import { dateOf, type Finding, type JsonMembers, type Signature, type TokenKind } from './token-findings.ts'
import { readLinks, type TokenIds, whyNothingStands } from './token-links.ts'
import type { TokenStatus } from './token-status.ts'

/** What it takes. */
export interface JwtFindingDeps {
  readonly db: Database
  readonly issuer: string
  /** The keys as they are now. */
  readonly keys: () => { readonly publicJwks: { readonly keys: readonly JWK[] } }
  /** How a key stands that the database knows. */
  readonly keyStatus: (kid: string) => Promise<string | undefined>
  readonly tokenStatus: Pick<TokenStatus, 'check'>
}

/** Whether something has the shape of a JWT (RFC 7515 §3.1), or of an encrypted one (RFC 7516 §3.1). */
export function hasJwtShape(value: string): boolean {
  return /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)?$/.test(value)
}

/** Finds out about it. */
export async function findJwt(deps: JwtFindingDeps, value: string): Promise<Finding> {
  const decoded = decode(value)
  if (decoded === undefined)
    return { kind: 'unknown', active: false, reason: 'it has the shape of a JWT, and cannot be read', ids: {} }
  const { header, claims } = decoded
  const kind = kindOf(header, claims)
  const shown = {
    kind,
    format: 'jwt' as const,
    header,
    claims,
    ...timesOf(claims),
    ...textOf('kid', header),
    ...textOf('jti', claims),
  }
  const { signature, fault } = await judgeSignature(deps, value, decoded)
  const base = { ...shown, signature }
  if (fault !== undefined) return { ...base, active: false, reason: fault, ids: {} }
  if (kind === 'access_token') return { ...base, ...(await judgeAccessToken(deps, header, claims)) }
  return { ...base, ...(await judgeOther(deps, kind, claims)) }
}

interface Decoded {
  readonly header: JsonMembers
  readonly claims: JsonMembers
}

function decode(value: string): Decoded | undefined {
  try {
    const decoded = { header: decodeProtectedHeader(value), claims: decodeJwt(value) }
    return isShallow(decoded, 12) ? decoded : undefined
  } catch {
    // Whatever is wrong with it, it is nothing that anybody could read.
    return undefined
  }
}

/** What is nested deeper than any token is not walked through by whatever shows it. */
function isShallow(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return depth > 0 && Object.values(value).every((member) => isShallow(member, depth - 1))
}

const KINDS_BY_TYPE: { readonly [type: string]: TokenKind } = {
  'at+jwt': 'access_token',
  'logout+jwt': 'logout_token',
  'secevent+jwt': 'security_event_token',
}

/** By its type; an ID token has none that says so (OpenID Connect Core §2), and is for a client about an account. */
function kindOf(header: JsonMembers, claims: JsonMembers): TokenKind {
  const type = typeof header.typ === 'string' ? header.typ.toLowerCase().replace(/^application\//, '') : 'jwt'
  const named = Object.hasOwn(KINDS_BY_TYPE, type) ? KINDS_BY_TYPE[type] : undefined
  if (named !== undefined) return named
  const isIdToken = type === 'jwt' && typeof claims.sub === 'string' && claims.sub !== claims.iss && claims.aud !== undefined
  return isIdToken && claims.events === undefined ? 'id_token' : 'other_jwt'
}

async function judgeSignature(
  { issuer, keys, keyStatus }: JwtFindingDeps,
  value: string,
  { header, claims }: Decoded,
): Promise<{ readonly signature: Signature; readonly fault?: string }> {
  if (claims.iss !== issuer) {
    const whose = typeof claims.iss === 'string' ? `it is of the issuer ${claims.iss.slice(0, 200)}` : 'it names no issuer'
    return { signature: 'unchecked', fault: `${whose}, not of this server (${issuer})` }
  }
  if (header.alg === 'none') return { signature: 'bad', fault: 'it is not signed' }
  const { kid } = header
  const known = keys().publicJwks.keys
  if (!known.some((key) => key.kid === kid)) {
    const status = typeof kid === 'string' && /^[\x21-\x7E]{1,200}$/.test(kid) ? await keyStatus(kid) : undefined
    return status === 'compromised'
      ? { signature: 'compromised_key', fault: 'its key was compromised: nothing that it signed is good' }
      : { signature: 'unknown_key', fault: 'its key is none of this server’s: it is forged, or its key is long gone' }
  }
  try {
    await compactVerify(value, createLocalJWKSet({ keys: [...known] }))
    return { signature: 'good' }
  } catch (error) {
    if (error instanceof errors.JOSEError)
      return { signature: 'bad', fault: 'its signature is wrong: it is forged, or was altered' }
    throw error
  }
}

type Judgement = Pick<Finding, 'active' | 'reason' | 'ids'>

async function judgeAccessToken({ tokenStatus }: JwtFindingDeps, header: JsonMembers, claims: JsonMembers): Promise<Judgement> {
  const { jti, client_id: clientId, sub, sid, grant_id: grantId, iat, exp } = claims
  if (typeof jti !== 'string' || typeof clientId !== 'string' || typeof iat !== 'number' || typeof exp !== 'number') {
    return { active: false, reason: 'it has not the claims of an access token (RFC 9068 §2.2)', ids: {} }
  }
  const ids = {
    clientId,
    ...(typeof sub === 'string' && sub !== clientId ? { accountId: sub } : {}),
    ...(typeof sid === 'string' ? { sessionId: sid } : {}),
    ...(typeof grantId === 'string' ? { grantId } : {}),
  }
  const { whyDead } = await tokenStatus.check({ ...ids, ...textOf('kid', header), jti, issuedAt: iat, expiresAt: exp })
  return { ids, active: whyDead === undefined, ...(whyDead === undefined ? {} : { reason: whyDead }) }
}

/** ID tokens and messages of this server: nobody can revoke them, but what they speak of can be over. */
async function judgeOther({ db }: JwtFindingDeps, kind: TokenKind, claims: JsonMembers): Promise<Judgement> {
  const ids = await idsOf(db, claims)
  const links = await readLinks(db, ids)
  if (kind === 'other_jwt') return { ids, active: false, reason: 'it is signed by this server, and no token that opens anything' }
  const expiresAt = dateOf(claims.exp)
  const over = expiresAt !== undefined && expiresAt <= links.now ? 'it has expired' : undefined
  // What a logout token tells of is over by its nature.
  const reason = over ?? (kind === 'id_token' ? whyNothingStands(ids, links) : undefined)
  return { ids, active: reason === undefined, ...(reason === undefined ? {} : { reason }) }
}

/** The `sid` of an ID token or logout token is the client's own name for the session. */
async function idsOf(db: Database, { aud, sub, sid }: JsonMembers): Promise<TokenIds> {
  const clientId = typeof aud === 'string' ? aud : undefined
  const used =
    clientId === undefined || typeof sid !== 'string'
      ? undefined
      : (await findClientSession(db, sid)).find((found) => found.clientId === clientId)
  return {
    ...(clientId === undefined ? {} : { clientId }),
    ...(typeof sub === 'string' ? { accountId: sub } : {}),
    ...(used === undefined ? {} : used.grantId === null ? { sessionId: used.sessionId } : { ...used, grantId: used.grantId }),
  }
}

/** Which session a client calls so. */
export async function findClientSession(
  db: Database,
  sid: string,
): Promise<{ readonly sessionId: string; readonly clientId: string; readonly grantId: string | null }[]> {
  return db.$queryRaw(Prisma.sql`
    SELECT session_id AS "sessionId", client_id AS "clientId", grant_id AS "grantId" FROM session_clients
    WHERE sid = ${sid} AND sid <> '' ORDER BY first_used_at DESC LIMIT 10`)
}

function timesOf({ iat, exp }: JsonMembers): { readonly issuedAt?: Date; readonly expiresAt?: Date } {
  const [issuedAt, expiresAt] = [dateOf(iat), dateOf(exp)]
  return { ...(issuedAt === undefined ? {} : { issuedAt }), ...(expiresAt === undefined ? {} : { expiresAt }) }
}

function textOf<Name extends 'kid' | 'jti'>(name: Name, members: JsonMembers): { readonly [name in Name]?: string } {
  const value = members[name]
  return (typeof value === 'string' ? { [name]: value } : {}) as { readonly [name in Name]?: string }
}
