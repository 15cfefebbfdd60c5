// The app's own sessions: kept in memory, found by a random cookie. The browser never sees a token.
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { SignedOut } from './logout-tokens.ts'

/** A sign-in that is under way: what must come back, and what proves that it was begun here. */
export interface PendingSignIn {
  readonly verifier: string
  readonly nonce: string
}

/** Somebody who is signed in. */
export interface SignedIn {
  readonly claims: Readonly<Record<string, unknown>>
  readonly idToken: string
  accessToken: string
  refreshToken: string | undefined
  /** Milliseconds since the epoch. */
  expiresAt: number
}

/** What is kept for one browser. */
export interface Session {
  /** By `state`, so that two tabs can sign in at once. */
  readonly pending: Map<string, PendingSignIn>
  signedIn?: SignedIn
  /** Shown on the next page. */
  notice?: string
}

/** Cookies do not tell ports apart (RFC 6265 §8.5), so the name must be this app's alone. */
const COOKIE = 'demo-server-app'
const LIFE_SECONDS = 8 * 3600
const MOST_SESSIONS = 10_000

/** The sessions of one process. */
export class Sessions {
  readonly #sessions = new Map<string, { readonly session: Session; readonly endsAt: number }>()

  /** The session of the browser that asks; undefined when there is none. */
  find(request: IncomingMessage): Session | undefined {
    const found = this.#sessions.get(idOf(request))
    return found !== undefined && found.endsAt > Date.now() ? found.session : undefined
  }

  /** Gives the browser a session under a new id, and forgets the one it had: an id from before a sign-in is worth nothing. */
  start(request: IncomingMessage, response: ServerResponse, session: Session): Session {
    this.#sessions.delete(idOf(request))
    // The oldest go first, so that memory has a bound.
    for (const [id, { endsAt }] of this.#sessions) {
      if (endsAt > Date.now() && this.#sessions.size < MOST_SESSIONS) break
      this.#sessions.delete(id)
    }
    const id = randomBytes(24).toString('base64url')
    this.#sessions.set(id, { session, endsAt: Date.now() + LIFE_SECONDS * 1000 })
    // Where the app is served by https, `Secure` and the prefix `__Host-` belong here as well.
    response.setHeader('Set-Cookie', `${COOKIE}=${id}; Path=/; Max-Age=${LIFE_SECONDS}; HttpOnly; SameSite=Lax`)
    return session
  }

  /** Ends the sign-ins that are over at the authorization server; their browsers are told at their next visit. */
  end({ sid, sub }: SignedOut, notice: string): void {
    for (const { session } of this.#sessions.values()) {
      const claims = session.signedIn?.claims
      if (claims === undefined || (sid === undefined ? claims.sub !== sub : claims.sid !== sid)) continue
      delete session.signedIn
      session.notice = notice
    }
  }
}

function idOf({ headers }: IncomingMessage): string {
  const cookies = (headers.cookie ?? '').split(/; */).map((pair) => pair.split('='))
  return cookies.find(([name]) => name === COOKIE)?.[1] ?? ''
}
