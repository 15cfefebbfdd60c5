// What the snippets on the page of an app are filled in with.
import type { SnippetFacts } from '../../views/admin-console/client-snippets-text.ts'
import type { ClientLifetimes } from '../clients/client-lifetimes.ts'
import type { ClientDetail } from '../clients/client-search.ts'

/** Finds it. An access token is for one API, so that the scopes of one are asked for. */
export function snippetFactsOf(
  { id, metadata, actsFor }: Pick<ClientDetail, 'id' | 'metadata' | 'actsFor'>,
  { accessTokens }: ClientLifetimes,
  issuer: string,
): SnippetFacts {
  const withApi = accessTokens.filter(({ resource }) => resource !== undefined)
  const [api] = withApi
  const ofPerson = accessTokens.filter(({ resource }) => resource === undefined).flatMap(({ scopes }) => scopes)
  const scopes = [...ofPerson, ...(api?.scopes ?? [])]
  const [logoutUri] = metadata.post_logout_redirect_uris
  const [isApi] = actsFor
  const algorithm = metadata.id_token_signed_response_alg
  return {
    issuer,
    clientId: id,
    redirectUris: metadata.redirect_uris,
    scopes: scopes.length === 0 ? metadata.scope.split(' ') : scopes,
    moreApis: withApi.length > 1,
    authMethod: metadata.token_endpoint_auth_method,
    ...(logoutUri === undefined ? {} : { logoutUri }),
    ...(api?.resource === undefined ? {} : { resource: api.resource }),
    ...(algorithm === undefined ? {} : { idTokenAlgorithm: algorithm }),
    ...(isApi === undefined ? {} : { actsFor: isApi }),
  }
}
