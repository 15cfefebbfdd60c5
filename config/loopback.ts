// Which hosts are this machine itself.
import { isIPv4 } from 'node:net'

/**
 * Says whether the host of a URL is this machine: `localhost`, 127.0.0.0/8 or `[::1]`, as `URL.hostname` writes them.
 * Names that only begin or end so (`localhost.evil.example`) are not.
 */
export function isLoopbackHost(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || (isIPv4(hostname) && hostname.startsWith('127.'))
}
