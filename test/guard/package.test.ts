// The package as its users get it: packed, installed into an empty project without any registry, and run by every Node that is here,
// alone and in each of the starts that its README has.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { AUDIENCE, CLIENT, type FakeIssuer } from './fake-issuer.ts'
import { README_PROGRAMS, readStarts, startAt } from './readme-programs.ts'
import { startTrial, until } from './trial.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const NODES = nodesHere()

let folder: string
let project: string

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'latchkey-guard-')))
  // From a copy, so that a build of today's sources is all that can be in it, and nobody else's build is disturbed.
  const copy = join(folder, 'source/guard')
  cpSync(join(ROOT, 'guard'), copy, { recursive: true, filter: (path) => !/\/(dist|node_modules)$/.test(path) })
  cpSync(join(ROOT, 'tsconfig.json'), join(folder, 'source/tsconfig.json'))
  const modules = join(folder, 'source/node_modules')
  mkdirSync(modules)
  for (const name of ['jose', 'typescript', '@typescript', '.bin']) link(name, modules)
  run('npm', ['pack', '--pack-destination', folder], copy)
  project = join(folder, 'project')
  mkdirSync(project)
  const [tarball = ''] = readdirSync(folder).filter((name) => name.endsWith('.tgz'))
  const dependencies = { '@latchkey/guard': `file:../${tarball}`, jose: `file:${realpathSync(join(ROOT, 'node_modules/jose'))}` }
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'notes', private: true, type: 'module', dependencies }))
  // There is nothing at this address: whatever is installed comes from the tarball and from beside it.
  run('npm', ['install', '--no-audit', '--registry', 'http://127.0.0.1:9/', '--fetch-retries', '0'], project)
  // The frameworks are the project's own, in the versions of its lock file.
  for (const name of new Set(Object.values(README_PROGRAMS).flatMap(({ needs }) => needs))) {
    const place = join(project, 'node_modules', name)
    mkdirSync(dirname(place), { recursive: true })
    symlinkSync(realpathSync(join(ROOT, 'node_modules', name)), place)
  }
}, 120_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('it has code, types, a licence and a page to read, and no sources and tests', () => {
  const installed = join(project, 'node_modules/@latchkey/guard')
  expect(readdirSync(installed).sort()).toEqual(['LICENSE', 'README.md', 'dist', 'package.json'])
  const files = readdirSync(join(installed, 'dist'), { recursive: true }).map(String)
  expect(files).toEqual(expect.arrayContaining(['main.js', 'main.d.ts', 'adapters/koa.js', 'adapters/koa.d.ts']))
  expect(files.filter((file) => !/(\.js|\.d\.ts|^adapters)$/.test(file))).toEqual([])
})

test('it needs jose and nothing else, and nothing of Node', () => {
  const { dependencies, license } = JSON.parse(readFileSync(join(ROOT, 'guard/package.json'), 'utf8'))
  expect([Object.keys(dependencies), license]).toEqual([['jose'], 'MIT'])
  const dist = join(project, 'node_modules/@latchkey/guard/dist')
  const imported = readdirSync(dist, { recursive: true })
    .map(String)
    .filter((file) => /\.(js|d\.ts)$/.test(file))
    .flatMap((file) => [...readFileSync(join(dist, file), 'utf8').matchAll(/\bfrom '([^']+)'|\bimport\('([^']+)'\)/g)])
    .map(([, from, dynamic]) => from ?? dynamic ?? '')
  const outside = imported.filter((specifier) => !/^\.\.?\/.+\.(js|ts)$/.test(specifier))
  expect([...new Set(outside)]).toEqual(['jose'])
})

