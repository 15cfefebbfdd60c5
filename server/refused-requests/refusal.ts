// A request that was refused, as the provider hands it over. It holds all that came, secrets included: it lives for a moment in memory,
// and what is kept of it goes through shown.ts.

/** Where requests are refused that developers ask about. */
export const REFUSED_AT = [
  'authorization',
  'pushed_authorization_request',
  'token',
  'revocation',
  'introspection',
  'end_session',
] as const

/** One of them. */
export type RefusedAt = (typeof REFUSED_AT)[number]

/** How a client showed who it is, or tried to (RFC 7591 §2, `token_endpoint_auth_method`). */
export type ShownBy = 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt' | 'none'

/** What a request brought, by the names of its parameters. */
export interface Brought {
  readonly [name: string]: string | undefined
}

/** What was refused, and with what. */
export interface Refusal {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly requestId: string
  readonly address: string
  readonly userAgent?: string
  readonly endpoint: RefusedAt
  readonly error: {
    /** What the client was told (RFC 6749 §5.2). */
    readonly code: string
    readonly description?: string
    /** What it was not told. */
    readonly detail?: string
    /** The scope that it is about. */
    readonly scope?: string
  }
  readonly params: Brought
  /** The `client_id` as it came. */
  readonly clientId?: string
  /** A client of that id may be used. */
  readonly known: boolean
  readonly shownBy: ShownBy
  /** Of `client_secret_basic` and `client_secret_post`. */
  readonly secret?: string
  readonly contentType?: string
  readonly origin?: string
  /** The proof of possession (RFC 9449 §4.2). */
  readonly proof?: string
  /** Of the code that was brought, if there is one such. */
  readonly code?: { readonly clientId?: string; readonly redirectUri?: string; readonly challenge?: string }
  /** Of the refresh token that was brought, if it is of a family that is known. */
  readonly refresh?: { readonly generation: number; readonly newest: number }
}
