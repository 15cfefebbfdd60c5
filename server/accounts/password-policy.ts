// What a new password must be (NIST SP 800-63B-4 §3.1.1.2): long enough, not among those that are tried first, and not
// made of what everybody knows about the person or the service. Nothing is asked about kinds of characters, and nothing
// expires.
import type { PasswordPolicy } from '../../config/password-policy.ts'
import { loadCommonPasswords } from './common-passwords.ts'
import { normalise } from './passwords.ts'

/** Why a new password is refused. */
export type PasswordFault = 'too_short' | 'too_long' | 'common' | 'contains_name'

/** What everybody knows: the words that make a password no harder to guess. */
export interface PasswordContext {
  readonly email: string
  readonly name?: string
}

const SERVICE_WORDS = ['latchkey']

/** Shorter words turn up by chance in good passwords: they count only beside a longer one. */
const SHORTEST_WORD = 4

/** What must be left of a password when the known words are taken out. */
const ENOUGH_BESIDE_WORDS = 8

/** Checks a new password; undefined when it is good. */
export async function findPasswordFault(
  password: string,
  policy: PasswordPolicy,
  context: PasswordContext,
): Promise<PasswordFault | undefined> {
  // Each code point counts as one character (NIST SP 800-63B-4 §3.1.1.2).
  const length = [...normalise(password)].length
  if (length < policy.minLength) return 'too_short'
  if (length > policy.maxLength) return 'too_long'
  const common = await loadCommonPasswords()
  if (common.has(password)) return 'common'
  const rest = withoutKnownWords(password.toLowerCase(), knownWords(context))
  if (rest === undefined) return undefined
  return rest.replace(/[^\p{L}\p{N}]/gu, '').length < ENOUGH_BESIDE_WORDS || common.has(rest) ? 'contains_name' : undefined
}

/** The longest first: taking out a part would leave the rest of the whole. */
function knownWords({ email, name = '' }: PasswordContext): string[] {
  const [local = '', domain = ''] = email.toLowerCase().split('@')
  const called = name.toLowerCase()
  const parts = `${local} ${called} ${domain}`.split(/[^\p{L}\p{N}]+/u)
  const words = new Set([...SERVICE_WORDS, local, called, ...parts].filter((word) => word.length > 1))
  return [...words].sort((a, b) => b.length - a.length)
}

/** What is left when the words are taken out; undefined when no long one is in it. */
function withoutKnownWords(text: string, words: readonly string[]): string | undefined {
  if (!words.some((word) => word.length >= SHORTEST_WORD && text.includes(word))) return undefined
  return words.reduce((left, word) => left.replaceAll(word, ''), text)
}
