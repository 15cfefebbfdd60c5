// How long what a client gets really lives: of several limits the least counts, and this says which that is, by the name of the setting
// that would have to be changed.
import type { Lifetimes } from '../../config/lifetimes.ts'
import type { ClientMetadata } from './client-metadata-members.ts'

/** A life, and what sets it. */
export interface EffectiveLife {
  readonly seconds: number
  /** A setting, or `access_token_ttl of …`. */
  readonly decidedBy: string
  /** All that could decide it, the one that does among them. */
  readonly limits: readonly Limit[]
}

/** One of the limits of a life. */
export interface Limit {
  readonly setting: string
  readonly seconds: number
}

/** How long something lasts when it is not used, and at most however much it is used. */
export interface LifeInUse {
  readonly unused: EffectiveLife
  readonly most: EffectiveLife
}

/** What a client can get, and how long that lives; undefined is what it cannot get. */
export interface ClientLifetimes {
  /** Of a person who signs in to it. */
  readonly session: LifeInUse | undefined
  /** Of the grant, which refresh tokens stand on. */
  readonly grant: EffectiveLife | undefined
  readonly idToken: EffectiveLife | undefined
  /** A refresh token that ends with the session. */
  readonly refreshToken: LifeInUse | undefined
  /** One that does not, since the person agreed to `offline_access`. */
  readonly offlineRefreshToken: LifeInUse | undefined
  readonly accessTokens: readonly AccessTokenLife[]
  /** Scopes of the client's that no API has: it never gets them. */
  readonly unknownScopes: readonly string[]
}

/** An access token that a client can get. */
export interface AccessTokenLife extends EffectiveLife {
  /** The API that it is for; undefined: for none but `/userinfo`. */
  readonly resource?: string
  /** The API is this server itself: its life is set nowhere. */
  readonly fixed?: true
  readonly format: 'jwt' | 'opaque'
  /** What the client may ask for. */
  readonly scopes: readonly string[]
}

/** An API, as far as it matters here. */
export interface KnownApi {
  readonly identifier: string
  /** It is this server itself. */
  readonly own?: true
  readonly scopes: readonly string[]
  readonly accessTokenFormat: 'jwt' | 'opaque'
  readonly accessTokenTtl: number
}

/** Works them out. `openid` are the scopes that belong to no API. */
export function lifetimesOf(
  { grant_types: grantTypes, scope }: Pick<ClientMetadata, 'grant_types' | 'scope'>,
  {
    lifetimes,
    apis,
    openid,
  }: { readonly lifetimes: Lifetimes; readonly apis: readonly KnownApi[]; readonly openid: readonly string[] },
): ClientLifetimes {
  const scopes = scope.split(' ')
  const people = grantTypes.includes('authorization_code')
  const refreshes = grantTypes.includes('refresh_token')
  const session = {
    unused: least([SESSION_IDLE, lifetimes.sessionIdle], [SESSION, lifetimes.session]),
    most: least([SESSION, lifetimes.session]),
  }
  const offline = {
    unused: least([REFRESH_IDLE, lifetimes.refreshIdle], [REFRESH, lifetimes.refreshAbsolute], [REFRESH, lifetimes.grant]),
    most: least([REFRESH, lifetimes.refreshAbsolute], [REFRESH, lifetimes.grant]),
  }
  // Each refresh is a use of the session, so of the two idle times the shorter one counts.
  const bound = { unused: shorter(offline.unused, session.unused), most: shorter(offline.most, session.most) }
  const withApi = apis.filter((api) => api.scopes.some((one) => scopes.includes(one)))
  const taken = new Set([...openid, ...withApi.flatMap((api) => api.scopes)])
  return {
    session: people ? session : undefined,
    grant: people ? least([REFRESH, lifetimes.grant]) : undefined,
    idToken: people && scopes.includes('openid') ? least([ID_TOKEN, lifetimes.idToken]) : undefined,
    refreshToken: refreshes ? bound : undefined,
    offlineRefreshToken: refreshes && scopes.includes('offline_access') ? offline : undefined,
    accessTokens: [withoutApi(scopes, openid, { people, lifetimes }), ...withApi.map((api) => ofApi(api, scopes))],
    unknownScopes: scopes.filter((one) => !taken.has(one)),
  }
}

const SESSION = 'LATCHKEY_SESSION_TTL'
const SESSION_IDLE = 'LATCHKEY_SESSION_IDLE_TTL'
const REFRESH = 'LATCHKEY_REFRESH_ABSOLUTE_TTL'
const REFRESH_IDLE = 'LATCHKEY_REFRESH_IDLE_TTL'
const ID_TOKEN = 'LATCHKEY_ID_TOKEN_TTL'
const ACCESS_TOKEN = 'LATCHKEY_ACCESS_TOKEN_TTL'
const CLIENT_CREDENTIALS = 'LATCHKEY_CLIENT_CREDENTIALS_TTL'

function withoutApi(
  scopes: readonly string[],
  openid: readonly string[],
  { people, lifetimes }: { readonly people: boolean; readonly lifetimes: Lifetimes },
): AccessTokenLife {
  return {
    format: 'opaque',
    scopes: people ? scopes.filter((one) => openid.includes(one)) : [],
    ...(people ? least([ACCESS_TOKEN, lifetimes.accessToken]) : least([CLIENT_CREDENTIALS, lifetimes.clientCredentials])),
  }
}

function ofApi(api: KnownApi, allowed: readonly string[]): AccessTokenLife {
  const { identifier, own, scopes, accessTokenFormat, accessTokenTtl } = api
  return {
    resource: identifier,
    ...(own === undefined ? {} : { fixed: own }),
    format: accessTokenFormat,
    scopes: scopes.filter((one) => allowed.includes(one)),
    ...least([`access_token_ttl of ${identifier}`, accessTokenTtl]),
  }
}

/** The first of those that are equally short. */
function least(...limits: readonly (readonly [setting: string, seconds: number])[]): EffectiveLife {
  return shortest(limits.map(([setting, seconds]) => ({ setting, seconds })))
}

function shorter(one: EffectiveLife, other: EffectiveLife): EffectiveLife {
  return shortest([...one.limits, ...other.limits])
}

function shortest(all: readonly Limit[]): EffectiveLife {
  const limits = all.filter(({ setting, seconds }, index) => {
    return all.findIndex((one) => one.setting === setting && one.seconds === seconds) === index
  })
  const [first = { setting: '', seconds: 0 }, ...others] = limits
  const { setting, seconds } = others.reduce(
    (shortestYet, other) => (other.seconds < shortestYet.seconds ? other : shortestYet),
    first,
  )
  return { seconds, decidedBy: setting, limits }
}
