// The canonical form of an e-mail address: the key by which an account is found and by which guesses at it are counted.
// Whatever reaches one account must have one key, or each spelling would be another try.

/**
 * NFKC, trimmed, lower case, without invisible characters and without the root dot of the domain. Accepts any text: what
 * is no address gets a key that no account has.
 */
export function emailKey(email: string): string {
  // Lower case can undo the normal form (U+0130), so it is made again.
  const folded = email.normalize('NFKC').toLowerCase().normalize('NFKC')
  const visible = folded.replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '').trim()
  return visible.includes('@') ? visible.replace(/\.+$/, '') : visible
}

/** No text that begins with a word comes after the word with this at its end, in the order of characters. */
export const LAST_CHARACTER = '\u{10FFFF}'

/** Whether an account can have this address: one `@`, something on both sides, nothing invisible, 254 characters at most. */
export function isEmailAddress(email: string): boolean {
  const key = emailKey(email)
  if (key.length > 254 || /[\p{C}\p{Z}]/u.test(email.trim()) || /[\s"(),:;<>[\\\]]/u.test(key)) return false
  const [local, domain, ...more] = key.split('@')
  if (local === undefined || domain === undefined || more.length > 0) return false
  return local !== '' && local.length <= 64 && /^[^.]+(\.[^.]+)*$/.test(domain)
}
