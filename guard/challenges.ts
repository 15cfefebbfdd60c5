// What a refusal says in its headers: the challenges of RFC 6750 §3 and RFC 9449 §7.1, with the address of the metadata
// (RFC 9728 §5.1), and when to try again.
import { type GuardError, InsufficientScope, InvalidProof, InvalidToken, MissingToken, Unavailable } from './errors.ts'
import { PROOF_ALGORITHMS } from './proof.ts'

/** A refusal, ready to be answered. */
export interface Refusal {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: { readonly error: string; readonly error_description: string }
}

/** The headers for an error. `scheme` is how the token was shown; `neededScope` is told to whoever has no token yet. */
export function headersFor(
  error: GuardError,
  about: { readonly scheme: 'Bearer' | 'DPoP'; readonly metadataUrl: string | undefined; readonly neededScope: string },
): Record<string, string> {
  if (error instanceof Unavailable) return { 'Retry-After': String(error.retryAfterSeconds) }
  if (error.status >= 500) return {}
  const bound = error instanceof InvalidProof || (error instanceof InvalidToken && error.reason === 'proof')
  const scheme = bound ? 'DPoP' : about.scheme
  const scope = error instanceof InsufficientScope || error instanceof MissingToken ? about.neededScope : ''
  const parameters = [
    ['error', error.code],
    // RFC 6750 §3.1: nothing is explained to whoever sent nothing.
    ['error_description', error.code === undefined ? undefined : error.message],
    ['scope', scope === '' ? undefined : scope],
    ['algs', scheme === 'DPoP' ? PROOF_ALGORITHMS.join(' ') : undefined],
    ['resource_metadata', about.metadataUrl],
  ].filter((parameter): parameter is [string, string] => parameter[1] !== undefined)
  return {
    'WWW-Authenticate': [scheme, parameters.map(([name, value]) => `${name}="${quotable(value)}"`).join(', ')].join(' ').trim(),
  }
}

/** The answer for an error of the guard. What has to be fixed here is for the log, not for the caller. */
export function refusalFor(error: GuardError): Refusal {
  const headers = { ...error.headers, 'Cache-Control': 'no-store' }
  const unavailable = error instanceof Unavailable
  const description = unavailable ? 'Access tokens cannot be checked just now.' : error.message
  return { status: error.status, headers, body: { error: error.code ?? 'invalid_token', error_description: description } }
}

/** RFC 6750 §3: no quotes and backslashes, and nothing beyond ASCII. */
function quotable(text: string): string {
  return text.replace(/["\\]/g, "'").replace(/[^\x20-\x7e]/g, '?')
}
