// CORS: a browser app may call the token, userinfo and revocation endpoints from the origins of its redirect URIs.
import type { Client, KoaContextWithOIDC } from 'oidc-provider'

/** Whether an origin is one of the client's. `null`, which any sandboxed page has, never is. */
export function originAllowed(_ctx: KoaContextWithOIDC, origin: string, client: Client): boolean {
  return (client.redirectUris ?? []).some((uri) => originOf(uri) === origin)
}

function originOf(uri: string): string | undefined {
  const url = URL.parse(uri)
  return url !== null && (url.protocol === 'https:' || url.protocol === 'http:') ? url.origin : undefined
}
