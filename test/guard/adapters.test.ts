// The guard under each framework, as its users would write it: who gets in, what everybody else is told, and the metadata.
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import 'reflect-metadata'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Controller, Get, HttpException, Module, Post, Req, UseGuards } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import express from 'express'
import { fastify } from 'fastify'
import Koa from 'koa'
import type { AccessToken, AdapterOptions, Guard, NestOptions } from '../../guard/main.ts'
import { OTHER, REPORTS } from '../support/certificates.ts'
import { makeProofKey } from '../support/dpop.ts'
import { startTrial, type Trial, until } from './trial.ts'

/** An API with `GET /notes` and `POST /notes` behind the guard; both answer with `sub` and the method. */
interface Running {
  readonly url: string
  close(): Promise<unknown>
}

type Start = (guard: Guard, options: AdapterOptions) => Promise<Running>

const NEEDS = { scope: 'notes:read' }
const METADATA_PATH = '/.well-known/oauth-protected-resource/api'

const FRAMEWORKS: Readonly<Record<string, Start>> = {
  async koa(guard, options) {
    const app = new Koa()
    app.silent = true
    app.use(guard.koa(options))
    app.use((ctx) => {
      ctx.body = answerOf(ctx.state.token as AccessToken, ctx.method)
    })
    return listen(createServer(app.callback()))
  },
  async express(guard, options) {
    const app = express()
    const notes = express.Router()
    notes.all('/', (request, response) => {
      response.json(answerOf((request as unknown as { token: AccessToken }).token, request.method))
    })
    // Below a router, so that the address is not what the router sees.
    app.use(guard.express(options))
    app.use('/notes', notes)
    return listen(createServer(app))
  },
  async connect(guard, options) {
    const protect = guard.express(options)
    const server = createServer((request, response) => {
      protect(request, response, () => {
        const { token } = request as unknown as { token: AccessToken }
        response.setHeader('Content-Type', 'application/json').end(JSON.stringify(answerOf(token, request.method)))
      })
    })
    return listen(server)
  },
  async 'fastify, as a plugin'(guard, options) {
    const app = fastify()
    app.register(guard.fastify(options))
    app.all('/notes', async (request) => answerOf((request as unknown as { token: AccessToken }).token, request.method))
    return { url: await app.listen({ port: 0, host: '127.0.0.1' }), close: () => app.close() }
  },
  async 'fastify, as a hook'(guard, options) {
    const app = fastify()
    app.all('/notes', { onRequest: guard.fastify(options) }, async (request) =>
      answerOf((request as unknown as { token: AccessToken }).token, request.method),
    )
    return { url: await app.listen({ port: 0, host: '127.0.0.1' }), close: () => app.close() }
  },
  nest: startNest,
  'nest, with its exceptions': (guard, options) => startNest(guard, { ...options, HttpException }),
  async fetch(guard, options) {
    const handler = guard.fetch(options, (request, token) => Response.json(answerOf(token, request.method)))
    const server = createServer((request, response) => {
      const headers = new Headers(request.headers as Record<string, string>)
      handler(new Request(`http://127.0.0.1${request.url}`, { method: request.method ?? 'GET', headers }))
        .then(async (answer) => response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text()))
        .catch(() => response.writeHead(500).end())
    })
    return listen(server)
  },
}

/** Types are stripped here and not compiled, so what decorators would do is done by hand. */
async function startNest(guard: Guard, options: NestOptions): Promise<Running> {
  class Notes {
    read(request: { readonly token: AccessToken; readonly method: string }) {
      return answerOf(request.token, request.method)
    }
    write(request: { readonly token: AccessToken; readonly method: string }) {
      return answerOf(request.token, request.method)
    }
  }
  const method = (name: 'read' | 'write') => Object.getOwnPropertyDescriptor(Notes.prototype, name) as PropertyDescriptor
  Controller('notes')(Notes)
  UseGuards(guard.nest(options))(Notes)
  Get()(Notes.prototype, 'read', method('read'))
  Post()(Notes.prototype, 'write', method('write'))
  Req()(Notes.prototype, 'read', 0)
  Req()(Notes.prototype, 'write', 0)
  class App {}
  Module({ controllers: [Notes] })(App)
  const app = await NestFactory.create(App, { logger: false })
  await app.listen(0, '127.0.0.1')
  return { url: await app.getUrl(), close: () => app.close() }
}

let trial: Trial
let guard: Guard

beforeAll(async () => {
  trial = await startTrial()
  guard = await trial.guard()
})

afterAll(async () => {
  await trial?.[Symbol.asyncDispose]()
})

