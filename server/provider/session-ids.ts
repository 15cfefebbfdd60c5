// The public id of a session and the library's own name for it are the same thing with and without a prefix, so neither
// has to be looked up by the other. Knowing one lets nobody in: the cookie holds another, secret, identifier.

const PREFIX = 'ses_'

/** The public id (the `sid` of access tokens) of the library's session `uid`. */
export function sessionIdOf(uid: string): string {
  return `${PREFIX}${uid}`
}

/** The library's `uid` of a public session id. */
export function uidOf(sessionId: string): string {
  return sessionId.slice(PREFIX.length)
}
