// Logout tokens (OpenID Connect Back-Channel Logout 1.0 §2.4): signed when they are sent, and stored nowhere.
import { type JWK, SignJWT } from 'jose'

/** What a logout token says. */
export interface LogoutClaims {
  readonly clientId: string
  readonly accountId: string
  /** The client's own name for the session; empty when it never got one. */
  readonly sid: string
  readonly jti: string
  /** Seconds since the epoch, by PostgreSQL's clock. */
  readonly issuedAt: number
  /** The algorithm that the client has its ID tokens signed with. */
  readonly algorithm: string
}

/** Makes a signed logout token. */
export type SignLogoutToken = (claims: LogoutClaims) => Promise<string>

/** §2.4 recommends two minutes at most. */
const LIFE_SECONDS = 120

const EVENT = 'http://schemas.openid.net/event/backchannel-logout'

/** Makes the maker. Of several keys for an algorithm the newest signs, as it does ID tokens. */
export function createLogoutTokens(deps: {
  readonly issuer: string
  /** The keys as they are now. */
  readonly keys: () => { readonly privateJwks: { readonly keys: readonly JWK[] } }
}): SignLogoutToken {
  return async ({ clientId, accountId, sid, jti, issuedAt, algorithm }) => {
    const key = deps.keys().privateJwks.keys.find(({ alg }) => alg === algorithm)
    if (key?.kid === undefined) throw new Error(`there is no signing key for ${algorithm}`)
    // Never a nonce: what has one could pass for an ID token (§2.4).
    return new SignJWT({ events: { [EVENT]: {} }, ...(sid === '' ? {} : { sid }) })
      .setProtectedHeader({ alg: algorithm, kid: key.kid, typ: 'logout+jwt' })
      .setIssuer(deps.issuer)
      .setAudience(clientId)
      .setSubject(accountId)
      .setJti(jti)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + LIFE_SECONDS)
      .sign(key)
  }
}