describe.each(Object.entries(FRAMEWORKS))('%s', (name, start) => {
  let api: Running
  const call = (authorization: string | undefined, request: RequestInit = {}, path = '/notes?page=2') =>
    fetch(`${api.url}${path}`, { ...request, headers: { ...(authorization && { authorization }), ...request.headers } })

  beforeAll(async () => {
    api = await start(guard, NEEDS)
  })

  afterAll(async () => {
    await api?.close()
  })

  test('a good token gets in, and its claims are at hand', async () => {
    const answer = await call(`Bearer ${await trial.issuer.accessToken()}`)
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual({ sub: 'acc_ada', method: 'GET' })
  })

  test('without a token: 401 and a challenge without an error', async () => {
    const answer = await call(undefined)
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toMatch(
      /^Bearer scope="notes:read", resource_metadata="https:\/\/notes\.example\//,
    )
  })

  test('a bad token: 401; a bad header: 400; a scope too few: 403', async () => {
    const refused = await call('Bearer nonsense')
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringContaining('error="invalid_token"'),
    ])
    expect(refused.headers.get('cache-control')).toBe('no-store')
    if (name !== 'nest')
      expect(await refused.json()).toEqual({ error: 'invalid_token', error_description: 'The access token is malformed.' })
    expect((await call('Basic YTpi')).status).toBe(400)
    const little = await call(`Bearer ${await trial.issuer.accessToken({ scope: 'openid' })}`)
    expect([little.status, little.headers.get('www-authenticate')]).toEqual([403, expect.stringContaining('scope="notes:read"')])
  })

  test('a revoked token: 401, soon', async () => {
    const jti = `revoked in ${name}`
    const token = `Bearer ${await trial.issuer.accessToken({ jti })}`
    expect((await call(token)).status).toBe(200)
    trial.issuer.revoke({ kind: 'jti', value: jti })
    await until(async () => (await call(token)).status === 401, 3000)
  })

  test('a bound token with its proof for the public address; SC5: no header moves that address', async () => {
    const key = await makeProofKey()
    const token = await trial.issuer.accessToken({ cnf: { jkt: key.jkt } })
    const send = async (htu: string, headers: Record<string, string> = {}) => {
      const dpop = await key.proof({ htm: 'POST', htu, accessToken: token })
      return call(`DPoP ${token}`, { method: 'POST', headers: { dpop, ...headers } })
    }
    const good = await send('https://notes.example/notes')
    expect([Math.floor(good.status / 100), await good.json()]).toEqual([2, { sub: 'acc_ada', method: 'POST' }])
    const forwarded = {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      forwarded: 'host=evil.example;proto=https',
    }
    for (const htu of ['https://evil.example/notes', `${api.url}/notes`, 'https://notes.example/']) {
      const refused = await send(htu, forwarded)
      expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
        401,
        expect.stringMatching(/^DPoP error="invalid_dpop_proof"/),
      ])
    }
  })

  test('when nobody knows: 503 with Retry-After, and no challenge', async () => {
    await using dark = await startTrial()
    dark.issuer.behaviour.feed = 'failing'
    const other = await start(await dark.guard(), NEEDS)
    try {
      const answer = await fetch(`${other.url}/notes`, {
        headers: { authorization: `Bearer ${await dark.issuer.accessToken()}` },
      })
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5'])
      expect(answer.headers.get('www-authenticate')).toBeNull()
    } finally {
      await other.close()
    }
  })

  test('the certificate may come from a header of the proxy', async () => {
    const other = await start(guard, {
      ...NEEDS,
      certificate: (request) => {
        const { headers } = request as { headers: Headers | Record<string, string> }
        return (headers instanceof Headers ? headers.get('x-certificate') : headers['x-certificate']) ?? undefined
      },
    })
    try {
      const token = await trial.issuer.accessToken({ cnf: { 'x5t#S256': REPORTS.thumbprint } })
      const send = async (certificate: string) => {
        const headers = { authorization: `Bearer ${token}`, 'x-certificate': certificate }
        return (await fetch(`${other.url}/notes`, { headers })).status
      }
      expect([await send(REPORTS.x5c), await send(OTHER.x5c)]).toEqual([200, 401])
    } finally {
      await other.close()
    }
  })

  if (!name.startsWith('nest') && name !== 'fastify, as a hook') {
    test('the metadata is for everybody', async () => {
      const answer = await call(undefined, {}, METADATA_PATH)
      expect(answer.status).toBe(200)
      expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
      expect(await answer.json()).toEqual(guard.protectedResourceMetadata())
      expect((await call(undefined, { method: 'POST' }, METADATA_PATH)).status).toBe(401)
    })
  }
})

test('an error may be passed on to the framework, with its status and headers', async () => {
  const app = express()
  app.use(guard.express({ errors: 'pass' }))
  app.use(((error, _request, response, _next) => {
    response.status(error.status).set(error.headers).json({ mine: error.name })
  }) satisfies express.ErrorRequestHandler)
  const api = await listen(createServer(app))
  try {
    const answer = await fetch(api.url)
    expect([answer.status, await answer.json()]).toEqual([401, { mine: 'MissingToken' }])
    expect(answer.headers.get('www-authenticate')).toContain('Bearer')
  } finally {
    await api.close()
  }
})

test('what the application throws is not taken for a refusal', async () => {
  const app = express()
  app.use(guard.express())
  app.use(() => {
    throw new Error('of the application')
  })
  app.use(((error, _request, response, _next) => {
    response.status(500).json({ message: error.message })
  }) satisfies express.ErrorRequestHandler)
  const api = await listen(createServer(app))
  try {
    const answer = await fetch(api.url, { headers: { authorization: `Bearer ${await trial.issuer.accessToken()}` } })
    expect([answer.status, await answer.json()]).toEqual([500, { message: 'of the application' }])
  } finally {
    await api.close()
  }
})

function answerOf(token: AccessToken, method: string | undefined): object {
  return { sub: token.sub, method }
}

async function listen(server: Server): Promise<Running> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    },
  }
}
