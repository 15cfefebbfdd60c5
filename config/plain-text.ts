// Text that others write and we keep: one line, of characters that PostgreSQL can store and that do not change what is read beside
// them. PostgreSQL refuses NUL, and what is not well-formed Unicode would be stored as something else.
import { z } from 'zod'

const NOT_PLAIN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u

/** Whether it is one line of plain text: no control characters, no line breaks, nothing that turns the direction, no half characters. */
export function isPlainText(text: string): boolean {
  return !NOT_PLAIN.test(text)
}

/** The shape of such text. */
export function plainText(mostCharacters: number): z.ZodString {
  return z.string().max(mostCharacters).refine(isPlainText, 'it must be one line of plain text')
}
