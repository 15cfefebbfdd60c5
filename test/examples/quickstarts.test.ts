// The quickstarts say what works: their registrations are provisioned, and their programs are run, as they stand.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { Browser, type Page } from '../support/browser.ts'
import { launchChromium } from '../support/chromium.ts'
import { claimsOf, headerOf } from '../support/oauth.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { freePort } from '../support/server-process.ts'

const ROOT = join(import.meta.dirname, '../..')
const API = 'https://notes.example/api'
const ADA = { email: 'ada@people.example', password: 'an analytical engine 1843' }
const PERSON = { username: ADA.email, password: ADA.password }

/** What is read of a provision file's entries. */
interface Entries {
  readonly clients: readonly { readonly client_id: string; readonly client_secret?: string }[]
  readonly resource_servers?: readonly { readonly identifier: string }[]
}

let folder: string
let server: TestServer
let webPort: number
let spa: Server
let spaUrl: string
let secrets: ReadonlyMap<string, string | undefined>
const running: ChildProcess[] = []

beforeAll(async () => {
  webPort = await freePort()
  spa = createServer().listen(0, '127.0.0.1')
  await once(spa, 'listening')
  spaUrl = `http://localhost:${(spa.address() as AddressInfo).port}`
  const texts = await Promise.all(['single-page-app', 'server-rendered-app', 'api', 'machine-to-machine', 'native-app'].map(read))
  const entries = texts.map((text) => parse(localised(block(text, 'yaml'))) as Entries)
  const clients = entries.flatMap((entry) => entry.clients)
  secrets = new Map(clients.map(({ client_id, client_secret }) => [client_id, client_secret]))
  // The pages about the API and about programs both show its registration; that of the first is the whole one.
  const servers = entries.flatMap(({ resource_servers = [] }) => resource_servers)
  folder = await mkdtemp(join(tmpdir(), 'quickstarts-'))
  const file = join(folder, 'provision.json')
  await writeFile(file, JSON.stringify({ clients, resource_servers: servers.slice(0, 1), accounts: [ADA] }))
  server = await startServer({ settings: { PROVISION_FILE: file } })
})

