// Which API a token is for (RFC 8707): named by the request, or the default one when it asks for one of its scopes.
import { type Client, errors, type KoaContextWithOIDC, type ResourceServer } from 'oidc-provider'
import { ACCESS_TOKEN_ALGORITHM } from './jwt-access-tokens.ts'
import type { KnownResourceServer, Registry } from './registry.ts'

/** The library's hooks for resource indicators. */
export interface ResourceIndicators {
  defaultResource(ctx: KoaContextWithOIDC, client: Client, oneOf?: readonly string[]): Promise<string | string[]>
  getResourceServerInfo(ctx: KoaContextWithOIDC, identifier: string, client: Client): Promise<ResourceServer>
  useGrantedResource(
    ctx: KoaContextWithOIDC,
    model: { readonly resource?: string | string[] | undefined; readonly scopes: Set<string> },
  ): Promise<boolean>
}

/** Makes the hooks. */
export function createResourceIndicators({ registry }: { readonly registry: Registry }): ResourceIndicators {
  const find = (identifier: string) => registry.resourceServers().find((server) => server.identifier === identifier)
  return {
    async defaultResource(ctx, _client, oneOf) {
      const asked = scopesOf(ctx)
      if (oneOf !== undefined) {
        // Several resources were granted and the token request names none: the one whose scopes it asks for, or the first.
        return oneOf.find((identifier) => asks(asked, find(identifier))) ?? oneOf[0] ?? []
      }
      const server = registry.resourceServers().find((known) => known.isDefault && asks(asked, known))
      return server?.identifier ?? []
    },

    async getResourceServerInfo(_ctx, identifier, client) {
      const server = find(identifier)
      if (server === undefined) throw new errors.InvalidTarget('the resource is not registered')
      const allowed = new Set((client.scope ?? '').split(' '))
      if (!server.scopes.some((scope) => allowed.has(scope))) {
        throw new errors.InvalidTarget('the client is not allowed any scope of the resource')
      }
      return {
        scope: server.scopes.filter((scope) => allowed.has(scope)).join(' '),
        audience: server.identifier,
        accessTokenTTL: server.accessTokenTtl,
        accessTokenFormat: server.accessTokenFormat,
        jwt: { sign: { alg: ACCESS_TOKEN_ALGORITHM } },
      }
    },

    async useGrantedResource(ctx, model) {
      const asked = typeof ctx.oidc.params?.scope === 'string' ? scopesOf(ctx) : model.scopes
      return [model.resource ?? []].flat().some((identifier) => asks(asked, find(identifier)))
    },
  }
}

function asks(scopes: ReadonlySet<string>, server: KnownResourceServer | undefined): boolean {
  return server?.scopes.some((scope) => scopes.has(scope)) ?? false
}

function scopesOf(ctx: KoaContextWithOIDC): Set<string> {
  const scope = ctx.oidc.params?.scope
  return new Set(typeof scope === 'string' ? scope.split(' ') : [])
}
