// Text that others write and we keep: one line, of characters that PostgreSQL can store and that do not change what is read beside
// them. PostgreSQL refuses NUL, and what is not well-formed Unicode would be stored as something else.
import { z } from 'zod'

const NOT_PLAIN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u

/** Whether it is one line of plain text: no control characters, no line breaks, nothing that turns the direction, no half characters. */
export function isPlainText(text: string): boolean {
  return !NOT_PLAIN.test(text)
}

/** What turns the direction of all that follows; joiners, without which some names cannot be written, do not. */
const NOT_IN_NAMES = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u

/** Whether a person may be called so. */
export function isNameOfPerson(text: string): boolean {
  return !NOT_IN_NAMES.test(text)
}

/** Whether PostgreSQL keeps it as it is, be it of many lines. */
export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}

/** What is said of text that it does not keep. */
export const NOT_STORABLE = 'it holds a character that is none'

/** The shape of one line of plain text. */
export function plainText(mostCharacters: number): z.ZodString {
  return z.string().max(mostCharacters).refine(isPlainText, 'it must be one line of plain text')
}
