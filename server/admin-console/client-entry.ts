// What is filled in of an app in the console: the fields of the forms, the registration that they stand for, and what is wrong with it, in
// the words of the forms. It is judged where all registrations are (clients/client-registration.ts).
import { REVOCATIONS_SCOPE } from '../../config/scopes.ts'
import type { ClientEntered, ScopeOffer } from '../../views/admin-console/client-forms.ts'
import { CLIENT_KINDS, type ClientKind } from '../clients/client-kinds.ts'
import type { ClientMetadata } from '../clients/client-metadata-members.ts'
import type { MetadataIssue, Registration } from '../clients/client-metadata-rules.ts'
import type { ClientDetail } from '../clients/client-search.ts'
import type { ResourceServer } from '../resource-servers/resource-servers.ts'
import { sentence } from './refusals.ts'

/** The kinds that one chooses from. To the protocol an API is a program without people. */
export type AppKind = ClientKind | 'api'

/** A form as it was filled in, or as it comes back after signing in. */
export type Fields = { readonly [name: string]: string }

/** All of it but what is the form's own. */
export function fieldsIn(query: string): Fields {
  const { csrf: _, ...fields } = Object.fromEntries(new URLSearchParams(query))
  return fields
}

/** Undefined for what is none. */
export function appKindOf(text: string | undefined): AppKind | undefined {
  return text === 'api' ? 'api' : CLIENT_KINDS.find((kind) => kind === text)
}

/** The kind as clients know it. */
export function clientKindOf(kind: AppKind): ClientKind {
  return kind === 'api' ? 'machine' : kind
}

/** What the app is, as one would choose it. */
export function appKindOfClient({ kind, metadata, actsFor }: Pick<ClientDetail, 'kind' | 'metadata' | 'actsFor'>): AppKind {
  const isApi = actsFor.length > 0 || metadata.scope.split(' ').includes(REVOCATIONS_SCOPE)
  return kind === 'machine' && isApi ? 'api' : kind
}

/** So many scopes of APIs are offered; a form has a hundred fields at most. */
const MOST_OFFERED = 60

/** The scopes that a form offers to an app of a kind. */
export function scopeOffers(kind: AppKind, servers: readonly ResourceServer[]): ScopeOffer[] {
  const offered = new Set<string>()
  const apis = servers.flatMap(({ identifier, name, scopes, scopeDescriptions = {} }) => {
    // Where several APIs have it, it is one scope all the same, and is ticked once.
    const some = scopes.filter((scope) => !offered.has(scope)).slice(0, MOST_OFFERED - offered.size)
    for (const scope of some) offered.add(scope)
    const words = new Map(Object.entries(scopeDescriptions))
    const label = name ?? identifier
    return some.length === 0 ? [] : [{ label, scopes: some.map((scope) => ({ scope, words: words.get(scope) })) }]
  })
  if (kind === 'machine') return apis
  if (kind === 'api') return [{ label: 'this server', scopes: [{ scope: REVOCATIONS_SCOPE, words: LISTENS }] }, ...apis]
  return [{ label: 'who the person is', scopes: PERSON_SCOPES }, ...apis]
}

const LISTENS = 'Hear within a second what was revoked, as the guard does.'

const PERSON_SCOPES = [
  { scope: 'openid', words: 'Know who signs in. Without it there is no ID token.' },
  { scope: 'profile', words: 'Their name, and what else they state of themselves.' },
  { scope: 'email', words: 'Their e-mail address, and whether it is verified.' },
  { scope: 'offline_access', words: 'Go on when they have signed out. Left out, all of it ends with the session.' },
]

/** What stands in the form for a new one. */
export function firstFields(kind: AppKind, clientId: string): Fields {
  const ticked = { web: BEGIN, spa: BEGIN, native: BEGIN, machine: [], api: [REVOCATIONS_SCOPE] }[kind]
  return { client_id: clientId, auth: 'client_secret_basic', ...tick(ticked) }
}

