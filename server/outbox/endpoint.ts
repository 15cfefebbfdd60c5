// Posts something to an address that somebody else wrote down: one request, so that nothing is followed, little is waited for and
// nothing that comes back is kept.
import { type ClientRequest, type IncomingMessage, request as requestByHttp } from 'node:http'
import { request as requestByHttps } from 'node:https'
import type { LookupFunction } from 'node:net'
import type { Duplex } from 'node:stream'
import { errorCode } from '../../config/faults.ts'
import { AddressRefused, type AllowedAddresses } from './allowed-addresses.ts'
import { LONGEST_EXCHANGE_MS, type TimeFor, timeFor } from './time-for.ts'

/** What is posted. */
export interface OutgoingMessage {
  readonly body: string
  /** With its `Content-Type`. */
  readonly headers: { readonly [name: string]: string }
}

/** The status of an answer, or in words what kept it from coming. */
export type Answer = { readonly status: number } | { readonly status: undefined; readonly error: string }

/** Posts. It does not throw; when the signal breaks it off, there was no answer. */
export type Post = (uri: string, message: OutgoingMessage, signal: AbortSignal) => Promise<Answer>

/** Of an answer's body, which is not looked at, as much is let in before the connection is closed. */
const LONGEST_BODY = 16 * 1024

/** Makes the function. */
export function createPost(deps: { readonly addresses: AllowedAddresses; readonly longestExchangeMs?: number }): Post {
  const { addresses, longestExchangeMs = LONGEST_EXCHANGE_MS } = deps
  return async (uri, message, signal) => {
    const time = timeFor(longestExchangeMs, signal)
    try {
      const url = new URL(uri)
      addresses.checkHost(url.hostname)
      return { status: await send(url, message, { lookup: addresses.lookup, time }) }
    } catch (error) {
      time[Symbol.dispose]()
      const words = time.isUp ? `it did not answer within ${longestExchangeMs / 1000} seconds` : wordsOf(error)
      return { status: undefined, error: words }
    }
  }
}

/** What an operator reads of an answer that is no yes. */
export function wordsForStatus(status: number): string {
  if (status >= 300 && status < 400) return `it redirects (${status}), which is not followed`
  return `it answered ${status}`
}

function send(
  url: URL,
  message: OutgoingMessage,
  { lookup, time }: { readonly lookup: LookupFunction; readonly time: TimeFor },
): Promise<number> {
  const { signal } = time
  const body = Buffer.from(message.body)
  const headers = { Accept: '*/*', 'User-Agent': 'Latchkey', ...message.headers, 'Content-Length': body.length }
  return new Promise((resolve, reject) => {
    // Whatever Node says of the exchange, or does not say, nobody waits any longer.
    signal.throwIfAborted()
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    // A connection of its own each time: one that was let in is never used for another name.
    const sent: ClientRequest = (url.protocol === 'https:' ? requestByHttps : requestByHttp)(
      url,
      { lookup, signal, method: 'POST', headers, agent: false },
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
    // Another protocol than was asked for: of that there is neither an answer nor an error.
    for (const event of ['upgrade', 'connect'] as const)
      sent.on(event, (response: IncomingMessage, socket: Duplex) => {
        socket.destroy()
        resolve(response.statusCode ?? 0)
      })
    sent.on('error', reject)
    sent.on('close', () => {
      // Not before: a body that drips has no more time than the answer.
      time[Symbol.dispose]()
      reject(Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' }))
    })
    sent.end(body)
  })
}

/** Nothing of what the other side sends gets into words that an operator reads. */
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
