// Tokens as a guarded API meets them: good ones, and everything that only looks like one (RFC 9068 §4, RFC 8725, RFC 6750 §3).
import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from 'jose'
import {
  ConfigurationFault,
  createGuard,
  type Guard,
  type GuardOptions,
  InsufficientScope,
  InvalidToken,
} from '../../guard/main.ts'
import { AUDIENCE, CLIENT } from './fake-issuer.ts'
import { outcomeOf, startTrial, type Trial, until } from './trial.ts'

const METADATA = 'resource_metadata="https://notes.example/.well-known/oauth-protected-resource/api"'

let trial: Trial
let guard: Guard

beforeAll(async () => {
  trial = await startTrial()
  guard = await trial.guard({ name: 'Notes', scopes: ['notes:read', 'notes:write'] })
})

afterAll(async () => {
  await trial?.[Symbol.asyncDispose]()
})

test('a refusal says when the token was revoked, and from when on it is refused; of the latest thousand', async () => {
  await using trial = await startTrial()
  // A clock that is wrong here says nothing: both times are of the server's database.
  trial.issuer.aheadSeconds = 100
  const revokedAt = Date.now() / 1000 + 90
  trial.issuer.revoke({ kind: 'jti', value: 'dead', at: revokedAt })
  const guard = await trial.guard()
  const refusal = async () => guard.verify(await trial.issuer.accessToken({ jti: 'dead' })).catch((error: unknown) => error)
  const first = await refusal()
  expect(first).toMatchObject({ reason: 'revoked', revocation: { revokedAt } })
  const { refusedFrom = Number.NaN } = (first as InvalidToken).revocation ?? {}
  expect(refusedFrom - revokedAt).toBeGreaterThanOrEqual(9)
  expect(refusedFrom).toBeLessThanOrEqual(Date.now() / 1000 + 101)
  // Told again, it is the same one.
  trial.issuer.revoke({ kind: 'jti', value: 'dead' }, { kind: 'jti', value: 'told after it' })
  await until(() => guard.status().sequence === 1003)
  expect(await refusal()).toMatchObject({ revocation: { revokedAt, refusedFrom } })
  trial.issuer.revoke(...Array.from({ length: 1000 }, (_, index) => ({ kind: 'jti', value: `later ${index}` })))
  await until(() => guard.status().sequence === 2003)
  const later = await refusal()
  expect(later).toMatchObject({ reason: 'revoked' })
  expect((later as InvalidToken).revocation).toBeUndefined()
})

test('a good token gives its claims, as a header and bare', async () => {
  const token = await trial.issuer.accessToken({ roles: ['auditor'] })
  const claims = await guard.verify(`Bearer ${token}`, { scope: 'notes:read' })
  expect(claims).toMatchObject({ sub: 'acc_ada', client_id: 'notes-spa', sid: 'ses_1', grant_id: 'gra_1', roles: ['auditor'] })
  expect(await guard.verify(token)).toEqual(claims)
  expect(await guard.verify({ authorization: `bearer ${token}` }, { scope: ['openid', 'notes:read'] })).toEqual(claims)
})

test('a header that is not there is a token that is missing', async () => {
  const error = await guard.verify(undefined, { scope: 'notes:read' }).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ name: 'MissingToken', status: 401 })
  expect((error as { headers: Record<string, string> }).headers['WWW-Authenticate']).toContain('scope="notes:read"')
})

