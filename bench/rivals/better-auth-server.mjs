// better-auth as its documentation sets it up, as an OAuth provider on PostgreSQL: run in a folder of its own, in which npm has
// put it (better-auth.ts). It says where it is, and gives the people and clients that the benchmark needs.

import { createServer } from 'node:http'
import { oauthProvider } from '@better-auth/oauth-provider'
import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { toNodeHandler } from 'better-auth/node'
import { jwt } from 'better-auth/plugins'
import pg from 'pg'

const { databaseUrl, secret, people, password, resource, scope, redirectUri } = JSON.parse(process.argv[2] ?? '{}')

const server = createServer()
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const baseURL = `http://localhost:${server.address().port}`

const auth = betterAuth({
  baseURL,
  secret,
  database: new pg.Pool({ connectionString: databaseUrl, max: 10 }),
  emailAndPassword: { enabled: true },
  // Its limits are for each address, and everything here comes from one.
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { level: 'error' },
  plugins: [
    jwt({ jwks: { keyPairConfig: { alg: 'ES256' } } }),
    oauthProvider({
      loginPage: '/sign-in',
      consentPage: '/consent',
      scopes: ['openid', 'email', 'offline_access', scope],
      resources: [resource],
      enforcePerClientResources: false,
      clientPrivileges: () => true,
      accessTokenExpiresIn: 900,
      m2mAccessTokenExpiresIn: 900,
      silenceWarnings: { oauthAuthServerConfig: true, openidConfig: true },
    }),
  ],
})

await (await getMigrations(auth.options)).runMigrations()
server.on('request', toNodeHandler(auth))

const cookies = []
for (let index = 0; index < people; index++) {
  const body = { email: `person-${index}@people.example`, name: 'A Person', password }
  const { headers } = await auth.api.signUpEmail({ body, returnHeaders: true })
  cookies.push(
    headers
      .getSetCookie()
      .map((line) => line.split(';', 1)[0])
      .join('; '),
  )
}
const headers = new Headers({ cookie: cookies[0] })
const machine = await auth.api.adminCreateOAuthClient({
  headers,
  body: {
    client_name: 'Bench machine',
    grant_types: ['client_credentials'],
    client_credentials_scopes: [scope],
    token_endpoint_auth_method: 'client_secret_basic',
    scope,
  },
})
const app = await auth.api.adminCreateOAuthClient({
  headers,
  body: {
    client_name: 'Bench app',
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    application_type: 'web',
    scope: `openid email offline_access ${scope}`,
    skip_consent: true,
  },
})
process.stdout.write(`${JSON.stringify({ baseURL, cookies, machine, app })}\n`)
