// Bound tokens at a guarded API: only whoever has the key or the certificate gets in (RFC 9449 §4.3 and §7, RFC 8705 §3).
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createServerTime } from '../../guard/clock.ts'
import type { Guard, RequestPieces } from '../../guard/main.ts'
import { createProofVerification } from '../../guard/proof.ts'
import { OTHER, REPORTS } from '../support/certificates.ts'
import { makeProofKey, type ProofKey, type ProofRequest } from '../support/dpop.ts'
import { startTrial, type Trial } from './trial.ts'

const URL_OF_NOTES = 'https://notes.example/api/notes'

let trial: Trial
let guard: Guard
let key: ProofKey
let token: string

beforeAll(async () => {
  trial = await startTrial()
  guard = await trial.guard()
  key = await makeProofKey()
  token = await trial.issuer.accessToken({ cnf: { jkt: key.jkt } })
})

afterAll(async () => {
  await trial?.[Symbol.asyncDispose]()
})

/** A request with a proof that is right, but for what is given. */
async function request(change: Partial<ProofRequest> = {}, pieces: Partial<RequestPieces> = {}): Promise<RequestPieces> {
  const dpop = await key.proof({ htm: 'GET', htu: URL_OF_NOTES, accessToken: token, ...change })
  return { authorization: `DPoP ${token}`, dpop, method: 'GET', url: URL_OF_NOTES, ...pieces }
}

async function refusalOf(pieces: RequestPieces): Promise<string> {
  const { message, headers } = await guard.verify(pieces).then(
    () => ({ message: 'good', headers: {} as Record<string, string> }),
    (error: { message: string; headers: Record<string, string> }) => error,
  )
  if (message !== 'good')
    expect(headers['WWW-Authenticate']).toMatch(/^DPoP error="invalid_(token|dpop_proof)".*algs="ES256 PS256 RS256 EdDSA"/)
  return message
}

test('with its proof a bound token is good, whatever the query', async () => {
  expect(await refusalOf(await request())).toBe('good')
  expect(await refusalOf(await request({}, { url: `${URL_OF_NOTES}?page=2#top` }))).toBe('good')
  expect(await refusalOf(await request({ htu: 'HTTPS://Notes.Example:443/api/notes' }))).toBe('good')
})

test('SC1: a proof is good once', async () => {
  const pieces = await request()
  expect(await refusalOf(pieces)).toBe('good')
  expect(await refusalOf(pieces)).toBe('The DPoP proof was used before.')
})

test('SC1: a clock on the wall that is set, ahead or back, makes no used proof new, and keeps none for ever', async () => {
  const moment = { ms: Date.now(), elapsed: 0 }
  const clock = { now: () => moment.ms, elapsed: () => moment.elapsed }
  const time = createServerTime(clock, () => undefined)
  const verify = createProofVerification(300, time, clock)
  const pass = (seconds: number) => {
    moment.ms += seconds * 1000
    moment.elapsed += seconds * 1000
  }
  const shown = async (jti: string, iat: number) => {
    const pieces = await request({ claims: { jti, iat } })
    return verify({ token, pieces } as Parameters<typeof verify>[0]).then(
      () => 'good',
      (error: Error) => error.message,
    )
  }
  const first = time.seconds()
  expect(await shown('one', first)).toBe('good')
  moment.ms += 3_600_000
  expect(await shown('of then', time.seconds())).toBe('good')
  moment.ms -= 3_600_000
  time.learn(first, { now: moment.ms, elapsed: moment.elapsed })
  expect(await shown('one', first)).toBe('The DPoP proof was used before.')
  // Once it is older than a proof can be it is let go: the same words in a new proof are another one.
  pass(400)
  expect(await shown('of later', time.seconds())).toBe('good')
  pass(400)
  expect(await shown('one', time.seconds())).toBe('good')
})