test('its types are right for a project that checks strictly, with real frameworks or with none', () => {
  writeFileSync(
    join(project, 'notes.ts'),
    `import { createGuard, InvalidToken, type AccessToken } from '@latchkey/guard'
     export async function notes(): Promise<string> {
       const guard = await createGuard({ issuer: 'https://id.example', audience: 'https://notes.example', client: { id: 'a', secret: 'b' } })
       const token: AccessToken = await guard.verify('x', { scope: 'notes:read' }).catch((error: unknown) => {
         throw error instanceof InvalidToken ? new Error(error.reason) : error
       })
       export_(guard.fetch({ scope: ['a'] }, (request, { sub }, extra: number) => new Response(sub + request.url + extra)))
       return token.sub + (token.roles?.join() ?? '') + guard.status().keyIds.length
     }
     declare function export_(handler: (request: Request, extra: number) => Promise<Response>): void`,
  )
  const options = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'nodenext', '--lib', 'es2023,dom', '--types', '']
  run(join(ROOT, 'node_modules/.bin/tsc'), [...options, 'notes.ts'], project)
}, 60_000)

test('in TypeScript the starts for Express and Fastify are right with what the README has them told', () => {
  const readme = readFileSync(join(project, 'node_modules/@latchkey/guard/README.md'), 'utf8')
  const [, section = ''] = readme.split('\n## In TypeScript\n')
  const told = [...(section.split('\n## ')[0]?.matchAll(/^```ts\n([\s\S]*?)^```$/gm) ?? [])].map(([, code = '']) => code)
  expect(told).toHaveLength(2)
  const place = join(project, 'typed')
  mkdirSync(place)
  mkdirSync(join(project, 'node_modules/@types'), { recursive: true })
  symlinkSync(realpathSync(join(ROOT, 'node_modules/@types/express')), join(project, 'node_modules/@types/express'))
  const { start, snippets } = starts()
  for (const [index, name] of ['Express', 'Fastify'].entries()) {
    const framework = name.toLowerCase()
    const code = `import ${framework} from '${framework}'\n${start}\n${told[index]}\n${snippets.get(name)}`
    writeFileSync(join(place, `${framework}.ts`), code)
  }
  const options = [
    '--noEmit',
    '--strict',
    '--skipLibCheck',
    '--target',
    'es2022',
    '--module',
    'nodenext',
    '--lib',
    'es2023,dom',
    '--types',
    '',
  ]
  run(join(ROOT, 'node_modules/.bin/tsc'), [...options, 'express.ts', 'fastify.ts'], place)
}, 60_000)

test('every start that the README has is tried here', () => {
  const { start, snippets } = starts()
  expect(start).toMatch(/^import \{ createGuard \} from '@latchkey\/guard'\n/)
  expect([...snippets.keys()].sort()).toEqual(Object.keys(README_PROGRAMS).sort())
})

