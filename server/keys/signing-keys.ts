// Keys that sign tokens: made at first start, kept in PostgreSQL with the private part sealed under ENCRYPTION_KEY.
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose'
import { recordAudit } from '../audit/audit.ts'
import type { Database, Transaction } from '../storage/postgres.ts'
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

/** A number that no other part of the program uses for its advisory lock. */
const FIRST_KEYS_LOCK = 0x6c6b_0001

/** Reads the keys, and makes those that are missing. Two processes that start at once make one set. */
export async function loadSigningKeys({ db, sealer }: { readonly db: Database; readonly sealer: Sealer }): Promise<SigningKeys> {
  await db.$transaction(async (tx) => {
    await tx.$executeRaw`SELECT pg_advisory_xact_lock(${FIRST_KEYS_LOCK})`
    const present = await tx.signingKey.findMany({ where: { status: 'signing' }, select: { alg: true } })
    for (const alg of SIGNING_ALGORITHMS) {
      if (!present.some((key) => key.alg === alg)) await makeKey(tx, sealer, alg)
    }
  })
  const keys = await db.signingKey.findMany({ where: { status: { not: 'announced' } }, orderBy: { createdAt: 'desc' } })
  const privateKeys = keys.map((key) => JSON.parse(sealer.open(key.sealedPrivate, contextOf(key.id)).toString('utf8')) as JWK)
  return { privateJwks: { keys: privateKeys }, publicJwks: { keys: keys.map((key) => publicPart(key.publicJwk)) } }
}

async function makeKey(tx: Transaction, sealer: Sealer, alg: SigningAlgorithm): Promise<void> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true, modulusLength: 2048 })
  const shown = await exportJWK(publicKey)
  const kid = await calculateJwkThumbprint(shown)
  const names = { kid, alg, use: 'sig' }
  const sealedPrivate = new Uint8Array(
    sealer.seal(JSON.stringify({ ...(await exportJWK(privateKey)), ...names }), contextOf(kid)),
  )
  await tx.signingKey.create({
    data: {
      id: kid,
      alg,
      publicJwk: JSON.parse(JSON.stringify({ ...shown, ...names })),
      sealedPrivate,
    },
  })
  await tx.$executeRaw`UPDATE signing_keys SET signing_since = latchkey_now() WHERE id = ${kid}`
  await recordAudit(tx, { name: 'signing_key.created', actor: 'system', detail: { kid, alg } })
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
