// Whether a redirect URI is one of a client's: the library decides it for every request, and is asked here outside of one. So whoever is told
// why an address does not match is told of the very decision, and not of another one that is meant to be the same.
import type { Client, Provider } from 'oidc-provider'
import type { RedirectUriRule } from '../clients/redirect-uri-test.ts'

/** Makes it. */
export function createRedirectUriRule(provider: () => Provider): RedirectUriRule {
  return (uri, { redirect_uris, application_type }) => {
    // The library takes no client of the code flow without one.
    if (redirect_uris.length === 0) return false
    // Its types do not say so, but it makes its own clients in the same way.
    const Model = provider().Client as unknown as new (metadata: object) => Client
    const client = new Model({
      client_id: 'asked-about',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code'],
      response_types: ['code'],
      redirect_uris: [...redirect_uris],
      application_type,
    })
    return client.redirectUriAllowed(uri)
  }
}
