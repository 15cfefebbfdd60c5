// Everything that has been taken for a good signature somewhere, made of a good token.
import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'
import { CompactEncrypt, exportJWK, generateKeyPair, generateSecret, type JWTPayload, SignJWT } from 'jose'
import { claimsOf } from '../support/oauth.ts'
import type { TestServer } from '../support/server.ts'

/** A key as the server publishes it. */
export interface PublishedKey extends JsonWebKey {
  readonly kid: string
  readonly alg: string
}

/** The keys of a server. */
export async function publishedKeys({ issuer }: Pick<TestServer, 'issuer'>): Promise<readonly PublishedKey[]> {
  const { keys } = (await (await fetch(new URL('/jwks', issuer))).json()) as { keys: PublishedKey[] }
  return keys
}

/** A part of a JWT. */
export function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** Makes them. */
export async function forgeriesOf(token: string, keys: readonly PublishedKey[]): Promise<string[]> {
  const [head = '', body = '', signature = ''] = token.split('.')
  const header = JSON.parse(Buffer.from(head, 'base64url').toString()) as { kid: string; typ?: string }
  const claims = claimsOf(token) as JWTPayload
  const { typ, kid } = header
  const own = { ...(typ === undefined ? {} : { typ }), kid }
  const published = keys.find((key) => key.kid === kid)
  const pem = createPublicKey({ key: published as JsonWebKey, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  const thief = await generateKeyPair('ES256')
  const thiefJwk = await exportJWK(thief.publicKey)
  const byThief = (more: object) =>
    new SignJWT(claims).setProtectedHeader({ alg: 'ES256', ...own, ...more }).sign(thief.privateKey)
  const byHmac = (key: string | Buffer) => new SignJWT(claims).setProtectedHeader({ alg: 'HS256', ...own }).sign(Buffer.from(key))
  const bomb = deflateRawSync(Buffer.alloc(5_000_000, 'a'))
  const aes = await generateSecret('A256GCM')
  const wrapped = await new CompactEncrypt(new Uint8Array(bomb))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', ...own })
    .encrypt(aes)
  const [, ...rest] = wrapped.split('.')
  return [
    ...['none', 'None', 'nOnE', 'NONE', ''].map((alg) => `${encode({ ...own, alg })}.${body}.`),
    `${encode({ ...own, alg: 'none' })}.${body}.${signature}`,
    `${head}.${body}.`,
    `${head}.${body}`,
    `${head}.${encode({ ...claims, sub: 'acc_other' })}.${signature}`,
    `${head}.${encode({ ...claims, exp: 9_999_999_999 })}.${signature}`,
    `${head}.${encode({ ...claims, aud: [claims.aud, 'https://evil.test'] })}.${signature}`,
    await byHmac(pem),
    await byHmac(JSON.stringify(published)),
    await byHmac('x'.repeat(32)),
    // The signature of r = 0 and s = 0 (CVE-2022-21449).
    `${encode({ ...own, alg: 'ES256' })}.${body}.${Buffer.alloc(64).toString('base64url')}`,
    await byThief({}),
    await byThief({ jwk: thiefJwk }),
    await byThief({ jku: 'https://evil.test/jwks', kid: 'other' }),
    await byThief({ x5u: 'https://evil.test/cert' }),
    await byThief({ x5c: ['MIIB'] }),
    await byThief({ kid: '../../../../dev/null' }),
    await byThief({ kid: "x' UNION SELECT 'key" }),
    await byThief({ kid: '\u0000' }),
    await byThief({ kid: undefined }),
    await byThief({ kid: 'k'.repeat(9000) }),
    `${encode({ ...header, crit: ['unheard-of'], 'unheard-of': 1 })}.${body}.${signature}`,
    `${encode({ ...header, b64: false, crit: ['b64'] })}.${body}.${signature}`,
    // A JWE: one that would unpack to much, and one whose password would be stretched for ever (CVE-2023-50967).
    [encode({ alg: 'dir', enc: 'A256GCM', zip: 'DEF', ...own }), ...rest].join('.'),
    [encode({ alg: 'PBES2-HS256+A128KW', enc: 'A256GCM', p2s: 'AAAA', p2c: 1_000_000_000, ...own }), ...rest].join('.'),
    `${encode([])}.${body}.${signature}`,
    `${encode(null)}.${encode(null)}.`,
    `${encode('x')}.${encode('x')}.x`,
    `${head}.${Buffer.from('{').toString('base64url')}.${signature}`,
    '..',
    'a.b.c.d.e',
    `${head}.${body}.${signature}x`,
    `${head}.${body}.${signature}.`,
  ]
}
