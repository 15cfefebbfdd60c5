// JWT access tokens that come back to us (RFC 9068): at userinfo, introspection and revocation.
import { hash } from 'node:crypto'
import { createLocalJWKSet, errors, jwtVerify } from 'jose'
import type { Clock } from '../../config/clock.ts'
import { SIGNING_ALGORITHMS, type SigningKeys } from '../keys/signing-keys.ts'
import { createExpiringMap } from '../storage/expiring-map.ts'
import type { TokenClaims } from '../tokens/token-status.ts'

/** A JWT access token of this server, whose signature and expiry are right. Whether it was ended is another question. */
export interface VerifiedAccessToken extends TokenClaims {
  readonly audience: string
  /** What its sender must prove to have (RFC 7800 §3): a key (RFC 9449 §6) or a certificate (RFC 8705 §3.1). */
  readonly bound: { readonly jkt?: string; readonly 'x5t#S256'?: string }
  /** All claims, as introspection shows them. */
  readonly claims: { readonly [name: string]: unknown }
}

/** What they are signed with. */
export const ACCESS_TOKEN_ALGORITHM = 'ES256'

/** When as many are remembered, all are forgotten. */
const MOST_VERIFIED = 5000

/** Verifies them. */
export interface JwtAccessTokens {
  /** Undefined for everything that is not a JWT access token of this server. */
  verify(value: string): Promise<VerifiedAccessToken | undefined>
}

/** Makes the verifier. */
export function createJwtAccessTokens(deps: {
  readonly issuer: string
  /** The keys as they are now; another object when they have changed. */
  readonly keys: () => SigningKeys
  /** PostgreSQL's, by which tokens are made: a host whose own is ahead would take none. */
  readonly clock: Clock
}): JwtAccessTokens {
  let keys = deps.keys()
  let keySet = createLocalJWKSet({ keys: [...keys.publicJwks.keys] })
  let verified = createExpiringMap<VerifiedAccessToken>(deps.clock)

  function takeKeysOver(): void {
    if (deps.keys() === keys) return
    keys = deps.keys()
    keySet = createLocalJWKSet({ keys: [...keys.publicJwks.keys] })
    // What a key has signed that is not trusted any more was verified when it was.
    verified = createExpiringMap(deps.clock)
  }

  return {
    async verify(value) {
      takeKeysOver()
      // APIs ask about the same token again and again, and its signature stays as good as it was.
      const digest = hash('sha256', value, 'base64url')
      const known = verified.get(digest)
      if (known !== undefined) return known
      try {
        const { payload, protectedHeader } = await jwtVerify(value, keySet, {
          issuer: deps.issuer,
          // An ID token or a logout token has another type and never passes for an access token (RFC 9068 §4).
          typ: 'at+jwt',
          algorithms: [...SIGNING_ALGORITHMS],
          requiredClaims: ['aud', 'client_id', 'exp', 'iat', 'jti', 'sub'],
          currentDate: new Date(deps.clock()),
        })
        const token = readAccessToken(payload, protectedHeader.kid)
        if (verified.size() >= MOST_VERIFIED) verified = createExpiringMap(deps.clock)
        if (token !== undefined) verified.set(digest, token, token.expiresAt * 1000)
        return token
      } catch (error) {
        if (error instanceof errors.JOSEError) return undefined
        throw error
      }
    },
  }
}

/** What the claims of an access token say; undefined when they are not those of one. Whoever has them has verified or made them. */
export function readAccessToken(
  claims: { readonly [name: string]: unknown },
  kid: string | undefined,
): VerifiedAccessToken | undefined {
  const { jti, client_id: clientId, iat, exp, aud, sub, sid, grant_id: grantId } = claims
  if (typeof jti !== 'string' || typeof clientId !== 'string' || typeof iat !== 'number' || typeof exp !== 'number')
    return undefined
  if (typeof aud !== 'string') return undefined
  return {
    jti,
    clientId,
    issuedAt: iat,
    expiresAt: exp,
    audience: aud,
    bound: boundOf(claims.cnf),
    claims,
    ...(kid === undefined ? {} : { kid }),
    // A client that acts for itself is its own subject; only people have accounts (RFC 9068 §2.2).
    ...(typeof sub === 'string' && sub !== clientId ? { accountId: sub } : {}),
    ...(typeof sid === 'string' ? { sessionId: sid } : {}),
    ...(typeof grantId === 'string' ? { grantId } : {}),
  }
}

function boundOf(cnf: unknown): VerifiedAccessToken['bound'] {
  if (typeof cnf !== 'object' || cnf === null) return {}
  return {
    ...('jkt' in cnf && typeof cnf.jkt === 'string' ? { jkt: cnf.jkt } : {}),
    ...('x5t#S256' in cnf && typeof cnf['x5t#S256'] === 'string' ? { 'x5t#S256': cnf['x5t#S256'] } : {}),
  }
}
