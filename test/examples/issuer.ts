// An authorization server that is not ours: oidc-provider as it comes, in memory, where whoever asks is signed in as Ada at
// once. The examples must work with it as well.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import Provider, { type Adapter, type AdapterPayload, type ClientMetadata, type KoaContextWithOIDC } from 'oidc-provider'

/** The API that tokens are for, when no other is named. */
const API_URL = 'http://localhost:3003'

/** The API as a client of the issuer. */
export const API_CLIENT = { clientId: 'notes: api', clientSecret: 'a secret with ü & other: characters' }

/** The server. */
export interface TestIssuer {
  readonly url: string
  /** The public key of ES256, as anybody can get it. */
  readonly publicKey: CryptoKey
  /** An access token with every claim as it should be, but for what is given; `null` leaves a claim out. */
  accessToken(
    change?: Readonly<Record<string, unknown>>,
    header?: { readonly typ?: string; readonly kid?: string },
  ): Promise<string>
  /** A logout token for a client, with every claim as it should be, but for what is given; `null` leaves a claim out. */
  logoutToken(
    clientId: string,
    change?: Readonly<Record<string, unknown>>,
    header?: { readonly typ?: string; readonly alg?: string },
  ): Promise<string>
  /** From now on introspection says that the token with this `jti` is not active. */
  revoke(jti: string): void
  /** Forgets all refresh tokens and grants. */
  endEverything(): void
  /** Answers every request with 503 while it is set. */
  outage: boolean
  /** The requests of apps to the token endpoint, by grant type. */
  readonly tokenRequests: string[]
  close(): Promise<void>
}

/** Starts it. Tokens are for the API at `apiUrl`, and live for `accessTokenTtl` seconds. */
export async function startIssuer(
  options: {
    readonly clients?: readonly ClientMetadata[]
    readonly apiUrl?: string
    readonly accessTokenTtl?: () => number
  } = {},
): Promise<TestIssuer> {
  const { clients = [], apiUrl = API_URL, accessTokenTtl = () => 900 } = options
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://localhost:${(server.address() as AddressInfo).port}`
  const es256 = await generateKeyPair('ES256', { extractable: true })
  const rs256 = await generateKeyPair('RS256', { extractable: true })
  const revoked = new Set<string>()
  const stored = new Map<string, AdapterPayload>()
  const issuer: TestIssuer = {
    url,
    publicKey: es256.publicKey,
    accessToken: (change = {}, header = {}) =>
      new SignJWT(claims({ iss: url, aud: apiUrl }, change))
        .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'es', ...header })
        .sign(es256.privateKey),
    logoutToken(clientId, change = {}, { alg = 'RS256', typ = 'logout+jwt' } = {}) {
      const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
      const own = { iss: url, aud: clientId, client_id: null, scope: null, events, ...change }
      return new SignJWT(claims({ iss: url, aud: clientId }, own))
        .setProtectedHeader({ alg, typ, kid: alg === 'RS256' ? 'rs' : 'es' })
        .sign(alg === 'RS256' ? rs256.privateKey : es256.privateKey)
    },
    endEverything: () => stored.clear(),
    revoke: (jti) => void revoked.add(jti),
    outage: false,
    tokenRequests: [],
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  const provider = new Provider(url, {
    adapter: memory(stored),
    clients: [...clients],
    jwks: {
      keys: [
        { ...(await exportJWK(rs256.privateKey)), kid: 'rs', alg: 'RS256', use: 'sig' },
        { ...(await exportJWK(es256.privateKey)), kid: 'es', alg: 'ES256', use: 'sig' },
      ],
    },
    ...settings(apiUrl, accessTokenTtl),
  })
  provider.use(async (ctx, next) => {
    if (issuer.outage) ctx.status = 503
    else if (ctx.path === '/token/introspection') ctx.body = await introspection(ctx as KoaContextWithOIDC, revoked)
    else if (ctx.path.startsWith('/interaction/')) await signAdaIn(provider, ctx as KoaContextWithOIDC)
    else await next()
  })
  // It would send a logout token at sign-out; the tests send their own.
  provider.Client.prototype.backchannelLogout = async () => undefined
  // Of apps: the API's guard asks for a token of its own now and then, which this server does not give.
  const note = (ctx: KoaContextWithOIDC, outcome: string) => {
    const grantType = String(ctx.oidc.params?.grant_type)
    if (grantType !== 'client_credentials') issuer.tokenRequests.push(`${grantType}${outcome}`)
  }
  provider.on('grant.success', (ctx) => note(ctx, ''))
  provider.on('grant.error', (ctx, error) => note(ctx, `: ${error.message}`))
  server.on('request', provider.callback())
  return issuer
}

