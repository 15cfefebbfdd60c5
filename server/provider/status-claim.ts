// The `status` claim of JWT access tokens (Token Status List, draft-ietf-oauth-status-list, §6): where an API can look whether the
// token was ended. The token's place is written down before the token is given out.
import type { SigningKeys } from '../keys/signing-keys.ts'
import { type StatusLists, statusListUri } from '../tokens/status-lists.ts'
import { ACCESS_TOKEN_ALGORITHM, readAccessToken } from './jwt-access-tokens.ts'

/** What the claim needs. */
export interface StatusClaimDeps {
  readonly issuer: string
  readonly keys: SigningKeys
  /** Undefined where there are none: then tokens have no such claim. */
  readonly statusLists: StatusLists | undefined
}

/** Adds the claim to the complete claims of a token. */
export type AddStatus = (payload: { [claim: string]: unknown }) => Promise<void>

/** Makes it, for the keys that a Provider is built with. */
export function createStatusClaim({ issuer, keys, statusLists }: StatusClaimDeps): AddStatus {
  if (statusLists === undefined) return async () => undefined
  // Of several keys of an algorithm the library signs with the first.
  const kid = keys.privateJwks.keys.find(({ alg }) => alg === ACCESS_TOKEN_ALGORITHM)?.kid
  return async (payload) => {
    // Read as it will be when it comes back, so that it is ended here by what ends it there.
    const token = readAccessToken(payload, kid)
    if (token === undefined) throw new Error('an access token is about to be made whose claims cannot be read')
    const { listId, index } = await statusLists.place(token)
    payload.status = { status_list: { idx: index, uri: statusListUri(issuer, listId) } }
  }
}
