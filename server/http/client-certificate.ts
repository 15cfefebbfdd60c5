// The certificate of a client (RFC 8705): the proxy that ends TLS hands it over in a header. It is taken from proxies that were
// named and from nobody else (RFC 9700 §4.13): whoever could write that header could be every client.
import { X509Certificate } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Clock } from '../../config/clock.ts'
import { createProxyTrust } from './client-address.ts'

/** Finds a request's client certificate. One that is not valid yet, or no longer, is none. */
export type ClientCertificate = (request: Pick<IncomingMessage, 'headers' | 'socket'>) => X509Certificate | undefined

/** Makes the finder. */
export function createClientCertificate(deps: {
  /** In lower case. */
  readonly header: string
  /** Addresses and CIDR ranges of the proxies. */
  readonly trustProxy: readonly string[]
  readonly clock: Clock
}): ClientCertificate {
  const isTrusted = createProxyTrust(deps.trustProxy)
  return ({ headers, socket }) => {
    const value = headers[deps.header]
    // Whoever speaks to us must be the proxy itself: what an address further away wrote, the proxy may have passed on.
    if (typeof value !== 'string' || !isTrusted(socket.remoteAddress ?? '')) return undefined
    const certificate = read(value)
    const now = deps.clock()
    const valid =
      certificate !== undefined && certificate.validFromDate.getTime() <= now && now <= certificate.validToDate.getTime()
    return valid ? certificate : undefined
  }
}

/** RFC 9440 §2.1: the DER between colons. */
const BYTES = /^:([A-Za-z0-9+/]{1,16384}={0,2}):$/

/** What nginx calls `$ssl_client_escaped_cert`, and others much the same: one PEM certificate, percent-encoded. */
const PEM = /^-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]{1,16384}-----END CERTIFICATE-----\s*$/

function read(value: string): X509Certificate | undefined {
  try {
    const [, bytes] = BYTES.exec(value) ?? []
    if (bytes !== undefined) return new X509Certificate(Buffer.from(bytes, 'base64'))
    const pem = decodeURIComponent(value)
    return PEM.test(pem) ? new X509Certificate(pem) : undefined
  } catch {
    // Whatever cannot be read is no certificate, and is refused where one is needed.
    return undefined
  }
}
