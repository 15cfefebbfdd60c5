// The few public methods of the library's models that are replaced, all in this one file, for each Provider that is
// built (every Provider has model classes of its own). There is no configuration that does the same.
import type { Provider } from 'oidc-provider'
import type { Clock } from '../../config/clock.ts'
import { matchesClientSecret } from '../clients/client-secrets.ts'
import { newGrantId } from '../grants/grants.ts'
import type { Once } from '../tokens/once.ts'
import { firstRefreshToken, formatRefreshToken } from '../tokens/refresh-token.ts'
import { OPAQUE_PREFIX } from './access-token-adapter.ts'
import { noteRegistration } from './as-read.ts'
import { frontChannelUrls, type SessionClients } from './front-channel-logout.ts'
import type { Registry } from './registry.ts'
import { requestState } from './request-state.ts'

/** What the replaced methods need. */
export interface OverrideDeps {
  readonly issuer: string
  readonly registry: Registry
  readonly once: Once
  readonly clock: Clock
  /** Ends the record of a session that the library destroys. */
  readonly endSession: (session: { readonly uid: string; readonly accountId: string | undefined }) => Promise<void>
}

interface Identified {
  readonly uid: string
  readonly accountId?: string
  readonly authorizations?: SessionClients
}

interface LogoutClient {
  readonly backchannelLogoutUri?: string
  readonly frontchannel_logout_uri?: string
}

/** Replaces them. */
export function overrideModels(provider: Provider, deps: OverrideDeps): void {
  giveIds(provider)

  rememberClients(provider, deps.registry)

  // Secrets are stored as digests; the library would compare with the secret itself.
  replace(provider.Client.prototype, 'compareClientSecret', function (this: { readonly clientId: string }, actual: unknown) {
    return secretMatches(deps, this.clientId, actual)
  })

  // The adapter's `destroy` is called for every change of a session's identifier; this one is the end of the session.
  const destroySession = method(provider.Session.prototype, 'destroy')
  replace(provider.Session.prototype, 'destroy', async function (this: Identified) {
    requestState().frontChannelUrls = await frontChannelUrls(deps, this.authorizations ?? {})
    await deps.endSession({ uid: this.uid, accountId: this.accountId })
    return destroySession.call(this)
  })

  // The library would tell apps once, at this endpoint alone, and let the person wait for each of them. They are told of every end
  // that there is (logout-notifications/), since it is written with the end itself.
  replace(provider.Client.prototype, 'backchannelLogout', async () => undefined)
  // A logout token always names the session, so an ID token must have said which it is.
  replace(provider.Client.prototype, 'includeSid', function (this: LogoutClient) {
    return (this.backchannelLogoutUri ?? this.frontchannel_logout_uri) !== undefined
  })

  // The library takes whatever the server has signed for the client as a hint of who is signed in, logout tokens too (RFC 8725 §3.11).
  const validateIdToken = method(provider.IdToken, 'validate')
  replace(provider.IdToken, 'validate', async (...asked: never[]) => {
    const validated = await validateIdToken.apply(provider.IdToken, asked)
    if (!isIdToken(validated)) throw new Error('it is signed, but it is no ID token')
    return validated
  })

  // The library looks first and saves then; two requests at once would both pass (RFC 9449 §11.1, RFC 7523 §3).
  replace(provider.ReplayDetection, 'unique', (issuer: string, id: string, expiresAt: number) =>
    useOnce(deps, `${issuer}\n${id}`, expiresAt - Math.floor(deps.clock() / 1000)),
  )
}

/** An ID token has no type of its own; whatever else is signed says what it is. */
function isIdToken(validated: unknown): boolean {
  const header: unknown = validated instanceof Object && Reflect.get(validated, 'header')
  return header instanceof Object && Reflect.get(header, 'typ') === undefined
}

/** The library takes proofs that were made up to five minutes ahead; they stay good that much longer than it reckons. */
const PROOF_AHEAD_SECONDS = 300

async function useOnce(deps: OverrideDeps, identifier: string, lifeSeconds: number): Promise<boolean> {
  const { usedIdentifiers } = requestState()
  if (usedIdentifiers.has(identifier)) return true
  const first = await deps.once.useIdentifier(identifier, Math.max(0, lifeSeconds) + PROOF_AHEAD_SECONDS)
  if (first) usedIdentifiers.add(identifier)
  return first
}

/** Identifiers that say what they are: a family's next refresh token, a prefix on opaque tokens, `gra_` on grants. */
function giveIds(provider: Provider): void {
  replace(provider.Grant.prototype, 'generateTokenId', newGrantId)
  replace(provider.RefreshToken.prototype, 'generateTokenId', () => {
    const { refresh } = requestState()
    return formatRefreshToken(refresh?.how === 'rotate' ? refresh.next : firstRefreshToken())
  })
  for (const kind of ['AccessToken', 'ClientCredentials'] as const) {
    const { prototype } = provider[kind]
    const generate = method(prototype, 'generateTokenId')
    replace(prototype, 'generateTokenId', function (this: { readonly format?: string }) {
      const id = generate.call(this)
      return this.format === 'jwt' ? id : `${OPAQUE_PREFIX[kind]}${id}`
    })
  }
}

/**
 * The library finds out whether a client has changed by a digest of all its metadata, at each look-up. The registry knows: it
 * hands out the same object until something changes.
 */
function rememberClients(provider: Provider, registry: Registry): void {
  const find = method(provider.Client, 'find')
  const known = new WeakMap<object, Promise<unknown>>()
  replace(provider.Client, 'find', async (id: unknown) => {
    const client = typeof id === 'string' ? await registry.client(id) : undefined
    if (client === undefined) return undefined
    const found = known.get(client) ?? Promise.resolve(find.call(provider.Client, id))
    known.set(client, found)
    // What the library refuses is looked at again the next time.
    found.catch(() => known.delete(client))
    const made = await found
    if (typeof made === 'object' && made !== null) noteRegistration(made, client)
    return made
  })
}

async function secretMatches(deps: OverrideDeps, clientId: string, actual: unknown): Promise<boolean> {
  const client = await deps.registry.client(clientId)
  return client !== undefined && typeof actual === 'string' && matchesClientSecret(client.secrets, actual, deps.clock())
}

function method(owner: object, name: string): (this: unknown, ...args: unknown[]) => unknown {
  const found: unknown = Reflect.get(owner, name)
  if (typeof found !== 'function')
    throw new Error(`oidc-provider no longer has the method ${name}: this version is not supported`)
  return function (this: unknown, ...args: unknown[]) {
    return Reflect.apply(found, this, args)
  }
}

function replace<Args extends never[]>(owner: object, name: string, value: (this: never, ...args: Args) => unknown): void {
  method(owner, name)
  Object.defineProperty(owner, name, { configurable: true, writable: true, value })
}
