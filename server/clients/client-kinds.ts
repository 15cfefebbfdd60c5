// The kinds of apps, as people know them, and what each registers: the safe choice for its kind, of which a registration may state
// otherwise only what leaves it of that kind.
import type { PartialMetadata } from './client-metadata-members.ts'

/** A web app with a server of its own, a single-page app, an app on a device, a program without people. */
export const CLIENT_KINDS = ['web', 'spa', 'native', 'machine'] as const

/** One of them. */
export type ClientKind = (typeof CLIENT_KINDS)[number]

/** What the kinds are made of. */
export type KindMembers = Pick<PartialMetadata, 'application_type' | 'grant_types' | 'token_endpoint_auth_method'>

/** What a registration of a kind says where it does not say otherwise. */
export const KIND_DEFAULTS: { readonly [kind in ClientKind]: Required<KindMembers> } = Object.freeze({
  web: {
    application_type: 'web',
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: ['authorization_code', 'refresh_token'],
  },
  // RFC 9700 §2.1.1 and RFC 8252 §8.4: whoever has the app has all that is in it, so a secret would be none.
  spa: { application_type: 'web', token_endpoint_auth_method: 'none', grant_types: ['authorization_code', 'refresh_token'] },
  native: {
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
  },
  machine: { application_type: 'web', token_endpoint_auth_method: 'client_secret_basic', grant_types: ['client_credentials'] },
})

/** The kind of a registration. `latchkey_client_kind()` of migration 0020 says the same. */
export function kindOf({ application_type, grant_types, token_endpoint_auth_method }: KindMembers): ClientKind {
  if (grant_types !== undefined && !grant_types.includes('authorization_code')) return 'machine'
  if (application_type === 'native') return 'native'
  return token_endpoint_auth_method === 'none' ? 'spa' : 'web'
}

/** Whether a registration authenticates by a secret. */
export function usesSecret({ token_endpoint_auth_method = 'client_secret_basic' }: KindMembers): boolean {
  return token_endpoint_auth_method.startsWith('client_secret_')
}
