// Every key of the live store and how long it lives, on one page. A key is a kind and a digest: what things are found by (tokens,
// codes, cookies, user codes) is never stored. Revocations alone are in clear, for others to read: what they name opens nothing.
// Each script touches one key, so that all of it works in a Redis Cluster.
import { createHmac, hash } from 'node:crypto'

const HOUR_SECONDS = 3600

/** How long the mark of an ended session, or of a cookie's dropped identifier, stays at least: longer than any request. */
export const TOMBSTONE_SECONDS = HOUR_SECONDS

/** The kinds of key, as docs/storage.md lists them. */
export const liveKeys = {
  /** Hash. A record of the library (interaction, code, device code, pushed request): its own time to live. */
  record: 'record',
  /** The digest of the record that has a uid: the record's time to live. */
  uid: 'uid',
  /** The digest of the record that has a user code (RFC 8628): the record's time to live. */
  userCode: 'user-code',
  /** Hash. A session's live state, found by uid: the session's time to live; ended, the rest of it, TOMBSTONE_SECONDS at least. */
  session: 'session',
  /** The digest of the session that a cookie's identifier points to: the session's; dropped, TOMBSTONE_SECONDS. */
  cookie: 'cookie',
  /** Stream. The copy of the revocation list, for neighbours who read it here: as long as its entries say something. One key. */
  revocations: 'revocations',
  /** `revoked:KIND:VALUE`, in clear: all such tokens are dead. As long as one of them could live. */
  revoked: 'revoked',
  /** `revoked-until:KIND:VALUE`: such tokens are dead when they were issued at or before the time that it holds. As long. */
  revokedUntil: 'revoked-until',
  /** Hash, by the name of the database, in clear: the processes that serve it, as they say themselves. A minute after the last. */
  processes: 'processes',
  /** Stream. The last requests that were refused, and why, for the developers of apps: seven days. One key. */
  refusedRequests: 'refused-requests',
  /** A limit's count of the requests of one asker, in clear: an address, or an administrator. The limit's window. */
  limit: 'limit',
  /** Hash. Who is turned away by the limits, for people to look at: a day after the last. One key. */
  throttles: 'throttles',
  /** A mark of the last time that somebody was let through again by hand: the limit's window. */
  throttleLift: 'throttle-lift',
} as const

/** One of the kinds. */
export type LiveKeyKind = (typeof liveKeys)[keyof typeof liveKeys]

/** The key of one thing. */
export function liveKey(kind: LiveKeyKind, digest: string): string {
  return `${kind}:${digest}`
}

/** A digest of what is long and random, or not secret. */
export function digestOf(...parts: readonly string[]): string {
  return hash('sha256', JSON.stringify(parts), 'base64url')
}

/** A digest of what is short enough to be guessed from a plain one. */
export function keyedDigestOf(key: Buffer, ...parts: readonly string[]): string {
  return createHmac('sha256', key).update(JSON.stringify(parts)).digest('base64url')
}
