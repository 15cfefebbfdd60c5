// Requests to the authorization server: bounded in time, never redirected with credentials in hand, ended when the guard closes.
import { unreferenced } from './timers.ts'

/** Sends requests. */
export interface Requests {
  /**
   * Sends a request whose answer is due within five seconds, or within what is said, body included.
   * @throws RequestFailed when there is no answer
   */
  send(url: string, request?: RequestInit, withinMs?: number): Promise<Answer>
  /**
   * Opens a stream: only the answer's head is waited for. `signal` ends it, and has to, also when nobody reads it any more.
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
const LATE = 'no answer in time'

export function createRequests(send: typeof fetch, closed: AbortSignal): Requests {
  const underWay = new Set<AbortController>()
  // One listener for all: some runtimes warn of more than ten at one signal.
  closed.addEventListener('abort', () => {
    for (const work of underWay) work.abort(closed.reason)
  })

  function begin(): AbortController {
    const work = new AbortController()
    underWay.add(work)
    if (closed.aborted) work.abort(closed.reason)
    return work
  }

  return {
    async send(url, request = {}, withinMs = ANSWER_WITHIN_MS) {
      const work = begin()
      const timer = unreferenced(setTimeout(() => work.abort(new Error(LATE)), withinMs))
      try {
        const response = await send(url, { ...request, redirect: 'manual', signal: work.signal })
        return { status: response.status, headers: response.headers, json: parsed(await response.text()) }
      } catch (error) {
        throw new RequestFailed(url, error)
      } finally {
        clearTimeout(timer)
        underWay.delete(work)
      }
    },
    async open(url, request, ended) {
      const work = begin()
      const end = () => {
        underWay.delete(work)
        work.abort(ended.reason)
      }
      const timer = setTimeout(() => work.abort(new Error(LATE)), ANSWER_WITHIN_MS)
      try {
        ended.addEventListener('abort', end, { once: true })
        if (ended.aborted) end()
        return await send(url, { ...request, redirect: 'manual', signal: work.signal })
      } catch (error) {
        ended.removeEventListener('abort', end)
        underWay.delete(work)
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
