// Keys that sign tokens: made at first start, kept in PostgreSQL with the private part sealed under ENCRYPTION_KEY.
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose'
import { type Change, recordChange } from '../audit/change.ts'
import { type Database, LONG_TRANSACTION_MS, type Transaction } from '../storage/postgres.ts'
import type { Sealer } from '../storage/sealing.ts'

/** The algorithms there is a key for: ES256 first, since access tokens are signed with it; RS256, which every OpenID
 * Connect client can read (OpenID Connect Core §15.1); EdDSA for clients that ask for it. */
export const SIGNING_ALGORITHMS = ['ES256', 'RS256', 'EdDSA'] as const

/** A signing algorithm (RFC 7518 §3.1, RFC 8037). */
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number]

/** The keys of the server. */
export interface SigningKeys {
  /** Private keys for signing, as a JWK set (RFC 7517 §5). */
  readonly privateJwks: { readonly keys: readonly JWK[] }
  /** Their public parts: what `/jwks` publishes. */
  readonly publicJwks: { readonly keys: readonly JWK[] }
}

/** There is no such key, or it is not in the part of its life in which that could be done. */
export class KeyRefused extends Error {
  override readonly name = 'KeyRefused'
}

/** A number that no other part of the program uses for its advisory lock. */
const KEYS_LOCK = 0x6c6b_0001

/** Reads the keys, and makes those that are missing. Two processes that start at once make one set. */
export async function loadSigningKeys(deps: { readonly db: Database; readonly sealer: Sealer }): Promise<SigningKeys> {
  const missing = await missingAlgorithms(deps.db)
  if (missing.length === 0) return readSigningKeys(deps)
  // Made before the transaction: a slow machine takes seconds for an RSA key.
  const made = await Promise.all(missing.map((alg) => makeKey(deps.sealer, alg)))
  const insertMissing = async (tx: Transaction) => {
    await lockKeys(tx)
    const stillMissing = await missingAlgorithms(tx)
    for (const key of made) if (stillMissing.includes(key.alg)) await insertKey(tx, key, { change: { actor: 'system' } })
  }
  await deps.db.$transaction(insertMissing, { timeout: LONG_TRANSACTION_MS })
  return readSigningKeys(deps)
}

/** Those of which no key signs. */
async function missingAlgorithms(db: Database | Transaction): Promise<readonly string[]> {
  const signing = await db.signingKey.findMany({ where: { status: 'signing' }, select: { alg: true } })
  return SIGNING_ALGORITHMS.filter((alg) => !signing.some((key) => key.alg === alg))
}

/** One change of keys at a time. */
export async function lockKeys(tx: Transaction): Promise<void> {
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(${KEYS_LOCK})`
}

/**
 * Reads the keys that sign, will sign or have signed. Of each algorithm the one that signs comes first: whoever looks for a key to sign
 * with takes the first.
 */
export async function readSigningKeys({ db, sealer }: { readonly db: Database; readonly sealer: Sealer }): Promise<SigningKeys> {
  const rows = await db.signingKey.findMany({
    where: { status: { in: ['announced', 'signing', 'retired'] } },
    orderBy: [{ signingSince: 'desc' }, { createdAt: 'desc' }, { id: 'asc' }],
  })
  const keys = [...rows.filter(({ status }) => status === 'signing'), ...rows.filter(({ status }) => status !== 'signing')]
  const privateKeys = keys.map((key) => JSON.parse(sealer.open(key.sealedPrivate, contextOf(key.id)).toString('utf8')) as JWK)
  return { privateJwks: { keys: privateKeys }, publicJwks: { keys: keys.map((key) => publicPart(key.publicJwk)) } }
}

/** A key that is not stored yet. */
export interface NewKey {
  readonly kid: string
  readonly alg: string
  readonly publicJwk: JWK
  readonly sealedPrivate: Uint8Array<ArrayBuffer>
}

/** Makes a key. */
export async function makeKey(sealer: Sealer, alg: string): Promise<NewKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true, modulusLength: 2048 })
  const shown = await exportJWK(publicKey)
  const kid = await calculateJwkThumbprint(shown)
  const names = { kid, alg, use: 'sig' }
  const secret = JSON.stringify({ ...(await exportJWK(privateKey)), ...names })
  return { kid, alg, publicJwk: { ...shown, ...names }, sealedPrivate: new Uint8Array(sealer.seal(secret, contextOf(kid))) }
}

/** Stores a key, which signs from now on, or is announced and signs after so long. */
export async function insertKey(
  tx: Transaction,
  { kid, alg, publicJwk, sealedPrivate }: NewKey,
  { announcedSeconds, change }: { readonly announcedSeconds?: number; readonly change: Change },
): Promise<void> {
  const data = { id: kid, alg, publicJwk: JSON.parse(JSON.stringify(publicJwk)), sealedPrivate }
  if (announcedSeconds === undefined) {
    await tx.signingKey.create({ data, select: { id: true } })
    await tx.$executeRaw`UPDATE signing_keys SET signing_since = latchkey_now() WHERE id = ${kid}`
    return recordChange(tx, 'signing_key.created', change, { detail: { kid, alg } })
  }
  await tx.signingKey.create({ data: { ...data, status: 'announced' }, select: { id: true } })
  await tx.$executeRaw`
    UPDATE signing_keys SET signs_from = latchkey_now() + make_interval(secs => ${announcedSeconds}) WHERE id = ${kid}`
  await recordChange(tx, 'signing_key.announced', change, { detail: { kid, alg, announced_seconds: announcedSeconds } })
}

/** How a key stands: `signing`, `retired`, `compromised` …; undefined when there is no such key. */
export async function readKeyStatus(db: Database, kid: string): Promise<string | undefined> {
  return (await db.signingKey.findUnique({ where: { id: kid }, select: { status: true } }))?.status
}

/** Takes the lock of a key's row; its status, undefined when there is no such key. */
export async function lockKey(tx: Transaction, kid: string): Promise<string | undefined> {
  const rows = await tx.$queryRaw<{ status: string }[]>`SELECT status FROM signing_keys WHERE id = ${kid} FOR UPDATE`
  return rows[0]?.status
}

/** Marks a key that somebody else may have. It is kept for the record. */
export async function markCompromised(tx: Transaction, kid: string): Promise<void> {
  await tx.$executeRaw`UPDATE signing_keys SET status = 'compromised', retired_at = latchkey_now() WHERE id = ${kid}`
}

/** The sealed key is bound to its row: copied to another, it does not open. */
function contextOf(kid: string): string {
  return `signing-key:${kid}`
}

/** Only what a public key may show, whatever the row holds. */
function publicPart(value: unknown): JWK {
  const jwk = value as JWK
  const shown: JWK = {}
  for (const member of ['kty', 'crv', 'x', 'y', 'n', 'e', 'kid', 'alg', 'use'] as const) {
    const found = jwk[member]
    if (found !== undefined) shown[member] = found
  }
  return shown
}
