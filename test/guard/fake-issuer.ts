// An authorization server that speaks the feed's protocol and does on demand what a real one only does in bad times: it goes away,
// hangs, forgets, counts backwards, has another time, and keeps its events to itself.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, jwtVerify, SignJWT } from 'jose'

export const AUDIENCE = 'https://notes.example/api'
/** With characters that have to be form-encoded. */
export const CLIENT = { id: 'notes: api', secret: 'a secret with ü & other: characters' }

/** An entry, as a test writes it. */
export interface Entry {
  readonly kind: string
  readonly value: string
  readonly before?: number
  readonly until?: number
  readonly at?: number
}

/** The server. */
export interface FakeIssuer {
  readonly url: string
  /** The time on the server's clock, seconds ahead of this machine's. */
  aheadSeconds: number
  /** How far the clock of its host, by which `Date` is written, is ahead of that. */
  hostAheadSeconds: number
  /** What it does with requests. */
  readonly behaviour: Behaviour
  /** What was asked of it, as `METHOD path`. */
  readonly requests: string[]
  /** The instances that have said that they end. */
  readonly left: string[]
  readonly acknowledged: { readonly sequence: number; readonly instance: string }[]
  readonly publicJwk: JWK
  readonly publicKey: CryptoKey
  readonly privateKey: CryptoKey
  /** The `kid` that signs now. */
  readonly kid: string
  sequence: number
  /** An access token with every claim as it should be, but for what is given; `null` leaves out. */
  accessToken(change?: Readonly<Record<string, unknown>>, header?: Readonly<Record<string, unknown>>): Promise<string>
  /** Writes entries and tells all listeners. */
  revoke(...entries: readonly Entry[]): number
  /** From now on another key signs. */
  rotateKey(): Promise<void>
  /** The oldest key is published no more. */
  withdrawKey(): void
  /** Puts the database back: entries and count as of a sequence. */
  restore(sequence: number): void
  /** Breaks all connections, as a restart does. */
  restart(): void
  /** Tells every listener to take the snapshot again. */
  reset(): void
  /** The number of open streams. */
  readonly listeners: number
  close(): Promise<void>
}

export interface Behaviour {
  /** `away` answers nothing and drops the connection; `hanging` never answers. */
  issuer: 'here' | 'away' | 'hanging'
  jwks: 'here' | 'away' | 'hanging'
  feed: 'here' | 'failing' | 'forbidden'
  /** `buffered`: opened, and nothing comes out; `missing`: there is none; `mute`: no heartbeats any more. */
  stream: 'here' | 'buffered' | 'missing' | 'mute'
  introspection: 'here' | 'away'
  /** Whether the feed tells its time. */
  time: 'told' | 'missing'
  /** What the metadata calls the server. */
  name: string | undefined
  /** After how many seconds it wants to be told again what was applied. */
  againAfterSeconds: number
  heartbeatMs: number
  /** What introspection says of every token. */
  active: boolean
  /** Feed tokens issued before are no longer taken. */
  feedTokenGeneration: number
}

export async function startFakeIssuer(): Promise<FakeIssuer> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://localhost:${(server.address() as AddressInfo).port}`
  const issuer = await makeIssuer(server, url)
  server.on('request', (request, response) => {
    issuer.requests.push(`${request.method} ${request.url}`)
    answer(issuer, request, response).catch((error: unknown) => response.destroy(error as Error))
  })
  return issuer
}

interface Listener {
  readonly response: ServerResponse
  readonly beat: NodeJS.Timeout
}

type Inside = FakeIssuer & {
  readonly jwks: JWK[]
  readonly log: (Entry & { readonly sequence: number; readonly until: number })[]
  readonly streams: Set<Listener>
  seconds(): number
}

