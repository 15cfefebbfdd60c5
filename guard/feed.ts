// The feed of revocations as a protocol: a snapshot, what came after, a stream, and word of what was applied. When to ask for what
// is decided in following.ts.
import { type GuardClock, type Moment, moment, type ServerTime } from './clock.ts'
import { FeedRefused, FeedUnavailable } from './errors.ts'
import { FEED_SCOPE, type FeedToken } from './feed-token.ts'
import { RequestFailed, type Requests } from './requests.ts'
import { type RevocationPage, readPage } from './revocation-entry.ts'

/** The feed. Everything throws FeedRefused or FeedUnavailable. */
export interface Feed {
  /** All live entries, or those after a sequence. */
  read(after?: number): Promise<FeedPage>
  /** The events after a sequence, until `signal` ends it. */
  listen(after: number, signal: AbortSignal): Promise<FeedStream>
  /** Tells the server what this guard has applied; says after how many seconds the server wants to hear of it again. */
  acknowledge(sequence: number): Promise<number>
  /** Tells the server that this guard has ended; a second at most is spent on it, and it never fails. */
  leave(): Promise<void>
}

/** What the feed answered. */
export interface FeedPage extends RevocationPage {
  /** When it was asked: what is in the page was true then or later. */
  readonly asked: Moment
}

/** The events as bytes. */
export interface FeedStream {
  readonly body: ReadableStream<Uint8Array>
  readonly asked: Moment
}

/** The server does not know a sequence that high: its database was put back (RFC 9110 §15.5.11). */
export class SequenceGone extends FeedUnavailable {}

/** What the feed is made of. */
export interface FeedParts {
  readonly url: string
  readonly token: FeedToken
  readonly requests: Requests
  /** Those that are still sent when all else has ended. */
  readonly lastRequests: Requests
  readonly clock: GuardClock
  readonly time: ServerTime
}

export function createFeed({ url, token, requests, lastRequests, clock, time }: FeedParts): Feed {
  /** What was answered last to a question, so that the same answer need not be sent again. */
  let known: { readonly address: string; readonly etag: string; readonly page: RevocationPage } | undefined
  const instance = crypto.randomUUID()
  let acknowledged = false

  const authorized = createAuthorized(url, token)

  return {
    async read(after) {
      const address = after === undefined ? url : `${url}?after=${after}`
      const same = known?.address === address ? known : undefined
      const asked = moment(clock)
      const answer = await authorized((authorization) => {
        const headers = { authorization, accept: 'application/json', ...(same && { 'if-none-match': same.etag }) }
        return requests.send(address, { headers }, after === undefined ? SNAPSHOT_WITHIN_MS : undefined)
      })
      const isSame = answer.status === 304 && same !== undefined
      if (answer.status !== 200 && !isSame) throw refusal(url, answer.status)
      learnTime(answer.headers, { url, time, asked })
      if (isSame) return { ...same.page, asked }
      const page = readPage(answer.json)
      const etag = answer.headers.get('etag')
      // A snapshot may be large, and is asked for rarely: only what came after is worth keeping.
      if (etag !== null && after !== undefined) known = { address, etag, page }
      return { ...page, asked }
    },
    async listen(after, signal) {
      const asked = moment(clock)
      const response = await authorized(async (authorization) => {
        const headers = { authorization, accept: 'text/event-stream', 'last-event-id': String(after) }
        const response = await requests.open(url, { headers, cache: 'no-store' }, signal)
        if (response.status !== 200) await response.body?.cancel()
        return response
      })
      try {
        const body = eventsOf(response)
        if (body === undefined) throw refusal(url, response.status)
        learnTime(response.headers, { url, time, asked })
        return { body, asked }
      } catch (error) {
        await response.body?.cancel()
        throw error
      }
    },
    async acknowledge(sequence) {
      const address = `${url}/acknowledgements`
      const body = JSON.stringify({ sequence, instance })
      const answer = await authorized((authorization) =>
        requests.send(address, { method: 'POST', headers: { authorization, 'content-type': 'application/json' }, body }),
      )
      if (answer.status >= 400) throw refusal(address, answer.status)
      acknowledged = true
      return Number(answer.headers.get(AGAIN_AFTER_HEADER) ?? 0)
    },
    async leave() {
      const bearer = token.kept()
      if (!acknowledged || bearer === undefined) return
      const request = { method: 'DELETE', headers: { authorization: `Bearer ${bearer}` } }
      // Whoever is not heard of for long is taken for gone as well.
      await lastRequests.send(`${url}/acknowledgements/${instance}`, request, LEAVE_WITHIN_MS).catch(() => undefined)
    },
  }
}

/** Asks with the token, and once more with another one where that is not taken. */
function createAuthorized(url: string, token: FeedToken) {
  return async <A extends { readonly status: number }>(ask: (authorization: string) => Promise<A>): Promise<A> => {
    for (const again of [true, false]) {
      const bearer = await token.get()
      const answer = await ask(`Bearer ${bearer}`).catch((cause: unknown) => {
        throw new FeedUnavailable(cause instanceof RequestFailed ? cause.message : `${url} cannot be asked`, {
          fix: REACH,
          cause,
        })
      })
      if (answer.status !== 401) return answer
      // The token has ended, or its client was suspended meanwhile: a new one tells which.
      token.forget(bearer)
      if (!again) return answer
    }
    throw new FeedUnavailable(`${url} cannot be asked`, { fix: REACH })
  }
}

const LEAVE_WITHIN_MS = 1000

function eventsOf({ status, headers, body }: Response): ReadableStream<Uint8Array> | undefined {
  const isStream = /^text\/event-stream\b/i.test(headers.get('content-type') ?? '')
  return status === 200 && isStream ? (body ?? undefined) : undefined
}

/** How busy the server is with those who listen. */
const AGAIN_AFTER_HEADER = 'Latchkey-Again-After'

/** PostgreSQL's time, in seconds since 1970. `Date` is that of a host. */
const TIME_HEADER = 'Latchkey-Time'
const TIME = /^\d{1,11}(\.\d{1,6})?$/

/** @throws FeedUnavailable without it: by the clock of this machine, or of a host, tokens could live for longer than they should */
function learnTime(headers: Headers, { url, time, asked }: Pick<FeedParts, 'url' | 'time'> & { readonly asked: Moment }): void {
  const told = headers.get(TIME_HEADER)
  if (told === null || !TIME.test(told)) {
    throw new FeedUnavailable(`${url} answered without the time of its database`, {
      fix: `Bring the server to the version of @latchkey/guard, and let proxies pass its header ${TIME_HEADER} on.`,
    })
  }
  // A cache says what it was then.
  if (headers.get('age') === null) time.learn(Number(told), asked)
}

/** A hundred thousand entries are some twelve megabytes. */
const SNAPSHOT_WITHIN_MS = 15_000

const REACH = 'See that the authorization server runs and can be reached from here.'

function refusal(url: string, status: number): FeedUnavailable {
  const message = `${url} answered ${status}`
  if (status === 410) return new SequenceGone(message, { fix: 'The guard takes all revocations again.' })
  if (status === 401) {
    // It was not taken twice, and the second one was just made.
    return new FeedRefused(message, {
      fix: "The token with which the guard asks was revoked. It gets another one and tries again; if it lasts, see that this API's client is not suspended.",
    })
  }
  if (status === 403) {
    return new FeedRefused(message, {
      fix: `Give this API's client the scope ${FEED_SCOPE}.`,
    })
  }
  return new FeedUnavailable(message, { fix: 'See the log of the authorization server, and of any proxy before it.' })
}
