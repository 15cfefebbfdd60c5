// Each feature of the library, on or off, with the specification it stands for. Discovery tells what is on.
import type { Configuration, ErrorOut, errors, KoaContextWithOIDC } from 'oidc-provider'
import { type MutualTls, mutualTlsFeature } from './mutual-tls.ts'
import { mayIntrospect, mayRevoke } from './policies.ts'
import type { Registry } from './registry.ts'
import { createResourceIndicators } from './resource-indicators.ts'

/** The pages that the library asks for. */
export interface ProviderPages {
  /** Shows an error that cannot go back to a client. */
  renderError(ctx: KoaContextWithOIDC, out: ErrorOut, error: errors.OIDCProviderError | Error): Promise<void> | void
  /** Asks whether to sign out. */
  logoutSource(ctx: KoaContextWithOIDC, form: string): Promise<void> | void
  /** Says that the person is signed out. */
  postLogoutSuccessSource(ctx: KoaContextWithOIDC): Promise<void> | void
}

/** How proofs of possession are judged (RFC 9449). */
export interface DpopPolicy {
  /** Of it every process makes the same nonces, so that one which restarts goes on where it was. */
  readonly nonceSecret: Buffer
  /** Whether a proof without a nonce is refused. */
  readonly nonceRequired: boolean
}

/** The library's `features`. */
export function createFeatures(deps: {
  readonly registry: Registry
  readonly pages: ProviderPages
  readonly dpop: DpopPolicy
  readonly mutualTls: MutualTls | undefined
}): NonNullable<Configuration['features']> {
  const { registry, pages, dpop, mutualTls } = deps
  return {
    // RFC 6749 §4.4
    clientCredentials: { enabled: true },
    // RFC 7662
    introspection: { enabled: true, allowedPolicy: (_ctx, client, token) => mayIntrospect(registry, client, token) },
    // RFC 7009
    revocation: { enabled: true, allowedPolicy: mayRevoke },
    // RFC 8707
    resourceIndicators: { enabled: true, ...createResourceIndicators({ registry }) },
    // RFC 9126
    pushedAuthorizationRequests: {
      enabled: true,
      requirePushedAuthorizationRequests: false,
      allowUnregisteredRedirectUris: false,
    },
    // RFC 9449. A proof is good once (model-overrides.ts).
    dPoP: { enabled: true, nonceSecret: dpop.nonceSecret, requireNonce: () => dpop.nonceRequired, allowReplay: false },
    // RFC 8705
    mTLS: mutualTlsFeature(mutualTls),
    // OpenID Connect Core §5.3
    userinfo: { enabled: true },
    // OpenID Connect RP-Initiated Logout 1.0
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: pages.logoutSource,
      postLogoutSuccessSource: pages.postLogoutSuccessSource,
    },
    // OpenID Connect Back-Channel Logout 1.0. What is sent, and when, is not the library's (model-overrides.ts).
    backchannelLogout: { enabled: true },
    // Off: the library's own pages for development, and what has not been built around it.
    devInteractions: { enabled: false },
    ciba: { enabled: false },
    claimsParameter: { enabled: false },
    deviceFlow: { enabled: false },
    encryption: { enabled: false },
    // RFC 9701 is on, for all kinds of tokens alike (signed-introspection.ts); the library would sign for opaque ones only.
    jwtIntrospection: { enabled: false },
    jwtResponseModes: { enabled: false },
    jwtUserinfo: { enabled: false },
    registration: { enabled: false },
    registrationManagement: { enabled: false },
    requestObjects: { enabled: false },
  }
}
