// What Latchkey is measured against: oidc-provider as it comes, with its adapter in memory, in a process of its own. It
// keeps nothing, hashes no password and knows no revocation; it is what the library alone costs.

import { generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import Provider, { type Configuration, type KoaContextWithOIDC } from 'oidc-provider'
import { ACCESS_TOKEN_SECONDS, APP, BILLING, MACHINE, NOTES } from './the-world.ts'

const APIS = [NOTES, BILLING]
const PERSON_CLAIMS = { openid: ['sub'], email: ['email'] }

const server = createServer()
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('There is no port.')
  const issuer = `http://localhost:${address.port}`
  const provider = new Provider(issuer, configuration())
  addSignInPage(provider)
  server.on('request', provider.callback())
  // Whoever started this process reads where it is.
  process.stdout.write(`${JSON.stringify({ issuer })}\n`)
})

function configuration(): Configuration {
  return {
    jwks: { keys: [privateKey('RS256'), privateKey('ES256')] },
    cookies: { keys: ['a cookie key for measurements only'] },
    clients: [
      {
        client_id: APP.clientId,
        token_endpoint_auth_method: 'none',
        redirect_uris: [APP.redirectUri],
        grant_types: ['authorization_code', 'refresh_token'],
        scope: APP.scope,
      },
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
    claims: PERSON_CLAIMS,
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
      resourceIndicators: {
        enabled: true,
        defaultResource: () => NOTES.identifier,
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, identifier) => resourceServer(identifier),
      },
    },
    interactions: { url: (_ctx, interaction) => `/interactions/${interaction.uid}` },
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id, email: id }) }),
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    loadExistingGrant: (ctx) => grantWithoutAsking(ctx),
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

/** Consent is not asked for, as between apps of one house. */
async function grantWithoutAsking(ctx: KoaContextWithOIDC) {
  const { client, session, provider } = ctx.oidc
  if (client === undefined || session?.accountId === undefined) return undefined
  const grantId = session.grantIdFor(client.clientId)
  if (grantId !== undefined) return provider.Grant.find(grantId)
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
  // The library counts every known scope as one of OpenID Connect, and would ask again for what is missing here.
  grant.addOIDCScope(APP.scope)
  grant.addResourceScope(NOTES.identifier, NOTES.scope)
  await grant.save()
  return grant
}

/** The sign-in page: it takes every name. */
function addSignInPage(provider: Provider): void {
  provider.use(async (ctx, next) => {
    if (!ctx.path.startsWith('/interactions/')) return next()
    if (ctx.method === 'GET') {
      await provider.interactionDetails(ctx.req, ctx.res)
      ctx.type = 'html'
      ctx.body = `<!doctype html><title>Sign in</title><form method="post" action="${ctx.path}"><input name="username"><input name="password" type="password"><button>Sign in</button></form>`
      return
    }
    const accountId = new URLSearchParams(await readBody(ctx.req)).get('username') ?? ''
    ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, { login: { accountId } }))
    ctx.status = 303
  })
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}

function privateKey(alg: 'RS256' | 'ES256'): JsonWebKey {
  const { privateKey: key } =
    alg === 'RS256' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { ...key.export({ format: 'jwk' }), use: 'sig', alg, kid: `bench-${alg}` }
}