const BEGIN = ['openid', 'profile', 'email']

function tick(scopes: readonly string[]): Fields {
  return Object.fromEntries(scopes.map((scope) => [`scope_${scope}`, 'on']))
}

/** What stands in the form to change one. */
export function fieldsOf({ metadata }: Pick<ClientDetail, 'metadata'>, offers: readonly ScopeOffer[]): Fields {
  const scopes = metadata.scope.split(' ')
  const offered = new Set(namesOf(offers))
  return {
    ...{ name: metadata.client_name ?? '', auth: metadata.token_endpoint_auth_method, jwks_uri: metadata.jwks_uri ?? '' },
    redirect_uris: metadata.redirect_uris.join('\n'),
    post_logout_redirect_uris: metadata.post_logout_redirect_uris.join('\n'),
    backchannel_logout_uri: metadata.backchannel_logout_uri ?? '',
    skip_consent: metadata.skip_consent ? 'on' : '',
    refreshes: metadata.grant_types.includes('refresh_token') ? 'on' : '',
    acts_for_itself: metadata.grant_types.includes('client_credentials') ? 'on' : '',
    ...tick(scopes.filter((scope) => offered.has(scope))),
    scopes: scopes.filter((scope) => !offered.has(scope)).join(' '),
  }
}

/** The fields as the form shows them. */
export function enteredOf(fields: Fields, offers: readonly ScopeOffer[]): ClientEntered {
  const text = (name: string) => fields[name] ?? ''
  return {
    ...{ name: text('name'), clientId: text('client_id'), redirectUris: text('redirect_uris') },
    ...{ postLogoutRedirectUris: text('post_logout_redirect_uris'), backchannelLogoutUri: text('backchannel_logout_uri') },
    ...{ authMethod: text('auth'), jwksUri: text('jwks_uri'), otherScopes: text('scopes') },
    ...{ skipConsent: has(fields, 'skip_consent'), refreshes: has(fields, 'refreshes') },
    ...{ actsForItself: has(fields, 'acts_for_itself'), scopes: tickedOf(fields, offers) },
  }
}

/** The members that the form for a new one states; the rest is what the kind says. */
export function registrationOf(kind: AppKind, fields: Fields, offers: readonly ScopeOffer[]): Registration {
  const { client_id: clientId = '' } = fields
  return {
    ...(clientId.trim() === '' ? {} : { client_id: clientId.trim() }),
    ...statedMembers(kind, fields, offers),
    ...(kind === 'web' || kind === 'machine' || kind === 'api' ? authMembers(fields) : {}),
  }
}

/** All members, with those that the form to change one states. */
export function changedRegistration(
  { metadata, kind, actsFor }: ClientDetail,
  fields: Fields,
  offers: readonly ScopeOffer[],
): Registration {
  const app = appKindOfClient({ kind, metadata, actsFor })
  return {
    ...metadata,
    ...statedMembers(app, fields, offers),
    ...(app === 'machine' || app === 'api' ? {} : { grant_types: grantTypes(metadata, app, fields) }),
    ...(choosesAuth(metadata) ? authMembers(fields, metadata) : {}),
  }
}

/** Whether how a client authenticates is one of those that the form offers. */
export function choosesAuth({ token_endpoint_auth_method: method }: Pick<ClientMetadata, 'token_endpoint_auth_method'>): boolean {
  return method.startsWith('client_secret_') || method === 'private_key_jwt'
}

function statedMembers(kind: AppKind, fields: Fields, offers: readonly ScopeOffer[]): Registration {
  const scopes = new Set([...tickedOf(fields, offers), ...(fields.scopes ?? '').split(/\s+/).filter((one) => one !== '')])
  const stated = { client_name: textOrNull(fields.name), scope: scopes.size === 0 ? null : [...scopes].join(' ') }
  if (kind === 'machine' || kind === 'api') return stated
  return {
    ...stated,
    redirect_uris: linesOf(fields.redirect_uris),
    post_logout_redirect_uris: linesOf(fields.post_logout_redirect_uris),
    ...(kind === 'web' ? { backchannel_logout_uri: textOrNull(fields.backchannel_logout_uri) } : {}),
    ...(kind === 'native' ? {} : { skip_consent: has(fields, 'skip_consent') }),
  }
}

