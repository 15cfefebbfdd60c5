// A network as people write it: an address, or CIDR.
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** What is no address and no network. */
export class AddressFilterFault extends Error {
  override readonly name = 'AddressFilterFault'
}

/** Whether a text is one address. */
export function isAddress(text: string): boolean {
  return isIP(text) !== 0 && !hasZone(text)
}

/** Whether a text is an address or a network. */
export function isNetwork(text: string): boolean {
  try {
    networkOf(text)
    return true
  } catch {
    return false
  }
}

/** It as CIDR in its shortest form. @throws AddressFilterFault */
export function networkOf(text: string): string {
  const [address = '', bits, ...more] = text.trim().split('/')
  // No shorthands: `10.1` is an old way to write 10.0.0.1, which nobody means.
  const written = ipaddr.IPv4.isValidFourPartDecimal(address) || (ipaddr.IPv6.isValid(address) && !hasZone(address))
  if (!written || more.length > 0)
    throw new AddressFilterFault('it must be an address such as 192.0.2.7, or a network such as 192.0.2.0/24')
  const parsed = ipaddr.process(address)
  const most = parsed.kind() === 'ipv4' ? 32 : 128
  if (bits !== undefined && (!/^\d{1,3}$/.test(bits) || Number(bits) > most)) {
    throw new AddressFilterFault(`the number after the slash must be from 0 to ${most}`)
  }
  return `${parsed.toString()}/${bits ?? most}`
}

/** A zone (RFC 4007 §11) names an interface of one host; the database keeps addresses without, and refuses one that has it. */
function hasZone(address: string): boolean {
  return address.includes('%')
}
