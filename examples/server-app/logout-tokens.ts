// What the authorization server sends when a session is over there (OpenID Connect Back-Channel Logout 1.0): a logout token. It comes
// without a browser and without a cookie, so it is believed for its signature alone.
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from 'jose'

/** Whose sign-in is over: with `sid`, those of that session; without, all of that person's. */
export interface SignedOut {
  readonly sid: string | undefined
  readonly sub: string | undefined
}

/** Reads logout tokens. */
export interface LogoutTokens {
  /** Undefined for everything that is not a good logout token for this app, or that has been read before. */
  read(token: string): Promise<SignedOut | undefined>
}

const EVENT = 'http://schemas.openid.net/event/backchannel-logout'

/** Makes the reader. `keysUrl` is where the server's keys are. */
export function createLogoutTokens(options: {
  readonly issuer: string
  readonly clientId: string
  readonly keysUrl: () => Promise<URL>
}): LogoutTokens {
  const { issuer, clientId, keysUrl } = options
  const seen = new Map<string, number>()
  let keys: ReturnType<typeof createRemoteJWKSet> | undefined

  /** A token is read once. One that has expired is refused anyway, so that it need not be remembered. */
  function isNew({ jti, exp }: JWTPayload): boolean {
    const now = Date.now() / 1000
    for (const [known, end] of seen) if (end < now) seen.delete(known)
    if (jti === undefined || exp === undefined || seen.has(jti)) return false
    seen.set(jti, exp)
    return true
  }

  return {
    async read(token) {
      keys ??= createRemoteJWKSet(await keysUrl())
      // `typ` keeps out ID tokens and access tokens; the algorithm is the one that this app has its ID tokens signed with.
      const checks = {
        issuer,
        audience: clientId,
        typ: 'logout+jwt',
        algorithms: ['RS256'],
        requiredClaims: ['iat', 'exp', 'jti'],
      }
      try {
        const { payload } = await jwtVerify(token, keys, checks)
        return isLogout(payload) && isNew(payload) ? { sid: textOf(payload.sid), sub: payload.sub } : undefined
      } catch (error) {
        // That the keys cannot be fetched is no fault of the token.
        if (error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout)) return undefined
        throw error
      }
    },
  }
}

/** §2.4 and §2.6: the event, somebody whom it concerns, and no nonce, which would make it an ID token. */
function isLogout({ events, sid, sub, nonce }: JWTPayload): boolean {
  if (typeof events !== 'object' || events === null || nonce !== undefined) return false
  const event: unknown = Reflect.get(events, EVENT)
  return typeof event === 'object' && event !== null && (textOf(sid) ?? sub) !== undefined
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
