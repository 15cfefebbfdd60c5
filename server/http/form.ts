// Reads the forms of our own pages: urlencoded, not too large, each field once.
import type { Context } from 'koa'
import rawBody from 'raw-body'
import { HttpProblem } from './problems.ts'

/** The most that a form may weigh, in bytes, unless it says otherwise; the library has the same limit for its endpoints. */
const MOST_BYTES = 56 * 1024

/** The most fields that a form may have; ours have ten at most. */
const MOST_FIELDS = 100

/** A form as it was sent. */
export interface Form {
  /** A field's value; empty when it was not sent. Never trimmed. */
  get(name: string): string
  /** Whether the field, or the button of that name, was sent. */
  has(name: string): boolean
  /** All of it, as the query of an address. */
  toQuery(): string
}

/**
 * Reads the form of a request, of `mostBytes` at most.
 * @throws HttpProblem 413 too large, 415 another type, 400 too many fields, one that is there twice, or one that holds a NUL
 */
export async function readForm(ctx: Context, mostBytes = MOST_BYTES): Promise<Form> {
  if (ctx.is('application/x-www-form-urlencoded') === false) {
    throw new HttpProblem(415, 'That did not work', 'A form was expected, of type application/x-www-form-urlencoded.')
  }
  const body = await readBody(ctx, mostBytes, 'The form is larger than it can be.')
  return formOf(new URLSearchParams(body.toString('utf8')))
}

/** A form of these fields. @throws HttpProblem 400, as with `readForm` */
export function formOf(sent: Iterable<readonly [name: string, value: string]>): Form {
  const fields = new Map<string, string>()
  for (const [name, value] of sent) {
    if (fields.has(name)) throw new HttpProblem(400, 'That did not work', `The field “${name.slice(0, 40)}” was sent twice.`)
    if (fields.size >= MOST_FIELDS) throw new HttpProblem(400, 'That did not work', 'The form has more fields than any of ours.')
    if (`${name}${value}`.includes('\0'))
      throw new HttpProblem(400, 'That did not work', 'A field held a character that no field can have.')
    fields.set(name, value)
  }
  return {
    get: (name) => fields.get(name) ?? '',
    has: (name) => fields.has(name),
    toQuery: () => new URLSearchParams([...fields]).toString(),
  }
}

/** What was sent, of so many bytes at most. @throws HttpProblem 413 with what is said of what is too large, or 400 */
export async function readBody(ctx: Context, limit: number, tooLarge: string): Promise<Buffer> {
  try {
    return await rawBody(ctx.req, { length: ctx.request.length, limit })
  } catch (error) {
    const status = (error as { status?: unknown }).status
    if (status === 413) throw new HttpProblem(413, 'That was too much', tooLarge, { cause: error })
    throw new HttpProblem(400, 'That did not work', 'The form did not arrive whole. Please send it again.', { cause: error })
  }
}