async function makeIssuer(server: Server, url: string): Promise<Inside> {
  let keys = await generateKeyPair('ES256', { extractable: true })
  const streams = new Set<Listener>()
  const publish = async (kid: string) => ({ ...(await exportJWK(keys.publicKey)), kid, alg: 'ES256', use: 'sig' })
  const first = await publish('key-1')
  const inside: Inside = {
    url,
    aheadSeconds: 0,
    hostAheadSeconds: 0,
    behaviour: {
      issuer: 'here',
      jwks: 'here',
      feed: 'here',
      stream: 'here',
      introspection: 'here',
      time: 'told',
      name: undefined,
      againAfterSeconds: 0,
      heartbeatMs: 5000,
      active: true,
      feedTokenGeneration: 1,
    },
    requests: [],
    left: [],
    acknowledged: [],
    publicJwk: first,
    get publicKey() {
      return keys.publicKey
    },
    get privateKey() {
      return keys.privateKey
    },
    get kid() {
      return inside.jwks.at(-1)?.kid ?? ''
    },
    sequence: 1000,
    jwks: [first],
    log: [],
    streams,
    seconds: () => Math.floor(Date.now() / 1000) + inside.aheadSeconds,
    accessToken(change = {}, header = {}) {
      const now = inside.seconds()
      const claims = {
        ...{
          iss: url,
          aud: AUDIENCE,
          sub: 'acc_ada',
          client_id: 'notes-spa',
          jti: crypto.randomUUID(),
          iat: now,
          exp: now + 900,
        },
        ...{ scope: 'openid notes:read', sid: 'ses_1', grant_id: 'gra_1', ...change },
      }
      const present = Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== null))
      return new SignJWT(present)
        .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: inside.kid, ...header })
        .sign(keys.privateKey)
    },
    revoke(...entries) {
      for (const entry of entries) {
        inside.sequence += 1
        const at = Date.now() / 1000 + inside.aheadSeconds
        const written = { sequence: inside.sequence, until: inside.seconds() + 960, at, ...entry }
        inside.log.push(written)
        if (inside.behaviour.stream === 'here') for (const { response } of streams) response.write(eventOf(written))
      }
      return inside.sequence
    },
    async rotateKey() {
      keys = await generateKeyPair('ES256', { extractable: true })
      inside.jwks.push(await publish(`key-${inside.jwks.length + 1}`))
    },
    withdrawKey: () => void inside.jwks.shift(),
    restore(sequence) {
      inside.sequence = sequence
      inside.log.splice(0, inside.log.length, ...inside.log.filter((entry) => entry.sequence <= sequence))
    },
    restart: () => server.closeAllConnections(),
    reset() {
      for (const { response } of streams) response.end('event: reset\ndata: {}\n\n')
    },
    get listeners() {
      return streams.size
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return inside
}

async function answer(issuer: Inside, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { behaviour } = issuer
  if (behaviour.issuer === 'hanging') return
  if (behaviour.issuer === 'away') {
    request.socket.destroy()
    return
  }
  response.setHeader('Date', new Date((issuer.seconds() + issuer.hostAheadSeconds) * 1000).toUTCString())
  const { pathname } = new URL(request.url ?? '/', issuer.url)
  if (pathname === '/.well-known/openid-configuration') return json(response, 200, metadata(issuer))
  if (pathname === '/jwks') {
    if (behaviour.jwks === 'here') json(response, 200, { keys: issuer.jwks })
    else if (behaviour.jwks === 'away') json(response, 500, {})
    return
  }
  if (pathname === '/token') return answerToken(issuer, request, response)
  if (pathname === '/introspect') return answerIntrospection(issuer, request, response)
  if (pathname === '/revocations') return answerFeed(issuer, request, response)
  if (pathname === '/revocations/acknowledgements') return answerAcknowledgement(issuer, request, response)
  if (request.method === 'DELETE' && pathname.startsWith('/revocations/acknowledgements/')) {
    if (!mayRead(issuer, request, response)) return
    issuer.left.push(pathname.slice('/revocations/acknowledgements/'.length))
    response.writeHead(204).end()
    return
  }
  json(response, 404, {})
}

function metadata({ url, behaviour }: Inside): object {
  return {
    issuer: behaviour.name ?? url,
    token_endpoint: `${url}/token`,
    jwks_uri: `${url}/jwks`,
    introspection_endpoint: `${url}/introspect`,
  }
}

async function answerToken(issuer: Inside, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = new URLSearchParams(await text(request))
  if (!(await isClient(issuer, request, body))) return json(response, 401, { error: 'invalid_client' })
  if (body.get('resource') !== `${issuer.url}/revocations`) return json(response, 400, { error: 'invalid_target' })
  if (body.get('scope') !== 'revocations:read') return json(response, 400, { error: 'invalid_scope' })
  json(response, 200, { access_token: `feed-${issuer.behaviour.feedTokenGeneration}`, token_type: 'Bearer', expires_in: 900 })
}

