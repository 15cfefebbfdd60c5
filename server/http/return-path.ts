// Where a person goes after signing in: a path of ours, or nowhere. Anything else would let a link of ours send people
// to a page of somebody else's.

/** It travels in a cookie, of which browsers keep 4096 bytes. */
const MOST_CHARACTERS = 2500

/** `path` when it is a path on this server and nothing more, of so many characters at most; otherwise undefined. */
export function safeReturnPath(path: string, most = MOST_CHARACTERS): string | undefined {
  // Browsers read `\` as `/`, and drop tabs and line ends: `//evil`, `/\evil` and `/<tab>/evil` all lead away.
  if (!/^\/(?![/\\])[^\\\p{Cc}\p{Cs}]*$/u.test(path) || path.length > most) return undefined
  const base = 'http://return.invalid'
  const url = URL.canParse(path, base) ? new URL(path, base) : undefined
  if (url === undefined || url.origin !== base) return undefined
  // As the URL parser reads it (`/a/..//evil` becomes `//evil`), so that no other reader finds another meaning.
  const read = `${url.pathname}${url.search}`
  return read.startsWith('//') ? undefined : read
}
