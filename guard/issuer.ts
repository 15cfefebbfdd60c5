// The authorization server's addresses, found by discovery and kept; asked for again as long as asking fails.
import { FeedUnavailable, IssuerMismatch } from './errors.ts'
import { isSafeAddress } from './options.ts'
import { RequestFailed, type Requests } from './requests.ts'

/** What the guard uses of the server's metadata (RFC 8414 §2). */
export interface IssuerMetadata {
  readonly tokenEndpoint: string
  readonly jwksUri: string
  readonly introspectionEndpoint: string
}

/**
 * Finds the addresses when they are first asked for.
 * @throws IssuerMismatch from what it returns, when the server calls itself otherwise
 * @throws FeedUnavailable from what it returns, when it cannot be asked
 */
export function createDiscovery(issuer: string, requests: Requests): () => Promise<IssuerMetadata> {
  let found: Promise<IssuerMetadata> | undefined
  return () => {
    found ??= discover(issuer, requests).catch((error: unknown) => {
      found = undefined
      throw error
    })
    return found
  }
}

async function discover(issuer: string, requests: Requests): Promise<IssuerMetadata> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const fix = 'Start it, or correct `issuer`.'
  const { status, json } = await requests.send(url).catch((cause: unknown) => {
    throw new FeedUnavailable(cause instanceof RequestFailed ? cause.message : `${url} cannot be asked`, { fix, cause })
  })
  const metadata = Object(json) as Record<string, unknown>
  if (status !== 200 || typeof metadata.issuer !== 'string') {
    // RFC 9110 §15.5.20
    const misdirected = 'The server goes by another host name: set `issuer` to what it calls itself.'
    throw new FeedUnavailable(`${url} answered ${status} and no metadata`, { fix: status === 421 ? misdirected : fix })
  }
  // RFC 8414 §3.3: the issuer that is named MUST be the one that was asked, byte for byte.
  if (metadata.issuer !== issuer) {
    throw new IssuerMismatch(`The server at ${issuer} calls itself ${metadata.issuer}.`, {
      fix: `Set \`issuer\` to ${metadata.issuer} if you trust it.`,
    })
  }
  return {
    tokenEndpoint: address(metadata, 'token_endpoint'),
    jwksUri: address(metadata, 'jwks_uri'),
    introspectionEndpoint: address(metadata, 'introspection_endpoint'),
  }
}

function address(metadata: Record<string, unknown>, name: string): string {
  const value = metadata[name]
  if (typeof value === 'string' && isSafeAddress(value)) return value
  throw new FeedUnavailable(`The server's metadata has no safe ${name}`, { fix: `See that its ${name} is an https address.` })
}