describe('SC2: a proof is refused', () => {
  const now = () => Math.floor(Date.now() / 1000)
  test.each<[string, () => Promise<RequestPieces>, RegExp]>([
    ['for another method', () => request({ htm: 'POST' }), /another method/],
    ['for another address', () => request({ htu: 'https://notes.example/api/other' }), /another address/],
    ['for another host', () => request({ htu: 'https://evil.example/api/notes' }), /another address/],
    ['that is too old', () => request({ claims: { iat: now() - 301 } }), /not of this moment/],
    ['from the future', () => request({ claims: { iat: now() + 120 } }), /malformed|not of this moment/],
    ['without a time', () => request({ claims: { iat: undefined } }), /malformed/],
    ['for another token', () => request({ accessToken: 'another' }), /another access token/],
    ['for no token', () => request({ claims: { ath: undefined } }), /another access token/],
    ['without an identifier', () => request({ claims: { jti: undefined } }), /malformed/],
    ['with an empty identifier', () => request({ claims: { jti: '' } }), /no identifier/],
    ['of another type', () => request({ header: { typ: 'JWT' } }), /malformed/],
    ['with its private key', () => request({ header: { jwk: key.privateJwk } }), /malformed|private key/],
    ['without its key', () => request({ header: { jwk: undefined } }), /malformed/],
    ['with a symmetric key', () => request({ header: { jwk: { kty: 'oct', k: 'AAAA' } } }), /malformed/],
    [
      'that is twice there',
      async () => request({}, { dpop: [(await request()).dpop as string, (await request()).dpop as string] }),
      /exactly one/,
    ],
    [
      'that is twice there in one header',
      async () => request({}, { dpop: `${(await request()).dpop}, ${(await request()).dpop}` }),
      /malformed/,
    ],
    ['that is missing', () => request({}, { dpop: undefined }), /needs a DPoP proof/],
    ['that is nonsense', () => request({}, { dpop: 'nonsense' }), /malformed/],
    ['that is endless', () => request({}, { dpop: 'x'.repeat(100_000) }), /exactly one/],
    ['when it is not known for what', () => request({}, { url: undefined }), /another address/],
  ])('%s', async (_what, make, expected) => {
    expect(await refusalOf(await make())).toMatch(expected)
  })

  test('of another key', async () => {
    const thief = await makeProofKey()
    const dpop = await thief.proof({ htm: 'GET', htu: URL_OF_NOTES, accessToken: token })
    expect(await refusalOf(await request({}, { dpop }))).toBe('The access token is bound to another key.')
  })
})

test('SC3: a bound token is no bearer token, and one that is not bound is no DPoP token', async () => {
  const pieces = await request()
  expect(await refusalOf({ ...pieces, authorization: `Bearer ${token}` })).toMatch(/send it with the scheme DPoP/)
  await expect(guard.verify(token)).rejects.toMatchObject({ reason: 'proof' })
  const bearer = await trial.issuer.accessToken()
  expect(await refusalOf({ ...(await request({ accessToken: bearer })), authorization: `DPoP ${bearer}` })).toBe(
    'The access token is not bound to a key.',
  )
})

test('SC6: a token that is bound to a certificate is good with that one only', async () => {
  const bound = await trial.issuer.accessToken({ cnf: { 'x5t#S256': REPORTS.thumbprint } })
  const withCertificate = (certificate?: string | Uint8Array) => guard.verify({ authorization: `Bearer ${bound}`, certificate })
  const pem = `-----BEGIN CERTIFICATE-----\n${REPORTS.x5c.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`
  for (const shown of [REPORTS.x5c, pem, Buffer.from(REPORTS.x5c, 'base64')]) {
    expect(await withCertificate(shown)).toMatchObject({ sub: 'acc_ada' })
  }
  for (const shown of [undefined, '', 'no certificate', OTHER.x5c, new Uint8Array()]) {
    await expect(withCertificate(shown)).rejects.toMatchObject({ reason: 'binding', status: 401 })
  }
})

test.each([[{}], [{ jwk: {} }], [{ jkt: 1 }], [{ 'x5t#S256': null }], [{ jkt: 'x', more: 'y' }]])(
  'a binding that is not understood is not taken for confirmed: %j',
  async (cnf) => {
    const bound = await trial.issuer.accessToken({ cnf })
    await expect(guard.verify({ authorization: `Bearer ${bound}`, certificate: REPORTS.x5c })).rejects.toMatchObject({
      status: 401,
    })
  },
)
