// Finds out for what cause a request was refused: from what the library says, which it says in the same words each time.
import type { Cause } from './causes.ts'
import type { Refusal } from './refusal.ts'

/** Words of the library, and the cause that they stand for; with the error code, where the same words stand for several. */
type Rule = readonly [cause: Cause, said: RegExp, code?: string]

/** The cause. What is not known is `other`. */
export function causeOf({ error, shownBy }: Refusal): Cause {
  const said = [error.detail ?? '', error.description ?? '']
  const found = RULES.find(
    ([, words, only]) => (only === undefined || only === error.code) && said.some((text) => words.test(text)),
  )
  if (found !== undefined) return found[0]
  if (error.code === 'invalid_client' && shownBy === 'private_key_jwt') return 'assertion_malformed'
  return BY_CODE[error.code] ?? 'other'
}

const OF_CLIENTS: readonly Rule[] = [
  ['client_unknown', /^client not found$/],
  ['client_auth_method', /does not match the registered client authentication method$/],
  ['secret_wrong', /^invalid secret provided$/],
  ['assertion_clock', /^jwt (?:expired|not active yet|issued in the future)$/, 'invalid_client'],
  ['assertion_clock', /^the assertion must expire within|^expiration must be specified/],
  ['assertion_audience', /^(?:list of )?audience \(aud\)|^aud \(JWT audience\)/],
  ['assertion_issuer', /^iss \(JWT issuer\)|^sub \(JWT subject\)/],
  ['assertion_replayed', /^client assertion tokens must only be used once$/],
  ['assertion_algorithm', /^alg mismatch$/],
  ['assertion_signature', /no applicable key|signature verification failed|jwks/i, 'invalid_client'],
  ['assertion_malformed', /client_assertion/],
  ['certificate', /client certificate (?:was )?|^certificate subject/, 'invalid_client'],
  // Of a Basic header as it must be: what is wrong is in what it says, mostly in the secret.
  ['secret_wrong', /^client_id and client_secret in the authorization header are not properly encoded$/],
  ['secret_wrong', /^client_secret must be provided in the authorization header$/i],
  ['client_auth_header', /authorization header/i],
  ['client_auth_twice', /^client authentication must only be provided using one mechanism$/],
  ['client_auth_missing', /^no client authentication mechanism provided$/],
  ['client_id_mismatch', /^client_id mismatch$/],
  ['origin_not_allowed', /^origin .* not allowed for client: /],
  ['content_type', /content-type bodies are supported/],
  ['body_unreadable', /^failed to parse the request body$/],
]

const OF_TOKENS: readonly Rule[] = [
  ['grant_type_not_allowed', /^requested grant type is not allowed for this client$/],
  ['code_unknown', /^authorization code not found$/],
  ['code_unknown', /^authorization code is expired$/],
  ['code_used', /^authorization code already consumed$|^already used$/],
  ['code_redirect_uri', /^authorization code redirect_uri mismatch$/],
  ['pkce_verifier_missing', /^code_verifier must be provided$/],
  // Of a code that was asked for without a challenge, and so without a method.
  ['pkce_verifier_unexpected', /^unsupported code_challenge_method$/],
  ['pkce_verifier_wrong', /^code_verifier does not match code_challenge$/],
  ['pkce_verifier_malformed', /^code_verifier (?:must be|contains)/],
  ['other_client', /^client mismatch$/],
  ['sender_key', /jkt verification$|x5t#S256 verification$|^mutual TLS client certificate|^missing DPoP proof|dpop_jkt$/],
  ['grant_ended', /^grant not found$|^grant is expired$|^the grant has ended$|referenced account not found|^accountId mismatch$/],
  ['refresh_token_unknown', /^refresh token (?:not found|is expired)$/],
  ['refresh_token_reused', /^refresh token already used$/],
  ['scope_not_granted', /^refresh token missing requested scope/],
  ['proof_clock', /iat is not recent enough/],
  ['proof_replayed', /replay/i],
]

const OF_AUTHORIZATION: readonly Rule[] = [
  ['redirect_uri', /^redirect_uri did not match any of the client's registered/],
  ['post_logout_redirect_uri', /^post_logout_redirect_uri not registered$/],
  ['parameter_missing', /^missing required parameter/],
  ['parameter_repeated', /must not be provided twice$/],
  ['pkce_missing', /policy requires PKCE/],
  ['pkce_method', /code_challenge_method|^code_challenge must be provided with/],
  ['pkce_challenge_malformed', /^code_challenge (?:must be|contains)/],
  ['response_type', /^requested response_type is not allowed/],
  ['response_mode', /^requested response_mode is not allowed/],
  ['scope_malformed', /^scope contains invalid characters$/],
  ['scope_not_allowed', /^requested scope is not allowed$/],
  ['resource_unknown', /^the resource is not registered$/],
  ['resource_not_allowed', /^the client is not allowed any scope of the resource$/],
  ['resource_malformed', /^resource indicator must (?:be an absolute URI|not contain a fragment)/],
  ['resource_several', /^only a single resource indicator/],
  ['resource_not_granted', /^resource indicator is missing, or unknown$/],
  ['openid_missing', /^openid scope must be requested/],
  ['id_token_hint', /id_token_hint/],
  ['prompt', /^unsupported prompt value|^prompt none must/],
  ['max_age', /max_age/],
  ['sign_in_lost', /^authorization request has expired$|session not found$|principal changed$|cookie identifier mismatch$/],
  ['sign_in_lost', /session mismatch$|session id cookie not found$|^the session or the grant has ended$/],
]

const RULES: readonly Rule[] = [...OF_CLIENTS, ...OF_TOKENS, ...OF_AUTHORIZATION]

/** Where the code says it all. */
const BY_CODE: { readonly [code: string]: Cause } = {
  access_denied: 'person_declined',
  consent_required: 'consent_required',
  interaction_required: 'login_required',
  invalid_dpop_proof: 'proof_malformed',
  invalid_request_uri: 'pushed_request_spent',
  login_required: 'login_required',
  registration_not_supported: 'not_supported',
  request_not_supported: 'not_supported',
  request_uri_not_supported: 'not_supported',
  server_error: 'server_failed',
  temporarily_unavailable: 'client_just_changed',
  unsupported_grant_type: 'grant_type_unsupported',
  unsupported_response_mode: 'response_mode',
  unsupported_response_type: 'response_type',
}
