// What the console says to put into an app works: apps are registered in the console, and what their pages show is run as it stands.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startAdminServer } from '../admin-api/api.ts'
import { atConsole, send } from '../admin-console/people.ts'
import { Browser } from '../support/browser.ts'
import { NOTES } from '../support/clients.ts'
import { claimsOf, signIn } from '../support/oauth.ts'
import type { TestServer } from '../support/server.ts'
import { unescapeHtml } from '../views/page-markup.ts'

const ROOT = join(import.meta.dirname, '../..')
const BACK = 'https://made.example/callback'

let server: TestServer
let owner: Browser
const running: ChildProcess[] = []

beforeAll(async () => {
  server = await startAdminServer()
  owner = (await atConsole(server, 'owner', '/admin/clients')).browser
})

afterAll(async () => {
  for (const child of running) child.kill()
  await server?.stop()
})

interface MadeApp {
  readonly id: string
  readonly secret: string
  /** By their titles. */
  readonly snippets: ReadonlyMap<string, string>
}

let made = 0

async function register(kind: string, fields: { readonly [name: string]: string }): Promise<MadeApp> {
  made += 1
  const { client_id: id = `made-${made}` } = fields
  const form = await owner.open(`${server.issuer}/admin/clients/new?kind=${kind}`)
  const page = await send(owner, form, '/admin/clients', { name: 'Made', auth: 'client_secret_basic', ...fields, client_id: id })
  const secret = /id="secret"[^>]* value="([^"]*)"/.exec(page.body)?.[1] ?? ''
  const detail = await owner.open(`${server.issuer}/admin/clients/${encodeURIComponent(id)}`)
  const found = detail.body.matchAll(/<summary>([^<]*)<\/summary>[\s\S]*?<code data-copy>([\s\S]*?)<\/code>/g)
  const snippets = new Map([...found].map(([, title = '', code = '']) => [title, unescapeHtml(code)]))
  expect(snippets.size).toBeGreaterThan(0)
  for (const code of snippets.values()) expect(secret !== '' && code.includes(secret)).toBe(false)
  return { id, secret, snippets }
}

/** Runs a program; gives what it says. */
function run(code: string, environment: { readonly [name: string]: string } = {}, command: readonly string[] = NODE) {
  const [program = '', ...args] = command
  const child = spawn(program, [...args, code], { cwd: ROOT, env: environment })
  running.push(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  return {
    child,
    async line(pattern: RegExp): Promise<string> {
      for (;;) {
        const found = pattern.exec(output)?.[0]
        if (found !== undefined) return found
        if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}:\n${output}`)
        await Promise.race([once(child.stdout, 'data'), once(child, 'close')])
      }
    },
  }
}

const NODE = [process.execPath, '--input-type=module', '--eval'] as const

test('a web app signs in with openid-client, and gets a token for the API', async () => {
  const app = await register('web', { redirect_uris: BACK, scope_openid: 'on', 'scope_notes:read': 'on' })
  const code = `${app.snippets.get('Node: openid-client 6')}
const begun = await begin()
console.log(begun.address)
process.stdin.once('data', async (url) => {
  const { sub, tokens } = await end(String(url).trim(), begun.session)
  console.log('sub', sub, tokens.access_token)
})`
  const program = run(code, { CLIENT_SECRET: app.secret })
  const browser = new Browser()
  const page = await signIn(browser, await browser.open(await program.line(/^http:.*$/m)), server.ada)
  program.child.stdin.write(`${page.url}\n`)
  const [, sub = '', token = ''] = (await program.line(/^sub .*$/m)).split(' ')
  expect(sub).toMatch(/^acc_/)
  expect(claimsOf(token)).toMatchObject({ sub, aud: NOTES, scope: 'notes:read', client_id: app.id })
})

test('a command-line app signs in by a port that it opens itself, and may go on afterwards', async () => {
  const app = await register('native', {
    redirect_uris: 'com.example.made:/callback\nhttp://127.0.0.1/callback',
    ...{ scope_openid: 'on', scope_offline_access: 'on' },
  })
  expect(app.secret).toBe('')
  const program = run(`${app.snippets.get('Command line: openid-client 6')}\nconsole.log(tokens.refresh_token.slice(0, 3))`)
  const browser = new Browser()
  // The address that it listens at is one of this machine, where the browser arrives.
  let page = await browser.open(await program.line(/http:.*$/m))
  for (let pages = 0; pages < 3 && !page.body.includes('Go back to the terminal'); pages += 1)
    page = await browser.submit(page, page.body.includes('name="password"') ? server.ada : {})
  expect(new URL(page.url).hostname).toBe('127.0.0.1')
  expect(await program.line(/^Signed in as acc_.*$/m)).toContain('acc_')
  expect(await program.line(/^rt_$/m)).toBe('rt_')
})

test('a program gets tokens for itself, by openid-client and by curl', async () => {
  const app = await register('machine', { 'scope_notes:read': 'on' })
  const program = run(`${app.snippets.get('Node: openid-client 6')}\nconsole.log(await accessToken())`, {
    CLIENT_SECRET: app.secret,
  })
  expect(claimsOf(await program.line(/^ey.*$/m))).toMatchObject({ sub: app.id, aud: NOTES, scope: 'notes:read' })
  // What the shell hands to curl; there need be none here.
  const shell = run(
    `curl() { printf '%s\\n' "$@"; echo end; }\n${app.snippets.get('Shell: curl')}`,
    { CLIENT_SECRET: app.secret },
    ['/bin/sh', '-c'],
  )
  const [, address = '', , user = '', ...rest] = (await shell.line(/^[\s\S]*\nend$/m)).split('\n')
  const body = rest
    .filter((word) => word.includes('='))
    .map((word): [string, string] => [word.split('=')[0] ?? '', word.replace(/^[^=]*=/, '')])
  const answer = await fetch(address, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(user)}` },
    body: new URLSearchParams(body),
  })
  expect(await answer.json()).toMatchObject({ access_token: expect.any(String), scope: 'notes:read' })
})

