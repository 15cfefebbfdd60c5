// How long each of the library's models lives, in seconds. All are set: some of the library's defaults end refresh tokens
// early, others let sessions roll for ever.
import type { Configuration, KoaContextWithOIDC } from 'oidc-provider'
import type { Clock } from '../../config/clock.ts'
import type { Lifetimes } from '../../config/lifetimes.ts'
import type { Registry } from './registry.ts'
import { requestState } from './request-state.ts'

/** A browser that has not signed in yet is remembered this long. */
const ANONYMOUS_SESSION_SECONDS = 3600

/** The library's `ttl`. */
export function createLifetimes(deps: {
  readonly lifetimes: Lifetimes
  readonly clock: Clock
  readonly registry: Pick<Registry, 'accessTokenLife'>
}): NonNullable<Configuration['ttl']> {
  const { lifetimes, registry } = deps
  const now = () => Math.floor(deps.clock() / 1000)
  return {
    AccessToken: (ctx, token) =>
      withinGrant(ctx, token.grantId, registry.accessTokenLife(token.resourceServer?.accessTokenTTL ?? lifetimes.accessToken)),
    AuthorizationCode: lifetimes.authorizationCode,
    ClientCredentials: (_ctx, token) =>
      registry.accessTokenLife(token.resourceServer?.accessTokenTTL ?? lifetimes.clientCredentials),
    // A grant must not cut short the refresh tokens that stand on it.
    Grant: lifetimes.refreshAbsolute,
    IdToken: lifetimes.idToken,
    Interaction: lifetimes.interaction,
    PushedAuthorizationRequest: 60,
    // The family's row says when a refresh token ends, from its first issue and by PostgreSQL's clock.
    RefreshToken: Math.min(lifetimes.refreshIdle, lifetimes.refreshAbsolute),
    // Counted from the sign-in, so that use does not prolong it.
    Session: (_ctx, session) =>
      session.loginTs === undefined ? ANONYMOUS_SESSION_SECONDS : Math.max(1, session.loginTs + lifetimes.session - now()),
  }
}

/**
 * No access token outlives the grant that it stands on: an API that asks nobody could not know that it has run out. Both times are
 * PostgreSQL's, of the read that authorised the token.
 */
function withinGrant(ctx: KoaContextWithOIDC, grantId: string | undefined, lifeSeconds: number): number {
  const { grants, authorisedAt } = requestState(ctx)
  const grant = grantId === undefined ? undefined : grants.get(grantId)
  if (grant === undefined || authorisedAt === undefined) return lifeSeconds
  // The library takes no life of less than a second.
  return Math.max(1, Math.min(lifeSeconds, grant.expiresAt - authorisedAt))
}
