// Sealing: what is stored so that a dump of a store tells nothing and no part of it can be moved elsewhere.
import { createCipheriv, createDecipheriv, createHash, createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import type { Secret } from '../../config/secrets.ts'
import { randomBytes } from './random.ts'

/** Seals and opens under the keys of `ENCRYPTION_KEY`. */
export interface Sealer {
  /**
   * @param context says where the value stands (table, column, id): opened anywhere else it is refused
   */
  seal(plain: Uint8Array | string, context: string): Buffer
  /** @throws UnsealError */
  open(sealed: Uint8Array, context: string): Buffer
  /** 32 bytes of a key for one purpose, from the first key. */
  derive(purpose: string): Buffer
  /** The same from every key, the first one's first: for what was made before a key was put in front. */
  deriveAll(purpose: string): Buffer[]
}

/** A sealed value that was changed, moved or made under a key that is not there. Its message holds nothing of the value. */
export class UnsealError extends Error {
  override readonly name = 'UnsealError'
}

// version (1) · id of the key (4) · salt (16) · nonce (12) · ciphertext · tag (16)
const VERSION = 1
const SALT = 5
const NONCE = 21
const HEADER_BYTES = 33
const TAG_BYTES = 16

interface Key {
  readonly material: Buffer
  readonly id: Buffer
  readonly sealing: KeyObject
}

/** @param secrets each reveals the base64url of 32 bytes; the first seals, all open */
export function createSealer(secrets: readonly Secret[]): Sealer {
  const keys = secrets.map(keyOf)
  const first = keys[0]
  if (first === undefined) throw new Error('A sealer needs a key.')
  return {
    seal: (plain, context) => seal(first, plain, context),
    open: (sealed, context) => open(keys, sealed, context),
    derive: (purpose) => derived(first.material, purpose),
    deriveAll: (purpose) => keys.map(({ material }) => derived(material, purpose)),
  }
}

function keyOf(secret: Secret): Key {
  const material = Buffer.from(secret.reveal(), 'base64url')
  if (material.length !== 32) throw new Error('An encryption key is not of 32 bytes.')
  return {
    material,
    id: createHash('sha256').update(derived(material, 'key id')).digest().subarray(0, 4),
    sealing: createSecretKey(derived(material, 'sealing')),
  }
}

function seal(key: Key, plain: Uint8Array | string, context: string): Buffer {
  const header = Buffer.concat([Buffer.of(VERSION), key.id, randomBytes(HEADER_BYTES - SALT)])
  const cipher = createCipheriv('aes-256-gcm', messageKey(key, header), header.subarray(NONCE))
  cipher.setAAD(associatedData(header, context))
  return Buffer.concat([header, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

function open(keys: readonly Key[], sealed: Uint8Array, context: string): Buffer {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
  if (bytes.length < HEADER_BYTES + TAG_BYTES || bytes[0] !== VERSION) throw new UnsealError('This is not a sealed value.')
  const header = bytes.subarray(0, HEADER_BYTES)
  const candidates = keys.filter(({ id }) => id.equals(header.subarray(1, SALT)))
  if (candidates.length === 0) throw new UnsealError('The value was sealed under a key that is not there.')
  for (const key of candidates) {
    const decipher = createDecipheriv('aes-256-gcm', messageKey(key, header), header.subarray(NONCE))
    decipher.setAAD(associatedData(header, context)).setAuthTag(bytes.subarray(-TAG_BYTES))
    try {
      return Buffer.concat([decipher.update(bytes.subarray(HEADER_BYTES, -TAG_BYTES)), decipher.final()])
    } catch {
      // Two keys can share an id of four bytes; whatever none of them opens is refused below.
    }
  }
  throw new UnsealError('The value was changed, or stands where it was not put.')
}

/**
 * A key for this message alone: random nonces of 96 bits under one key would bound how much may be sealed
 * (NIST SP 800-38D §8.3: 2^32 times), which a busy server reaches.
 */
function messageKey(key: Key, header: Buffer): KeyObject {
  // As an object, since Node takes several times as long for a key that comes as bytes.
  return createSecretKey(createHmac('sha256', key.sealing).update(header.subarray(SALT, NONCE)).digest())
}

function associatedData(header: Buffer, context: string): Buffer {
  return Buffer.concat([header, Buffer.from(context, 'utf8')])
}

function derived(material: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', material, '', `latchkey ${purpose}`, 32))
}