test('a secret in the body is what is registered, what is written down, and what is sent', async () => {
  const app = await register('machine', { 'scope_notes:read': 'on', auth: 'client_secret_post' })
  const code = app.snippets.get('Node: openid-client 6') ?? ''
  expect(code).toContain('client.ClientSecretPost(')
  const program = run(`${code}\nconsole.log(await accessToken())`, { CLIENT_SECRET: app.secret })
  expect(claimsOf(await program.line(/^ey.*$/m))).toMatchObject({ sub: app.id })
  expect(app.snippets.get('Shell: curl')).toContain(`--data-urlencode 'client_id=${app.id}'`)
})

test('a single-page app gives oidc-client-ts what that knows', async () => {
  const app = await register('spa', {
    ...{ redirect_uris: BACK, post_logout_redirect_uris: 'https://made.example/', scope_openid: 'on', 'scope_notes:read': 'on' },
  })
  const browserLike = `const kept = new Map()
globalThis.sessionStorage = { get length() { return kept.size }, key: (n) => [...kept.keys()][n] ?? null,
  getItem: (name) => kept.get(name) ?? null, setItem: (name, text) => kept.set(name, text), removeItem: (name) => kept.delete(name) }
globalThis.localStorage = sessionStorage
globalThis.location = { pathname: '/' }
globalThis.window = globalThis`
  const code = `${app.snippets.get('Browser: oidc-client-ts 3')}
const { authority, client_id, redirect_uri, post_logout_redirect_uri, scope, resource } = manager.settings
console.log(JSON.stringify({ authority, client_id, redirect_uri, post_logout_redirect_uri, scope, resource, user }))
process.exit()`
  // What is imported is run first, and needs nothing of a browser.
  const program = run(code.replace('\n\nexport const manager', `\n${browserLike}\nexport const manager`))
  expect(JSON.parse(await program.line(/^\{.*\}$/m))).toEqual({
    ...{ authority: server.issuer, client_id: app.id, redirect_uri: BACK, post_logout_redirect_uri: 'https://made.example/' },
    ...{ scope: 'openid notes:read', resource: NOTES, user: null },
  })
})

test('an API listens by the guard', async () => {
  const app = await register('api', { 'scope_revocations:read': 'on' })
  const code = (app.snippets.get('Node: @latchkey/guard') ?? '').replace("'@latchkey/guard'", "'./guard/main.ts'")
  const listening = code.replace(
    '// Express',
    'console.log(guard.status().sequence)\nconst app = { use() {}, get() {} }\n// Express',
  )
  const program = run(`${listening}\nconsole.log('guarded')\nawait guard.close()`, { CLIENT_SECRET: app.secret })
  expect(await program.line(/^\d+$/m)).toMatch(/^\d+$/)
  expect(await program.line(/^guarded$/m)).toBe('guarded')
})

test('what is not run here is filled in, and says what has to be changed first', async () => {
  const app = await register('web', { redirect_uris: BACK, scope_openid: 'on', scope_email: 'on' })
  const detail = await owner.open(`${server.issuer}/admin/clients/${app.id}`)
  for (const text of ['/api/auth/callback/latchkey of your app', 'ASP.NET sends the secret in the body'])
    expect(detail.body).toContain(text)
  for (const title of ['Next.js: Auth.js 5', 'Java: Spring Security', '.NET: ASP.NET Core']) {
    const code = app.snippets.get(title) ?? ''
    for (const text of [app.id, server.issuer, 'CLIENT_SECRET', 'openid', 'email'])
      expect({ title, code }).toMatchObject({ code: expect.stringContaining(text) })
  }
  const phone = await register('native', {
    client_id: 'made$id',
    redirect_uris: 'com.example.made:/callback',
    scope_openid: 'on',
  })
  expect(phone.snippets.get('iOS and macOS: AppAuth')).toContain('clientId: "made$id"')
  // In Kotlin `$` begins a value.
  expect(phone.snippets.get('Android: AppAuth')).toContain('"made\\$id"')
})
