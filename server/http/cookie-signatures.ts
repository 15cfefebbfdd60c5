// Signatures of cookies: HMAC-SHA-256 under the keys of COOKIE_KEYS, the first of which signs and all of which are believed.
// Koa and the library would make a key of the text, and use SHA-1, for each cookie anew; a sign-in has dozens of them.
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'

/** What Koa and the library ask of the keys that they are given. */
export interface CookieSignatures {
  sign(data: string): string
  verify(data: string, signature: string): boolean
  /** Which key made a signature; -1 for none of them. A cookie that is not of the first is signed anew. */
  index(data: string, signature: string): number
}

/** Makes them. @throws Error without a key */
export function createCookieSignatures(secrets: readonly string[]): CookieSignatures {
  const keys = secrets.map((secret) => createSecretKey(secret, 'utf8'))
  const [first] = keys
  if (first === undefined) throw new Error('Cookies need a key.')
  const index = (data: string, signature: string) => keys.findIndex((key) => equal(signatureOf(key, data), signature))
  return {
    sign: (data) => signatureOf(first, data),
    verify: (data, signature) => index(data, signature) >= 0,
    index,
  }
}

function signatureOf(key: KeyObject, data: string): string {
  return createHmac('sha256', key).update(data).digest('base64url')
}

function equal(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}
