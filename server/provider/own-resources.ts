// The APIs that this server is itself (RFC 8707): they are there without being registered, only clients whose own `scope` names
// theirs may ask for them, and who comes is looked at here.
import { hash } from 'node:crypto'
import type { Context } from 'koa'
import { ADMIN_SCOPES, REVOCATIONS_SCOPE, SHARED_SIGNALS_SCOPE } from '../../config/scopes.ts'
import type { ClientCertificate } from '../http/client-certificate.ts'
import { HttpProblem } from '../http/problems.ts'
import type { TokenStatus } from '../tokens/token-status.ts'
import type { JwtAccessTokens, VerifiedAccessToken } from './jwt-access-tokens.ts'
import type { KnownResourceServer } from './registry.ts'

/** Our own resource servers. */
export function ownResourceServers(issuer: string): readonly KnownResourceServer[] {
  const common = { accessTokenFormat: 'jwt', accessTokenTtl: 900, isDefault: false, clientIds: [] } as const
  return [
    { ...common, identifier: adminResource(issuer), scopes: ADMIN_SCOPES },
    { ...common, identifier: revocationsResource(issuer), scopes: [REVOCATIONS_SCOPE] },
    // Also where there are no streams: a client that has the scope must not be invalid when they are turned off.
    { ...common, identifier: sharedSignalsResource(issuer), scopes: [SHARED_SIGNALS_SCOPE] },
  ]
}

/** The resource that the admin API is. */
export function adminResource(issuer: string): string {
  return `${issuer}/admin/api`
}

/** The resource that the revocations feed is. */
export function revocationsResource(issuer: string): string {
  return `${issuer}/revocations`
}

/** The resource that the streams of security events are. */
export function sharedSignalsResource(issuer: string): string {
  return `${issuer}/shared-signals`
}

/** What a caller must have. */
export interface RequiredAccess {
  /** The resource that the token must be for. */
  readonly resource: string
  readonly scope: string
}

/** A token that came is none to let anybody in by: the cause of the 401 that is answered. */
export class TokenRefused extends Error {
  override readonly name = 'TokenRefused'
  readonly why: RefusedToken
  /** Whose it is, where it is one of this server. */
  readonly token: Pick<VerifiedAccessToken, 'clientId' | 'accountId'> | undefined

  constructor(why: RefusedToken, token?: VerifiedAccessToken) {
    super(`an access token was refused: ${why}`)
    this.why = why
    this.token = token
  }
}

/**
 * What is wrong with it: it is no access token of this server, or has expired; it is for another resource; whoever sends it has not shown
 * that it is theirs; it was ended.
 */
export type RefusedToken = 'invalid_token' | 'other_audience' | 'other_sender' | 'ended_token'

/** Looks at the access token of a request. */
export interface OwnAccess {
  /** @throws HttpProblem 401 or 403, with what is missing in `WWW-Authenticate` (RFC 6750 §3) */
  require(ctx: Context, access: RequiredAccess): Promise<VerifiedAccessToken>
  /** Without asking for a scope. @throws HttpProblem 401 */
  find(ctx: Context, resource: string): Promise<FoundAccess>
}

/** What the token of a request says. */
export interface FoundAccess {
  readonly token: VerifiedAccessToken
  readonly scopes: ReadonlySet<string>
  /** Of the person whose token it is, as they are now; undefined for a client's own token. */
  readonly roles: readonly string[] | undefined
}

/** Makes it. */
export function createOwnAccess(deps: {
  readonly jwtAccessTokens: JwtAccessTokens
  readonly tokenStatus: TokenStatus
  /** Undefined where no proxy hands certificates over. */
  readonly certificateOf: ClientCertificate | undefined
}): OwnAccess {
  async function find(ctx: Context, resource: string): Promise<FoundAccess> {
    const value = bearerToken(ctx)
    const token = await deps.jwtAccessTokens.verify(value)
    // An ID token, somebody else's token and one for another API are all the same here: not for us.
    if (token === undefined || token.audience !== resource) {
      const cause = new TokenRefused(token === undefined ? 'invalid_token' : 'other_audience', token)
      throw refuse(ctx, 401, 'invalid_token', `An access token of this server for the resource ${resource} was expected.`, {
        cause,
      })
    }
    checkSender(ctx, token, deps.certificateOf)
    const { whyDead, account } = await deps.tokenStatus.check(token)
    // The reason is for the administrator of the one who is refused, and he can look it up.
    if (whyDead !== undefined) {
      const cause = new TokenRefused('ended_token', token)
      throw refuse(ctx, 401, 'invalid_token', 'The access token is no longer good.', { cause })
    }
    const scopes = new Set(typeof token.claims.scope === 'string' ? token.claims.scope.split(' ') : [])
    return { token, scopes, roles: token.accountId === undefined ? undefined : (account?.roles ?? []) }
  }

  return {
    find,
    async require(ctx, { resource, scope }) {
      const { token, scopes } = await find(ctx, resource)
      if (!scopes.has(scope)) throw refuse(ctx, 403, 'insufficient_scope', `The scope ${scope} is missing.`, { scope })
      return token
    },
  }
}

const BEARER = /^Bearer +([\x21-\x7E]+) *$/i

function bearerToken(ctx: Context): string {
  const header = ctx.get('Authorization')
  if (header === '') throw refuse(ctx, 401, undefined, 'An access token is needed: `Authorization: Bearer …`.')
  const [, value] = BEARER.exec(header) ?? []
  if (value === undefined) throw refuse(ctx, 400, 'invalid_request', 'The header Authorization must be `Bearer` and a token.')
  return value
}

/** RFC 8705 §3 and RFC 9449 §7.1: a bound token is good for nobody but the one it is bound to. */
function checkSender(ctx: Context, token: VerifiedAccessToken, certificateOf: ClientCertificate | undefined): void {
  const { bound } = token
  const cause = new TokenRefused('other_sender', token)
  if (bound.jkt !== undefined) {
    const detail = 'Tokens that are bound by DPoP are not taken here; bind it by a certificate, or not.'
    throw refuse(ctx, 401, 'invalid_token', detail, { cause })
  }
  const expected = bound['x5t#S256']
  if (expected === undefined) return
  const certificate = certificateOf?.(ctx.req)
  if (certificate === undefined || hash('sha256', certificate.raw, 'base64url') !== expected) {
    throw refuse(ctx, 401, 'invalid_token', 'The access token is bound to another certificate.', { cause })
  }
}

function refuse(
  ctx: Context,
  status: number,
  error: string | undefined,
  detail: string,
  { scope, cause }: { readonly scope?: string; readonly cause?: TokenRefused } = {},
): HttpProblem {
  const parameters = {
    realm: 'latchkey',
    ...(error === undefined ? {} : { error, error_description: detail }),
    ...(scope === undefined ? {} : { scope }),
  }
  const quoted = Object.entries(parameters).map(([name, value]) => `${name}="${value.replace(/["\\]/g, "'")}"`)
  ctx.set('WWW-Authenticate', `Bearer ${quoted.join(', ')}`)
  return new HttpProblem(status, status === 403 ? 'Not allowed' : 'Not authorized', detail, { cause })
}