async function isClient(issuer: Inside, { headers }: IncomingMessage, body: URLSearchParams): Promise<boolean> {
  const assertion = body.get('client_assertion')
  if (assertion !== null) {
    const now = issuer.seconds() + issuer.hostAheadSeconds
    const expected = { audience: issuer.url, issuer: CLIENT.id, subject: CLIENT.id, currentDate: new Date(now * 1000) }
    const verified = await jwtVerify(assertion, issuer.publicKey, expected).catch(() => undefined)
    return typeof verified?.payload.jti === 'string' && (verified.payload.iat ?? 0) <= now + 5
  }
  const [id, secret] = Buffer.from(String(headers.authorization).replace('Basic ', ''), 'base64').toString().split(':')
  const decoded = (part = '') => decodeURIComponent(part.replaceAll('+', ' '))
  return decoded(id) === CLIENT.id && decoded(secret) === CLIENT.secret
}

async function answerIntrospection(issuer: Inside, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = new URLSearchParams(await text(request))
  if (issuer.behaviour.introspection === 'away') return json(response, 503, {})
  if (!(await isClient(issuer, request, body))) return json(response, 401, { error: 'invalid_client' })
  json(response, 200, { active: issuer.behaviour.active })
}

async function answerFeed(issuer: Inside, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { behaviour } = issuer
  if (!mayRead(issuer, request, response)) return
  if (behaviour.time === 'told') response.setHeader('Latchkey-Time', (Date.now() / 1000 + issuer.aheadSeconds).toFixed(3))
  const wantsStream = request.headers.accept === 'text/event-stream'
  const given =
    (wantsStream && request.headers['last-event-id']) || new URL(request.url ?? '', issuer.url).searchParams.get('after')
  const after = given ? Number(given) : undefined
  if (after !== undefined && after > issuer.sequence) return json(response, 410, { title: 'gone' }, 'application/problem+json')
  const entries = issuer.log.filter(({ sequence, until }) => sequence > (after ?? -1) && until >= issuer.seconds())
  if (wantsStream) {
    if (behaviour.stream === 'missing') return json(response, 406, {})
    return openStream(issuer, response, entries)
  }
  const etag = `"${issuer.sequence}-${after}"`
  response.setHeader('ETag', etag)
  if (request.headers['if-none-match'] === etag) response.writeHead(304).end()
  else json(response, 200, { sequence: issuer.sequence, entries })
}

function mayRead({ behaviour }: Inside, request: IncomingMessage, response: ServerResponse): boolean {
  if (behaviour.feed === 'failing') json(response, 503, {})
  else if (behaviour.feed === 'forbidden') json(response, 403, { title: 'wrong scope' })
  else if (request.headers.authorization !== `Bearer feed-${behaviour.feedTokenGeneration}`) json(response, 401, {})
  else return true
  return false
}

function openStream(issuer: Inside, response: ServerResponse, entries: readonly (Entry & { readonly sequence: number })[]): void {
  const { behaviour } = issuer
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
  response.flushHeaders()
  const heartbeat = () => {
    if (behaviour.stream === 'here') response.write(`event: heartbeat\ndata: {"sequence":${issuer.sequence}}\n\n`)
  }
  if (behaviour.stream === 'here') for (const entry of entries) response.write(eventOf(entry))
  heartbeat()
  const listener = { response, beat: setInterval(heartbeat, behaviour.heartbeatMs) }
  issuer.streams.add(listener)
  response.on('close', () => {
    clearInterval(listener.beat)
    issuer.streams.delete(listener)
  })
}

async function answerAcknowledgement(issuer: Inside, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (!mayRead(issuer, request, response)) return
  issuer.acknowledged.push(JSON.parse(await text(request)))
  response.writeHead(204, { 'Latchkey-Again-After': String(issuer.behaviour.againAfterSeconds) }).end()
}

function eventOf(entry: { readonly sequence: number }): string {
  return `id: ${entry.sequence}\ndata: ${JSON.stringify(entry)}\n\n`
}

function json(response: ServerResponse, status: number, body: object, type = 'application/json'): void {
  response.writeHead(status, { 'Content-Type': type }).end(JSON.stringify(body))
}
