// An access token, verified by itself: signature, type, issuer, audience and time (RFC 9068 §4). Whether it was revoked, and
// whether it is in the right hands, others look.
import { base64url, errors, type JWTVerifyGetKey, type JWTVerifyOptions, jwtVerify, UnsecuredJWT } from 'jose'
import type { ServerTime } from './clock.ts'
import { GuardError, InvalidToken, type InvalidTokenReason, KeysUnavailable } from './errors.ts'
import type { Keys } from './keys.ts'
import type { Settled } from './options.ts'

/** The claims of a good access token. */
export interface AccessToken {
  readonly iss: string
  /** Whom it speaks for: an account, or the client itself. */
  readonly sub: string
  readonly aud: string | readonly string[]
  readonly exp: number
  readonly iat: number
  readonly jti: string
  readonly client_id: string
  readonly scope?: string
  /** The session it was got in. */
  readonly sid?: string
  /** The grant it hangs from. */
  readonly grant_id?: string
  readonly auth_time?: number
  readonly acr?: string
  readonly amr?: readonly string[]
  readonly roles?: readonly string[]
  /** The key it is bound to. */
  readonly cnf?: Readonly<Record<string, unknown>>
  readonly [claim: string]: unknown
}

/** A token, and the key that signed it. */
export interface VerifiedToken {
  readonly claims: AccessToken
  readonly kid: string
}

/** Verifies. @throws InvalidToken @throws KeysUnavailable */
export type TokenVerification = (token: string) => Promise<VerifiedToken>

/** Longer than any token of the server, and short enough to be looked at. */
const MAX_CHARACTERS = 16_384

export function createTokenVerification(settled: Settled, keys: Pick<Keys, 'get' | 'has'>, time: ServerTime): TokenVerification {
  const { issuer, audience, algorithms, clockToleranceSeconds } = settled
  const rules: JWTVerifyOptions = {
    // RFC 9068 §4: an ID token is signed by the same keys, and its type tells it apart.
    typ: 'at+jwt',
    algorithms: [...algorithms],
    issuer,
    audience,
    clockTolerance: clockToleranceSeconds,
    // RFC 9068 §2.2.
    requiredClaims: ['exp', 'iat', 'jti', 'sub', 'client_id'],
  }
  const rulesNow = () => ({ ...rules, currentDate: new Date(time.seconds() * 1000) })

  const keyOf: JWTVerifyGetKey = (header, token) => {
    // What its own words condemn is not good, whoever signed it: for that nobody is asked for a key, and nobody waits.
    if (!keys.has(header.kid)) claimsOf(unverifiedClaims(header.typ, String(token.payload), rulesNow()))
    return keys.get(header, token)
  }

  return async (token) => {
    if (token.length > MAX_CHARACTERS) throw new InvalidToken('malformed', 'The access token is too long.')
    try {
      const { payload, protectedHeader } = await jwtVerify(token, keyOf, rulesNow())
      return { claims: claimsOf(payload), kid: String(protectedHeader.kid) }
    } catch (error) {
      throw refusalOf(error)
    }
  }
}

/** By the same rules, as if nobody had signed it. @throws what jwtVerify throws of claims */
function unverifiedClaims(typ: unknown, payload: string, rules: JWTVerifyOptions) {
  const header = base64url.encode(JSON.stringify({ alg: 'none', typ }))
  return UnsecuredJWT.decode(`${header}.${payload}.`, rules).payload
}

/** The signature says who wrote the claims, and not that they are of the right kind. */
function claimsOf(payload: Readonly<Record<string, unknown>>): AccessToken {
  const { aud, sub, jti, client_id, scope, cnf } = payload
  // The server makes tokens for one API each. One that is good for others too could be passed on to us by any of them.
  if (typeof aud !== 'string') throw new InvalidToken('audience', 'The access token is not for this API alone.')
  const texts = [sub, jti, client_id, scope ?? ''].every((claim) => typeof claim === 'string')
  const bound = cnf === undefined || (typeof cnf === 'object' && cnf !== null)
  if (!texts || !bound) throw new InvalidToken('claims', 'The access token has claims of the wrong kind.')
  return payload as AccessToken
}

function refusalOf(error: unknown): GuardError {
  if (error instanceof GuardError) return error
  if (error instanceof errors.JWTExpired) return new InvalidToken('expired', 'The access token has expired.', { cause: error })
  if (error instanceof errors.JWTClaimValidationFailed) {
    const [reason, words] = CLAIMS[error.claim] ?? CLAIM
    return new InvalidToken(reason, words, { cause: error })
  }
  if (error instanceof errors.JWSSignatureVerificationFailed || error instanceof errors.JOSEAlgNotAllowed) {
    return new InvalidToken('signature', 'The signature of the access token is not good.', { cause: error })
  }
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) {
    return new InvalidToken('signature', 'The access token is not signed by a key of the authorization server.', { cause: error })
  }
  if (error instanceof errors.JOSEError) return new InvalidToken('malformed', 'The access token is malformed.', { cause: error })
  // A key that this runtime cannot work with, and nothing that the token has done.
  return new KeysUnavailable('The signature of the access token cannot be checked', {
    fix: 'See that this runtime knows the algorithms of the keys of the authorization server.',
    cause: error,
  })
}

const CLAIM: readonly [InvalidTokenReason, string] = ['claims', 'The access token has a claim missing or of the wrong kind.']

const CLAIMS: { readonly [claim: string]: readonly [InvalidTokenReason, string] } = {
  typ: ['type', 'The token is no access token.'],
  iss: ['issuer', 'The access token is of another authorization server.'],
  aud: ['audience', 'The access token is for another API.'],
  nbf: ['not yet', 'The access token is not good yet.'],
  exp: ['claims', 'The access token has no good expiry.'],
}
