// The starts of guard/README.md, taken out of it word for word, and for each what its user has around it: the import of the
// framework, and the line that listens.
import { AUDIENCE, CLIENT, type FakeIssuer } from './fake-issuer.ts'

/** A start, made into a program. */
export interface ReadmeProgram {
  /** What it is installed with, by the names of packages. */
  readonly needs: readonly string[]
  /** Its files by their names: `main.js` is run, or `dist/main.js` where there is a tsconfig.json, of what the compiler makes. */
  files(start: string, snippet: string): Readonly<Record<string, string>>
  /** What `/.well-known/oauth-protected-resource…` is answered with, as the page says of each. */
  readonly metadata: 'answered' | 'no route' | 'guarded'
}

/** Says where it listens. */
const LISTEN = `
  import { createServer } from 'node:http'
  export function listen(handler) {
    const server = createServer(handler).listen(0, '127.0.0.1', () => console.log('http://127.0.0.1:' + server.address().port))
  }`

const LISTENED = "import { listen } from './listen.js'\n"

/** By the bold words before each. */
export const README_PROGRAMS: Readonly<Record<string, ReadmeProgram>> = {
  Koa: {
    needs: ['koa'],
    files: (start, snippet) => ({
      'listen.js': LISTEN,
      'main.js': `import Koa from 'koa'\n${LISTENED}${start}${snippet}listen(app.callback())\n`,
    }),
    metadata: 'answered',
  },
  Express: {
    needs: ['express'],
    files: (start, snippet) => ({
      'listen.js': LISTEN,
      'main.js': `import express from 'express'\n${LISTENED}${start}${snippet}listen(app)\n`,
    }),
    metadata: 'answered',
  },
  Fastify: {
    needs: ['fastify'],
    files: (start, snippet) => ({
      'main.js': `import { fastify } from 'fastify'\n${start}${snippet}console.log(await app.listen({ port: 0, host: '127.0.0.1' }))\n`,
    }),
    metadata: 'answered',
  },
  Nest: {
    needs: ['@nestjs/common', '@nestjs/core', '@nestjs/platform-express', 'reflect-metadata', 'rxjs', '@types/node'],
    files: (start, snippet) => ({
      'tsconfig.json': JSON.stringify({ compilerOptions: NEST_COMPILER }),
      'guard.ts': start.replace('const guard', 'export const guard'),
      'notes.controller.ts': `import { guard } from './guard.js'\n${snippet}`,
      'main.ts': NEST_MAIN,
    }),
    metadata: 'no route',
  },
  Fetch: {
    needs: [],
    files: (start, snippet) => ({
      'listen.js': LISTEN,
      'app.js': `${start}${snippet}`,
      'main.js': `import app from './app.js'\n${LISTENED}${FETCH_RUNTIME}`,
    }),
    metadata: 'answered',
  },
  'Anything else': {
    needs: [],
    files: (start, snippet) => ({
      'listen.js': LISTEN,
      'main.js': `${LISTENED}${start}listen(async (request, response) => {
        try {
          ${snippet}
          response.end(JSON.stringify({ sub: token.sub }))
        } catch ({ status, headers, message }) {
          response.writeHead(status, headers).end(message)
        }
      })`,
    }),
    metadata: 'guarded',
  },
}

/** As `nest new` writes it, and strict. */
const NEST_COMPILER = {
  module: 'nodenext',
  target: 'es2023',
  strict: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  isolatedModules: true,
  esModuleInterop: true,
  skipLibCheck: true,
  types: ['node'],
  outDir: 'dist',
}

const NEST_MAIN = `
  import 'reflect-metadata'
  import { Module } from '@nestjs/common'
  import { NestFactory } from '@nestjs/core'
  import { NotesController } from './notes.controller.js'

  @Module({ controllers: [NotesController] })
  class AppModule {}

  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] })
  await app.listen(0, '127.0.0.1')
  console.log(await app.getUrl())`

/** What runtimes of Fetch handlers do, on Node's http. */
const FETCH_RUNTIME = `
  listen(async (request, response) => {
    const url = 'http://' + request.headers.host + request.url
    const answer = await app.fetch(new Request(url, { method: request.method, headers: request.headers }))
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text())
  })`

/** What the page has: the start that is common to all, and what follows it by the bold words before. */
export function readStarts(readme: string): { readonly start: string; readonly snippets: ReadonlyMap<string, string> } {
  const [, section = ''] = readme.split('\n## Five lines\n')
  const [chapter = ''] = section.split('\n## ')
  const start = /^```js\n(import [\s\S]*?)^```$/m.exec(chapter)?.[1] ?? ''
  const blocks = chapter.matchAll(/^\*\*(.+?)\*\*.*\n\n```[jt]s\n([\s\S]*?)^```$/gm)
  return { start, snippets: new Map([...blocks].map(([, name = '', code = '']) => [name, code])) }
}

/** The start with the issuer and the client of a test in it. @throws Error when the page has others than it had */
export function startAt(issuer: FakeIssuer, start: string): string {
  const changes = [
    ["'https://id.example.com'", JSON.stringify(issuer.url)],
    ["'https://notes.example/api'", JSON.stringify(AUDIENCE)],
    ["'notes-api'", JSON.stringify(CLIENT.id)],
  ] as const
  return changes.reduce((text, [from, to]) => {
    if (text.split(from).length !== 2) throw new Error(`the start has not exactly one ${from}`)
    return text.replace(from, to)
  }, start)
}
