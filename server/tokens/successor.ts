// The sealed successor: for the replay window the server must be able to answer a repeated refresh with the same next
// token, without keeping that token where a stolen dump could show it. It is sealed under a key made of the previous
// token's secret and a server key, so that neither alone opens it.
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { randomBytes } from '../storage/random.ts'
import type { RefreshToken } from './refresh-token.ts'

const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Seals the secret of `next`, so that whoever presents `previous` again can be given it. */
export function sealSuccessor(args: {
  readonly previous: RefreshToken
  readonly next: RefreshToken
  readonly clientId: string
  readonly serverKey: KeyObject
}): Uint8Array<ArrayBuffer> {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', keyFor(args.previous, args.serverKey), nonce)
  cipher.setAAD(context(args.next, args.clientId))
  const sealed = Buffer.concat([cipher.update(args.next.secret, 'utf8'), cipher.final()])
  return new Uint8Array(Buffer.concat([nonce, sealed, cipher.getAuthTag()]))
}

/** Opens it; undefined when none of the server keys does. */
export function openSuccessor(args: {
  readonly previous: RefreshToken
  readonly sealed: Uint8Array
  readonly clientId: string
  readonly serverKeys: readonly KeyObject[]
}): RefreshToken | undefined {
  const next = { family: args.previous.family, generation: args.previous.generation + 1 }
  for (const serverKey of args.serverKeys) {
    const secret = open(keyFor(args.previous, serverKey), args.sealed, context(next, args.clientId))
    if (secret !== undefined) return { ...next, secret }
  }
  return undefined
}

function open(key: KeyObject, sealed: Uint8Array, aad: Buffer): string | undefined {
  const bytes = Buffer.from(sealed)
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES))
  decipher.setAAD(aad)
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
  try {
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]).toString('utf8')
  } catch {
    // A wrong key is expected while keys are being replaced; the caller tries the next.
    return undefined
  }
}

/** The extraction of HKDF (RFC 5869 §2.2) from the previous token's secret, which is random, with the server's key as its salt. */
function keyFor(previous: RefreshToken, serverKey: KeyObject): KeyObject {
  return createSecretKey(createHmac('sha256', serverKey).update(previous.secret).digest())
}

function context(next: { readonly family: string; readonly generation: number }, clientId: string): Buffer {
  return Buffer.from(JSON.stringify([next.family, next.generation, clientId]))
}
