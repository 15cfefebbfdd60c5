// Scopes: what they are made of, the standard ones, and those that stand for this server's own APIs.

/** The scopes of OpenID Connect (Core §5.4, §11), each with the claims it stands for. */
export const OPENID_SCOPES: Readonly<Record<string, readonly string[]>> = Object.freeze({
  openid: ['sub'],
  profile: [
    'name',
    'family_name',
    'given_name',
    'middle_name',
    'nickname',
    'preferred_username',
    'profile',
    'picture',
    'website',
    'gender',
    'birthdate',
    'zoneinfo',
    'locale',
    'updated_at',
  ],
  email: ['email', 'email_verified'],
  address: ['address'],
  phone: ['phone_number', 'phone_number_verified'],
  offline_access: [],
})

const ADMIN_NOUNS = ['accounts', 'clients', 'resource-servers', 'sessions', 'grants', 'tokens', 'keys', 'audit', 'webhooks']

/** The scopes of the admin API (`<issuer>/admin/api`). */
export const ADMIN_SCOPES: readonly string[] = Object.freeze([
  ...ADMIN_NOUNS.flatMap((noun) => [`${noun}:read`, `${noun}:write`]),
  'sessions:revoke',
  'grants:revoke',
  'tokens:revoke',
])

/** The scope of the revocations feed (`<issuer>/revocations`). */
export const REVOCATIONS_SCOPE = 'revocations:read'

/** The scope of the streams of security events (`<issuer>/shared-signals`); its name is that of the CAEP Interoperability Profile. */
export const SHARED_SIGNALS_SCOPE = 'ssf.manage'

/** The scopes of this server's own APIs. */
export const OWN_API_SCOPES: readonly string[] = Object.freeze([...ADMIN_SCOPES, REVOCATIONS_SCOPE, SHARED_SIGNALS_SCOPE])

/** What a client without `scope` of its own may ask for: this and nothing else. */
export const DEFAULT_CLIENT_SCOPE = 'openid'

/**
 * Says whether no API of others may use this scope. A client that has one of ours in its `scope` may ask for our API;
 * if another API had a scope of that name, giving it to a client would give away ours.
 */
export function isReservedScope(scope: string): boolean {
  return Object.hasOwn(OPENID_SCOPES, scope) || OWN_API_SCOPES.includes(scope)
}

/** RFC 6749 §3.3: a scope token is of printable ASCII without space, quote and backslash. */
export function isScopeToken(text: string): boolean {
  return /^[\x21\x23-\x5B\x5D-\x7E]{1,200}$/.test(text)
}

/** The tokens of a `scope` value (RFC 6749 §3.3: separated by single spaces), or undefined when it is none or repeats one. */
export function scopeTokens(scope: string): string[] | undefined {
  const tokens = scope.split(' ')
  return tokens.every(isScopeToken) && new Set(tokens).size === tokens.length ? tokens : undefined
}
