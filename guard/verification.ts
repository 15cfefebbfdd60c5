// The check of a request, step by step in the order in which it is made.
import type { AccessToken, TokenVerification } from './access-token.ts'
import { confirmBinding } from './binding.ts'
import { headersFor } from './challenges.ts'
import { GuardClosed, GuardError, InsufficientScope, InvalidToken } from './errors.ts'
import type { Knowledge } from './knowledge.ts'
import { isToken, noCredentials, type PresentedToken, presentedToken, type RequestPieces } from './presented-token.ts'
import type { ProofVerification } from './proof.ts'
import type { RevocableToken } from './revocation-set.ts'
import type { StalePolicy } from './stale-policy.ts'

/** What a request needs. */
export interface Needs {
  /** Scopes that the token must have, all of them: words with a space between, or a list. */
  readonly scope?: string | readonly string[] | undefined
}

/** The check. A header that is not there is a token that is missing. Every error is a GuardError, with the headers of its answer. */
export type Verification = (from: string | RequestPieces | undefined, needs?: Needs) => Promise<AccessToken>

/** What the check is made of. */
export interface VerificationParts {
  readonly verifyToken: TokenVerification
  readonly verifyProof: ProofVerification
  readonly knowledge: Knowledge
  readonly policy: StalePolicy
  readonly metadataUrl: string | undefined
  readonly closed: AbortSignal
}

export function createVerification(parts: VerificationParts): Verification {
  const { verifyToken, verifyProof, knowledge, policy, metadataUrl, closed } = parts

  async function check(presented: PresentedToken, scopes: readonly string[]): Promise<AccessToken> {
    const { claims, kid } = await verifyToken(presented.token)
    if (claims.cnf !== undefined || presented.scheme === 'DPoP') await confirmBinding(presented, claims, verifyProof)
    const refuseRevoked = () => {
      const token = revocable(claims, kid)
      const by = knowledge.find(token)
      if (by === undefined) return
      throw new InvalidToken('revoked', 'The access token was revoked.', { revocation: knowledge.timesOf(by, token[by]) })
    }
    refuseRevoked()
    if (policy.isStale) {
      await policy.decide(presented.token)
      // News may have come while the server was asked.
      refuseRevoked()
    }
    const granted = scopes.length > 0 ? claims.scope?.split(' ') : undefined
    if (!scopes.every((scope) => granted?.includes(scope))) throw new InsufficientScope(scopes.join(' '))
    return claims
  }

  return async (from, needs = {}) => {
    const scopes = typeof needs.scope === 'string' ? needs.scope.split(' ').filter(Boolean) : (needs.scope ?? [])
    let presented: PresentedToken | undefined
    try {
      // What a guard that no longer listens says would be worth nothing.
      if (closed.aborted) throw new GuardClosed()
      presented = presentedToken(from)
      return await check(presented, scopes)
    } catch (thrown) {
      const malformed = thrown instanceof InvalidToken && thrown.reason === 'malformed'
      const error = malformed && presented !== undefined && !isToken(presented) ? noCredentials() : thrown
      const scheme = presented?.scheme ?? 'Bearer'
      if (error instanceof GuardError) error.headers = headersFor(error, { scheme, metadataUrl, neededScope: scopes.join(' ') })
      throw error
    }
  }
}

/** Only what entries can name: a token may have any claims beside. */
function revocable({ iat, jti, sid, grant_id, sub, client_id }: AccessToken, kid: string): RevocableToken {
  return { kid, iat, jti, sid, grant_id, sub, client_id }
}
