// JWT access tokens at the revocation and introspection endpoints (RFC 7009, RFC 7662). The library knows opaque tokens
// only and answers a JWT with `unsupported_token_type`, after it has authenticated the client; exactly that answer is
// replaced here.
import type { Client, KoaContextWithOIDC } from 'oidc-provider'
import type { Clock } from '../../config/clock.ts'
import { recordAudit } from '../audit/audit.ts'
import { originOf } from '../http/request-context.ts'
import type { SigningKeys } from '../keys/signing-keys.ts'
import type { Endings } from '../tokens/ending.ts'
import { endJwtAccessToken } from '../tokens/revocation-by-name.ts'
import type { TokenClaims, TokenStatus } from '../tokens/token-status.ts'
import type { JwtAccessTokens, VerifiedAccessToken } from './jwt-access-tokens.ts'
import { mayIntrospect } from './policies.ts'
import type { Registry } from './registry.ts'
import { sessionIdOf } from './session-ids.ts'
import { createSignedIntrospection } from './signed-introspection.ts'

/** What the answers need. */
export interface JwtTokenEndpointDeps {
  readonly jwtAccessTokens: JwtAccessTokens
  readonly tokenStatus: TokenStatus
  readonly endings: Endings
  readonly registry: Registry
  readonly issuer: string
  readonly keys: SigningKeys
  readonly clock: Clock
}

/** A middleware for `provider.use`. */
export function createJwtTokenEndpoints(
  deps: JwtTokenEndpointDeps,
): (ctx: KoaContextWithOIDC, next: () => Promise<void>) => Promise<void> {
  const sign = createSignedIntrospection(deps)
  return async (ctx, next) => {
    await next()
    const route = ctx.oidc?.route
    if (route === 'revocation') {
      if (isUnsupportedToken(ctx)) await revoke(ctx, deps)
      if (ctx.status === 200) answerEmpty(ctx)
    } else if (route === 'introspection') {
      if (isUnsupportedToken(ctx)) await introspect(ctx, deps)
      else completeIntrospection(ctx)
      await sign(ctx)
    }
  }
}

function isUnsupportedToken(ctx: KoaContextWithOIDC): boolean {
  const { body } = ctx
  return (
    ctx.status === 400 && typeof body === 'object' && body !== null && 'error' in body && body.error === 'unsupported_token_type'
  )
}

async function revoke(ctx: KoaContextWithOIDC, deps: JwtTokenEndpointDeps): Promise<void> {
  const { client, token, alive } = await read(ctx, deps)
  ctx.status = 200
  // An invalid token, or somebody else's, is answered like any other (RFC 7009 §2.2); and what is dead is not ended again.
  if (token === undefined || token.clientId !== client?.clientId || !alive) return
  const { jti, expiresAt } = token
  await endJwtAccessToken(deps.endings, 'token_revoked', { jti, expiresAt }, (tx) =>
    recordAudit(tx, {
      name: 'access_token.revoked',
      actor: token.clientId,
      clientId: token.clientId,
      ...(token.accountId === undefined ? {} : { accountId: token.accountId }),
      ...(token.grantId === undefined ? {} : { grantId: token.grantId }),
      ...(token.sessionId === undefined ? {} : { sessionId: token.sessionId }),
      ...originOf(ctx),
      detail: { jti },
    }),
  )
}

async function introspect(ctx: KoaContextWithOIDC, deps: JwtTokenEndpointDeps): Promise<void> {
  const { client, token, alive } = await read(ctx, deps)
  ctx.status = 200
  const known =
    token !== undefined &&
    client !== undefined &&
    mayIntrospect(deps.registry, client, { clientId: token.clientId, aud: token.audience }) &&
    alive
  // Whoever may not ask gets the same answer as for a token that is dead or was never there (RFC 7662 §2.2).
  ctx.body = known ? { active: true, ...token.claims, token_type: token.bound.jkt ? 'DPoP' : 'Bearer' } : { active: false }
}

async function read(
  ctx: KoaContextWithOIDC,
  deps: JwtTokenEndpointDeps,
): Promise<{ client: Client | undefined; token: VerifiedAccessToken | undefined; alive: boolean }> {
  const value = ctx.oidc.params?.token
  const token = typeof value === 'string' ? await deps.jwtAccessTokens.verify(value) : undefined
  // Asked whatever was brought and whoever asks, so that the time taken tells nobody which it was.
  const { whyDead } = await deps.tokenStatus.check(token ?? NO_TOKEN)
  return { client: ctx.oidc.client, token, alive: whyDead === undefined }
}

/** Stands for everything that is not an access token of ours, or has expired. */
const NO_TOKEN: TokenClaims = {
  jti: '',
  clientId: '',
  issuedAt: 0,
  expiresAt: 0,
  accountId: '',
  grantId: '',
  sessionId: '',
  kid: '',
}

/** Success has no body and so no content type; some client libraries insist (RFC 7009 §2.2). */
function answerEmpty(ctx: KoaContextWithOIDC): void {
  // Koa would write JSON's `null` where the type says JSON.
  ctx.remove('Content-Type')
  ctx.body = null
  ctx.status = 200
}

/**
 * An opaque token's answer names the session by its public id, like a JWT does, and a client's own token its subject. A refresh
 * token's names its grant, and the session if it depends on one.
 */
function completeIntrospection(ctx: KoaContextWithOIDC): void {
  const { body } = ctx
  if (ctx.status !== 200 || typeof body !== 'object' || body === null || !('active' in body) || body.active !== true) return
  const { AccessToken, ClientCredentials, RefreshToken } = ctx.oidc.entities
  if (ClientCredentials !== undefined) Object.assign(body, { sub: ClientCredentials.clientId })
  if (RefreshToken !== undefined) {
    const bound = RefreshToken.sessionUid !== undefined && !RefreshToken.scopes.has('offline_access')
    Object.assign(body, {
      grant_id: RefreshToken.grantId,
      sid: bound ? sessionIdOf(RefreshToken.sessionUid ?? '') : undefined,
    })
  }
  const uid = AccessToken?.sessionUid
  const carriesSession = AccessToken?.extra?.sid !== undefined
  if (AccessToken !== undefined) Object.assign(body, { sid: uid !== undefined && carriesSession ? sessionIdOf(uid) : undefined })
}
