// The members of a registration, by the names of RFC 7591, each by itself.
import { z } from 'zod'
import { scopeTokens } from '../../config/scopes.ts'
import { calledUriFault, shownUriFault } from './redirect-uris.ts'

/** The grant types that a client can have. */
export const CLIENT_GRANT_TYPES = ['authorization_code', 'refresh_token', 'client_credentials'] as const

/** The ways in which a client can authenticate. `client_secret_jwt` never: secrets are kept as digests only. */
export const CLIENT_AUTH_METHODS = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
  'tls_client_auth',
  'self_signed_tls_client_auth',
  'none',
] as const

/** How the certificate of a client with `tls_client_auth` is known (RFC 8705 §2.1.2). */
export const CERTIFICATE_SUBJECTS = [
  'tls_client_auth_subject_dn',
  'tls_client_auth_san_dns',
  'tls_client_auth_san_uri',
  'tls_client_auth_san_ip',
  'tls_client_auth_san_email',
] as const

/** The algorithms by which a client can have its ID tokens, and what introspection answers it, signed. */
const ID_TOKEN_ALGORITHMS = ['RS256', 'ES256', 'EdDSA'] as const

const CLIENT_ASSERTION_ALGORITHMS = ['ES256', 'RS256', 'PS256', 'EdDSA'] as const

/** RFC 7591 §2, and what is ours: `skip_consent`, `require_pkce`, `rotate_refresh_tokens`, `refresh_replay_window` (docs/provision-file.md). */
export type ClientMetadata = z.output<typeof clientMetadata>

/** What is known of a registration in which something is wrong: the members that are right in themselves. */
export type PartialMetadata = { readonly [Member in keyof ClientMetadata]?: ClientMetadata[Member] | undefined }

const CLIENT_ID = /^[\x21-\x7E]{1,200}$/

/** Whether something could be the id of a client. What is not is not there; PostgreSQL would refuse some of it. */
export function isClientId(id: string): boolean {
  return CLIENT_ID.test(id)
}

function text(longest: number) {
  return (
    z
      .string('it must be text')
      .min(1, 'it must not be empty')
      .max(longest, `it must have ${longest} characters at most`)
      // Names stand on the consent page and in the console: nothing that hides or reverses text.
      .regex(/^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]*$/u, 'it must not have control characters')
  )
}

function checked(fault: (uri: string) => string | undefined) {
  return z.string('it must be text').superRefine((uri, context) => {
    const message = fault(uri)
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  })
}

function wordFrom<const Words extends readonly string[]>(words: Words) {
  return z.enum(words, `it must be ${words.length === 1 ? words[0] : `one of ${words.join(', ')}`}`)
}

function listOf<Item extends z.ZodType>(item: Item, most = 100) {
  return z
    .array(item, 'it must be a list')
    .max(most, `it must have ${most} entries at most`)
    .refine((list) => new Set(list).size === list.length, 'it must not have an entry twice')
}

const flag = z.boolean('it must be true or false')
const called = checked(calledUriFault)
const shown = checked(shownUriFault)
const anyText = z.string('it must be text')

/** RFC 7517: public keys only. A private key in a registration is a secret in the wrong place. */
const publicKeys = z.object(
  {
    keys: listOf(
      z
        .looseObject({ kty: wordFrom(['EC', 'OKP', 'RSA']) })
        .refine((key) => !('d' in key), 'it must be a public key: leave out d and what follows it')
        // What PostgreSQL cannot keep: NUL, and halves of characters.
        .refine((key) => !/\\u(?:0000|d[89a-f])/.test(JSON.stringify(key)), 'it must be of plain text'),
      20,
    ).min(1, 'it must have a key'),
  },
  'it must be a JSON Web Key Set',
)

/** How each member is read. */
export const clientMetadataMembers = {
  // RFC 6749 §A.1 allows space as well. The prefixes are those of our own ids: RFC 9700 §4.15 warns of a client whose
  // client_id looks like the `sub` of a person.
  client_id: z
    .string('it must be text')
    .regex(CLIENT_ID, 'it must be of 1 to 200 printable ASCII characters without spaces')
    .regex(/^(?!(?:acc|ses|gra|sec|rt)_)/, 'it must not begin like an id of the server’s own (acc_, ses_, gra_, sec_, rt_)'),
  client_name: text(200),
  client_uri: shown,
  logo_uri: shown,
  policy_uri: shown,
  tos_uri: shown,
  contacts: listOf(z.email('it must be an e-mail address'), 20),
  application_type: wordFrom(['web', 'native']),
  redirect_uris: listOf(anyText),
  post_logout_redirect_uris: listOf(anyText),
  initiate_login_uri: called.refine((uri) => uri.startsWith('https:'), 'it must be https'),
  token_endpoint_auth_method: wordFrom(CLIENT_AUTH_METHODS),
  token_endpoint_auth_signing_alg: wordFrom(CLIENT_ASSERTION_ALGORITHMS),
  jwks: publicKeys,
  jwks_uri: called,
  grant_types: listOf(wordFrom(CLIENT_GRANT_TYPES)).min(1, 'it must have an entry'),
  response_types: listOf(wordFrom(['code'])),
  response_modes: listOf(wordFrom(['query', 'fragment', 'form_post'])).min(1, 'it must have an entry'),
  scope: z
    .string('it must be text')
    .refine((scope) => scopeTokens(scope) !== undefined, 'it must be scopes between single spaces, none of them twice'),
  subject_type: wordFrom(['public']),
  id_token_signed_response_alg: wordFrom(ID_TOKEN_ALGORITHMS),
  introspection_signed_response_alg: wordFrom(ID_TOKEN_ALGORITHMS),
  default_max_age: z.int('it must be a number of seconds').min(0, 'it must not be negative'),
  require_auth_time: flag,
  require_pushed_authorization_requests: flag,
  dpop_bound_access_tokens: flag,
  tls_client_certificate_bound_access_tokens: flag,
  tls_client_auth_subject_dn: text(500),
  tls_client_auth_san_dns: text(253),
  tls_client_auth_san_uri: text(500),
  tls_client_auth_san_ip: text(45),
  tls_client_auth_san_email: text(254),
  backchannel_logout_uri: called,
  backchannel_logout_session_required: flag,
  frontchannel_logout_uri: called,
  frontchannel_logout_session_required: flag,
  software_id: text(200),
  software_version: text(200),
  skip_consent: flag,
  require_pkce: flag,
  rotate_refresh_tokens: flag,
  refresh_replay_window: z
    .int('it must be a number of seconds')
    .min(0, 'it must be from 0 to 300')
    .max(300, 'it must be from 0 to 300'),
}

const { client_id, application_type, redirect_uris, post_logout_redirect_uris, token_endpoint_auth_method, ...others } =
  clientMetadataMembers
const { grant_types, response_types, scope, backchannel_logout_session_required, skip_consent, require_pkce, ...optional } =
  others

/** A registration that is right and complete. */
export const clientMetadata = z.object({
  client_id,
  application_type,
  redirect_uris,
  post_logout_redirect_uris,
  token_endpoint_auth_method,
  grant_types,
  response_types,
  scope,
  backchannel_logout_session_required,
  skip_consent,
  require_pkce,
  ...z.object(optional).partial().shape,
})
