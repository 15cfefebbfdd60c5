// How the app calls the API in a person's name: with their access token, refreshed first when it is at its end.

import type { SignedIn } from './sessions.ts'
import type { SignIn } from './sign-in.ts'

/** The notes of the people who are signed in. */
export interface NotesApi {
  /** Their notes; undefined when the API cannot be asked. @throws SignInOver */
  list(signedIn: SignedIn): Promise<readonly string[] | undefined>
  /** Adds one; false when the API did not take it. @throws SignInOver */
  add(signedIn: SignedIn, text: string): Promise<boolean>
  /** Gets new tokens. @throws SignInOver */
  refresh(signedIn: SignedIn): Promise<void>
}

/** An access token is not begun with when it has less life than this, in milliseconds. */
const SHORT = 5000

/** Makes it. */
export function createNotesApi({ apiUrl, signIn }: { readonly apiUrl: string; readonly signIn: SignIn }): NotesApi {
  const refreshes = new WeakMap<SignedIn, Promise<void>>()

  /** A refresh token is good for one use, so requests that come at once share one refresh. */
  function refresh(signedIn: SignedIn): Promise<void> {
    const underWay = refreshes.get(signedIn)
    if (underWay !== undefined) return underWay
    const begun = signIn.refresh(signedIn).finally(() => refreshes.delete(signedIn))
    refreshes.set(signedIn, begun)
    return begun
  }

  async function call(signedIn: SignedIn, request: RequestInit): Promise<Response | undefined> {
    if (signedIn.expiresAt - Date.now() < SHORT) await refresh(signedIn)
    const first = await send(signedIn, request)
    if (first?.status !== 401) return first
    // Refused although it has not expired: revoked, perhaps. One refresh tells whether the sign-in as a whole is over.
    await refresh(signedIn)
    return send(signedIn, request)
  }

  function send({ accessToken }: SignedIn, request: RequestInit): Promise<Response | undefined> {
    const headers = { ...request.headers, authorization: `Bearer ${accessToken}` }
    const signal = AbortSignal.timeout(8000)
    return fetch(`${apiUrl}/notes`, { ...request, headers, signal }).catch(() => undefined)
  }

  return {
    refresh,
    async list(signedIn) {
      const response = await call(signedIn, {})
      if (response?.ok !== true) return undefined
      const { notes } = (await response.json()) as { readonly notes: readonly string[] }
      return notes
    },
    async add(signedIn, text) {
      const headers = { 'content-type': 'application/json' }
      const response = await call(signedIn, { method: 'POST', headers, body: JSON.stringify({ text }) })
      return response?.ok === true
    },
  }
}
