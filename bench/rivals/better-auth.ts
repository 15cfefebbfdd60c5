// better-auth beside the others, when it is asked for: npm puts it into a folder that is taken away afterwards. It takes part in
// two kinds of work, with the same tokens: JWT access tokens signed by ES256, and rotation on PostgreSQL.

import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { cp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { temporaryFolder } from '../../test/support/server-process.ts'
import { requestText } from '../load/connection.ts'
import type { Work } from '../load/steps.ts'
import { refreshTokenOf, type Tokens, tokensOf } from '../scenarios/code-flow.ts'
import { type Endpoints, same } from '../scenarios/scenario.ts'
import { fromHere, startProgram } from '../targets/program.ts'
import type { StartTarget } from '../targets/target.ts'
import { APP, NOTES, PASSWORD, PEOPLE_COUNT } from '../the-world.ts'

/** Versions that fit together, so that a run can be repeated. */
const PACKAGES = [
  'better-auth@1.7.5',
  '@better-auth/core@1.7.5',
  '@better-auth/oauth-provider@1.7.5',
  '@better-auth/utils@0.4.2',
  '@better-fetch/fetch@1.3.2',
  'better-call@1.4.0',
  'pg@8.23.1',
]

const SCOPE = `openid email offline_access ${NOTES.scope}`

/** What the server says when it has started. */
interface Started {
  readonly baseURL: string
  readonly cookies: readonly string[]
  readonly machine: { readonly client_id: string; readonly client_secret: string }
  readonly app: { readonly client_id: string }
}

/** Installs it and starts it. */
export const startBetterAuth: StartTarget = async ({ databaseUrl }, storePids) => {
  await using cleanup = new AsyncDisposableStack()
  const folder = await temporaryFolder()
  cleanup.defer(() => rm(folder, { recursive: true, force: true }))
  await install(folder)
  const server = join(folder, 'server.mjs')
  await cp(fromHere('../rivals/better-auth-server.mjs'), server)
  const settings = {
    databaseUrl,
    secret: randomBytes(32).toString('base64url'),
    people: PEOPLE_COUNT,
    password: PASSWORD,
    resource: NOTES.identifier,
    scope: NOTES.scope,
    redirectUri: APP.redirectUri,
  }
  const program = startProgram(server, {
    args: [JSON.stringify(settings)],
    nodeArgs: ['--import', fromHere('../profile/on-signal.ts')],
    env: { ...process.env, NODE_ENV: 'production' },
  })
  cleanup.defer(program.stop)
  const [line] = await Promise.race([once(createInterface(program.stdout), 'line'), program.ended])
  const started = JSON.parse(String(line)) as Started
  const endpoints = await discoverAt(started.baseURL)
  const running = cleanup.move()
  return {
    issuer: started.baseURL,
    pid: program.pid,
    storePids,
    answersForJwts: false,
    own: {
      'client-credentials-jwt': async (callers) => clientCredentials(endpoints, started, callers),
      refresh: (callers) => refreshChains(endpoints, started, callers),
    },
    stop: () => running.disposeAsync(),
  }
}

async function install(folder: string): Promise<void> {
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--no-save', ...PACKAGES]
  try {
    await promisify(execFile)('npm', args, { cwd: folder })
  } catch (error) {
    throw new Error('npm could not install better-auth; without a registry, leave rivals out.', { cause: error })
  }
}

async function discoverAt(baseURL: string): Promise<Endpoints> {
  const response = await fetch(`${baseURL}/api/auth/.well-known/openid-configuration`)
  return (await response.json()) as Endpoints
}

async function clientCredentials(endpoints: Endpoints, { machine }: Started, callers: number): Promise<Work> {
  const credentials = Buffer.from(`${machine.client_id}:${machine.client_secret}`).toString('base64')
  const form = { grant_type: 'client_credentials', scope: NOTES.scope, resource: NOTES.identifier }
  const request = requestText('POST', new URL(endpoints.token_endpoint), { Authorization: `Basic ${credentials}` }, form)
  return same(callers, async (connection) => void tokensOf(await connection.send(request)))
}

async function refreshChains(endpoints: Endpoints, { app, cookies }: Started, callers: number): Promise<Work> {
  const url = new URL(endpoints.token_endpoint)
  const firsts: Tokens[] = []
  for (const cookie of cookies.slice(0, callers)) firsts.push(await codeFlow(endpoints, app.client_id, cookie))
  return {
    steps: firsts.map((first) => {
      let current = refreshTokenOf(first)
      return async (connection) => {
        const form = { grant_type: 'refresh_token', refresh_token: current, client_id: app.client_id, resource: NOTES.identifier }
        const next = refreshTokenOf(tokensOf(await connection.send(requestText('POST', url, {}, form))))
        if (next === current) throw new Error('The refresh token was not rotated.')
        current = next
      }
    }),
  }
}

/** Its people are signed in already, by their cookies. */
async function codeFlow(endpoints: Endpoints, clientId: string, cookie: string): Promise<Tokens> {
  const verifier = randomBytes(32).toString('base64url')
  const url = new URL(endpoints.authorization_endpoint)
  url.search = new URLSearchParams({
    client_id: clientId,
    redirect_uri: APP.redirectUri,
    response_type: 'code',
    scope: SCOPE,
    state: 'a-state',
    nonce: 'a-nonce',
    resource: NOTES.identifier,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  }).toString()
  // It tells a script where to go, rather than sending it there.
  const answer = (await (await fetch(url, { headers: { Cookie: cookie } })).json()) as { readonly url?: string }
  const code = new URL(answer.url ?? '').searchParams.get('code')
  if (code === null) throw new Error(`better-auth gave no code: ${answer.url}`)
  const form = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: APP.redirectUri,
    client_id: clientId,
    code_verifier: verifier,
    resource: NOTES.identifier,
  }
  const response = await fetch(endpoints.token_endpoint, { method: 'POST', body: new URLSearchParams(form) })
  return (await response.json()) as Tokens
}