/** The smallest storage that the provider can do with; its own one writes a warning. */
function memory(stored: Map<string, AdapterPayload>): (model: string) => Adapter {
  return (model) => {
    const find = async (id: string) => stored.get(`${model}:${id}`)
    return {
      find,
      findByUid: async (uid) => [...stored.values()].find((payload) => payload.uid === uid),
      findByUserCode: async () => undefined,
      upsert: async (id, payload) => void stored.set(`${model}:${id}`, payload),
      consume: async (id) => void Object.assign((await find(id)) ?? {}, { consumed: Math.floor(Date.now() / 1000) }),
      destroy: async (id) => void stored.delete(`${model}:${id}`),
      async revokeByGrantId(grantId) {
        for (const [key, payload] of stored) if (payload.grantId === grantId) stored.delete(key)
      },
    }
  }
}

function claims(by: { readonly iss: string; readonly aud: string }, change: Readonly<Record<string, unknown>>): JWTPayload {
  const now = Math.floor(Date.now() / 1000)
  const all = {
    ...by,
    sub: 'ada',
    client_id: 'notes-spa',
    jti: crypto.randomUUID(),
    iat: now,
    exp: now + 60,
    scope: 'openid notes:read notes:write',
    ...change,
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null))
}

/** oidc-provider does not introspect JWTs: this does, for the API's client only. */
async function introspection(ctx: KoaContextWithOIDC, revoked: ReadonlySet<string>): Promise<object> {
  const [id, secret] = [API_CLIENT.clientId, API_CLIENT.clientSecret].map((part) =>
    new URLSearchParams({ '': part }).toString().slice(1),
  )
  if (ctx.get('authorization') !== `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`) {
    ctx.status = 401
    return { error: 'invalid_client' }
  }
  const chunks: Buffer[] = []
  for await (const chunk of ctx.req) chunks.push(chunk)
  const token = new URLSearchParams(Buffer.concat(chunks).toString()).get('token') ?? ''
  const { jti } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { jti: string }
  return { active: !revoked.has(jti) }
}

async function signAdaIn(provider: Provider, ctx: KoaContextWithOIDC): Promise<void> {
  ctx.respond = false
  await provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: 'ada' } })
}

function settings(apiUrl: string, accessTokenTtl: () => number): ConstructorParameters<typeof Provider>[1] {
  return {
    async findAccount(_ctx, accountId) {
      return { accountId, claims: async () => ({ sub: accountId, name: 'Ada <b>Lovelace</b>', email: 'ada@people.example' }) }
    },
    claims: { openid: ['sub'], profile: ['name'], email: ['email'] },
    conformIdTokenClaims: false,
    clientBasedCORS: () => true,
    cookies: { keys: ['only for tests'] },
    issueRefreshToken: async () => true,
    rotateRefreshToken: true,
    async loadExistingGrant(ctx) {
      const { client, session, provider } = ctx.oidc
      const grant = new provider.Grant({ clientId: client?.clientId ?? '', accountId: session?.accountId ?? '' })
      grant.addOIDCScope('openid profile email')
      grant.addResourceScope(apiUrl, 'notes:read notes:write')
      await grant.save()
      return grant
    },
    ttl: { AccessToken: accessTokenTtl, Session: 600, Interaction: 600, Grant: 600, IdToken: 600, RefreshToken: 600 },
    features: {
      devInteractions: { enabled: false },
      introspection: { enabled: true },
      // So that ID tokens carry `sid`.
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource(ctx, form) {
          ctx.body = `<!doctype html><title>Sign out?</title>${form}<button type="submit" form="op.logoutForm" name="logout" value="yes">Yes</button>`
        },
      },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, audience) => ({
          audience,
          scope: 'notes:read notes:write',
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  }
}
