// Reads the JSON that programs send to our own interfaces: not too large, and of the shape that is expected.
import type { IncomingMessage } from 'node:http'
import type { Context } from 'koa'
import rawBody from 'raw-body'
import { z } from 'zod'
import { HttpProblem } from './problems.ts'

/** The most that a body may weigh, in bytes; the library has the same limit for its endpoints. */
const MOST_BYTES = 56 * 1024

/**
 * Reads the body of a request.
 * @throws HttpProblem 415 another type, 413 too large, 400 when it is not JSON or not of that shape; the text says where
 */
export async function readJson<Shape extends z.ZodType>(ctx: Context, shape: Shape): Promise<z.output<Shape>> {
  if (ctx.is('application/json', '+json') === false) {
    throw new HttpProblem(415, 'Not JSON', 'A body of type application/json was expected.')
  }
  return checkShape(parse(await readBodyText(ctx)), shape)
}

/** Whether a request has a body at all. */
export function hasBody(ctx: Context): boolean {
  return ctx.get('Transfer-Encoding') !== '' || (ctx.request.length ?? 0) > 0
}

/** @throws HttpProblem 400 when a value is not of a shape; the text says where */
export function checkShape<Shape extends z.ZodType>(value: unknown, shape: Shape): z.output<Shape> {
  const parsed = shape.safeParse(value, { error: wordsFor })
  if (parsed.success) return parsed.data
  const { error } = parsed
  const detail = z.prettifyError(error).replace(/^✖ /gm, '').replace(/\n\s*/g, ' ')
  const faults = error.issues.map(({ path, message }) => ({
    at: path.map((part) => `/${pointerPart(part)}`).join(''),
    detail: message,
  }))
  throw new HttpProblem(400, 'Not what was expected', detail, { type: 'invalid-request', faults })
}

/** RFC 6901 §3. */
function pointerPart(part: PropertyKey): string {
  return String(part).replace(/~/g, '~0').replace(/\//g, '~1')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new HttpProblem(400, 'Not JSON', 'The body cannot be read as JSON.', { cause: error })
  }
}

/** What is wrong, in our words, where a shape has none of its own. */
function wordsFor(issue: z.core.$ZodRawIssue): string {
  if (issue.code === 'invalid_type' && issue.input === undefined) return 'it is missing'
  if (issue.code === 'invalid_type') return `it must be ${KINDS[issue.expected] ?? 'of another kind'}`
  if (issue.code === 'too_big') return `it must ${measure(issue.origin, issue.maximum)} at most`
  if (issue.code === 'too_small') return `it must ${measure(issue.origin, issue.minimum)} at least`
  if (issue.code === 'invalid_value') return `it must be ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`
  if (issue.code === 'unrecognized_keys') {
    const names = issue.keys.slice(0, 5).map((key) => JSON.stringify(key.slice(0, 100)))
    return `it has what is not known here: ${names.join(', ')}`
  }
  return 'it cannot be taken'
}

const KINDS: { readonly [expected: string]: string } = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
}

const UNITS: { readonly [origin: string]: string } = { string: 'characters', array: 'entries' }

function measure(origin: string, size: number | bigint): string {
  const unit = UNITS[origin]
  return unit === undefined ? `be ${size}` : `have ${size} ${unit}`
}

const mostBytes = new WeakMap<IncomingMessage, number>()

/** Lets the body of a request weigh more than others, before it is read. */
export function allowBytes(ctx: Context, most: number): void {
  mostBytes.set(ctx.req, most)
}

const texts = new WeakMap<IncomingMessage, Promise<string>>()

/** The body as it came, however often it is asked for. @throws HttpProblem 413 too large, 400 not whole */
export function readBodyText(ctx: Context): Promise<string> {
  const text = texts.get(ctx.req) ?? readText(ctx)
  texts.set(ctx.req, text)
  return text
}

async function readText(ctx: Context): Promise<string> {
  const limit = mostBytes.get(ctx.req) ?? MOST_BYTES
  try {
    return await rawBody(ctx.req, { length: ctx.request.length, limit, encoding: 'utf8' })
  } catch (error) {
    const { status } = error as { status?: unknown }
    if (status === 413) throw new HttpProblem(413, 'Too large', `The body is larger than ${limit} bytes.`, { cause: error })
    throw new HttpProblem(400, 'Not whole', 'The body did not arrive whole.', { cause: error })
  }
}
