// Which addresses the server may connect to at the word of a registration. Behind the server are networks that trust it, and
// whoever registers something, or answers for its name, must not reach into them through it.
import type { LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'
import { createNameLookup, type LookUpName } from './name-lookup.ts'

/** An address is private, and no setting names it. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused'

  constructor(address: string, setting: string) {
    super(`its address ${address} is private, and ${setting} does not name it`)
  }
}

/** The judge of addresses. */
export interface AllowedAddresses {
  /** @throws AddressRefused for the host of a URL when it is an address that may not be connected to; names are not looked up */
  checkHost(hostname: string): void
  /** Looks a name up, and gives only addresses that may be connected to: the very ones that then are. */
  readonly lookup: LookupFunction
}

/** All of the Internet, as IPv6 has it (RFC 4291 §2.4); what lies outside has other uses, some of them old ways to write IPv4. */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3')

/** Makes the judge. */
export function createAllowedAddresses(deps: {
  /** Addresses and CIDR ranges of private networks that may be connected to all the same. */
  readonly ranges: readonly string[]
  /** The variable that they come from, for those who must change it. */
  readonly setting: string
  readonly resolve?: LookUpName
}): AllowedAddresses {
  const { ranges, setting, resolve = createNameLookup() } = deps
  const named = ranges.map(rangeOf)

  function isAllowed(text: string): boolean {
    // An IPv4 address in IPv6 clothes is the IPv4 address.
    const address = ipaddr.isValid(text) ? ipaddr.process(text) : undefined
    if (address === undefined) return false
    if (named.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits))) return true
    if (address.range() !== 'unicast') return false
    return address instanceof ipaddr.IPv4 || address.match(GLOBAL_IPV6)
  }

  return {
    checkHost(hostname) {
      const host = hostname.replace(/^\[|\]$/g, '')
      if (isIP(host) > 0 && !isAllowed(host)) throw new AddressRefused(host, setting)
    },

    lookup(hostname, options, callback) {
      resolve(hostname, (error, found) => {
        if (error !== null) {
          callback(error, [])
          return
        }
        const allowed = found.filter(({ address }) => isAllowed(address))
        const [first] = allowed
        if (first === undefined) callback(new AddressRefused(found[0]?.address ?? 'of no kind', setting), [])
        else if (options.all === true) callback(null, allowed satisfies LookupAddress[])
        else callback(null, first.address, first.family)
      })
    },
  }
}

function rangeOf(range: string): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  if (range.includes('/')) return ipaddr.parseCIDR(range)
  const address = ipaddr.process(range)
  return [address, address.kind() === 'ipv4' ? 32 : 128]
}
