// An API that keeps notes for whoever an access token speaks for. The guard decides whether a token is good: it verifies it here,
// and refuses what was revoked there. Here are two routes, what the guard knows, and CORS for the one single-page app that may
// call from a browser.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
// Elsewhere: from '@latchkey/guard'.
import { type AccessToken, createGuard, type Guard, GuardError, type GuardLog, InvalidToken } from '../../guard/main.ts'
import { listen, portSetting, type RunningExample, readText, runAlone, setting } from '../server.ts'

/** What the API is told. */
export interface ApiOptions {
  readonly issuer: string
  /** The API's client at the authorization server, by which it hears of revocations. */
  readonly clientId: string
  readonly clientSecret: string
  /** The only origin whose pages may call this API, such as `http://localhost:3001`. */
  readonly spaOrigin: string
  /** The API's resource identifier, as it stands in `aud`. */
  readonly audience?: string
  readonly port?: number
  /** Where the guard tells what it cannot do; the console, when it is left out. */
  readonly log?: GuardLog
}

/** Starts it. @throws Error when the port is taken */
export async function startApi(options: ApiOptions): Promise<RunningExample> {
  const { issuer, clientId, clientSecret, port = 3003, audience = 'http://localhost:3003', spaOrigin } = options
  const guard = await createGuard({
    issuer,
    audience,
    client: { id: clientId, secret: clientSecret },
    scopes: ['notes:read', 'notes:write'],
    // A server that has no feed of revocations is asked about each token.
    whenStale: 'introspect',
    // The authorization server may start after this API. Until it answers, nobody is let in.
    startTimeoutSeconds: 0,
    ...(options.log === undefined ? {} : { log: options.log }),
  })
  const notes = new Map<string, string[]>()
  const server = createServer((request, response) => {
    answerCors(request, response, spaOrigin)
    answer(request, response, { guard, notes }).catch((error: unknown) => refuse(response, error))
  })
  const running = await listen(server, port).catch(async (error: unknown) => {
    await guard.close()
    throw error
  })
  return {
    url: running.url,
    async close() {
      await guard.close()
      await running.close()
    },
  }
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
  readonly guard: Guard
  /** The notes of each `sub`. */
  readonly notes: Map<string, string[]>
}

async function answer(request: IncomingMessage, response: ServerResponse, { guard, notes }: Parts): Promise<void> {
  const path = URL.parse(request.url ?? '', 'http://localhost')?.pathname
  if (path === '/status') return send(response, 200, statusOf(guard))
  if (path === '/.well-known/oauth-protected-resource') return send(response, 200, guard.protectedResourceMetadata())
  if (path !== '/notes') throw new Refusal(404, 'There is /notes, and /status.')
  if (request.method === 'OPTIONS') {
    response.writeHead(204).end()
  } else if (request.method === 'GET') {
    const { sub } = await authorize(request, guard, 'notes:read')
    send(response, 200, { notes: notes.get(sub) ?? [] })
  } else if (request.method === 'POST') {
    const { sub } = await authorize(request, guard, 'notes:write')
    const mine = [...(notes.get(sub) ?? []), await readNote(request)].slice(-100)
    notes.set(sub, mine)
    send(response, 201, { notes: mine })
  } else {
    throw new Refusal(405, 'Use GET or POST.', { Allow: 'GET, POST, OPTIONS' })
  }
}

/** The guard's errors know the status and the challenge (RFC 6750 §3) that they are answered with. */
function authorize({ headers, method, url }: IncomingMessage, guard: Guard, scope: string): Promise<AccessToken> {
  return guard.verify({ authorization: headers.authorization, dpop: headers.dpop, method, url }, { scope })
}

/** What anybody may know: how far this copy has heard of revocations. */
function statusOf(guard: Guard): object {
  const { sequence = null, stale, stalenessSeconds, entries } = guard.status()
  return { sequence, stale, stalenessSeconds, entries }
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
  send(response, refusal.status, { error: refusal.message, ...whenRevoked(error) })
}

/** For the panel of the single-page app: how long after its revocation a token was refused here. An API has no need of it. */
function whenRevoked(error: unknown): { refused_after_ms?: number } {
  if (!(error instanceof InvalidToken) || error.revocation === undefined) return {}
  const { revokedAt, refusedFrom } = error.revocation
  // Both are of the same clock, or of two that differ by little; nobody refuses before the revocation.
  return { refused_after_ms: Math.max(0, Math.round((refusedFrom - revokedAt) * 1000)) }
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  if (error instanceof GuardError)
    return new Refusal(error.status, error.expose ? error.message : 'Tokens cannot be checked just now.', error.headers)
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
