// The client's address. Only proxies that were named may tell it; anybody else's X-Forwarded-For is not read at all.
import type { IncomingMessage } from 'node:http'
import ipaddr from 'ipaddr.js'

/** Finds a request's client address. */
export type ClientAddress = (request: Pick<IncomingMessage, 'headers' | 'socket'>) => string

/** Makes the finder. `trusted` are addresses and CIDR ranges of proxies in front of the server. */
export function createClientAddress(trusted: readonly string[]): ClientAddress {
  const isTrusted = createProxyTrust(trusted)
  return ({ headers, socket }) => {
    let address = normalise(socket.remoteAddress ?? '')
    const forwarded = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',')
    // From the right, each proxy has written down who spoke to it; the first one that is not ours is the client.
    while (isTrusted(address) && forwarded.length > 0) {
      const told = normalise(forwarded.pop() ?? '')
      if (parse(told) === undefined) break
      address = told
    }
    return address
  }
}

/** Makes the judge of whether an address is that of a proxy of ours. */
export function createProxyTrust(trusted: readonly string[]): (address: string) => boolean {
  const ranges = trusted.map(parseRange)
  return remembered((address) => {
    const parsed = parse(address)
    return (
      parsed !== undefined && ranges.some(([network, bits]) => network.kind() === parsed.kind() && parsed.match(network, bits))
    )
  })
}

/** What counts as one place: an IPv4 address, or the network of an IPv6 one, of which each customer has a whole /64. */
export const addressKey: (address: string) => string = remembered((address) => {
  const parsed = parse(address)
  if (!(parsed instanceof ipaddr.IPv6)) return parsed?.toString() ?? 'unknown'
  return `${parsed.toByteArray().slice(0, 8).join('.')}/64`
})

/** The same place, as people write it: `192.0.2.7`, `2001:db8:0:1::/64`. */
export function placeOf(address: string): string {
  const parsed = parse(address)
  if (!(parsed instanceof ipaddr.IPv6)) return parsed?.toString() ?? 'unknown'
  return `${new ipaddr.IPv6([...parsed.parts.slice(0, 4), 0, 0, 0, 0])}/64`
}

/** One way of writing an address; an IPv4 address in IPv6 clothes is the IPv4 address (RFC 4291 §2.5.5.2). */
const normalise = remembered((address) => parse(address)?.toString() ?? address.trim())

function parse(address: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  const text = address
    .trim()
    .replace(/^\[(.*)\](?::\d+)?$/, '$1')
    .replace(/%.*$/, '')
    .replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1')
  return ipaddr.isValid(text) ? ipaddr.process(text) : undefined
}

function parseRange(range: string): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  if (range.includes('/')) return ipaddr.parseCIDR(range)
  const address = ipaddr.process(range)
  return [address, address.kind() === 'ipv4' ? 32 : 128]
}

/** As many addresses are remembered; then all are forgotten. */
const MOST_REMEMBERED = 1000

/** What is longer is no address, but something that somebody has made up. */
const LONGEST_ADDRESS = 64

/** The same function, which works out once what it is asked again and again: an address is in use for many requests. */
function remembered<Answer>(work: (address: string) => Answer): (address: string) => Answer {
  const known = new Map<string, Answer>()
  return (address) => {
    const answer = known.get(address)
    if (answer !== undefined) return answer
    const made = work(address)
    if (address.length > LONGEST_ADDRESS) return made
    if (known.size >= MOST_REMEMBERED) known.clear()
    known.set(address, made)
    return made
  }
}
