// Security event tokens (RFC 8417) as Shared Signals and CAEP have them: one event each, signed when it is sent. The same one comes
// out each time, so that a receiver knows it again.
import { type JWK, SignJWT } from 'jose'

/** The events there are, by their last words. */
export const SIGNAL_EVENTS = ['session-revoked', 'credential-change'] as const

/** One of them. */
export type SignalEvent = (typeof SIGNAL_EVENTS)[number]

/** What a client asks for to see whether its stream works (SSF 1.0 §8.1.4). */
export const VERIFICATION = 'verification'

/** What happened. */
export interface SecurityEvent {
  /** The `jti`. */
  readonly id: string
  /** The client whose stream it is. */
  readonly clientId: string
  readonly streamId: string
  readonly event: SignalEvent | typeof VERIFICATION
  /** Null: it is about the stream. */
  readonly accountId: string | null
  /** Null: it is about the account. */
  readonly sessionId: string | null
  /** Why the session ended, or the name of the audit event; of a verification the client's word. */
  readonly cause: string
  /** Null: the cause tells. */
  readonly initiator: string | null
  /** Seconds since the epoch, by PostgreSQL's clock. */
  readonly at: number
}

/** Makes a signed token. */
export type SignSecurityEvent = (event: SecurityEvent) => Promise<string>

const CAEP = 'https://schemas.openid.net/secevent/caep/event-type/'
const SSF = 'https://schemas.openid.net/secevent/ssf/event-type/'

/** CAEP Interoperability Profile §2.6: RS256 it is. */
const ALGORITHM = 'RS256'

/** The URI of an event. */
export function eventUri(event: SecurityEvent['event']): string {
  return `${event === VERIFICATION ? SSF : CAEP}${event}`
}

/** Makes the maker. */
export function createSecurityEventTokens(deps: {
  readonly issuer: string
  /** The keys as they are now. */
  readonly keys: () => { readonly privateJwks: { readonly keys: readonly JWK[] } }
}): SignSecurityEvent {
  const { issuer } = deps
  return async (happened) => {
    const key = deps.keys().privateJwks.keys.find(({ alg }) => alg === ALGORITHM)
    if (key?.kid === undefined) throw new Error(`there is no signing key for ${ALGORITHM}`)
    // SSF 1.0 §4.1: whom it is about is said by `sub_id`, never by `sub`, and there is no `exp`, so that it passes for no other token.
    return new SignJWT({ sub_id: subjectOf(issuer, happened), events: { [eventUri(happened.event)]: contentOf(happened) } })
      .setProtectedHeader({ alg: ALGORITHM, kid: key.kid, typ: 'secevent+jwt' })
      .setIssuer(issuer)
      .setAudience(happened.clientId)
      .setJti(happened.id)
      .setIssuedAt(happened.at)
      .sign(key)
  }
}

/** RFC 9493 §3.2.3; of one session SSF 1.0 §3.3: the session is the one that access tokens name in `sid`. */
function subjectOf(issuer: string, { streamId, accountId, sessionId }: SecurityEvent): object {
  if (accountId === null) return { format: 'opaque', id: streamId }
  const account = { format: 'iss_sub', iss: issuer, sub: accountId }
  if (sessionId === null) return account
  return { format: 'complex', user: account, session: { format: 'opaque', id: sessionId } }
}

/** CAEP 1.0 §2 and §3. */
function contentOf({ event, cause, initiator, at }: SecurityEvent): object {
  if (event === VERIFICATION) return cause === '' ? {} : { state: cause }
  const entity = initiator ?? INITIATORS[cause]
  return {
    event_timestamp: at,
    ...(entity === undefined ? {} : { initiating_entity: entity }),
    reason_admin: { en: cause.replace(/[_.]/g, ' ') },
    ...(event === 'credential-change' ? { credential_type: 'password', change_type: 'update' } : {}),
  }
}

/** Who ended a session for that cause; where it can be more than one, nothing is said. */
const INITIATORS: { readonly [cause: string]: 'admin' | 'user' | 'policy' | 'system' } = {
  signed_out: 'user',
  replaced: 'user',
  password_changed: 'user',
  session_expired: 'policy',
  account_suspended: 'admin',
  account_contained: 'admin',
  everything_ended: 'admin',
  database_restored: 'system',
}