describe('TK2: what only looks signed is refused', () => {
  const header = (change: object) => encoded({ alg: 'ES256', typ: 'at+jwt', kid: 'key-1', ...change })
  const good = () => trial.issuer.accessToken()
  const withHeader = async (change: object, signature = 'AAAA') =>
    `${header(change)}.${(await good()).split('.')[1]}.${signature}`
  const byHmac = async (secret: string) => {
    const input = `${header({ alg: 'HS256' })}.${(await good()).split('.')[1]}`
    return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
  }
  const byUs = async (change: object) => {
    const input = `${header(change)}.${(await good()).split('.')[1]}`
    const ecdsa = { name: 'ECDSA', hash: 'SHA-256' }
    const signature = await crypto.subtle.sign(ecdsa, trial.issuer.privateKey, Buffer.from(input))
    return `${input}.${Buffer.from(signature).toString('base64url')}`
  }
  const byThief = async (change: (jwk: object) => object) => {
    const { publicKey, privateKey } = await generateKeyPair('ES256')
    const claims = JSON.parse(Buffer.from((await good()).split('.')[1] ?? '', 'base64url').toString())
    const more = change(await exportJWK(publicKey))
    return new SignJWT(claims).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'key-1', ...more }).sign(privateKey)
  }
  test.each<[string, () => Promise<string>]>([
    ['none', () => withHeader({ alg: 'none' }, '')],
    ['None', () => withHeader({ alg: 'None' }, '')],
    ['nOnE with the old signature', async () => withHeader({ alg: 'nOnE' }, (await good()).split('.')[2])],
    ['no signature', async () => `${(await good()).split('.').slice(0, 2).join('.')}.`],
    ['HS256 with the public key in PEM', async () => byHmac(await exportSPKI(trial.issuer.publicKey))],
    ['HS256 with the public key as JWK', () => byHmac(JSON.stringify(trial.issuer.publicJwk))],
    ['the signature of zeros', async () => withHeader({}, Buffer.alloc(64).toString('base64url'))],
    ['a key of its own under our kid', () => byThief(() => ({}))],
    ['a key of its own in jwk', () => byThief((jwk) => ({ jwk }))],
    ['a key of its own behind jku', () => byThief(() => ({ jku: `${trial.issuer.url}/thief` }))],
    ['a key of its own behind x5u', () => byThief(() => ({ x5u: `${trial.issuer.url}/thief` }))],
    ['no kid', () => byThief(() => ({ kid: undefined }))],
    ['a kid that is a number', () => byThief(() => ({ kid: 1 }))],
    ['a kid of a thousand characters', () => byThief(() => ({ kid: 'k'.repeat(1000) }))],
    ['a kid of a million characters', () => withHeader({ kid: 'k'.repeat(1_000_000) })],
    ['an unknown crit, signed by us', () => byUs({ crit: ['x'], x: 1 })],
    ['unencoded contents, signed by us', () => byUs({ crit: ['b64'], b64: false })],
    ['other contents', async () => (await good()).replace(/\.[^.]+\./, `.${encoded({ sub: 'eve' })}.`)],
    ['five parts', async () => `${await good()}.x.y`],
    ['no JWT at all', async () => 'opaque-token'],
  ])('%s', async (_what, forge) => {
    expect(await outcomeOf(guard, await forge())).toMatch(/^InvalidToken: (signature|malformed)$/)
    expect(trial.issuer.requests.filter((request) => request.includes('thief'))).toEqual([])
  })

  test.each([
    ['a path', '../../../dev/null'],
    ['SQL', "' OR 1=1 --"],
    ['__proto__', '__proto__'],
  ])('a kid that is %s, when it was looked for', async (_what, kid) => {
    let aheadMs = 0
    const own = await trial.guard({ clock: () => Date.now() + aheadMs })
    aheadMs = 11_000
    const looks = () => trial.issuer.requests.filter((request) => request === 'GET /jwks').length
    const before = looks()
    expect(await outcomeOf(own, await byThief(() => ({ kid })))).toBe('InvalidToken: signature')
    expect(looks()).toBe(before + 1)
  })
})

