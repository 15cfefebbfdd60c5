// Proofs of possession for tests (RFC 9449 §4.2): a key, and the proofs it makes, right ones and wrong ones.
import { createHash, randomUUID } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'

/** A key that proves. */
export interface ProofKey {
  /** Its thumbprint, as `cnf.jkt` and `dpop_jkt` have it. */
  readonly jkt: string
  readonly publicJwk: JWK
  readonly privateJwk: JWK
  /** Makes a proof for a request. `claims` and `header` replace what would be right; undefined leaves out. */
  proof(request: ProofRequest): Promise<string>
}

/** What a proof is for. */
export interface ProofRequest {
  readonly htm?: string
  readonly htu: string
  readonly accessToken?: string
  readonly claims?: { readonly [name: string]: unknown }
  readonly header?: { readonly [name: string]: unknown }
}

/** Makes a key. */
export async function makeProofKey(alg = 'ES256'): Promise<ProofKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  const publicJwk = await exportJWK(publicKey)
  return {
    jkt: await calculateJwkThumbprint(publicJwk),
    publicJwk,
    privateJwk: await exportJWK(privateKey),
    proof({ htm = 'POST', htu, accessToken, claims = {}, header = {} }) {
      const ath = accessToken === undefined ? {} : { ath: createHash('sha256').update(accessToken).digest('base64url') }
      const iat = Math.floor(Date.now() / 1000)
      return new SignJWT({ jti: randomUUID(), htm, htu, iat, ...ath, ...claims })
        .setProtectedHeader({ alg, typ: 'dpop+jwt', jwk: publicJwk, ...header })
        .sign(privateKey)
    },
  }
}
