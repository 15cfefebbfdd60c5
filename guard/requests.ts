// Requests to the authorization server: bounded in time, never redirected with credentials in hand, ended when the guard closes.

/** Sends requests. */
export interface Requests {
  /**
   * Sends a request whose answer is due within five seconds, or within what is said, body included.
   * @throws RequestFailed when there is no answer
   */
  send(url: string, request?: RequestInit, withinMs?: number): Promise<Answer>
  /**
   * Opens a stream: only the answer's head is waited for. `signal` ends it.
   * @throws RequestFailed when there is no answer
   */
  open(url: string, request: RequestInit, signal: AbortSignal): Promise<Response>
}

/** An answer, read to its end. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** The JSON of the body; undefined when it is none. */
  readonly json: unknown
}

/** There was no answer. */
export class RequestFailed extends Error {
  constructor(url: string, cause: unknown) {
    super(`${url} cannot be reached (${reasonOf(cause)})`, { cause })
    this.name = 'RequestFailed'
  }
}

const ANSWER_WITHIN_MS = 5000

export function createRequests(send: typeof fetch, closed: AbortSignal): Requests {
  return {
    async send(url, request = {}, withinMs = ANSWER_WITHIN_MS) {
      const signal = AbortSignal.any([closed, AbortSignal.timeout(withinMs)])
      try {
        const response = await send(url, { ...request, redirect: 'manual', signal })
        return { status: response.status, headers: response.headers, json: parsed(await response.text()) }
      } catch (error) {
        throw new RequestFailed(url, error)
      }
    },
    async open(url, request, ended) {
      const late = new AbortController()
      const timer = setTimeout(() => late.abort(new Error('no answer in time')), ANSWER_WITHIN_MS)
      try {
        const signal = AbortSignal.any([closed, ended, late.signal])
        return await send(url, { ...request, redirect: 'manual', signal })
      } catch (error) {
        throw new RequestFailed(url, error)
      } finally {
        clearTimeout(timer)
      }
    },
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** What went wrong, in a few words: `fetch failed` says nothing, its cause does. */
function reasonOf(error: unknown): string {
  const { code, message, cause } = Object(error) as { code?: unknown; message?: unknown; cause?: unknown }
  if (cause !== undefined && cause !== error) return reasonOf(cause)
  // A DOMException has a number there, which says nothing to anybody.
  return String(typeof code === 'string' ? code : (message ?? error))
}