afterAll(async () => {
  for (const child of running) child.kill()
  spa.closeAllConnections()
  spa.close()
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

test('a program gets a token for itself, and the API takes it until it is revoked', async () => {
  const api = await start('api', 'notes-api', { AUDIENCE: API, PORT: '0' })
  const url = await api.line(/^http:.*$/m)
  const report = await start('machine-to-machine', 'reports', { API_URL: url })
  expect(JSON.parse(await report.line(/(?<=^200 ).*$/m))).toEqual({ sub: 'reports', notes: [] })

  const authorization = `Basic ${btoa(`reports:${secrets.get('reports')}`)}`
  const post = (path: string, body: Record<string, string>) =>
    fetch(`${server.issuer}${path}`, { method: 'POST', headers: { authorization }, body: new URLSearchParams(body) })
  const ask = (token: string) => fetch(`${url}/notes`, { headers: { authorization: `Bearer ${token}` } })
  const obtain = async (scope: Record<string, string>) => {
    const answer = await post('/token', { grant_type: 'client_credentials', resource: API, ...scope })
    return ((await answer.json()) as { access_token: string }).access_token
  }
  const token = await obtain({ scope: 'notes:read' })
  expect(headerOf(token)).toMatchObject({ typ: 'at+jwt', alg: 'ES256' })
  const claims = claimsOf(token)
  expect(claims).toMatchObject({ sub: 'reports', aud: API, scope: 'notes:read' })
  for (const name of ['sid', 'auth_time', 'roles']) expect(claims).not.toHaveProperty(name)
  expect((await ask(token)).status).toBe(200)
  await post('/revoke', { token })
  const refused = await ask(token)
  expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer error="invalid_token"'])

  // "A request without one gets a token that may do nothing."
  expect((await ask(await obtain({}))).status).toBe(403)
  expect((await ask('nonsense')).status).toBe(401)
  expect((await fetch(`${url}/notes`)).status).toBe(401)
})

test('what a client may not ask for is refused by the names that the quickstarts give', async () => {
  const ask = async (id: string, secret: string, body: Record<string, string>) => {
    const headers = { authorization: `Basic ${btoa(`${id}:${secret}`)}` }
    const response = await fetch(`${server.issuer}/token`, { method: 'POST', headers, body: new URLSearchParams(body) })
    return ((await response.json()) as { error: string }).error
  }
  const own = { grant_type: 'client_credentials' }
  const secretOf = (id: string) => secrets.get(id) ?? ''
  expect(await ask('reports', 'wrong', own)).toBe('invalid_client')
  expect(await ask('notes-web', secretOf('notes-web'), own)).toBe('unauthorized_client')
  expect(await ask('reports', secretOf('reports'), { ...own, scope: 'notes:write' })).toBe('invalid_scope')
  expect(await ask('reports', secretOf('reports'), { ...own, resource: 'https://other.example' })).toBe('invalid_target')
  const astray = await new Browser().open(
    `${server.issuer}/authorize?client_id=notes-web&response_type=code&redirect_uri=http://localhost:${webPort}/callback/`,
  )
  expect([astray.status, astray.body]).toEqual([400, expect.stringContaining('invalid_redirect_uri')])
  const left = await new Browser().open(`${server.issuer}/logout?client_id=notes-web&post_logout_redirect_uri=${spaUrl}`)
  expect([left.status, left.body]).toEqual([400, expect.stringContaining('post_logout_redirect_uri not registered')])
})

test('a native app signs in through the browser and refreshes', async () => {
  const app = await start('native-app', 'notes-cli', {})
  const browser = new Browser()
  const page = await signIn(browser, await browser.open(await app.line(/^http:.*$/m)), 'Go back to the terminal.')
  expect(new URL(page.url).hostname).toBe('127.0.0.1')
  expect(await app.line(/^Signed in as .*$/m)).toMatch(/^Signed in as acc_\S+; the access token is good for 900 s\.$/)
  expect(await app.line(/^Refreshed: .*$/m)).toBe('Refreshed: true')
})

test('a server-rendered app signs in with ES256 ID tokens, and out', async () => {
  const app = await start('server-rendered-app', 'notes-web', { PORT: String(webPort) })
  const url = await app.line(/^http:.*$/m)
  const browser = new Browser()
  expect((await browser.open(url)).body).toBe('nobody')
  expect((await signIn(browser, await browser.open(`${url}/sign-in`), 'signed in as acc_')).url).toBe(`${url}/`)
  // Once more: the session is still there, so no page comes in between.
  expect((await browser.open(`${url}/sign-in`)).body).toContain('signed in as acc_')
  const out = await browser.submit(await browser.open(`${url}/sign-out`))
  expect([out.url.split('?')[0], out.body]).toEqual([`${url}/`, 'nobody'])
  expect((await browser.open(`${url}/sign-in`)).body).toContain('name="password"')
  expect((await browser.open(`${url}/callback?code=made-up&state=made-up`)).body).toContain('That did not work')
})

test('a single-page app signs in, refreshes and signs out in a real browser', async () => {
  const chromium = await launchChromium()
  try {
    const page = await chromium.newPage()
    page.setDefaultTimeout(8000)
    await serveSpa()
    const who = (text: string) => page.locator('#who', { hasText: text }).waitFor()
    await page.goto(spaUrl)
    await who('nobody')
    await page.click('#sign-in')
    await page.fill('[name=username]', PERSON.username)
    await page.fill('[name=password]', PERSON.password)
    await page.keyboard.press('Enter')
    await who('signed in as acc_')
    expect(page.url()).toBe(`${spaUrl}/`)
    await page.reload()
    await who('signed in as acc_')
    // Refreshing again and again: the library must not lose the API's scopes on the way.
    for (let times = 0; times < 2; times += 1) {
      await page.locator('#who').evaluate((element) => element.replaceChildren())
      await page.click('#refresh')
      await who('refreshed, good for')
    }
    const stored = await page.evaluate(() => Object.values({ ...sessionStorage }).join())
    const { access_token } = JSON.parse(stored) as { access_token: string }
    expect(claimsOf(access_token)).toMatchObject({ aud: API, scope: expect.stringContaining('notes:write') })
    await page.click('#sign-out')
    await page.locator('form button[type=submit]').first().click()
    await page.waitForURL(`${spaUrl}/**`)
    await who('nobody')
  } finally {
    await chromium.close()
  }
})

function read(name: string): Promise<string> {
  return readFile(join(ROOT, `docs/quickstarts/${name}.md`), 'utf8')
}

/** The addresses of a text, as they are in this test. */
function localised(text: string): string {
  return text.replaceAll('http://localhost:4001', spaUrl).replaceAll('http://localhost:4002', `http://localhost:${webPort}`)
}

/** Serves the single-page app as its quickstart says, under the policy that stands there. */
async function serveSpa(): Promise<void> {
  const text = localised(await read('single-page-app')).replaceAll('http://localhost:3000', server.issuer)
  const library = join(dirname(createRequire(import.meta.url).resolve('oidc-client-ts')), '../browser/oidc-client-ts.min.js')
  const files: Readonly<Record<string, string>> = { '/app.js': block(text, 'js'), '/oidc.js': await readFile(library, 'utf8') }
  const html = `<!doctype html><p id="who"></p><button id="sign-in">in</button><button id="refresh">refresh</button>
    <button id="sign-out">out</button><script src="/oidc.js"></script><script type="module" src="/app.js"></script>`
  const policy = block(text, 'text').replaceAll('\n', ' ')
  spa.on('request', (request, response) => {
    const script = files[new URL(request.url ?? '/', spaUrl).pathname]
    const type = script === undefined ? 'text/html' : 'text/javascript'
    response.writeHead(200, { 'Content-Type': type, 'Content-Security-Policy': policy }).end(script ?? html)
  })
}

/** The first block of a language. */
function block(text: string, language: string): string {
  const found = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(text)?.[1]
  if (found === undefined) throw new Error(`there is no ${language} block`)
  return found
}

/** Runs the program of a quickstart; `line` waits for it to print something. */
async function start(name: string, clientId: string, environment: Readonly<Record<string, string>>) {
  const code = block(await read(name), 'js')
  const secret = secrets.get(clientId)
  const env = { ISSUER: server.issuer, CLIENT_ID: clientId, ...(secret && { CLIENT_SECRET: secret }), ...environment }
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code], { cwd: ROOT, env })
  running.push(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  return {
    async line(pattern: RegExp): Promise<string> {
      for (;;) {
        const found = pattern.exec(output)?.[0]
        if (found !== undefined) return found
        if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}:\n${output}`)
        await Promise.race([once(child.stdout, 'data'), once(child, 'close')])
      }
    },
  }
}

/** Signs in, and agrees to what is asked, until a page has this text. */
async function signIn(browser: Browser, first: Page, until: string): Promise<Page> {
  let page = first
  for (let pages = 0; pages < 4; pages += 1) {
    if (page.body.includes(until)) return page
    page = await browser.submit(page, page.body.includes('name="password"') ? PERSON : {})
  }
  throw new Error(`never came to "${until}": ${page.status} ${page.url}\n${page.body.slice(0, 800)}`)
}
