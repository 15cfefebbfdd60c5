// A server-rendered app: its routes. The protocol is in sign-in.ts, the calls of the API in notes-api.ts, the sessions in
// sessions.ts and the page in page.ts.
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { listen, portSetting, type RunningExample, readText, runAlone, setting } from '../server.ts'
import { createLogoutTokens, type LogoutTokens } from './logout-tokens.ts'
import { createNotesApi, type NotesApi } from './notes-api.ts'
import { page } from './page.ts'
import { type Session, Sessions, type SignedIn } from './sessions.ts'
import { createSignIn, type SignIn, SignInFailed, SignInOver } from './sign-in.ts'

/** What the app is told. */
export interface ServerAppOptions {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** The API that it calls, by its address, which is its resource identifier too. */
  readonly apiUrl: string
  readonly port?: number
}

/** Starts it. @throws Error when the port is taken */
export async function startServerApp(options: ServerAppOptions): Promise<RunningExample> {
  const server = createServer()
  const running = await listen(server, options.port ?? 3002)
  const signIn = createSignIn({ ...options, resource: options.apiUrl, origin: running.url })
  const app = {
    origin: running.url,
    sessions: new Sessions(),
    signIn,
    notesApi: createNotesApi({ ...options, signIn }),
    logoutTokens: createLogoutTokens({ ...options, keysUrl: signIn.keysUrl }),
  }
  const headers = headersOf(options)
  server.on('request', (request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    const visit = { app, request, response, session: app.sessions.find(request) }
    answer(visit).catch((error: unknown) => fail(visit, error))
  })
  return running
}

interface App {
  readonly origin: string
  readonly sessions: Sessions
  readonly signIn: SignIn
  readonly notesApi: NotesApi
  readonly logoutTokens: LogoutTokens
}

interface Visit {
  readonly app: App
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly session: Session | undefined
}

const STYLES = readFileSync(join(import.meta.dirname, '../page.css'))

async function answer(visit: Visit): Promise<void> {
  const { app, request, response, session } = visit
  const url = URL.parse(request.url ?? '/', app.origin)
  const route = `${request.method} ${url?.pathname}`
  if (route === 'GET /') return show(visit)
  if (route === 'GET /callback' && url !== null) return finishSignIn(visit, url)
  if (route === 'GET /page.css') return void response.setHeader('Content-Type', 'text/css; charset=utf-8').end(STYLES)
  if (request.method !== 'POST') return void response.writeHead(404).end('There is no such page.\n')
  // From the authorization server itself, so that there is no browser, and no `Origin`.
  if (route === 'POST /backchannel-logout') return endSignIns(visit)
  // Other sites can make a browser send a form; `SameSite` does not count other ports of this host as other sites.
  if (request.headers.origin !== app.origin) return void response.writeHead(403).end('This form is from elsewhere.\n')
  if (route === 'POST /sign-in') return beginSignIn(visit)
  if (session?.signedIn === undefined) return redirect(response, '/')
  return change(visit, route, session.signedIn, session)
}

async function show({ app, response, session }: Visit): Promise<void> {
  const signedIn = session?.signedIn
  const notes = signedIn === undefined ? undefined : await app.notesApi.list(signedIn)
  send(response, 200, page({ notice: session?.notice, signedIn, notes }))
  delete session?.notice
}

async function beginSignIn({ app, request, response, session }: Visit): Promise<void> {
  const { url, state, pending } = await app.signIn.begin()
  const { pending: others } = session ?? app.sessions.start(request, response, { pending: new Map() })
  for (const oldest of [...others.keys()].slice(0, -4)) others.delete(oldest)
  others.set(state, pending)
  redirect(response, url)
}

async function finishSignIn({ app, request, response, session }: Visit, callback: URL): Promise<void> {
  const state = callback.searchParams.get('state') ?? ''
  const pending = session?.pending.get(state)
  // Not begun in this browser: somebody may want to sign this person in as somebody else (RFC 6749 §10.12).
  if (pending === undefined) throw new SignInFailed('It was not begun in this browser, or it is done already.')
  session?.pending.delete(state)
  const signedIn = await app.signIn.finish(callback, state, pending)
  app.sessions.start(request, response, { pending: session?.pending ?? new Map(), signedIn })
  redirect(response, '/')
}

async function change(visit: Visit, route: string, signedIn: SignedIn, session: Session): Promise<void> {
  const { app, request, response } = visit
  if (route === 'POST /sign-out') {
    delete session.signedIn
    app.sessions.start(request, response, { pending: new Map() })
    return redirect(response, await app.signIn.signOutUrl(signedIn))
  }
  if (route === 'POST /refresh') {
    await app.notesApi.refresh(signedIn)
    session.notice = 'Refreshed: there is a new access token and a new refresh token.'
  } else if (route === 'POST /notes') {
    const note = new URLSearchParams(await readText(request, 10_000)).get('text') ?? ''
    const added = await app.notesApi.add(signedIn, note)
    session.notice = added ? 'The note is kept.' : 'The API did not take the note.'
  }
  redirect(response, '/')
}

/** Back-Channel Logout 1.0 §2.8: 200 when it is done, also if there was nothing to end; 400 for a token that is no good. */
async function endSignIns({ app, request, response }: Visit): Promise<void> {
  const form = new URLSearchParams(await readText(request, 10_000))
  const signedOut = await app.logoutTokens.read(form.get('logout_token') ?? '')
  if (signedOut !== undefined) app.sessions.end(signedOut, SIGNED_OUT)
  response.writeHead(signedOut === undefined ? 400 : 200).end()
}

const SIGNED_OUT = 'You have been signed out: this sign-in has ended at the authorization server.'

/** A sign-in that is over, or that did not come about, is no fault of anybody's: the person is told, and may try again. */
function fail({ app, request, response, session }: Visit, error: unknown): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  if (error instanceof SignInOver) {
    app.sessions.start(request, response, { pending: new Map(), notice: SIGNED_OUT })
    redirect(response, '/')
    return
  }
  if (!(error instanceof SignInFailed)) console.error(error)
  const notice =
    error instanceof SignInFailed
      ? `Signing in did not work. ${error.message}`
      : 'The authorization server cannot be asked just now.'
  send(response, error instanceof SignInFailed ? 400 : 502, page({ notice, signedIn: session?.signedIn, notes: undefined }))
}

function headersOf({ issuer }: ServerAppOptions): Readonly<Record<string, string>> {
  return {
    // `form-action` holds for the redirects after a form too: signing in and out goes on to the authorization server.
    'Content-Security-Policy': `default-src 'none'; style-src 'self'; img-src data:; form-action 'self' ${new URL(issuer).origin}; frame-ancestors 'none'; base-uri 'none'`,
    'Cache-Control': 'no-store',
    // Not `no-referrer`: under that, forms are sent with `Origin: null`.
    'Referrer-Policy': 'same-origin',
    'X-Content-Type-Options': 'nosniff',
  }
}

function send(response: ServerResponse, status: number, html: string): void {
  response.writeHead(status, { 'Content-Type': 'text/html; charset=utf-8' }).end(html)
}

function redirect(response: ServerResponse, location: string): void {
  response.writeHead(303, { Location: location }).end()
}

if (import.meta.main) {
  await runAlone('The server-rendered app', () =>
    startServerApp({
      issuer: setting('ISSUER', 'http://localhost:3000'),
      clientId: setting('CLIENT_ID', 'demo-server'),
      clientSecret: setting('CLIENT_SECRET'),
      apiUrl: setting('API_URL', 'http://localhost:3003'),
      port: portSetting(3002),
    }),
  )
}
