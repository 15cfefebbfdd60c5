// Whether a token is in the hands of whom it was given to: what its `cnf` asks for has to be shown (RFC 7800 §3).
import type { AccessToken } from './access-token.ts'
import { thumbprintOf } from './certificate.ts'
import { InvalidToken } from './errors.ts'
import type { PresentedToken } from './presented-token.ts'
import type { ProofVerification } from './proof.ts'

/** @throws InvalidToken @throws InvalidProof from the proof's verification */
export async function confirmBinding(
  presented: PresentedToken,
  claims: AccessToken,
  verifyProof: ProofVerification,
): Promise<void> {
  const { jkt, 'x5t#S256': certificate, ...others } = claims.cnf ?? {}
  // What is not understood cannot have been confirmed.
  if (Object.keys(others).length > 0) {
    throw new InvalidToken('binding', 'The access token is bound in a way that this API does not know.')
  }
  if (claims.cnf !== undefined && jkt === undefined && certificate === undefined) {
    throw new InvalidToken('binding', 'The access token is bound to nothing.')
  }
  if (certificate !== undefined) await confirmCertificate(presented, certificate)
  if (jkt !== undefined || presented.scheme === 'DPoP') await confirmKey(presented, jkt, verifyProof)
}

/** RFC 8705 §3. */
async function confirmCertificate({ pieces }: PresentedToken, expected: unknown): Promise<void> {
  const shown = pieces.certificate === undefined ? undefined : await thumbprintOf(pieces.certificate)
  if (shown === undefined || shown !== expected) {
    throw new InvalidToken('binding', 'The access token is bound to another client certificate.')
  }
}

async function confirmKey(presented: PresentedToken, expected: unknown, verifyProof: ProofVerification): Promise<void> {
  // RFC 9449 §7.2: a bound token MUST NOT be taken as a bearer token.
  if (presented.scheme !== 'DPoP') {
    throw new InvalidToken('proof', 'The access token is bound to a key: send it with the scheme DPoP and a proof.')
  }
  // RFC 9449 §7.1: and one that is not bound is no DPoP token.
  if (expected === undefined) throw new InvalidToken('binding', 'The access token is not bound to a key.')
  if ((await verifyProof(presented)) !== expected) throw new InvalidToken('binding', 'The access token is bound to another key.')
}
