// Requests that the server makes itself: the keys of clients, from addresses that somebody wrote into a registration. The
// guard stands in Node's own HTTP client, which jest hides from the program; so this runs the program as it is run.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { fetchKeys } from '../../server/provider/key-fetch.ts'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'
import { freePorts, type Program, startProgram } from '../support/program.ts'
import { redisUrl } from '../support/redis.ts'

const PRIVATE_ADDRESSES = [
  'https://169.254.169.254/jwks',
  'https://10.255.255.1/jwks',
  'https://[::1]/jwks',
  'https://[fd00::1]/jwks',
  'https://[::ffff:7f00:1]/jwks',
]

let folder: string
let database: TestDatabase
let keyServer: Server
let keysAsked = 0
let program: Program
let privateKey: CryptoKey
let clientIds: readonly string[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-keys-'))
  database = await createDatabase()
  const pair = await generateKeyPair('ES256')
  privateKey = pair.privateKey
  const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'k1', alg: 'ES256' }
  keyServer = createServer((_request, response) => {
    keysAsked += 1
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] }))
  })
  const { port } = await listening(keyServer)
  const addresses = [`http://127.0.0.1:${port}/jwks`, `http://localhost:${port}/jwks`, ...PRIVATE_ADDRESSES]
  clientIds = addresses.map((_, index) => `client-${index}`)
  const clients = addresses.map((jwks_uri, index) => ({
    client_id: `client-${index}`,
    token_endpoint_auth_method: 'private_key_jwt',
    grant_types: ['client_credentials'],
    jwks_uri,
  }))
  await writeFile(join(folder, 'provision.json'), JSON.stringify({ clients }))
  program = await startProgram(await freePorts(), {
    DATA_DIR: folder,
    DATABASE_URL: database.url,
    REDIS_URL: redisUrl(),
    PROVISION_FILE: join(folder, 'provision.json'),
  })
})

afterAll(async () => {
  await program?.kill()
  keyServer?.close()
  await database?.drop()
  await rm(folder, { recursive: true, force: true })
})

test('CA8: keys are fetched from no private address, and not from this machine, whatever name leads there', async () => {
  for (const id of clientIds) {
    const now = Math.floor(Date.now() / 1000)
    const client_assertion = await new SignJWT({ iss: id, sub: id, aud: program.issuer, jti: id, iat: now, exp: now + 60 })
      .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
      .sign(privateKey)
    const began = performance.now()
    const response = await fetch(new URL('/token', program.issuer), {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_assertion,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      }),
    })
    const body = (await response.json()) as { readonly error?: string }
    expect({ id, error: body.error }).toEqual({ id, error: expect.stringMatching(/^invalid_client/) })
    expect(response.status).toBeLessThan(500)
    expect(performance.now() - began).toBeLessThan(4000)
  }
  expect(keysAsked).toBe(0)
})

test('CA8: without the guard nothing is fetched at all', async () => {
  const { port } = keyServer.address() as AddressInfo
  await expect(fetchKeys(`http://127.0.0.1:${port}/jwks`)).rejects.toThrow('private networks')
  await expect(fetchKeys(`http://127.0.0.1:${port}/jwks`, { headers: {} })).rejects.toThrow('private networks')
  expect(keysAsked).toBe(0)
})

async function listening(server: Server): Promise<AddressInfo> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server.address() as AddressInfo
}
