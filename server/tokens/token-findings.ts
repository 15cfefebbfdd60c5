// What can be found out about something that may be a token. Never the token itself.
import type { TokenIds } from './token-links.ts'

/** What it is. */
export const TOKEN_KINDS = [
  'access_token',
  'refresh_token',
  'id_token',
  'logout_token',
  'security_event_token',
  'authorization_code',
  'other_jwt',
  'unknown',
] as const

/** One of them. */
export type TokenKind = (typeof TOKEN_KINDS)[number]

/**
 * Of a JWT. `unknown_key`: it names none of this server's keys, so nobody can tell; `compromised_key`: somebody else may have made
 * it; `unchecked`: it is not this server's.
 */
export type Signature = 'good' | 'bad' | 'unknown_key' | 'compromised_key' | 'unchecked'

/** What a refresh token is in its family. */
export interface RefreshFinding {
  /** Of the token. */
  readonly generation: number
  /** How often the family was rotated. */
  readonly newestGeneration: number
  readonly rotatedAt?: Date
  /** Until then the one before the newest is answered with its successor, if the same client brings it. */
  readonly replayUntil?: Date
  readonly sessionBound: boolean
}

/** What was found. */
export interface Finding {
  readonly kind: TokenKind
  readonly format?: 'jwt' | 'opaque'
  readonly active: boolean
  /** Why it is not active, in words. */
  readonly reason?: string
  readonly signature?: Signature
  /** As it says itself; only a good signature makes it true. */
  readonly header?: JsonMembers
  readonly claims?: JsonMembers
  /** Empty when it is not known to be ours. */
  readonly ids: TokenIds
  readonly jti?: string
  /** Of an opaque access token: the digest under which it is kept. */
  readonly keptAs?: string
  readonly kid?: string
  readonly issuedAt?: Date
  readonly expiresAt?: Date
  readonly refresh?: RefreshFinding
}

/** Members of a JSON object. */
export interface JsonMembers {
  readonly [name: string]: unknown
}

/** What is left of members when those without a value are left out. */
export function present(members: JsonMembers): JsonMembers {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined && value !== null))
}

/** A time in whole seconds since the epoch (RFC 7519 §2), if it is one. */
export function dateOf(seconds: unknown): Date | undefined {
  return typeof seconds === 'number' && Math.abs(seconds) < 8_640_000_000_000 ? new Date(seconds * 1000) : undefined
}
