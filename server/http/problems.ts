// Errors that a request can end in, as one type: what the client is told, apart from what the operator is told.
import type { ProblemType } from './problem-types.ts'

/** A request that cannot be served. `title` and `detail` are for the one who asked; the cause is for the log. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem'
  readonly status: number
  readonly title: string
  readonly detail: string
  readonly retryAfterSeconds: number | undefined
  readonly type: ProblemType | undefined
  readonly faults: readonly Fault[] | undefined

  constructor(status: number, title: string, detail: string, options: ProblemOptions = {}) {
    super(`${title}: ${detail}`, { cause: options.cause })
    this.status = status
    this.title = title
    this.detail = detail
    this.retryAfterSeconds = options.retryAfterSeconds
    this.type = options.type
    this.faults = options.faults
  }
}

/** What there is to say besides. */
export interface ProblemOptions {
  readonly cause?: unknown
  readonly retryAfterSeconds?: number
  /** The kind of problem, for programs: the last word of its `urn:latchkey:problem:…`. */
  readonly type?: ProblemType
  /** Of a request of which several things are wrong. */
  readonly faults?: readonly Fault[]
}

/** One thing that is wrong with a request. */
export interface Fault {
  /** Where: a JSON pointer (RFC 6901) into the body, or the name of a parameter. */
  readonly at: string
  readonly detail: string
}

/** The body of `application/problem+json` (RFC 9457 §3). */
export function problemJson(problem: HttpProblem, requestId: string): { readonly [member: string]: unknown } {
  const { title, status, detail, type, faults } = problem
  return {
    type: type === undefined ? 'about:blank' : `urn:latchkey:problem:${type}`,
    title,
    status,
    detail,
    request_id: requestId,
    ...(faults === undefined ? {} : { errors: faults }),
    // The name that OAuth has for it (RFC 6749 §4.1.2.1): clients of the protocol look for no other member.
    ...(status === 503 ? { error: 'temporarily_unavailable', error_description: detail } : {}),
  }
}

/** What is thrown anywhere below, as a problem. An error that nobody expected becomes a 500 that tells nothing. */
export function problemOf(error: unknown): HttpProblem {
  if (error instanceof HttpProblem) return error
  if (error instanceof Error) {
    const known = knownCause(error)
    if (known !== undefined)
      return new HttpProblem(known.status, known.title, known.detail, { cause: error, retryAfterSeconds: 5 })
    const { status, expose } = error as { status?: unknown; expose?: unknown }
    if (typeof status === 'number' && status >= 400 && status < 500 && expose === true) {
      return new HttpProblem(status, 'That did not work', 'The request could not be understood.', { cause: error })
    }
  }
  return new HttpProblem(500, 'Something went wrong', 'The server could not do this. It has been written down.', { cause: error })
}

/** What is known of an error, also when whoever met it has wrapped it in one of its own. */
function knownCause(error: Error): (typeof KNOWN)[string] | undefined {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const known = KNOWN[cause.name]
    if (known !== undefined) return known
  }
  return undefined
}

const TRY_AGAIN = 'Nothing is lost. Please try again in a few seconds.'

/** Errors of other parts, by name: what is out of reach now and will be back. */
const KNOWN: { readonly [name: string]: { readonly status: number; readonly title: string; readonly detail: string } } = {
  StorageUnavailable: { status: 503, title: 'Not available right now', detail: TRY_AGAIN },
  HashingBusy: { status: 503, title: 'Very busy right now', detail: TRY_AGAIN },
}
