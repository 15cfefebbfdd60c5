// What all servers know: the same clients, APIs and people, so that a request means the same to each of them.

/** A public client of the house, as its single-page apps are: nobody is asked for consent. */
export const APP = {
  clientId: 'bench-app',
  redirectUri: 'https://app.bench.example/callback',
  scope: 'openid email notes:read billing:read',
} as const

/** A public client of somebody else, which needs consent. */
export const GUEST = { ...APP, clientId: 'bench-guest', redirectUri: 'https://guest.bench.example/callback' } as const

/** A client that acts for itself, and for both APIs. */
export const MACHINE = { clientId: 'bench-machine', clientSecret: 'bench-machine-secret-that-is-long-enough' } as const

/** The client that an API is, which listens to revocations. */
export const LISTENER = { id: 'bench-listener', secret: 'bench-listener-secret-that-is-long-enough' } as const

/** Who ends what others have, by the admin API. */
export const ADMINISTRATOR = {
  id: 'bench-administrator',
  secret: 'bench-administrator-secret-that-is-long-enough',
  scope: 'accounts:write clients:write sessions:read sessions:revoke',
} as const

/** An API that takes JWTs (ES256), and one that takes opaque tokens. */
export const NOTES = { identifier: 'https://notes.bench.example/api', scope: 'notes:read', format: 'jwt' } as const
export const BILLING = { identifier: 'https://billing.bench.example/api', scope: 'billing:read', format: 'opaque' } as const

/** How long an access token lives, in seconds, at all of them. */
export const ACCESS_TOKEN_SECONDS = 900

/** As many as refresh in parallel: a family for each. */
export const PEOPLE_COUNT = 64

/** With this password a sign-in is measured without the hash (bench/targets/short-cut), with the other one with it. */
export const SHORT_CUT_PASSWORD = 'a password that is compared and not hashed 1'
export const PASSWORD = 'a password for measurements 1'

/** Who owns the server, and looks at its console. */
export const OWNER = { username: 'owner@people.example', password: SHORT_CUT_PASSWORD } as const

/** Someone who can sign in. */
export interface Person {
  readonly username: string
  readonly password: string
}

/** The people whose passwords are compared and not hashed. */
export const PEOPLE: readonly Person[] = Array.from({ length: PEOPLE_COUNT }, (_, index) => ({
  username: `person-${index}@people.example`,
  password: SHORT_CUT_PASSWORD,
}))

/** The people whose passwords are hashed. */
export const HASHED_PEOPLE: readonly Person[] = Array.from({ length: PEOPLE_COUNT }, (_, index) => ({
  username: `hashed-${index}@people.example`,
  password: PASSWORD,
}))

/** One of them, by a number of any size. */
export function personAt(people: readonly Person[], index: number): Person {
  const person = people[index % people.length]
  if (person === undefined) throw new RangeError('There is nobody.')
  return person
}

/** The same as a provision file, with hashes of the two passwords. */
export function provisionFile(hashes: { readonly real: string; readonly shortCut: string }): object {
  const app = {
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    scope: APP.scope,
  }
  const api = { access_token_ttl: ACCESS_TOKEN_SECONDS, clients: [MACHINE.clientId] }
  return {
    clients: [
      { ...app, client_id: APP.clientId, client_name: 'Bench app', redirect_uris: [APP.redirectUri], skip_consent: true },
      { ...app, client_id: GUEST.clientId, client_name: 'Bench guest', redirect_uris: [GUEST.redirectUri] },
      {
        client_id: MACHINE.clientId,
        client_name: 'Bench machine',
        client_secret: MACHINE.clientSecret,
        grant_types: ['client_credentials'],
        scope: `${NOTES.scope} ${BILLING.scope}`,
      },
      {
        client_id: LISTENER.id,
        client_name: 'Bench listener',
        client_secret: LISTENER.secret,
        grant_types: ['client_credentials'],
        scope: 'revocations:read',
      },
      {
        client_id: ADMINISTRATOR.id,
        client_name: 'Bench administrator',
        client_secret: ADMINISTRATOR.secret,
        grant_types: ['client_credentials'],
        scope: ADMINISTRATOR.scope,
      },
    ],
    resource_servers: [
      { ...api, identifier: NOTES.identifier, scopes: [NOTES.scope], access_token_format: NOTES.format, default: true },
      { ...api, identifier: BILLING.identifier, scopes: [BILLING.scope], access_token_format: BILLING.format },
    ],
    accounts: [OWNER, ...PEOPLE, ...HASHED_PEOPLE].map(({ username, password }) => ({
      ...(username === OWNER.username ? { roles: ['owner'] } : {}),
      email: username,
      email_verified: true,
      name: 'A Person',
      password_hash: password === PASSWORD ? hashes.real : hashes.shortCut,
    })),
  }
}
