// Hands a logout token to a client (OpenID Connect Back-Channel Logout 1.0 §2.5): one request to an address that somebody else
// wrote down, so that nothing is followed, little is waited for and nothing that comes back is kept.
import { type ClientRequest, type RequestOptions, request as requestByHttp } from 'node:http'
import { request as requestByHttps } from 'node:https'
import { errorCode } from '../../config/faults.ts'
import { AddressRefused, type AllowedAddresses } from './allowed-addresses.ts'

/** What a client answered, or what kept it from answering, in words. */
export type Exchange =
  | { readonly accepted: true; readonly status: number }
  | { readonly accepted: false; readonly status: number | undefined; readonly error: string }

/** Posts a logout token. It does not throw; when the signal breaks it off, there was no answer. */
export type PostLogoutToken = (uri: string, logoutToken: string, signal: AbortSignal) => Promise<Exchange>

/** For all of it: the name, the connection, TLS and the answer. */
export const LONGEST_EXCHANGE_MS = 5000

/** Of an answer's body, which is not looked at, as much is let in before the connection is closed. */
const LONGEST_BODY = 16 * 1024

/** Makes the function. */
export function createClientEndpoint(deps: {
  readonly addresses: AllowedAddresses
  readonly longestExchangeMs?: number
}): PostLogoutToken {
  const { addresses, longestExchangeMs = LONGEST_EXCHANGE_MS } = deps
  return async (uri, logoutToken, signal) => {
    const timeOut = AbortSignal.timeout(longestExchangeMs)
    try {
      const url = new URL(uri)
      addresses.checkHost(url.hostname)
      const status = await send(url, logoutToken, { lookup: addresses.lookup, signal: AbortSignal.any([signal, timeOut]) })
      // §2.8 has 200; many frameworks answer 204 where there is nothing to say.
      return status === 200 || status === 204 ? { accepted: true, status } : { accepted: false, status, error: wordsFor(status) }
    } catch (error) {
      const words = timeOut.aborted ? `it did not answer within ${longestExchangeMs / 1000} seconds` : wordsOf(error)
      return { accepted: false, status: undefined, error: words }
    }
  }
}

function send(url: URL, logoutToken: string, options: Pick<RequestOptions, 'lookup' | 'signal'>): Promise<number> {
  const body = Buffer.from(new URLSearchParams({ logout_token: logoutToken }).toString())
  const headers = {
    Accept: '*/*',
    'Content-Type': 'application/x-www-form-urlencoded',
    'Content-Length': body.length,
    'User-Agent': 'Latchkey',
  }
  return new Promise((resolve, reject) => {
    // A connection of its own each time: one that was let in is never used for another name.
    const sent: ClientRequest = (url.protocol === 'https:' ? requestByHttps : requestByHttp)(
      url,
      { ...options, method: 'POST', headers, agent: false },
      (response) => {
        let length = 0
        response.on('error', () => undefined)
        response.on('data', (chunk: Buffer) => {
          length += chunk.length
          if (length > LONGEST_BODY) response.destroy()
        })
        resolve(response.statusCode ?? 0)
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

function wordsFor(status: number): string {
  // §2.8: the client finds fault with the token. Often it is set up wrongly, and takes the next one when that was seen to.
  if (status === 400) return 'it refuses the logout token (400)'
  if (status >= 300 && status < 400) return `it redirects (${status}), which is not followed`
  return `it answered ${status}`
}

/** Nothing of what a client sends gets into words that an operator reads. */
function wordsOf(error: unknown): string {
  if (error instanceof AddressRefused) return error.message
  const code = errorCode(error)
  return WORDS[code] ?? (/^[A-Z][A-Z0-9_]{1,60}$/.test(code) ? `it cannot be reached (${code})` : 'it cannot be reached')
}

const WORDS: { readonly [code: string]: string } = {
  ENOTFOUND: 'its host name leads nowhere (ENOTFOUND)',
  EAI_AGAIN: 'its host name cannot be looked up just now (EAI_AGAIN)',
  ECONNREFUSED: 'nobody listens at its address (ECONNREFUSED)',
  ECONNRESET: 'it broke the connection off (ECONNRESET)',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
}
