// What a thief finds in a dump of the databases, and in the log: nothing that opens anything.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import pg from 'pg'
import { Browser } from '../support/browser.ts'
import { API, MACHINE, SPA, WEB } from '../support/clients.ts'
import {
  authorizationRequest,
  callbackParams,
  clientRequest,
  obtainTokens,
  refresh,
  signIn,
  tokenRequest,
} from '../support/oauth.ts'
import { redisUrl } from '../support/redis.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
const redis = redisUrl()

beforeAll(async () => {
  server = await startServer({ redisUrl: redis })
})

afterAll(async () => {
  await server?.stop()
})

/** Every value of every table, as text; bytes also as the encodings in which somebody could have kept a secret. */
async function dumpPostgres(): Promise<string> {
  const client = new pg.Client({ connectionString: server.databaseUrl })
  await client.connect()
  const { rows: tables } = await client.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
  const parts: string[] = []
  for (const { tablename } of tables) {
    const { rows } = await client.query(`SELECT * FROM "${tablename}"`)
    for (const row of rows) parts.push(...Object.values(row).flatMap(textsOf))
  }
  await client.end()
  expect(parts.length).toBeGreaterThan(100)
  return parts.join('\n')
}

async function dumpRedis(): Promise<string> {
  const client = new Redis(redis)
  const parts: string[] = []
  for (const key of await client.keys('*')) {
    parts.push(key)
    const type = await client.type(key)
    if (type === 'string') parts.push(...textsOf(await client.getBuffer(key)))
    else if (type === 'hash')
      for (const [name, value] of Object.entries(await client.hgetallBuffer(key))) parts.push(name, ...textsOf(value))
    else if (type === 'set') parts.push(...(await client.smembers(key)))
    else if (type === 'zset') parts.push(...(await client.zrange(key, '0', '-1')))
    else if (type === 'stream') parts.push(...(await client.xrange(key, '-', '+')).flatMap(([id, fields]) => [id, ...fields]))
    else throw new Error(`a key of type ${type} is not scanned: ${key}`)
  }
  await client.quit()
  expect(parts.length).toBeGreaterThan(5)
  return parts.join('\n')
}

function textsOf(value: unknown): string[] {
  if (!Buffer.isBuffer(value)) return [typeof value === 'string' ? value : JSON.stringify(value, plain)]
  return [value.toString('latin1'), value.toString('hex'), value.toString('base64url')]
}

const plain = (_name: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value)

test('ST1: a dump of PostgreSQL and Redis and the log hold no token, code, session id, secret, password or private key', async () => {
  const planted = new Map<string, string>()
  const plant = (name: string, value: string | undefined) => {
    if (value === undefined || value.length < 16) throw new Error(`nothing to plant for ${name}`)
    planted.set(name, value)
  }
  const spa = await obtainTokens(server, SPA)
  const next = await refresh(server, SPA, spa.tokens.body.refresh_token ?? '')
  const web = await obtainTokens(server, WEB, { browser: spa.browser, params: { scope: 'openid email' } })
  const machine = await tokenRequest(server, MACHINE, {
    grant_type: 'client_credentials',
    scope: 'billing:read',
    resource: 'https://billing.example/api',
  })
  await clientRequest(server, '/revoke', WEB, { token: web.tokens.body.access_token ?? '' })
  await clientRequest(server, '/introspect', API, { token: spa.tokens.body.access_token ?? '' })
  // A sign-in in the middle, a code that is not redeemed, and a pushed request that waits.
  const waiting = new Browser()
  await waiting.open(authorizationRequest(server, WEB).url)
  const unspent = authorizationRequest(server, SPA)
  const page = await signIn(spa.browser, await spa.browser.open(unspent.url), server.ada)
  const pushed = await clientRequest(server, '/par', WEB, {
    client_id: WEB.client_id,
    redirect_uri: WEB.redirect_uri,
    response_type: 'code',
    scope: 'openid',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  })
  const { request_uri: requestUri } = (await pushed.json()) as { request_uri: string }

  plant('code in flight', callbackParams(page).code)
  plant('spent code', spa.code)
  plant('pushed request', requestUri.split(':').at(-1))
  plant('JWT access token', spa.tokens.body.access_token)
  plant('opaque access token', web.tokens.body.access_token)
  plant('client token', machine.body.access_token)
  plant('ID token', spa.tokens.body.id_token)
  for (const [name, token] of Object.entries({ spent: spa.tokens.body.refresh_token, live: next.body.refresh_token })) {
    const [family, , secret] = (token ?? '').slice(3).split('.')
    plant(`${name} refresh token: family`, family)
    plant(`${name} refresh token: secret`, secret)
  }
  plant('session cookie', spa.browser.cookie('latchkey_session'))
  plant('session of the one who waits', waiting.cookie('latchkey_interaction'))
  plant('PKCE verifier', spa.authorization.verifier)
  plant('client secret', WEB.client_secret)
  plant('password', server.ada.password)
  const { db, sealer } = server.latchkey.stores
  for (const key of await db.signingKey.findMany()) {
    const jwk = JSON.parse(sealer.open(key.sealedPrivate, `signing-key:${key.id}`).toString('utf8'))
    plant(`private key ${key.alg}`, jwk.d)
  }

  const places = { PostgreSQL: await dumpPostgres(), Redis: await dumpRedis(), log: server.log.text }
  // The scan does see what is there in clear.
  expect(places.PostgreSQL).toContain(SPA.client_id)
  expect(places.log).toContain('/authorize')
  const found = [...planted].flatMap(([name, value]) =>
    Object.entries(places).flatMap(([place, text]) => (text.includes(value) ? [`${name} in ${place}`] : [])),
  )
  expect(found).toEqual([])
})
