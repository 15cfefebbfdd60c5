// Builds the library's Provider from everything else in this folder. A new one is built whenever what the library fixes
// at construction changes (provider-host.ts swaps it in).
import type { Middleware } from 'koa'
import { type Configuration, errors, type KoaContextWithOIDC, Provider, type TokenEndpointGrantContext } from 'oidc-provider'
import type { Clock } from '../../config/clock.ts'
import type { Lifetimes } from '../../config/lifetimes.ts'
import { OPENID_SCOPES } from '../../config/scopes.ts'
import type { Consents } from '../grants/consents.ts'
import type { CookieSignatures } from '../http/cookie-signatures.ts'
import { SIGNING_ALGORITHMS, type SigningKeys } from '../keys/signing-keys.ts'
import { statusListsUri } from '../tokens/status-lists.ts'
import { accessTokenClaims, setTimes } from './access-token-claims.ts'
import { ADDED_CLIENT_METADATA } from './added-client-metadata.ts'
import { type ClientCredentialsDeps, withDatabaseTime } from './client-credentials.ts'
import { originAllowed } from './client-origins.ts'
import { nameErrors } from './error-names.ts'
import { createExistingGrant } from './existing-grant.ts'
import { type FailureDeps, reportFailures } from './failures.ts'
import { createFeatures, type DpopPolicy, type ProviderPages } from './features.ts'
import { type FormPageDeps, replaceFormPages, respondByFormPost } from './form-pages.ts'
import { createJwtTokenEndpoints, type JwtTokenEndpointDeps } from './jwt-token-endpoints.ts'
import { fetchKeys } from './key-fetch.ts'
import { countTokenAnswers, type ProtocolMeasures } from './measures.ts'
import { type OverrideDeps, overrideModels } from './model-overrides.ts'
import { createModelStorage, type ModelStorageDeps } from './model-storage.ts'
import { certificateAuthMethods, type MutualTls } from './mutual-tls.ts'
import { getsRefreshToken } from './policies.ts'
import { setCaching } from './protocol-routes.ts'
import { type GrantHandler, type RotationDeps, withRotation } from './refresh-rotation.ts'
import { type RefusalDeps, reportRefusals } from './refusals.ts'
import { requestState } from './request-state.ts'
import { createStatusClaim, type StatusClaimDeps } from './status-claim.ts'
import { type SubjectAccount, subjectOf } from './subject-claims.ts'
import { createLifetimes } from './token-lifetimes.ts'

/** Everything that a Provider is built from. */
export type ProviderDeps = ModelStorageDeps &
  OverrideDeps &
  ClientCredentialsDeps &
  FormPageDeps &
  JwtTokenEndpointDeps &
  StatusClaimDeps & {
    readonly issuer: string
    readonly keys: SigningKeys
    /** What every request passes first. */
    readonly door: readonly Middleware[]
    readonly cookieSignatures: CookieSignatures
    readonly lifetimes: Lifetimes
    readonly consents: Consents
    readonly pages: ProviderPages
    readonly dpop: DpopPolicy
    /** Undefined where no proxy hands certificates over. */
    readonly mutualTls: MutualTls | undefined
    readonly failures: FailureDeps
    readonly refused: RefusalDeps['refused']
    readonly measures: ProtocolMeasures
    /** An active account. */
    readonly findAccount: (id: string) => Promise<SubjectAccount | undefined>
  }

/** Builds a Provider. */
export function buildProvider(deps: ProviderDeps): Provider {
  const provider = new LatchkeyProvider(deps)
  overrideModels(provider, deps)
  for (const middleware of deps.door) provider.use(middleware)
  provider.use(setCaching)
  reportFailures(provider, deps.failures)
  reportRefusals(provider, deps)
  countTokenAnswers(provider, deps.measures)
  provider.use(createJwtTokenEndpoints(deps))
  provider.use(replaceFormPages(deps))
  provider.use(nameErrors)
  // The door has checked the host and written the configured origin into these headers (http/host-pinning.ts).
  provider.proxy = true
  return provider
}

/** The library's Provider with the refresh_token grant wrapped; there is no configuration for that. */
class LatchkeyProvider extends Provider {
  constructor(deps: ProviderDeps) {
    // The library registers its grant types while it is constructed, before this class could keep anything of its own.
    rotations.push(deps)
    try {
      super(deps.issuer, configurationOf(deps))
    } finally {
      rotations.pop()
    }
  }