describe('TK4: what is good elsewhere is refused here', () => {
  const past = Math.floor(Date.now() / 1000) - 20
  test.each<[string, string, Record<string, unknown>, Record<string, unknown>]>([
    ['of another issuer', 'issuer', { iss: 'https://other.example' }, {}],
    ['of an issuer with a slash more', 'issuer', { iss: 'SLASH' }, {}],
    ['for another API', 'audience', { aud: 'https://other.example' }, {}],
    ['for several other APIs', 'audience', { aud: ['https://other.example', `${AUDIENCE}/more`] }, {}],
    ['for another API as well as ours', 'audience', { aud: [AUDIENCE, 'https://other.example'] }, {}],
    ['for an API whose name begins like ours', 'audience', { aud: `${AUDIENCE}2` }, {}],
    ['for an API whose name is the beginning of ours', 'audience', { aud: 'https://notes.example' }, {}],
    ['for nobody, but for us in azp', 'audience', { aud: 'https://other.example', azp: AUDIENCE }, {}],
    ['for no API', 'audience', { aud: null }, {}],
    ['an ID token', 'type', {}, { typ: 'JWT' }],
    ['a logout token', 'type', {}, { typ: 'logout+jwt' }],
    ['without a type', 'type', {}, { typ: undefined }],
    ['expired', 'expired', { exp: past }, {}],
    ['without an end', 'claims', { exp: null }, {}],
    ['with an end in words', 'claims', { exp: 'tomorrow' }, {}],
    ['not good yet', 'not yet', { nbf: past + 60 }, {}],
    ['without iat', 'claims', { iat: null }, {}],
    ['without jti', 'claims', { jti: null }, {}],
    ['of no client', 'claims', { client_id: null }, {}],
    ['of nobody', 'claims', { sub: null }, {}],
    ['with a scope that is a list', 'claims', { scope: ['notes:read'] }, {}],
    ['with a cnf in words', 'claims', { cnf: 'jkt' }, {}],
  ])('%s', async (_what, reason, claims, header) => {
    const iss = claims.iss === 'SLASH' ? { iss: `${trial.issuer.url}/` } : {}
    const token = await trial.issuer.accessToken({ ...claims, ...iss }, header)
    expect(await outcomeOf(guard, token)).toBe(`InvalidToken: ${reason}`)
  })
})

test('TK5: five seconds are forgiven at both ends, and not ten', async () => {
  const now = Math.floor(Date.now() / 1000)
  const outcome = async (claims: object) => outcomeOf(guard, await trial.issuer.accessToken({ ...claims }))
  expect(await outcome({ exp: now - 2 })).toBe('good')
  expect(await outcome({ exp: now - 10 })).toBe('InvalidToken: expired')
  expect(await outcome({ nbf: now + 2 })).toBe('good')
  expect(await outcome({ nbf: now + 10 })).toBe('InvalidToken: not yet')
})

describe('refusals come with the challenge of RFC 6750 §3 and the metadata of RFC 9728 §5.1', () => {
  const challengeOf = async (from: Parameters<Guard['verify']>[0], scope?: string) => {
    const error = await guard.verify(from, { scope }).catch((thrown: unknown) => thrown)
    const { status, headers } = error as { status: number; headers: Record<string, string> }
    return [status, headers['WWW-Authenticate']]
  }

  test('without a token there is no error code, and the scope is told', async () => {
    expect(await challengeOf({})).toEqual([401, `Bearer ${METADATA}`])
    expect(await challengeOf('', 'notes:read')).toEqual([401, `Bearer scope="notes:read", ${METADATA}`])
  })

  test('a bad token', async () => {
    const description = 'error_description="The access token is malformed."'
    expect(await challengeOf('nonsense')).toEqual([401, `Bearer error="invalid_token", ${description}, ${METADATA}`])
  })

  test('a token that does not reach so far', async () => {
    const token = await trial.issuer.accessToken()
    const needs = 'The access token needs the scope notes:read notes:write.'
    expect(await challengeOf(token, 'notes:read notes:write')).toEqual([
      403,
      `Bearer error="insufficient_scope", error_description="${needs}", scope="notes:read notes:write", ${METADATA}`,
    ])
    await expect(guard.verify(token, { scope: 'notes:write' })).rejects.toBeInstanceOf(InsufficientScope)
    await expect(guard.verify(await trial.issuer.accessToken({ scope: null }), { scope: 'notes:read' })).rejects.toThrow(
      'notes:read',
    )
    // Only whole words.
    await expect(guard.verify(token, { scope: 'notes' })).rejects.toBeInstanceOf(InsufficientScope)
  })

  test.each(['Basic YTpi', 'Bearer', 'Bearer a b', 'Bearer <script>', 'DPoP', `Bearer ${'x '.repeat(3)}`])(
    '%s is a bad request',
    async (authorization) => {
      expect(await challengeOf({ authorization })).toEqual([400, expect.stringMatching(/^Bearer error="invalid_request"/)])
    },
  )

  test('a revoked token is told to be invalid, and its error says why', async () => {
    const token = await trial.issuer.accessToken({ jti: 'told' })
    trial.issuer.revoke({ kind: 'jti', value: 'told' })
    await until(async () => (await outcomeOf(guard, token)) !== 'good')
    const error = await guard.verify(token).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(InvalidToken)
    expect(error).toMatchObject({ reason: 'revoked', status: 401, statusCode: 401, code: 'invalid_token' })
    expect(JSON.stringify(error)).not.toContain(token)
  })
})

