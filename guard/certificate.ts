// Client certificates: the thumbprint by which a token names one (RFC 8705 §3.1).
import { base64url } from 'jose'

/** `x5t#S256` of a certificate; undefined when what was passed in is none. */
export async function thumbprintOf(certificate: string | Uint8Array): Promise<string | undefined> {
  const der = typeof certificate === 'string' ? derOf(certificate) : certificate
  if (der === undefined || der.length === 0) return undefined
  return base64url.encode(new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(der))))
}

/** PEM, or bare base64 of DER. */
function derOf(text: string): Uint8Array | undefined {
  const pem = /-----BEGIN CERTIFICATE-----([\s\S]+?)-----END CERTIFICATE-----/.exec(text)?.[1] ?? text
  try {
    return Uint8Array.from(atob(pem.replace(/\s+/g, '')), (character) => character.charCodeAt(0))
  } catch {
    return undefined
  }
}
