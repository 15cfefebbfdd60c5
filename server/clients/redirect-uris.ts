// The addresses that a client may register. Redirect URIs are compared as exact strings (RFC 9700 §2.1), so what is
// registered must be the one spelling of an address that cannot be read in two ways.
import { isLoopbackHost } from '../../config/loopback.ts'

/** RFC 7591 §2 `application_type`. */
export type ApplicationType = 'web' | 'native'

/** Hosts on which the library lets a native app choose its port (RFC 8252 §7.3). */
const NATIVE_LOOPBACK_HOSTS = ['localhost', '127.0.0.1', '[::1]']

const LONGEST_URI = 2000

/**
 * Why a redirect URI (or a post-logout redirect URI) cannot be registered; undefined when it can.
 * https for all; http on this machine only; schemes of their own for native apps only.
 */
export function redirectUriFault(uri: string, applicationType: ApplicationType): string | undefined {
  const spelling = spellingFault(uri)
  if (spelling !== undefined) return spelling
  const { protocol, hostname } = new URL(uri)
  if (protocol === 'https:') {
    return applicationType === 'native' && NATIVE_LOOPBACK_HOSTS.includes(hostname)
      ? 'a native app uses http on this machine (RFC 8252 §7.3), or https on a host of its own'
      : undefined
  }
  if (protocol === 'http:') return httpFault(hostname, applicationType)
  // RFC 8252 §7.1: a private-use scheme is a reversed domain name, so it has a dot. This also keeps out javascript:,
  // data:, vbscript:, file: and every other scheme that means something to a browser.
  if (!/^[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+:$/.test(protocol)) return `the scheme ${protocol} is not for redirects`
  return applicationType === 'native'
    ? undefined
    : `a scheme of its own (${protocol}) is for clients with application_type native`
}

/** Why an address that the server itself calls (back-channel logout, keys) cannot be registered. */
export function calledUriFault(uri: string): string | undefined {
  const spelling = spellingFault(uri)
  if (spelling !== undefined) return spelling
  const { protocol, hostname } = new URL(uri)
  if (protocol === 'https:' || (protocol === 'http:' && isLoopbackHost(hostname))) return undefined
  return 'it must be https, or http on this machine'
}

/** Why an address that people are shown as a link cannot be registered. */
export function shownUriFault(uri: string): string | undefined {
  const parsed = uri.length <= LONGEST_URI ? URL.parse(uri) : null
  if (parsed === null || /[\s\\\p{Cc}]/u.test(uri)) return 'it is not a URL'
  if (parsed.username !== '' || parsed.password !== '') return 'it must not have a user name'
  return parsed.protocol === 'https:' || parsed.protocol === 'http:' ? undefined : 'it must be http or https'
}

function httpFault(hostname: string, applicationType: ApplicationType): string | undefined {
  const here = applicationType === 'native' ? NATIVE_LOOPBACK_HOSTS.includes(hostname) : isLoopbackHost(hostname)
  // RFC 9700 §2.6: codes must not cross a network in clear.
  return here ? undefined : 'http is for this machine only (localhost, 127.0.0.1, [::1]); use https'
}

/** What is wrong with the writing of an address, whatever it is for. */
function spellingFault(uri: string): string | undefined {
  if (uri.length > LONGEST_URI) return `it is longer than ${LONGEST_URI} characters`
  if (/\*|%2a/i.test(uri)) return 'wildcards are not possible: register each address by itself'
  const parsed = URL.parse(uri)
  if (parsed === null) return 'it is not an absolute URI'
  // RFC 6749 §3.1.2: no fragment, not even an empty one.
  if (uri.includes('#')) return 'it must not have a fragment'
  if (parsed.username !== '' || parsed.password !== '') return 'it must not have a user name'
  if (hidesSegments(uri)) return 'it must not have dots or slashes in percent-encoding'
  // One spelling: no upper case in the host, no default port, no dot segments, backslashes, tabs or line breaks.
  if (parsed.href !== uri && parsed.href !== `${uri}/`) return `it must be written ${JSON.stringify(parsed.href.slice(0, 200))}`
  return undefined
}

/** Encoded once or more: some proxies decode before they compare. */
function hidesSegments(uri: string): boolean {
  return /%(?:25)*(?:2e|2f|5c|00)/i.test(uri.split('?')[0] ?? '')
}
