// How long things live.
import { setting } from './setting.ts'
import { duration } from './value-kinds.ts'

/** Lifetimes, in seconds. */
export interface Lifetimes {
  readonly accessToken: number
  readonly idToken: number
  readonly authorizationCode: number
  /** Access tokens of clients that act for themselves. */
  readonly clientCredentials: number
  readonly session: number
  /** Without use a session is over sooner. */
  readonly sessionIdle: number
  /** How long a person may take over signing in and consent. */
  readonly interaction: number
  /** A grant lives as long as its refresh tokens may. */
  readonly grant: number
  readonly refreshIdle: number
  readonly refreshAbsolute: number
  readonly setupLink: number
  readonly passwordLink: number
}

const MINUTE = 60
const DAY = 86_400

/** The longest life an access token may have, in seconds: a revocation is remembered as long as that. */
export const LONGEST_ACCESS_TOKEN = DAY

/** The longest that a session may last, in seconds. */
const LONGEST_SESSION = 30 * DAY

/**
 * How long what a key has signed may still be in use once it signs no more, in seconds: access tokens, and the ID tokens by which apps
 * sign people out of a session (`id_token_hint`). Without `lifetimes`, the longest that there can be.
 */
export function signedLife(
  { idToken, session }: Pick<Lifetimes, 'idToken' | 'session'> = { idToken: 0, session: LONGEST_SESSION },
): number {
  return Math.max(LONGEST_ACCESS_TOKEN, idToken, session) + MINUTE
}

export const lifetimeSettings = {
  accessTokenTtl: setting({
    variable: 'LATCHKEY_ACCESS_TOKEN_TTL',
    kind: duration(1, LONGEST_ACCESS_TOKEN),
    default: '900',
    meaning: 'Life of access tokens. A resource server may have its own (`access_token_ttl`).',
    example: '15m',
  }),
  clientCredentialsTtl: setting({
    variable: 'LATCHKEY_CLIENT_CREDENTIALS_TTL',
    kind: duration(1, LONGEST_ACCESS_TOKEN),
    default: '900',
    meaning: 'Life of access tokens that clients get for themselves (client credentials).',
    example: '15m',
  }),
  idTokenTtl: setting({
    variable: 'LATCHKEY_ID_TOKEN_TTL',
    kind: duration(1, DAY),
    default: '3600',
    meaning: 'Life of ID tokens.',
    example: '1h',
  }),
  authorizationCodeTtl: setting({
    variable: 'LATCHKEY_AUTHORIZATION_CODE_TTL',
    // RFC 6749 §4.1.2 allows ten minutes; FAPI 2.0 §5.3.2.1 one.
    kind: duration(1, MINUTE),
    default: '60',
    meaning: 'Life of authorization codes.',
    example: '60',
  }),
  sessionTtl: setting({
    variable: 'LATCHKEY_SESSION_TTL',
    kind: duration(1, LONGEST_SESSION),
    default: '86400',
    meaning: 'How long a person stays signed in, counted from signing in.',
    example: '24h',
  }),
  sessionIdleTtl: setting({
    variable: 'LATCHKEY_SESSION_IDLE_TTL',
    kind: duration(1, 30 * DAY),
    default: '28800',
    meaning:
      'How long a session lasts without use, if that is less: without a sign-in to an app, a page of the server’s own, or a refresh by an app that is bound to the session.',
    example: '8h',
  }),
  interactionTtl: setting({
    variable: 'LATCHKEY_INTERACTION_TTL',
    kind: duration(1, DAY),
    default: '3600',
    meaning: 'How long a person may take over the sign-in and consent pages.',
    example: '1h',
  }),
  refreshIdleTtl: setting({
    variable: 'LATCHKEY_REFRESH_IDLE_TTL',
    kind: duration(1, 365 * DAY),
    default: '604800',
    meaning: 'Life of a refresh token that is not used. Each use gives a new one.',
    example: '7d',
  }),
  refreshAbsoluteTtl: setting({
    variable: 'LATCHKEY_REFRESH_ABSOLUTE_TTL',
    kind: duration(1, 365 * DAY),
    default: '2592000',
    meaning: 'How long refreshing can go on before the person must sign in again.',
    example: '30d',
  }),
  refreshReplayWindow: setting({
    variable: 'LATCHKEY_REFRESH_REPLAY_WINDOW',
    kind: duration(0, 5 * MINUTE),
    default: '15',
    meaning:
      'How long a used refresh token gets the same successor again, so that a lost answer signs nobody out. 0 turns this off.',
    example: '15',
  }),
  setupLinkTtl: setting({
    variable: 'LATCHKEY_SETUP_LINK_TTL',
    kind: duration(1, DAY),
    default: '1800',
    meaning: 'Life of the link by which the first owner is made.',
    example: '30m',
  }),
  passwordLinkTtl: setting({
    variable: 'LATCHKEY_PASSWORD_LINK_TTL',
    kind: duration(1, 7 * DAY),
    default: '86400',
    meaning: 'Life of the one-time links by which people set a password.',
    example: '24h',
  }),
}
