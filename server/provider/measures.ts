// What the protocol has counted: a few functions that it calls, and events of the library that tell the rest.
import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider'
import type { StorageUnavailable } from '../storage/errors.ts'
import type { Presented } from '../tokens/refresh-families.ts'

/** How the use of a refresh token went. */
export type RefreshOutcome =
  | 'rotated'
  | 'kept'
  | 'replayed'
  | Exclude<Presented['outcome'], 'current' | 'replay'>
  /** It was no refresh token at all. */
  | 'malformed'

/** What is counted. */
export interface ProtocolMeasures {
  /** A token request was answered with tokens. */
  readonly tokensIssued: (grantType: string) => void
  /** A token request was refused, with an error code of OAuth. */
  readonly tokensRefused: (error: string) => void
  readonly refreshed: (outcome: RefreshOutcome) => void
  readonly codePresented: (outcome: 'redeemed' | 'replayed') => void
  /** A request failed because a store did not answer. */
  readonly storeFailed: (store: StorageUnavailable['store']) => void
}

/** Counts the answers of the token endpoint. */
export function countTokenAnswers(provider: Provider, measures: ProtocolMeasures): void {
  provider.on('grant.success', (ctx: KoaContextWithOIDC) => {
    // The library has a handler for it, so it is one of a few words.
    const grantType = ctx.oidc.params?.grant_type
    if (typeof grantType === 'string') measures.tokensIssued(grantType)
  })
  provider.on('grant.error', (_ctx: KoaContextWithOIDC, error: Error) => {
    if (error instanceof errors.OIDCProviderError) measures.tokensRefused(error.error)
  })
}
