// Which addresses may become links. Escaping keeps text from becoming HTML, but not a link from being `javascript:…`.

/**
 * The address if it is one that a person may safely be sent to: `http:`, `https:`, or a path on this site.
 * Anything else, and whatever cannot be read, is `undefined`.
 */
export function webAddress(address: string | undefined): string | undefined {
  if (address === undefined || address === '') return undefined
  const base = 'https://this-site.invalid/'
  const url = URL.parse(address, base)
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) return undefined
  // Reading `\evil.example` or ` //evil.example` as a path would be a mistake browsers do not make, so we do not either.
  if (url.origin === new URL(base).origin && !/^\/(?![/\\])/.test(address)) return undefined
  return address
}
