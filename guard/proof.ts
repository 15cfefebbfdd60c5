// Proofs of possession (RFC 9449 §4.3): that whoever sent the request has the key, made the proof for this request and this token,
// a short while ago, and has not used it before.
import { base64url, calculateJwkThumbprint, EmbeddedJWK, type JWTVerifyResult, jwtVerify } from 'jose'
import type { GuardClock, ServerTime } from './clock.ts'
import { InvalidProof, TooManyProofs } from './errors.ts'
import type { PresentedToken } from './presented-token.ts'

/** Algorithms of proofs, as challenges list them. */
export const PROOF_ALGORITHMS = ['ES256', 'PS256', 'RS256', 'EdDSA']

/** Looks at the proof of a request. Returns the thumbprint of its key. @throws InvalidProof @throws TooManyProofs */
export type ProofVerification = (presented: PresentedToken) => Promise<string>

/** How far the clock of a client may be ahead of the server's, in seconds. */
const AHEAD_SECONDS = 60
/** More than anybody sends in five minutes; each takes some hundred bytes. */
const MAX_REMEMBERED = 500_000

export function createProofVerification(maxAgeSeconds: number, time: ServerTime, clock: GuardClock): ProofVerification {
  const memory = createProofMemory((maxAgeSeconds + AHEAD_SECONDS) * 1000, clock)
  return async ({ token, pieces }) => {
    const { dpop, method, url } = pieces
    // §4.3, 1: not more than one header. Node joins several with a comma, which no JWT has.
    if (dpop === undefined || dpop === '' || dpop.length === 0) throw new InvalidProof('The access token needs a DPoP proof.')
    const proof = typeof dpop === 'string' ? dpop : dpop.length === 1 ? dpop[0] : undefined
    if (proof === undefined || proof.length > 8192) throw new InvalidProof('There must be exactly one DPoP proof.')
    const { payload, protectedHeader } = await verifySignature(proof, time)
    const { jti, htm, htu, iat, ath } = payload
    // §4.3, 8 and 9.
    if (method === undefined || htm !== method) throw new InvalidProof('The DPoP proof is for another method.')
    if (url === undefined || typeof htu !== 'string' || !sameAddress(htu, url)) {
      throw new InvalidProof('The DPoP proof is for another address.')
    }
    // §4.3, 11: neither old nor made in advance.
    const age = time.seconds() - Number(iat)
    if (!(age <= maxAgeSeconds && age >= -AHEAD_SECONDS)) throw new InvalidProof('The DPoP proof is not of this moment.')
    // §4.3, 12.
    if (ath !== (await digestOf(token))) throw new InvalidProof('The DPoP proof is for another access token.')
    const jwk = protectedHeader.jwk
    const thumbprint = await calculateJwkThumbprint(jwk ?? {})
    // §11.1.
    if (typeof jti !== 'string' || jti === '') throw new InvalidProof('The DPoP proof has no identifier.')
    if (!memory.isNew(await digestOf(`${thumbprint} ${jti}`))) throw new InvalidProof('The DPoP proof was used before.')
    return thumbprint
  }
}

/** §4.3, 2 to 7: a well-formed JWT of the right type, signed by the public key in its own header. */
async function verifySignature(proof: string, time: ServerTime): Promise<JWTVerifyResult> {
  try {
    const verified = await jwtVerify(proof, EmbeddedJWK, {
      typ: 'dpop+jwt',
      algorithms: PROOF_ALGORITHMS,
      requiredClaims: ['jti', 'htm', 'htu', 'iat'],
      currentDate: new Date(time.seconds() * 1000),
      clockTolerance: AHEAD_SECONDS,
    })
    // §4.3, 7.
    const { jwk = {} } = verified.protectedHeader
    if ('d' in jwk || 'k' in jwk) throw new InvalidProof('The DPoP proof gives away its private key.')
    return verified
  } catch (error) {
    if (error instanceof InvalidProof) throw error
    throw new InvalidProof('The DPoP proof is malformed or not signed by its key.', error)
  }
}

/** Without query and fragment, and normalised (RFC 3986 §6.2.2 and §6.2.3). */
function sameAddress(one: string, other: string): boolean {
  const [first, second] = [withoutQuery(one), withoutQuery(other)]
  return first !== undefined && first === second
}

function withoutQuery(address: string): string | undefined {
  try {
    const url = new URL(address)
    return `${url.origin}${url.pathname.replace(/%[0-9a-f]{2}/gi, (octet) => octet.toUpperCase())}`
  } catch {
    return undefined
  }
}

async function digestOf(text: string): Promise<string> {
  return base64url.encode(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))))
}

/**
 * Proofs that were used, in two generations: when the younger is as old as a proof can be, the elder is let go. By the clock that only
 * runs forward: one on the wall that is set ahead, and back again, would have used proofs forgotten that are young again then.
 */
function createProofMemory(lifeMs: number, clock: GuardClock) {
  let younger = new Set<string>()
  let elder = new Set<string>()
  let began = clock.elapsed()
  return {
    isNew(digest: string): boolean {
      const now = clock.elapsed()
      if (now - began > lifeMs) {
        elder = now - began > 2 * lifeMs ? new Set() : younger
        younger = new Set()
        began = now
      }
      if (younger.has(digest) || elder.has(digest)) return false
      if (younger.size >= MAX_REMEMBERED) {
        throw new TooManyProofs('Too many DPoP proofs were seen in the last minutes', {
          fix: 'Lower proofMaxAgeSeconds, or spread requests over more processes.',
        })
      }
      younger.add(digest)
      return true
    },
  }
}
