// Who may ask about a token, and who may end it.
import type { Client, KoaContextWithOIDC } from 'oidc-provider'
import type { Registry } from './registry.ts'

/** A token, as far as the policies care. */
export interface HeldToken {
  readonly clientId?: string | undefined
  readonly aud?: string | string[] | undefined
}

/** May introspect: the client that holds the token, and the clients of its resource server; never a public client,
 * which anyone can pretend to be (RFC 7662 §4). */
export function mayIntrospect(registry: Registry, client: Client, token: HeldToken): boolean {
  if (client.clientAuthMethod === 'none') return false
  if (token.clientId === client.clientId) return true
  const server = registry.resourceServers().find((known) => known.identifier === token.aud)
  return server?.clientIds.includes(client.clientId) ?? false
}

/** Every client with the grant type gets a refresh token; without `offline_access` it is bound to its session by a column. */
export function getsRefreshToken(client: Client): boolean {
  return client.grantTypeAllowed('refresh_token')
}

/** May revoke: the client to which the token was issued (RFC 7009 §2.1). */
export function mayRevoke(_ctx: KoaContextWithOIDC, client: Client, token: HeldToken): boolean {
  return token.clientId === client.clientId
}
