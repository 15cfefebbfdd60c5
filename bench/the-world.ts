// What both servers know: the same clients, APIs and people, so that a request means the same to each of them.

/** A public client, as single-page apps are. */
export const APP = {
  clientId: 'bench-app',
  redirectUri: 'https://app.bench.example/callback',
  scope: 'openid email notes:read',
} as const

/** A client that acts for itself. */
export const MACHINE = { clientId: 'bench-machine', clientSecret: 'bench-machine-secret-that-is-long-enough' } as const

/** An API that takes JWTs (ES256), and one that takes opaque tokens. */
export const NOTES = { identifier: 'https://notes.bench.example/api', scope: 'notes:read', format: 'jwt' } as const
export const BILLING = { identifier: 'https://billing.bench.example/api', scope: 'billing:read', format: 'opaque' } as const

/** How long an access token lives, in seconds, at both. */
export const ACCESS_TOKEN_SECONDS = 900

/** As many as refresh in parallel: a family for each. */
export const PEOPLE_COUNT = 64

const PASSWORD = 'a password for measurements 1'

/** The people, each of whom may sign in. */
export const PEOPLE = Array.from({ length: PEOPLE_COUNT }, (_, index) => ({
  username: `person-${index}@people.example`,
  password: PASSWORD,
}))

/** The same as a provision file. */
export function provisionFile(): object {
  return {
    clients: [
      {
        client_id: APP.clientId,
        client_name: 'Bench app',
        token_endpoint_auth_method: 'none',
        redirect_uris: [APP.redirectUri],
        grant_types: ['authorization_code', 'refresh_token'],
        scope: APP.scope,
        skip_consent: true,
      },
      {
        client_id: MACHINE.clientId,
        client_name: 'Bench machine',
        client_secret: MACHINE.clientSecret,
        grant_types: ['client_credentials'],
        scope: `${NOTES.scope} ${BILLING.scope}`,
      },
    ],
    resource_servers: [
      {
        identifier: NOTES.identifier,
        scopes: [NOTES.scope],
        access_token_format: NOTES.format,
        access_token_ttl: ACCESS_TOKEN_SECONDS,
        default: true,
      },
      {
        identifier: BILLING.identifier,
        scopes: [BILLING.scope],
        access_token_format: BILLING.format,
        access_token_ttl: ACCESS_TOKEN_SECONDS,
      },
    ],
    accounts: PEOPLE.map((person) => ({
      email: person.username,
      email_verified: true,
      name: 'A Person',
      password: person.password,
    })),
  }
}
