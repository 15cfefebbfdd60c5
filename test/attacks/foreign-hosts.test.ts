// Requests that lie about the host: every address the server gives is the configured one (CVE-2023-49097, CVE-2026-27959).
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { SPA } from '../support/clients.ts'
import { authorizationRequest } from '../support/oauth.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { bodyOf, rawRequest } from './raw-request.ts'

const DOCUMENTS = ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server'] as const

let server: TestServer

beforeAll(async () => {
  server = await startServer()
})

afterAll(async () => {
  await server?.stop()
})

describe('DI1: a request that lies about the host', () => {
  const lies: [string, readonly string[]][] = [
    ['X-Forwarded-Host', ['X-Forwarded-Host: evil.example']],
    ['X-Forwarded-Proto', ['X-Forwarded-Proto: gopher']],
    ['X-Forwarded-Port and -Prefix', ['X-Forwarded-Port: 666', 'X-Forwarded-Prefix: /evil']],
    ['Forwarded', ['Forwarded: host=evil.example;proto=https;for=192.0.2.1']],
    ['X-Original-URL and X-Rewrite-URL', ['X-Original-URL: /evil', 'X-Rewrite-URL: /evil']],
    ['X-Host and X-Forwarded-Server', ['X-Host: evil.example', 'X-Forwarded-Server: evil.example']],
  ]

  test.each(lies)('%s changes no address in discovery, in redirects and in forms', async (_name, headers) => {
    for (const path of DOCUMENTS) {
      const truth = bodyOf(await ask(path, [`Host: ${hostOf(server)}`]))
      expect(bodyOf(await ask(path, [`Host: ${hostOf(server)}`, ...headers]))).toBe(truth)
      expect(JSON.parse(truth)).toMatchObject({ issuer: server.issuer })
    }
    const authorize = new URL(authorizationRequest(server, SPA).url)
    for (const path of [`${authorize.pathname}${authorize.search}`, '/account', '/account/password', '/logout']) {
      const answer = await ask(path, [`Host: ${hostOf(server)}`, ...headers])
      expect(answer).not.toMatch(/evil|gopher|:666/)
      const addresses = [...answer.matchAll(/(?:^Location: |<form[^>]* action=")([^"\r\n]*)/gim)].map((match) => match[1])
      expect(addresses.map((address) => new URL(address ?? '', server.issuer).origin)).toEqual(addresses.map(() => server.issuer))
      expect(addresses.length).toBeGreaterThan(0)
    }
  })

  test.each([
    ['another host', ['Host: evil.example']],
    ['our host with another port', ['Host: localhost:1']],
    ['our host and more', [`Host: ${'HOST'}.evil.example`]],
    ['our host behind a user name', ['Host: HOST@evil.example']],
    ['two hosts, ours first', ['Host: HOST', 'Host: evil.example']],
    ['two hosts, ours last', ['Host: evil.example', 'Host: HOST']],
    ['ours twice', ['Host: HOST', 'Host: HOST']],
    ['an empty host', ['Host:']],
  ])('%s is refused', async (_name, lines) => {
    for (const path of [...DOCUMENTS, '/account', '/jwks']) {
      const answer = await ask(
        path,
        lines.map((line) => line.replace('HOST', hostOf(server))),
      )
      expect(answer).toMatch(/^HTTP\/1\.1 4(?:00|21) /)
      expect(answer).not.toContain('evil')
    }
  })

  test('an absolute address in the request line is refused, and so is a request without a host', async () => {
    for (const target of [
      'http://evil.example/.well-known/openid-configuration',
      `${server.issuer}/jwks`,
      '*',
      'evil.example:443',
    ]) {
      const answer = await ask(target, [`Host: ${hostOf(server)}`])
      expect(answer).toMatch(/^HTTP\/1\.1 4(?:00|04|21) /)
      expect(answer).not.toContain('evil')
    }
    expect(await ask('/jwks', [])).toMatch(/^HTTP\/1\.1 400 /)
    expect(await ask('/jwks', [], 'HTTP/1.0')).toMatch(/^HTTP\/1\.1 421 /)
  })

  test('the spelling of our host is as good in upper case', async () => {
    const answer = await ask(DOCUMENTS[0], [`Host: ${hostOf(server).toUpperCase()}`])
    expect(JSON.parse(bodyOf(answer))).toMatchObject({ issuer: server.issuer })
  })
})

function hostOf({ issuer }: TestServer): string {
  return new URL(issuer).host
}

function ask(target: string, headers: readonly string[], version = 'HTTP/1.1'): Promise<string> {
  return rawRequest(server, [`GET ${target} ${version}`, ...headers])
}
