// Fetching the keys of a client (`jwks_uri`, RFC 7517): the one request that the server makes to an address that somebody
// else wrote down.

/** How long a client's keys may take, in milliseconds. */
const TIME_LIMIT_MS = 2500

/**
 * The library's `fetch`. The library hands over a dispatcher that breaks off connections to addresses of private networks
 * and of this machine, whatever name leads there; without it, it would only warn and go on.
 * @throws TypeError when the address redirects, or when the dispatcher is missing
 */
export function fetchKeys(url: string | URL | Request, options: RequestInit = {}): Promise<Response> {
  if (!('dispatcher' in options) || options.dispatcher === undefined) {
    return Promise.reject(new TypeError('this runtime cannot keep requests away from private networks'))
  }
  return globalThis.fetch(url, { ...options, redirect: 'error', signal: AbortSignal.timeout(TIME_LIMIT_MS) })
}
