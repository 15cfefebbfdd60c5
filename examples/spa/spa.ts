// Serves the single-page app: a few files and its configuration, under a policy that lets the page load nothing else and call
// nobody but the authorization server and the API. All that the app does is in app.js.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { listen, portSetting, type RunningExample, runAlone, setting } from '../server.ts'

/** What the app is told. */
export interface SpaOptions {
  readonly issuer: string
  readonly clientId: string
  /** The API that it calls, by its address, which is its resource identifier too. */
  readonly apiUrl: string
  /** Another copy of it. */
  readonly apiCopyUrl: string
  readonly port?: number
}

interface File {
  readonly type: string
  readonly content: Buffer | string
}

/** Starts it. @throws Error when the port is taken */
export function startSpa(options: SpaOptions): Promise<RunningExample> {
  const files = filesOf(options)
  const headers = headersOf(options)
  const server = createServer((request, response) => {
    const path = URL.parse(request.url ?? '/', 'http://localhost')?.pathname ?? '/'
    const file = files.get(path)
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { ...headers, Allow: 'GET, HEAD' }).end()
    } else if (file === undefined) {
      response.writeHead(404, { ...headers, 'Content-Type': 'text/plain; charset=utf-8' }).end('There is no such page.\n')
    } else {
      response.writeHead(200, { ...headers, 'Content-Type': file.type }).end(file.content)
    }
  })
  return listen(server, options.port ?? 3001)
}

function filesOf({ issuer, clientId, apiUrl, apiCopyUrl }: SpaOptions): ReadonlyMap<string, File> {
  const here = import.meta.dirname
  const config = { issuer, client_id: clientId, api: apiUrl, apis: [apiUrl, apiCopyUrl] }
  const page = { type: 'text/html; charset=utf-8', content: readFileSync(join(here, 'index.html')) }
  const script = (path: string) => ({ type: 'text/javascript; charset=utf-8', content: readFileSync(path) })
  return new Map<string, File>([
    ['/', page],
    // The redirect URI: the same page, which finds the answer in its address.
    ['/callback', page],
    ['/app.js', script(join(here, 'app.js'))],
    ['/replay.js', script(join(here, 'replay.js'))],
    ['/revocation.js', script(join(here, 'revocation.js'))],
    ['/oidc-client-ts.js', script(browserBuild())],
    ['/page.css', { type: 'text/css; charset=utf-8', content: readFileSync(join(here, '../page.css')) }],
    ['/config.json', { type: 'application/json', content: JSON.stringify(config) }],
  ])
}

/** oidc-client-ts as one file for browsers, with all that it needs inside. */
function browserBuild(): string {
  const entry = createRequire(import.meta.url).resolve('oidc-client-ts')
  return join(dirname(entry), '../browser/oidc-client-ts.min.js')
}

/** An app that keeps tokens in the browser must not run a stranger's script: nothing is allowed but what is listed. */
function headersOf({ issuer, apiUrl, apiCopyUrl }: SpaOptions): Readonly<Record<string, string>> {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    'img-src data:',
    `connect-src 'self' ${[issuer, apiUrl, apiCopyUrl].map((url) => new URL(url).origin).join(' ')}`,
    "form-action 'none'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ]
  return {
    'Content-Security-Policy': policy.join('; '),
    'Cache-Control': 'no-store',
    'Cross-Origin-Opener-Policy': 'same-origin',
    // The address of the callback has the code in it.
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
  }
}

if (import.meta.main) {
  await runAlone('The single-page app', () =>
    startSpa({
      issuer: setting('ISSUER', 'http://localhost:3000'),
      clientId: setting('CLIENT_ID', 'demo-spa'),
      apiUrl: setting('API_URL', 'http://localhost:3003'),
      apiCopyUrl: setting('API_COPY_URL', 'http://localhost:3004'),
      port: portSetting(3001),
    }),
  )
}
