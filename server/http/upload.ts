// Reads forms with a file (multipart/form-data, RFC 7578): one file of text, beside fields of the ordinary size. What is larger is refused
// before it is taken apart, and nothing is written to a disk.
import { Busboy } from '@fastify/busboy'
import type { Context } from 'koa'
import { type Form, formOf, readBody } from './form.ts'
import { HttpProblem } from './problems.ts'

/** What stands around a file: other fields, and what separates them. */
const MOST_BYTES_BESIDE = 64 * 1024

/** More than any of our forms has. */
const MOST_PARTS = 20

/** What a file may be. */
export interface UploadRules {
  /** The name of its field. */
  readonly file: string
  /** The most that it may weigh; as much may be in a field in its place. */
  readonly mostBytes?: number | undefined
}

const MOST_BYTES = 1024 * 1024

/**
 * Reads it. The file's field has its text; empty when none was chosen.
 * @throws HttpProblem 413 too large, 415 no text in UTF-8, 400 not whole, more than one file, or as with `readForm`
 */
export async function readUpload(ctx: Context, { file, mostBytes = MOST_BYTES }: UploadRules): Promise<Form> {
  const tooLarge = `The file is larger than ${mostBytes / 1024 / 1024} MB. Split it, and send its parts one after the other.`
  const body = await readBody(ctx, mostBytes + MOST_BYTES_BESIDE, tooLarge)
  const sent = await partsOf(ctx, body, mostBytes)
  for (const { name, isFile, bytes } of sent) {
    if (isFile && name !== file) throw new HttpProblem(400, 'That did not work', 'A file was sent where none is taken.')
    if (bytes.length > mostBytes) throw new HttpProblem(413, 'That was too much', tooLarge)
  }
  return formOf(sent.map(({ name, bytes }) => [name, textOf(bytes)] as const))
}

interface Part {
  readonly name: string
  readonly isFile: boolean
  readonly bytes: Buffer
}

/** Each part is taken as bytes: what encoding it has is not for its sender to say (RFC 7578 §5.1.2). */
function partsOf(ctx: Context, body: Buffer, mostBytes: number): Promise<readonly Part[]> {
  return new Promise((resolve, reject) => {
    const broken = (cause?: unknown) =>
      reject(new HttpProblem(400, 'That did not work', 'The form did not arrive whole. Please send it again.', { cause }))
    const parts: Part[] = []
    try {
      const parser = new Busboy({
        headers: { ...ctx.headers, 'content-type': ctx.get('Content-Type') },
        isPartAFile: () => true,
        // A byte more than is let through, so that what is too large is seen and not cut off.
        limits: { fileSize: mostBytes + 1, files: MOST_PARTS + 1, parts: MOST_PARTS + 1, fieldNameSize: 100, headerPairs: 20 },
      })
      parser.on('file', (name, stream, filename: string | undefined) => {
        const chunks: Buffer[] = []
        stream.on('data', (chunk: Buffer) => chunks.push(chunk))
        stream.on('error', broken)
        stream.on('end', () => parts.push({ name, isFile: filename !== undefined, bytes: Buffer.concat(chunks) }))
      })
      parser.on('error', broken)
      parser.on('finish', () => (parts.length > MOST_PARTS ? broken() : resolve(parts)))
      parser.end(body)
    } catch (error) {
      broken(error)
    }
  })
}

function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw new HttpProblem(415, 'That did not work', 'What was sent is not text in UTF-8. Save the file in that encoding.', {
      cause: error,
    })
  }
}
