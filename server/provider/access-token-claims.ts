// The claims of access tokens (RFC 9068 §2.2), over those that the library sets: the session, the grant, when and how the
// person signed in, and the roles. A JWT carries them; for an opaque token introspection tells them.
import type { KoaContextWithOIDC } from 'oidc-provider'
import { requestState } from './request-state.ts'
import { sessionIdOf } from './session-ids.ts'

/** The tokens that claims are made for. */
export interface IssuedToken {
  readonly kind: string
  readonly grantId?: string | undefined
  readonly sessionUid?: string | undefined
}

/** The claims of an access token of a person; a client's own token has none of them. */
export function accessTokenClaims(ctx: KoaContextWithOIDC, token: IssuedToken): { [claim: string]: unknown } | undefined {
  if (token.kind !== 'AccessToken') return undefined
  const source = ctx.oidc.entities.RefreshToken ?? ctx.oidc.entities.AuthorizationCode
  const { refresh } = requestState(ctx)
  // An offline grant goes on when its session has ended; its tokens then name no session, or they would be born dead.
  const sessionLives = refresh === undefined || refresh.state.sessionLive
  const roles = ctx.oidc.account?.roles
  return withoutEmpty({
    sid: token.sessionUid !== undefined && sessionLives ? sessionIdOf(token.sessionUid) : undefined,
    grant_id: token.grantId,
    auth_time: source?.authTime,
    acr: source?.acr,
    amr: source?.amr,
    roles: Array.isArray(roles) && roles.length > 0 ? roles : undefined,
  })
}

/**
 * Sets the times of a JWT by PostgreSQL's clock, read together with what authorised the token, so that a revocation which
 * names a moment is compared with the same clock.
 */
export function setTimes(ctx: KoaContextWithOIDC, payload: { iat?: number; exp?: number }): void {
  const { authorisedAt } = requestState(ctx)
  if (authorisedAt === undefined || payload.iat === undefined || payload.exp === undefined) return
  const lifeSeconds = payload.exp - payload.iat
  payload.iat = authorisedAt
  payload.exp = authorisedAt + lifeSeconds
}

function withoutEmpty(claims: { [claim: string]: unknown }): { [claim: string]: unknown } {
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined))
}
