// What this API says of itself to clients that do not know it yet (RFC 9728).
import type { Settled } from './options.ts'
import { PROOF_ALGORITHMS } from './proof.ts'

/** The document of RFC 9728 §2. */
export interface ProtectedResourceMetadata {
  readonly resource: string
  readonly authorization_servers: readonly string[]
  readonly bearer_methods_supported: readonly string[]
  readonly dpop_signing_alg_values_supported: readonly string[]
  readonly scopes_supported?: readonly string[]
  readonly resource_name?: string
}

/** Where it is found; undefined when the API's identifier is no web address. */
export interface MetadataAddress {
  readonly url: string
  readonly path: string
}

const WELL_KNOWN = '/.well-known/oauth-protected-resource'

export function metadataOf({ audience, issuer, scopes, name }: Settled): ProtectedResourceMetadata {
  return {
    resource: audience,
    authorization_servers: [issuer],
    bearer_methods_supported: ['header'],
    dpop_signing_alg_values_supported: PROOF_ALGORITHMS,
    ...(scopes === undefined ? {} : { scopes_supported: scopes }),
    ...(name === undefined ? {} : { resource_name: name }),
  }
}

/** RFC 9728 §3.1: the well-known part goes between the host and the path of the identifier. */
export function metadataAddress({ audience, metadata }: Settled): MetadataAddress | undefined {
  if (!metadata || !/^https?:\/\//i.test(audience)) return undefined
  const { origin, pathname, search } = new URL(audience)
  const path = `${WELL_KNOWN}${pathname === '/' ? '' : pathname}`
  return { url: `${origin}${path}${search}`, path }
}
