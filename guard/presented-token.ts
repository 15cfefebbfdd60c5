// How a token comes with a request (RFC 6750 §2.1, RFC 9449 §7.1): in the Authorization header, and nowhere else.
import { InvalidRequest, MissingToken } from './errors.ts'

/** What of a request the guard looks at. */
export interface RequestPieces {
  /** The header. */
  readonly authorization?: string | undefined
  /** The header, for tokens that are bound to a key. Several are several headers. */
  readonly dpop?: string | readonly string[] | undefined
  readonly method?: string | undefined
  /** The address as the client sees it. */
  readonly url?: string | undefined
  /** The client's certificate, PEM or DER, for tokens that are bound to one. */
  readonly certificate?: string | Uint8Array | undefined
}

/** A token, and how it was shown. */
export interface PresentedToken {
  readonly token: string
  readonly scheme: 'Bearer' | 'DPoP'
  readonly pieces: RequestPieces
}

const SCHEME = /^(Bearer|DPoP) +/i
/**
 * The token of a request, or of an Authorization header, or a bare token.
 * @throws MissingToken @throws InvalidRequest
 */
export function presentedToken(from: string | RequestPieces | undefined): PresentedToken {
  const pieces = typeof from === 'object' ? from : { authorization: from }
  const { authorization } = pieces
  if (authorization === undefined || authorization === '' || authorization === 'Bearer ') throw new MissingToken()
  const [credentials = '', scheme = ''] = SCHEME.exec(authorization) ?? []
  const bare = scheme === '' && typeof from === 'string' && !from.includes(' ')
  const token = authorization.slice(credentials.length)
  if (token === '' || (scheme === '' && !bare)) throw noCredentials()
  return { token, scheme: /^dpop$/i.test(scheme) ? 'DPoP' : 'Bearer', pieces }
}

/** What is in no token at all (RFC 9110 §11.2, `token68`). */
const NO_TOKEN = /[^A-Za-z0-9._~+/=-]/

/**
 * Whether something that turned out to be no JWT could be a token at all. It is not asked before: reading every character of every
 * token would cost more than the look-ups do.
 */
export function isToken({ token }: PresentedToken): boolean {
  return !NO_TOKEN.test(token)
}

/** What is answered to a header that has no token. */
export function noCredentials(): InvalidRequest {
  return new InvalidRequest('The Authorization header must be `Bearer` or `DPoP` and one access token.')
}
