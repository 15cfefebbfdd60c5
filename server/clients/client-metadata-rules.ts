// What the members of a registration must be together. Members that are wrong in themselves are left out of it, so that
// everything that is wrong can be told at once.
import { CERTIFICATE_SUBJECTS, type PartialMetadata } from './client-metadata-members.ts'
import { redirectUriFault } from './redirect-uris.ts'

/** One thing that is wrong with a registration. */
export interface MetadataIssue {
  /** Where, from the registration down. */
  readonly path: readonly (string | number)[]
  /** The unknown key at that path, when it is the key that is wrong. */
  readonly key?: string
  readonly message: string
}

/** A registration as it was given. */
export type Registration = Readonly<Record<string, unknown>>

/** Every rule that is broken. `known` has the defaults filled in; `given` tells what was left out. */
export function togetherIssues(known: PartialMetadata, given: Registration): MetadataIssue[] {
  return [
    ...grantIssues(known),
    ...redirectIssues(known, given),
    ...authenticationIssues(known, given),
    ...rotationIssues(known),
    ...logoutIssues(known),
  ]
}

/** A client that counts on certificates must not be served without. `certificates` says how they come in, if they do. */
export function certificateIssues(
  { token_endpoint_auth_method: method, tls_client_certificate_bound_access_tokens: bound }: PartialMetadata,
  certificates: { readonly chainChecked: boolean } | undefined,
): MetadataIssue[] {
  const byCertificate = method === 'tls_client_auth' || method === 'self_signed_tls_client_auth'
  if (certificates === undefined && (byCertificate || bound)) {
    const member = byCertificate ? 'token_endpoint_auth_method' : 'tls_client_certificate_bound_access_tokens'
    return [{ path: [member], message: 'there are no client certificates: set LATCHKEY_CLIENT_CERTIFICATE_HEADER' }]
  }
  if (method !== 'tls_client_auth' || certificates?.chainChecked !== false) return []
  return [{ path: ['token_endpoint_auth_method'], message: 'tls_client_auth needs LATCHKEY_CLIENT_CERTIFICATE_CHAIN=checked' }]
}

function grantIssues({ grant_types, response_types, token_endpoint_auth_method }: PartialMetadata): MetadataIssue[] {
  const issues: MetadataIssue[] = []
  if (grant_types === undefined) return issues
  // RFC 6749 §4.4: "MUST only be used by confidential clients".
  if (grant_types.includes('client_credentials') && token_endpoint_auth_method === 'none') {
    issues.push({ path: ['grant_types'], message: 'client_credentials is not for a client with token_endpoint_auth_method none' })
  }
  const withCode = grant_types.includes('authorization_code')
  if (grant_types.includes('refresh_token') && !withCode) {
    issues.push({ path: ['grant_types'], message: 'refresh_token comes with authorization_code only' })
  }
  // RFC 7591 §2.1: the two must not contradict each other.
  if (response_types !== undefined && response_types.includes('code') !== withCode) {
    const message = withCode
      ? 'it must have code, for the grant type authorization_code'
      : 'code needs the grant type authorization_code'
    issues.push({ path: ['response_types'], message })
  }
  return issues
}

function redirectIssues(known: PartialMetadata, given: Registration): MetadataIssue[] {
  const issues: MetadataIssue[] = []
  const type = known.application_type ?? 'web'
  for (const member of ['redirect_uris', 'post_logout_redirect_uris'] as const) {
    for (const [index, uri] of (known[member] ?? []).entries()) {
      const message = redirectUriFault(uri, type)
      if (message !== undefined) issues.push({ path: [member, index], message })
    }
  }
  const givenUris = given.redirect_uris ?? []
  const none = Array.isArray(givenUris) && givenUris.length === 0
  if (none && known.grant_types?.includes('authorization_code')) {
    // RFC 6749 §3.1.2.2 and RFC 9700 §2.1: registered, and compared as they are.
    issues.push({ path: [], message: 'redirect_uris is missing: the grant type authorization_code needs one or more' })
  }
  return issues
}

function authenticationIssues(known: PartialMetadata, given: Registration): MetadataIssue[] {
  const issues: MetadataIssue[] = []
  const { token_endpoint_auth_method: method, token_endpoint_auth_signing_alg, jwks, jwks_uri, require_pkce } = known
  if (jwks !== undefined && jwks_uri !== undefined) {
    // RFC 7591 §2: "MUST NOT both be present".
    issues.push({ path: ['jwks_uri'], message: 'there must not be both jwks and jwks_uri' })
  }
  const keyed = method === 'private_key_jwt' || method === 'self_signed_tls_client_auth'
  if (keyed && given.jwks === undefined && given.jwks_uri === undefined) {
    issues.push({ path: ['token_endpoint_auth_method'], message: `${method} needs jwks or jwks_uri` })
  }
  if (token_endpoint_auth_signing_alg !== undefined && method !== 'private_key_jwt') {
    issues.push({ path: ['token_endpoint_auth_signing_alg'], message: 'it is for private_key_jwt only' })
  }
  const subjects = CERTIFICATE_SUBJECTS.filter((member) => given[member] !== undefined && given[member] !== null)
  if (method === 'tls_client_auth' && subjects.length !== 1) {
    // RFC 8705 §2.1.2: "exactly one".
    issues.push({
      path: ['token_endpoint_auth_method'],
      message: `tls_client_auth needs one of ${CERTIFICATE_SUBJECTS.join(', ')}`,
    })
  }
  for (const member of method === 'tls_client_auth' ? [] : subjects) {
    issues.push({ path: [member], message: 'it is for tls_client_auth only' })
  }
  if (require_pkce === false && method === 'none') {
    // RFC 9700 §2.1.1: public clients MUST use PKCE.
    issues.push({ path: ['require_pkce'], message: 'a client without authentication must use PKCE' })
  }
  return issues
}

/** Front-Channel Logout 1.0 §2: a page of the app's own, and of nobody else, is framed after a sign-out. */
function logoutIssues({ frontchannel_logout_uri: uri, redirect_uris = [] }: PartialMetadata): MetadataIssue[] {
  if (uri === undefined || redirect_uris.some((redirectUri) => URL.parse(redirectUri)?.origin === URL.parse(uri)?.origin))
    return []
  return [{ path: ['frontchannel_logout_uri'], message: 'its scheme, host and port must be those of one of the redirect_uris' }]
}

/** FAPI 2.0 §5.3.2.1 wants no rotation, where nobody but the client itself can use its refresh token anyway; only there. */
function rotationIssues(known: PartialMetadata): MetadataIssue[] {
  if (known.rotate_refresh_tokens !== false) return []
  const issues: MetadataIssue[] = []
  const path = ['rotate_refresh_tokens']
  if (!known.dpop_bound_access_tokens && !known.tls_client_certificate_bound_access_tokens) {
    const message = 'it needs dpop_bound_access_tokens or tls_client_certificate_bound_access_tokens'
    issues.push({ path, message })
  }
  if (known.token_endpoint_auth_method?.startsWith('client_secret_')) {
    issues.push({ path, message: 'a client that authenticates by a secret must rotate its refresh tokens' })
  }
  return issues
}