function authMembers({ auth, jwks_uri: jwksUri }: Fields, before?: ClientMetadata): Registration {
  const keyed = auth === 'private_key_jwt'
  // Keys that stand in the registration itself stay, as long as it says nothing of an address.
  const ownKeys = keyed && before?.jwks !== undefined && textOrNull(jwksUri) === null
  return {
    token_endpoint_auth_method: auth,
    jwks_uri: keyed ? textOrNull(jwksUri) : null,
    ...(ownKeys ? {} : { jwks: null }),
    ...(keyed ? {} : { token_endpoint_auth_signing_alg: null }),
  }
}

function grantTypes({ grant_types: before }: ClientMetadata, kind: AppKind, fields: Fields): string[] {
  const wanted: { readonly [grantType: string]: boolean } = {
    refresh_token: has(fields, 'refreshes'),
    ...(kind === 'web' ? { client_credentials: has(fields, 'acts_for_itself') } : {}),
  }
  // In the order that they have: what is only written otherwise is no change.
  const kept = before.filter((grantType) => wanted[grantType] !== false)
  return [...kept, ...Object.keys(wanted).filter((grantType) => wanted[grantType] === true && !kept.includes(grantType as never))]
}

/** What is wrong, a sentence for each thing. */
export function faultsIn(
  kind: AppKind,
  { fields, registration }: { readonly fields: Fields; readonly registration: Registration },
  issues: readonly MetadataIssue[],
): string[] {
  const missing = (fields.name ?? '').trim() === '' ? ['Name: it must not be empty.'] : []
  const needsScope = (kind === 'machine' || kind === 'api') && registration.scope === null
  const useless = needsScope ? ['Scopes: tick or write one. Without any, its access tokens may do nothing.'] : []
  return [...missing, ...useless, ...issues.map((issue) => faultOf(issue, registration))]
}

/** `Redirect URIs: https://app.example/#: it must not have a fragment.` */
function faultOf({ path: [member, which], key, message }: MetadataIssue, registration: Registration): string {
  if (member === undefined) return sentence(message.replace(/^redirect_uris is missing: .*$/, 'redirect URIs: there must be one'))
  const label = LABELS[String(key ?? member)] ?? String(key ?? member)
  const list = registration[String(member)]
  const named = typeof which === 'number' && Array.isArray(list) ? `${String(list[which]).slice(0, 200)}: ` : ''
  return `${label}: ${named}${message}.`
}

const LABELS: { readonly [member: string]: string } = {
  client_id: 'client_id',
  client_name: 'Name',
  redirect_uris: 'Redirect URIs',
  post_logout_redirect_uris: 'Where people may land after signing out',
  backchannel_logout_uri: 'Where its server is told that a session is over',
  scope: 'Scopes',
  token_endpoint_auth_method: 'How it proves that it is itself',
  jwks_uri: 'Where its public keys are',
  grant_types: 'How it gets tokens',
}

function tickedOf(fields: Fields, offers: readonly ScopeOffer[]): string[] {
  return namesOf(offers).filter((scope) => has(fields, `scope_${scope}`))
}

function namesOf(offers: readonly ScopeOffer[]): string[] {
  return offers.flatMap(({ scopes }) => scopes.map(({ scope }) => scope))
}

function has(fields: Fields, name: string): boolean {
  return (fields[name] ?? '') !== ''
}

function textOrNull(text = ''): string | null {
  return text.trim() === '' ? null : text.trim()
}

function linesOf(text = ''): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}