  override registerGrantType<Params extends object>(
    name: string,
    handler: GrantHandler<TokenEndpointGrantContext<Params>>,
    params?: string | readonly string[] | ReadonlySet<string>,
    duplicates?: string | readonly string[] | ReadonlySet<string>,
  ): void {
    const deps = rotations.at(-1)
    super.registerGrantType(name, deps === undefined ? handler : wrapped(name, handler, deps), params, duplicates)
  }

  override registerResponseMode(...[name, handler]: Parameters<Provider['registerResponseMode']>): void {
    super.registerResponseMode(name, name === 'form_post' ? respondByFormPost : handler)
  }
}

/** What the Provider under construction wraps its handlers with. Construction is synchronous, so there is at most one. */
const rotations: (RotationDeps & ClientCredentialsDeps)[] = []

function wrapped<Context extends KoaContextWithOIDC>(
  name: string,
  handler: GrantHandler<Context>,
  deps: RotationDeps & ClientCredentialsDeps,
): GrantHandler<Context> {
  if (name === 'refresh_token') return withRotation(handler, deps)
  return name === 'client_credentials' ? withDatabaseTime(handler, deps) : handler
}

function configurationOf(deps: ProviderDeps): Configuration {
  const secure = deps.issuer.startsWith('https:')
  return {
    adapter: createModelStorage(deps),
    jwks: { keys: [...deps.keys.privateJwks.keys] } as NonNullable<Configuration['jwks']>,
    routes: ROUTES,
    scopes: [...deps.registry.scopes()],
    claims: Object.fromEntries(Object.entries(OPENID_SCOPES).map(([scope, claims]) => [scope, [...claims]])),
    acrValues: [],
    features: createFeatures(deps),
    responseTypes: ['code'],
    subjectTypes: ['public'],
    clientAuthMethods: clientAuthMethods(deps),
    enabledJWA: {
      clientAuthSigningAlgValues: [...CLIENT_ASSERTION_ALGORITHMS],
      dPoPSigningAlgValues: [...DPOP_ALGORITHMS],
      idTokenSigningAlgValues: [...SIGNING_ALGORITHMS],
    },
    clientDefaults: {
      grant_types: ['authorization_code'],
      id_token_signed_response_alg: 'RS256',
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
    },
    extraClientMetadata: ownClientMetadata(deps),
    cookies: {
      keys: deps.cookieSignatures,
      // `__Host-` makes the browser refuse a cookie that another host of the domain tries to plant.
      names: {
        session: secure ? '__Host-latchkey_session' : 'latchkey_session',
        interaction: 'latchkey_interaction',
        resume: 'latchkey_resume',
      },
      long: { httpOnly: true, overwrite: true, path: '/', sameSite: 'lax', secure, signed: true },
      short: { httpOnly: true, overwrite: true, sameSite: 'lax', secure, signed: true },
    },
    ttl: createLifetimes(deps),
    discovery: {
      ...endpointAuthentication(clientAuthMethods(deps)),
      ...statusListDiscovery(deps),
      // OpenID Connect Front-Channel Logout 1.0 §3 (front-channel-logout.ts).
      frontchannel_logout_supported: true,
      frontchannel_logout_session_supported: true,
    },
    ...policiesOf(deps),
  }
}

/** The library does not know `tls_client_certificate_bound_access_tokens` while there are no certificates, and would forget it. */
function ownClientMetadata({ mutualTls }: ProviderDeps): NonNullable<Configuration['extraClientMetadata']> {
  const bound = 'tls_client_certificate_bound_access_tokens'
  return {
    properties: [...ADDED_CLIENT_METADATA, ...(mutualTls === undefined ? [bound] : [])],
    validator(_ctx, member, value) {
      if (member === bound && value === true) throw new errors.InvalidClientMetadata(`${bound} needs client certificates`)
    },
  }
}

/** RFC 8414 §2: without these, clients must take it that only `client_secret_basic` is good there. */
function endpointAuthentication(methods: readonly string[]) {
  const algorithms = [...CLIENT_ASSERTION_ALGORITHMS]
  return {
    revocation_endpoint_auth_methods_supported: methods,
    revocation_endpoint_auth_signing_alg_values_supported: algorithms,
    // A public client learns nothing there (RFC 7662 §4).
    introspection_endpoint_auth_methods_supported: methods.filter((method) => method !== 'none'),
    introspection_endpoint_auth_signing_alg_values_supported: algorithms,
    // RFC 9701 §7
    introspection_signing_alg_values_supported: [...SIGNING_ALGORITHMS],
  }
}

/** Token Status List §9.1: where to learn which lists there are. */
function statusListDiscovery({ issuer, statusLists }: ProviderDeps) {
  return statusLists === undefined ? {} : { status_list_aggregation_endpoint: statusListsUri(issuer) }
}

