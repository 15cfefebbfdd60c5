// How an API decides whether a request may pass: it verifies the access token by itself, which costs no request, and then
// asks the authorization server whether the token has been revoked meanwhile.
import { createRemoteJWKSet, errors, type JWTVerifyGetKey, jwtVerify } from 'jose'

/** What there is to know about the authorization server, and about this API as its client. */
export interface AccessTokenOptions {
  /** The authorization server. */
  readonly issuer: string
  /** What this API is called in `aud`: its resource identifier (RFC 8707). */
  readonly audience: string
  /** The credentials with which this API asks about tokens (RFC 7662). */
  readonly clientId: string
  readonly clientSecret: string
}

/** An access token that is good, now, for this API. */
export interface AccessToken {
  readonly subject: string
  readonly clientId: string
  readonly scopes: ReadonlySet<string>
}

/** The token is not good: the request is answered with 401 and `invalid_token` (RFC 6750 §3.1). */
export class TokenRefused extends Error {}

/** The authorization server cannot be asked. A request that cannot be checked is not let in: it is answered with 503. */
export class IssuerUnavailable extends Error {}

/** Only these, whatever a token says of itself: never `none`, and never HS256, for which our public key would be the secret. */
const ALGORITHMS = ['ES256', 'RS256', 'PS256', 'EdDSA']

interface Issuer {
  readonly keys: JWTVerifyGetKey
  readonly introspectionEndpoint: string
}

/** Makes the check. @throws TokenRefused @throws IssuerUnavailable from what it returns */
export function createAccessTokenCheck(options: AccessTokenOptions): (token: string) => Promise<AccessToken> {
  let discovered: Promise<Issuer> | undefined

  /** The server's addresses, asked for once; again when asking failed. */
  function issuer(): Promise<Issuer> {
    discovered ??= discover(options.issuer).catch((error: unknown) => {
      discovered = undefined
      throw error
    })
    return discovered
  }

  return async (token) => {
    const { keys, introspectionEndpoint } = await issuer()
    const accessToken = await verify(token, keys, options)
    if (!(await isActive(token, introspectionEndpoint, options))) throw new TokenRefused('the token has been revoked')
    return accessToken
  }
}

/** RFC 8414, at the address of OpenID Connect Discovery. */
async function discover(issuer: string): Promise<Issuer> {
  const metadata = await askForJson(`${issuer}/.well-known/openid-configuration`)
  // RFC 8414 §3.3: the issuer that is named MUST be the one that was asked.
  if (metadata.issuer !== issuer) throw new IssuerUnavailable(`${issuer} calls itself ${String(metadata.issuer)}`)
  const keys = createRemoteJWKSet(new URL(String(metadata.jwks_uri)), { timeoutDuration: 5000 })
  return { keys, introspectionEndpoint: String(metadata.introspection_endpoint) }
}

/** RFC 9068 §4: what a resource server must check of a JWT access token. */
async function verify(token: string, keys: JWTVerifyGetKey, { issuer, audience }: AccessTokenOptions): Promise<AccessToken> {
  try {
    const { payload } = await jwtVerify(token, keys, {
      // An ID token is signed by the same keys: its `typ` tells it apart.
      typ: 'at+jwt',
      algorithms: ALGORITHMS,
      issuer,
      audience,
      requiredClaims: ['exp', 'iat', 'jti', 'sub', 'client_id'],
    })
    const { sub, client_id, scope } = payload
    const scopes = new Set(typeof scope === 'string' ? scope.split(' ') : [])
    return { subject: String(sub), clientId: String(client_id), scopes }
  } catch (error) {
    // Keys that cannot be fetched say nothing about the token.
    if (error instanceof errors.JWKSTimeout || !(error instanceof errors.JOSEError)) throw new IssuerUnavailable('no keys')
    if (error.code === 'ERR_JOSE_GENERIC') throw new IssuerUnavailable('no keys')
    throw new TokenRefused(error instanceof errors.JWTExpired ? 'the token has expired' : 'the token is not valid here')
  }
}

/** RFC 7662: a token that is fine by itself may have been revoked since it was issued. */
async function isActive(token: string, endpoint: string, { clientId, clientSecret }: AccessTokenOptions): Promise<boolean> {
  // RFC 6749 §2.3.1: both parts are form-encoded before they are joined.
  const credentials = Buffer.from(`${formEncoded(clientId)}:${formEncoded(clientSecret)}`).toString('base64')
  const answer = await askForJson(endpoint, {
    method: 'POST',
    headers: { authorization: `Basic ${credentials}` },
    body: new URLSearchParams({ token, token_type_hint: 'access_token' }),
  })
  return answer.active === true
}

async function askForJson(url: string, request: RequestInit = {}): Promise<Record<string, unknown>> {
  try {
    const response = await fetch(url, { ...request, redirect: 'error', signal: AbortSignal.timeout(5000) })
    const body: unknown = await response.json()
    if (response.ok && typeof body === 'object' && body !== null) return body as Record<string, unknown>
    throw new Error(`it answered ${response.status}`)
  } catch (error) {
    throw new IssuerUnavailable(`${url} cannot be asked`, { cause: error })
  }
}

function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1)
}
