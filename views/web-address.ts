// Which addresses may become links. Escaping keeps text from becoming HTML, but not a link from being `javascript:…`.

/**
 * The address if it is one that a person may safely be sent to: a whole `http:` or `https:` address without a user name in
 * it, or a path on this site. Anything else, and whatever cannot be read, is `undefined`.
 */
export function webAddress(address: string | undefined): string | undefined {
  if (address === undefined) return undefined
  const url = URL.parse(address, THIS_SITE)
  if (url === null || url.username !== '' || url.password !== '') return undefined
  if (/^https?:\/\//i.test(address)) return address
  // Browsers read `//evil.example`, `/\evil.example` and even `/<tab>/evil.example` as another site; so does the URL class.
  return address.startsWith('/') && url.origin === THIS_SITE ? address : undefined
}

const THIS_SITE = 'https://this-site.invalid'
