// Passwords that are tried first: some 49,000 from leaked collections, in the order of their use, as the MIT-licensed
// zxcvbn dictionaries give them. They are loaded when a password is first chosen, not when the server starts.

/** Knows which passwords are common. */
export interface CommonPasswords {
  /**
   * Whether a guesser comes to this password early: it is on the list; or on it with digits and signs before or after; or
   * two of the most common in a row; or a short piece again and again.
   */
  has(password: string): boolean
}

/** How many from the head of the list are tried in pairs. */
const PAIRED = 3000

let loaded: Promise<CommonPasswords> | undefined

/** The list. It is read once and never changes, so all parts of the process share it. */
export function loadCommonPasswords(): Promise<CommonPasswords> {
  loaded ??= load()
  return loaded
}

async function load(): Promise<CommonPasswords> {
  const { dictionary } = await import('@zxcvbn-ts/language-common')
  const list = dictionary['passwords-common']
  const all = new Set(list)
  const mostCommon = new Set(list.slice(0, PAIRED))

  function isPair(text: string): boolean {
    for (let split = 4; split <= text.length - 4; split += 1) {
      if (mostCommon.has(text.slice(0, split)) && mostCommon.has(text.slice(split))) return true
    }
    return false
  }

  return {
    has(password) {
      const text = password.toLowerCase()
      const stem = text.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, '')
      return [text, stem].some((form) => all.has(form) || isPair(form)) || isRepetition(text)
    },
  }
}

/** The same piece of up to six characters, over and over: `aaaaaaaaaaaa`, `abcabcabcabc`, `passwdpasswd`. */
function isRepetition(text: string): boolean {
  return /^(.{1,6})\1+.{0,2}$/su.test(text) && text.length >= 8
}