/** `client_secret_jwt` would need the secret itself; only its digest is kept. */
function clientAuthMethods({ mutualTls }: ProviderDeps) {
  return ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none', ...certificateAuthMethods(mutualTls)] as const
}

const CLIENT_ASSERTION_ALGORITHMS = ['ES256', 'RS256', 'PS256', 'EdDSA'] as const

/** `Ed25519` is the same as `EdDSA` under its newer name (RFC 9864); apps use either. */
const DPOP_ALGORITHMS = ['ES256', 'PS256', 'EdDSA', 'Ed25519'] as const

/** The names of the endpoints (docs/reference/endpoints.md). */
const ROUTES = {
  authorization: '/authorize',
  token: '/token',
  revocation: '/revoke',
  introspection: '/introspect',
  userinfo: '/userinfo',
  jwks: '/jwks',
  pushed_authorization_request: '/par',
  end_session: '/logout',
}

/** Every policy that the library has a default for, each set on purpose. */
function policiesOf(deps: ProviderDeps): Configuration {
  const addStatus = createStatusClaim(deps)
  return {
    allowOmittingSingleRegisteredRedirectUri: false,
    acceptQueryParamAccessTokens: false,
    conformIdTokenClaims: true,
    enableHttpPostMethods: false,
    clockTolerance: 5,
    clientBasedCORS: originAllowed,
    // Code with PKCE for all; an old confidential client can be let off by name (RFC 9700 §2.1.1).
    pkce: { required: (_ctx, client) => client.clientAuthMethod === 'none' || client.require_pkce !== false },
    extraParams: { code_challenge: (_ctx, challenge) => checkChallenge(challenge) },
    interactions: {
      url(ctx, interaction) {
        // A browser gets its session before anybody signs in, so that two tabs that sign in at once have the same one.
        if (ctx.oidc.session !== undefined) Reflect.set(ctx.oidc.session, 'touched', true)
        return `/interactions/${interaction.uid}`
      },
    },
    assertJwtClientAuthClaimsAndHeader: (_ctx, claims) => checkAssertionLife(claims.exp, deps.clock),
    loadExistingGrant: createExistingGrant(deps),
    async findAccount(_ctx, id) {
      const account = requestState().accounts.get(id) ?? (await deps.findAccount(id))
      return account === undefined ? undefined : subjectOf(account)
    },
    issueRefreshToken: (_ctx, client) => getsRefreshToken(client),
    // Answering true would make the library ask Redis at each refresh; the one read of the family decides.
    expiresWithSession: () => false,
    // Asked when all that the sender must show has been checked: key, certificate, scope.
    async rotateRefreshToken() {
      const { refresh } = requestState()
      if (refresh?.how === 'refuse') await refresh.refuse()
      return refresh?.how === 'rotate'
    },
    // What a revocation ends is decided by grants/grants.ts, not by the library's look at the caller.
    revokeGrantPolicy: () => false,
    renderError: deps.pages.renderError,
    extraTokenClaims: (ctx, token) => accessTokenClaims(ctx, token),
    formats: {
      bitsOfOpaqueRandomness: 256,
      customizers: {
        async jwt(ctx, _token, parts) {
          setTimes(ctx, parts.payload)
          await addStatus(parts.payload)
        },
      },
    },
    fetch: fetchKeys,
    fetchResponseBodyLimits: { jwks_uri: 64 * 1024, sector_identifier_uri: 64 * 1024 },
  }
}

/** How long a client assertion may live, and how far a client's clock may be ahead, in seconds. */
const LONGEST_ASSERTION_LIFE = 300
const CLIENT_CLOCK_AHEAD = 60

/** RFC 7523 §3 lets the server refuse an `exp` that is far away: such an assertion is a password that somebody stores. */
function checkAssertionLife(exp: unknown, clock: Clock): void {
  if (typeof exp !== 'number' || exp > clock() / 1000 + LONGEST_ASSERTION_LIFE + CLIENT_CLOCK_AHEAD) {
    throw new errors.InvalidClientAuth(`the assertion must expire within ${LONGEST_ASSERTION_LIFE} seconds`)
  }
}

/**
 * The library takes challenges of up to 128 characters. No SHA-256 has more than 43 (RFC 7636 §4.2), so that the client
 * hears of its mistake before the person signs in, and not when the code is refused.
 */
function checkChallenge(challenge: string | undefined): void {
  if (challenge !== undefined && challenge.length !== 43) {
    throw new errors.InvalidRequest('code_challenge must be a SHA-256 digest in base64url, of 43 characters')
  }
}
