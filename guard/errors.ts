// What the guard refuses, and why. Each error knows the status it is answered with, a code for the caller, a description for the
// caller's developer, and, where something here has to be changed, what that is. None has a token in its words.

/** Anything that the guard throws. */
export abstract class GuardError extends Error {
  /** The HTTP status of the answer. Frameworks look for either name. */
  readonly status: number
  readonly statusCode: number
  /** Whether the message is meant for the caller: by this, frameworks know an error of HTTP. */
  readonly expose: boolean
  /** The `error` of RFC 6750 §3.1 and its kin; undefined when the caller just sent no token. */
  readonly code: string | undefined
  /** What to change, for whoever runs the API; undefined when the caller is to blame. */
  readonly fix: string | undefined
  /** The headers of the answer, challenges above all. `verify` fills them in. */
  headers: Readonly<Record<string, string>> = {}

  constructor(message: string, about: ErrorFacts) {
    super(message, about.cause === undefined ? undefined : { cause: about.cause })
    this.name = new.target.name
    this.status = about.status
    this.statusCode = about.status
    this.expose = about.status < 500
    this.code = about.code
    this.fix = about.fix
  }
}

interface ErrorFacts {
  readonly status: number
  readonly code?: string | undefined
  readonly fix?: string | undefined
  readonly cause?: unknown
}

/** More about a fault. */
export interface Because {
  readonly fix: string
  readonly cause?: unknown
  /** After how long it is worth coming again, where that is known. */
  readonly retryAfterSeconds?: number
}

/** The request has no token (RFC 6750 §3.1: then the challenge has no error code). */
export class MissingToken extends GuardError {
  constructor() {
    super('An access token is needed.', { status: 401 })
  }
}

/** The request is malformed: a header that is no `Bearer` or `DPoP` credential. */
export class InvalidRequest extends GuardError {
  constructor(message: string) {
    super(message, { status: 400, code: 'invalid_request' })
  }
}

/** Why a token is not good. */
export type InvalidTokenReason =
  | 'malformed'
  | 'signature'
  | 'type'
  | 'issuer'
  | 'audience'
  | 'expired'
  | 'not yet'
  | 'claims'
  /** It is bound to a certificate or key that was not shown. */
  | 'binding'
  /** It is bound to a key, and was sent as if it were not. */
  | 'proof'
  | 'revoked'

/** The times of a revocation, by the clock of the server's database as it is known here: seconds since 1970, with fractions. */
export interface RevocationTimes {
  /** When it was written. */
  readonly revokedAt: number
  /** From when on this guard refuses by it. */
  readonly refusedFrom: number
}

/** The token is not good, here and now. */
export class InvalidToken extends GuardError {
  readonly reason: InvalidTokenReason
  /** When it was revoked, and from when on it is refused here: of the latest thousand revocations that the guard heard of. */
  readonly revocation: RevocationTimes | undefined

  constructor(
    reason: InvalidTokenReason,
    message: string,
    { cause, revocation }: { readonly cause?: unknown; readonly revocation?: RevocationTimes | undefined } = {},
  ) {
    super(message, { status: 401, code: 'invalid_token', cause })
    this.reason = reason
    this.revocation = revocation
  }
}

/** The proof of possession is missing or not good (RFC 9449 §7.1). */
export class InvalidProof extends GuardError {
  constructor(message: string, cause?: unknown) {
    super(message, { status: 401, code: 'invalid_dpop_proof', cause })
  }
}

/** The token is good, and does not reach this far (RFC 6750 §3.1). */
export class InsufficientScope extends GuardError {
  /** What is needed, words with a space between. */
  readonly scope: string

  constructor(scope: string) {
    super(`The access token needs the scope ${scope}.`, { status: 403, code: 'insufficient_scope' })
    this.scope = scope
  }
}

/** Tokens cannot be checked just now. Nobody is let in, and no token is called invalid for it. */
export abstract class Unavailable extends GuardError {
  /** After how long it is worth coming again: `Retry-After`. */
  readonly retryAfterSeconds: number

  constructor(message: string, { fix, cause, retryAfterSeconds = 5 }: Because) {
    super(message, { status: 503, code: 'temporarily_unavailable', fix, cause })
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** The authorization server's revocations are not known, or no longer up to date. */
export class FeedUnavailable extends Unavailable {}

/** The authorization server does not let this guard listen to its revocations: wrong credentials, audience or scope. */
export class FeedRefused extends FeedUnavailable {}

/** The authorization server's keys cannot be fetched. */
export class KeysUnavailable extends Unavailable {}

/** The token names a key that is not known here, and the keys were fetched too short a time ago for them to be fetched again. */
export class KeyNotKnownYet extends KeysUnavailable {
  constructor(pauseMs: number) {
    super('An access token names a key that is not known here, and keys were fetched just now', {
      fix: 'If it comes with new keys, let them be announced before they sign (no `--now`); if it lasts, somebody sends made-up tokens.',
      // Not rounded up: whoever comes a little early waits, and so has a look that began after it came.
      retryAfterSeconds: Math.max(1, Math.floor(pauseMs / 1000)),
    })
  }
}

/** The authorization server cannot be asked about a token (`whenStale: 'introspect'`). */
export class IntrospectionUnavailable extends Unavailable {}

/** So many proofs were seen in the last minutes that a replayed one could not be told any more. */
export class TooManyProofs extends Unavailable {}

/** The guard was closed. */
export class GuardClosed extends Unavailable {
  constructor() {
    super('The guard is closed.', { fix: 'Close it only after the last request.' })
  }
}

/** The guard was given options that cannot work. */
export class ConfigurationFault extends GuardError {
  constructor(message: string, { fix, cause }: Because) {
    super(`${message} ${fix}`, { status: 500, code: 'server_error', fix, cause })
  }
}

/** What answers at the issuer's address calls itself something else (RFC 8414 §3.3). */
export class IssuerMismatch extends ConfigurationFault {}