test('what the API says of itself (RFC 9728 §2)', () => {
  expect(guard.protectedResourceMetadata()).toEqual({
    resource: AUDIENCE,
    authorization_servers: [trial.issuer.url],
    bearer_methods_supported: ['header'],
    dpop_signing_alg_values_supported: ['ES256', 'PS256', 'RS256', 'EdDSA'],
    scopes_supported: ['notes:read', 'notes:write'],
    resource_name: 'Notes',
  })
})

test('every signature algorithm of the server is taken, and only those that were allowed', async () => {
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  const sent = (request: string | URL | Request, init?: RequestInit) => {
    if (!String(request).endsWith('/jwks')) return fetch(request, init)
    return exportJWK(publicKey).then((jwk) =>
      Response.json({
        keys: [
          { ...jwk, kid: 'rsa', alg: 'RS256' },
          { kty: 'oct', k: 'AAAA', kid: 'oct' },
        ],
      }),
    )
  }
  const claims = JSON.parse(Buffer.from((await trial.issuer.accessToken()).split('.')[1] ?? '', 'base64url').toString())
  const token = await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid: 'rsa' }).sign(privateKey)
  const open = await trial.guard({ fetch: sent })
  expect(await outcomeOf(open, token)).toBe('good')
  expect(open.status().keyIds).toEqual(['rsa'])
  expect(await outcomeOf(await trial.guard({ fetch: sent, algorithms: ['ES256'] }), token)).toBe('InvalidToken: signature')
})

test('options that cannot work are all named at once', async () => {
  const wrong = { issuer: 'http://id.example', audience: '', whenStale: 'hope', algorithms: ['HS256'], clockToleranceSeconds: 60 }
  const made = createGuard(wrong as unknown as GuardOptions)
  await expect(made).rejects.toBeInstanceOf(ConfigurationFault)
  for (const name of ['issuer:', 'audience:', 'client:', 'whenStale:', 'algorithms:', 'clockToleranceSeconds:']) {
    await expect(made).rejects.toThrow(name)
  }
  const secretless = createGuard({ issuer: 'https://id.example', audience: AUDIENCE, client: { id: CLIENT.id, secret: '' } })
  await expect(secretless).rejects.toThrow('client: give an id, and a secret or a key.')
  // A mistyped name would leave a default in force.
  const mistyped = { issuer: 'https://id.example', audience: AUDIENCE, client: CLIENT, maxStaleness: 5 }
  await expect(createGuard(mistyped as GuardOptions)).rejects.toThrow('maxStaleness: there is no such option.')
  const none: unknown = undefined
  await expect(createGuard(none as GuardOptions)).rejects.toBeInstanceOf(ConfigurationFault)
})

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