describe.each(NODES)('on %s', (_version, node) => {
  test('five lines guard an API, and the program ends when the guard is closed', async () => {
    await using trial = await startTrial()
    trial.issuer.revoke({ kind: 'jti', value: 'dead' })
    const tokens = [await trial.issuer.accessToken(), await trial.issuer.accessToken({ jti: 'dead' }), 'nonsense']
    const program = `
      import { createGuard } from '@latchkey/guard'
      const guard = await createGuard(${JSON.stringify({ issuer: trial.issuer.url, audience: AUDIENCE, client: CLIENT })})
      const outcomes = []
      for (const token of ${JSON.stringify(tokens)}) {
        outcomes.push(await guard.verify(token, { scope: 'notes:read' }).then(({ sub }) => sub, ({ name, reason }) => name + ' ' + reason))
      }
      for (let waited = 0; guard.status().following !== 'stream' && waited < 400; waited += 1) await new Promise((resolve) => setTimeout(resolve, 10))
      console.log(JSON.stringify([outcomes, guard.status().following, guard.status().sequence]))
      await guard.close()`
    const child = spawn(node, ['--input-type=module', '--eval', program], { cwd: project })
    const ended = once(child, 'close')
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
    expect(err).toBe('')
    expect(JSON.parse(out)).toEqual([['acc_ada', 'InvalidToken revoked', 'InvalidToken malformed'], 'stream', 1001])
    expect((await ended)[0]).toBe(0)
  })

  test.each(Object.keys(README_PROGRAMS))(
    '%s: the start of the README lets in who may, and nobody else',
    async (name) => {
      await using trial = await startTrial()
      await using api = await startReadmeProgram(node, name, trial.issuer)
      const ask = async (token?: string, path = '/notes') => {
        const answer = await fetch(`${api.url}${path}`, {
          headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
        })
        return { status: answer.status, challenge: answer.headers.get('www-authenticate'), body: await answer.text() }
      }
      const token = await trial.issuer.accessToken({ jti: 'seen before' })
      const good = await ask(token)
      expect([good.status, JSON.parse(good.body)]).toEqual([200, { sub: 'acc_ada' }])
      const none = await ask()
      expect([none.status, none.challenge]).toEqual([
        401,
        expect.stringMatching(/^Bearer scope="notes:read", resource_metadata="https:/),
      ])
      const other = await ask(await trial.issuer.accessToken({ scope: 'openid' }))
      expect([other.status, other.challenge]).toEqual([403, expect.stringContaining('error="insufficient_scope"')])
      trial.issuer.revoke({ kind: 'jti', value: 'seen before' })
      await until(async () => (await ask(token)).status !== 200)
      const revoked = await ask(token)
      expect([revoked.status, revoked.challenge]).toEqual([401, expect.stringContaining('error="invalid_token"')])
      expect(revoked.challenge).toContain('error_description="The access token was revoked."')
      const metadata = await ask(undefined, '/.well-known/oauth-protected-resource/api')
      const expected = { answered: 200, 'no route': 404, guarded: 401 }[README_PROGRAMS[name]?.metadata ?? 'answered']
      expect(metadata.status).toBe(expected)
      if (expected === 200) {
        expect(JSON.parse(metadata.body)).toMatchObject({ resource: AUDIENCE, authorization_servers: [trial.issuer.url] })
      }
    },
    60_000,
  )
})

function starts(): ReturnType<typeof readStarts> {
  return readStarts(readFileSync(join(project, 'node_modules/@latchkey/guard/README.md'), 'utf8'))
}

/** Writes a start of the README into the project, compiles it where it has to be, and runs it. */
async function startReadmeProgram(
  node: string,
  name: string,
  issuer: FakeIssuer,
): Promise<AsyncDisposable & { readonly url: string }> {
  const { start, snippets } = starts()
  const place = mkdtempSync(join(project, 'start-'))
  const files = README_PROGRAMS[name]?.files(startAt(issuer, start), snippets.get(name) ?? '') ?? {}
  for (const [file, content] of Object.entries(files)) writeFileSync(join(place, file), content)
  const compiled = 'tsconfig.json' in files
  if (compiled) run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', '.'], place)
  const child = spawn(node, [compiled ? 'dist/main.js' : 'main.js'], { cwd: place, env: { CLIENT_SECRET: CLIENT.secret } })
  const ended = once(child, 'close')
  const errors = text(child.stderr)
  const [url] = await Promise.race([once(createInterface(child.stdout), 'line'), ended.then(() => [])])
  if (typeof url !== 'string') throw new Error(`the program of ${name} ended: ${await errors}`)
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.kill()
      await ended
      expect(await errors).toBe('')
    },
  }
}

/** The Node that runs this, and the system's, where that is another one. */
function nodesHere(): [version: string, path: string][] {
  const found: [string, string][] = [[process.version, process.execPath]]
  for (const path of ['/usr/local/bin/node', '/usr/bin/node']) {
    if (!existsSync(path)) continue
    const version = spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout.trim()
    const known = found.some(([other]) => other === version)
    if (!known && Number(/^v(\d+)/.exec(version)?.[1]) >= 20) found.push([version, path])
  }
  return found
}

function link(name: string, modules: string): void {
  const from = join(ROOT, 'node_modules', name)
  if (existsSync(from)) cpSync(from, join(modules, name), { recursive: true, verbatimSymlinks: true })
}

function run(command: string, args: readonly string[], cwd: string): void {
  try {
    execFileSync(command, args, { cwd, encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    throw new Error(`${command} ${args.join(' ')}\n${stdout}\n${stderr}`)
  }
}
