// What Latchkey is measured against: oidc-provider as it comes, in a process of its own, on an adapter that is named by the
// first argument. It hashes no password and knows no revocation of JWTs; it is what the library alone costs.

import { createHash, generateKeyPairSync, type JsonWebKey, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'
import Provider, { type AdapterFactory, type Configuration, type KoaContextWithOIDC } from 'oidc-provider'
import { createMapAdapters } from '../adapters/map-adapter.ts'
import { createPrismaAdapters } from '../adapters/prisma-adapter.ts'
import { createRedisAdapters } from '../adapters/redis-adapter.ts'
import { ACCESS_TOKEN_SECONDS, APP, BILLING, GUEST, MACHINE, NOTES, SHORT_CUT_PASSWORD } from '../the-world.ts'
import { addPages } from './bare-pages.ts'

/** The first argument, as JSON. */
export type AdapterChoice =
  | { readonly kind: 'map' }
  | { readonly kind: 'redis'; readonly url: string }
  | { readonly kind: 'prisma'; readonly url: string; readonly clientFolder: string }

const APIS = [NOTES, BILLING]

// Whoever starts this process reads where it is.
if (import.meta.main) process.stdout.write(`${JSON.stringify({ issuer: await serve(JSON.parse(process.argv[2] ?? '{}')) })}\n`)

async function serve(choice: AdapterChoice): Promise<string> {
  const adapter = await adapterFor(choice)
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('There is no port.')
  const issuer = `http://localhost:${address.port}`
  const provider = new Provider(issuer, configuration(adapter))
  addPages(provider, isThePassword)
  server.on('request', provider.callback())
  return issuer
}

async function adapterFor(choice: AdapterChoice): Promise<AdapterFactory> {
  if (choice.kind === 'redis') return createRedisAdapters(choice.url)
  if (choice.kind === 'prisma') return createPrismaAdapters(choice.url, choice.clientFolder)
  return createMapAdapters()
}

function configuration(adapter: AdapterFactory): Configuration {
  return {
    adapter,
    jwks: { keys: [privateKey('RS256'), privateKey('ES256')] },
    cookies: { keys: ['a cookie key for measurements only'] },
    clients: [
      ...[APP, GUEST].map(({ clientId, redirectUri, scope }) => ({
        client_id: clientId,
        token_endpoint_auth_method: 'none' as const,
        redirect_uris: [redirectUri],
        grant_types: ['authorization_code', 'refresh_token'],
        scope,
      })),
      {
        client_id: MACHINE.clientId,
        client_secret: MACHINE.clientSecret,
        redirect_uris: [],
        response_types: [],
        grant_types: ['client_credentials'],
        scope: APIS.map((api) => api.scope).join(' '),
      },
    ],
    scopes: ['openid', 'email', ...APIS.map((api) => api.scope)],
    claims: { openid: ['sub'], email: ['email'] },
    pkce: { required: () => true },
    ttl: {
      AccessToken: ACCESS_TOKEN_SECONDS,
      ClientCredentials: ACCESS_TOKEN_SECONDS,
      AuthorizationCode: 60,
      IdToken: 3600,
      Interaction: 3600,
      RefreshToken: 604_800,
      Session: 86_400,
      Grant: 2_592_000,
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: (_ctx, client) => client.clientAuthMethod !== 'none' },
      revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
      resourceIndicators: {
        enabled: true,
        defaultResource: (ctx) => (String(ctx.oidc.params?.scope ?? '').includes(NOTES.scope) ? NOTES.identifier : []),
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, identifier) => resourceServer(identifier),
      },
    },
    interactions: { url: (_ctx, interaction) => `/interactions/${interaction.uid}` },
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id, email: id }) }),
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    loadExistingGrant: (ctx) => grantOf(ctx),
  }
}

function resourceServer(identifier: string) {
  const api = APIS.find((candidate) => candidate.identifier === identifier) ?? NOTES
  return {
    scope: api.scope,
    accessTokenTTL: ACCESS_TOKEN_SECONDS,
    accessTokenFormat: api.format,
    jwt: { sign: { alg: 'ES256' as const } },
  }
}

/** Consent for the app of the house is not asked for. */
async function grantOf(ctx: KoaContextWithOIDC) {
  const { client, session, provider, result } = ctx.oidc
  if (client === undefined || session?.accountId === undefined) return undefined
  const grantId = result?.consent?.grantId ?? session.grantIdFor(client.clientId)
  if (grantId !== undefined) return provider.Grant.find(grantId)
  if (client.clientId !== APP.clientId) return undefined
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
  // The library counts every known scope as one of OpenID Connect, and would ask again for what is missing here.
  grant.addOIDCScope(APP.scope)
  for (const api of APIS) grant.addResourceScope(api.identifier, api.scope)
  await grant.save()
  return grant
}

const EXPECTED = createHash('sha256').update(SHORT_CUT_PASSWORD).digest()

/** Compared and not hashed, as at Latchkey with the short cut. */
function isThePassword(password: string): boolean {
  return timingSafeEqual(createHash('sha256').update(password).digest(), EXPECTED)
}

function privateKey(alg: 'RS256' | 'ES256'): JsonWebKey {
  const { privateKey: key } =
    alg === 'RS256' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { ...key.export({ format: 'jwk' }), use: 'sig', alg, kid: `bench-${alg}` }
}
