// What a refresh token looks like: `rt_<family secret>.<generation>.<token secret>`. All but the number is random; the
// server keeps only digests of the parts.
import { hash } from 'node:crypto'
import { randomBytes } from '../storage/random.ts'

/** The parts of a refresh token. */
export interface RefreshToken {
  /** 128 random bits that all tokens of a family share. */
  readonly family: string
  /** How often the family has been rotated when this token was made. */
  readonly generation: number
  /** 256 random bits of this token alone. */
  readonly secret: string
}

const SHAPE = /^rt_([A-Za-z0-9_-]{22})\.(0|[1-9]\d{0,8})\.([A-Za-z0-9_-]{43})$/

/** Reads a refresh token; undefined when it has another shape, which costs no look-up. */
export function parseRefreshToken(value: string): RefreshToken | undefined {
  const match = SHAPE.exec(value)
  const [, family, generation, secret] = match ?? []
  if (family === undefined || generation === undefined || secret === undefined) return undefined
  return { family, generation: Number(generation), secret }
}

/** Writes a refresh token. */
export function formatRefreshToken(token: RefreshToken): string {
  return `rt_${token.family}.${token.generation}.${token.secret}`
}

/** The first token of a new family. */
export function firstRefreshToken(): RefreshToken {
  return { family: randomBytes(16).toString('base64url'), generation: 0, secret: newSecret() }
}

/** A token to follow `token`. */
export function nextRefreshToken(token: RefreshToken): RefreshToken {
  return { family: token.family, generation: token.generation + 1, secret: newSecret() }
}

/** SHA-256 of a secret that is random and long enough for a plain digest. */
export function digestOf(secret: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(hash('sha256', secret, 'buffer'))
}

function newSecret(): string {
  return randomBytes(32).toString('base64url')
}
