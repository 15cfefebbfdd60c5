// An API that keeps notes for whoever an access token speaks for. What it does about tokens is in access-tokens.ts; here are
// its two routes, the challenges of RFC 6750, and CORS for the one single-page app that may call it from a browser.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { listen, portSetting, type RunningExample, readText, runAlone, setting } from '../server.ts'
import { type AccessToken, createAccessTokenCheck, IssuerUnavailable, TokenRefused } from './access-tokens.ts'

/** What the API is told. */
export interface ApiOptions {
  readonly issuer: string
  /** The API's client at the authorization server, by which it introspects tokens. */
  readonly clientId: string
  readonly clientSecret: string
  /** The only origin whose pages may call this API, such as `http://localhost:3001`. */
  readonly spaOrigin: string
  /** The API's resource identifier, as it stands in `aud`. */
  readonly audience?: string
  readonly port?: number
}

/** Starts it. @throws Error when the port is taken */
export function startApi(options: ApiOptions): Promise<RunningExample> {
  const { port = 3003, audience = 'http://localhost:3003', spaOrigin } = options
  const check = createAccessTokenCheck({ ...options, audience })
  const notes = new Map<string, string[]>()
  const server = createServer((request, response) => {
    answerCors(request, response, spaOrigin)
    answer(request, response, { check, notes }).catch((error: unknown) => refuse(response, error))
  })
  return listen(server, port)
}

/** A refusal, as it is answered. */
class Refusal extends Error {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.status = status
    this.headers = headers
  }
}

interface Parts {
  readonly check: (token: string) => Promise<AccessToken>
  /** The notes of each `sub`. */
  readonly notes: Map<string, string[]>
}

async function answer(request: IncomingMessage, response: ServerResponse, { check, notes }: Parts): Promise<void> {
  if (URL.parse(request.url ?? '', 'http://localhost')?.pathname !== '/notes') throw new Refusal(404, 'There is only /notes.')
  if (request.method === 'OPTIONS') {
    response.writeHead(204).end()
  } else if (request.method === 'GET') {
    const { subject } = await authorize(request, check, 'notes:read')
    send(response, 200, { notes: notes.get(subject) ?? [] })
  } else if (request.method === 'POST') {
    const { subject } = await authorize(request, check, 'notes:write')
    const mine = [...(notes.get(subject) ?? []), await readNote(request)].slice(-100)
    notes.set(subject, mine)
    send(response, 201, { notes: mine })
  } else {
    throw new Refusal(405, 'Use GET or POST.', { Allow: 'GET, POST, OPTIONS' })
  }
}

/** RFC 6750 §2.1 and §3: the token comes in the `Authorization` header, and every refusal says what is wanted. */
async function authorize(request: IncomingMessage, check: Parts['check'], scope: string): Promise<AccessToken> {
  const { authorization } = request.headers
  // Without a token there is no error code: the caller did not know that one is needed.
  if (authorization === undefined) throw challenge(401, 'An access token is needed.', {})
  const token = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(authorization)?.[1]
  if (token === undefined) throw challenge(400, 'The Authorization header is not a bearer token.', { error: 'invalid_request' })
  const accessToken = await check(token)
  if (!accessToken.scopes.has(scope)) {
    throw challenge(403, `The access token needs the scope ${scope}.`, { error: 'insufficient_scope', scope })
  }
  return accessToken
}

function challenge(status: number, message: string, parameters: Readonly<Record<string, string>>): Refusal {
  const all = Object.entries({ realm: 'notes', ...parameters }).map(([name, value]) => `${name}="${value}"`)
  return new Refusal(status, message, { 'WWW-Authenticate': `Bearer ${all.join(', ')}` })
}

/** Pages of the one origin may call and may read the challenge; `Vary` keeps caches from mixing up the answers. */
function answerCors({ headers }: IncomingMessage, response: ServerResponse, spaOrigin: string): void {
  response.setHeader('Vary', 'Origin')
  if (headers.origin !== spaOrigin) return
  response.setHeader('Access-Control-Allow-Origin', spaOrigin)
  response.setHeader('Access-Control-Allow-Methods', 'GET, POST')
  response.setHeader('Access-Control-Allow-Headers', 'Authorization, Content-Type')
  response.setHeader('Access-Control-Expose-Headers', 'WWW-Authenticate')
  response.setHeader('Access-Control-Max-Age', '600')
}

async function readNote(request: IncomingMessage): Promise<string> {
  if (!/^application\/json *(;|$)/i.test(request.headers['content-type'] ?? '')) throw new Refusal(415, 'Send JSON.')
  const body = await readText(request, 10_000)
  if (body === undefined) throw new Refusal(413, 'A note is shorter than that.')
  const text = noteOf(body)
  if (text === undefined) throw new Refusal(400, 'Send {"text": "…"} with 1 to 500 characters.')
  return text
}

function noteOf(json: string): string | undefined {
  try {
    const { text } = Object(JSON.parse(json)) as { text?: unknown }
    return typeof text === 'string' && text.trim() !== '' && text.length <= 500 ? text.trim() : undefined
  } catch {
    return undefined
  }
}

function refuse(response: ServerResponse, error: unknown): void {
  const refusal = refusalOf(error)
  for (const [name, value] of Object.entries(refusal.headers)) response.setHeader(name, value)
  send(response, refusal.status, { error: refusal.message })
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  if (error instanceof TokenRefused)
    return challenge(401, `${error.message}.`, { error: 'invalid_token', error_description: error.message })
  if (error instanceof IssuerUnavailable) return new Refusal(503, 'Tokens cannot be checked just now.', { 'Retry-After': '5' })
  console.error(error)
  return new Refusal(500, 'Something is wrong with this API.')
}

function send(response: ServerResponse, status: number, body: object): void {
  if (response.destroyed) return
  response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }).end(JSON.stringify(body))
}

if (import.meta.main) {
  await runAlone('The notes API', () =>
    startApi({
      issuer: setting('ISSUER', 'http://localhost:3000'),
      clientId: setting('CLIENT_ID', 'demo-api'),
      clientSecret: setting('CLIENT_SECRET'),
      spaOrigin: setting('SPA_ORIGIN', 'http://localhost:3001'),
      audience: setting('AUDIENCE', 'http://localhost:3003'),
      port: portSetting(3003),
    }),
  )
}
