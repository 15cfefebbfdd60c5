// The end of access tokens by what names them, for whoever has seen one in a log or an alert and holds no more of it. Access
// tokens only: what they stand on goes on, and a refresh brings new ones. Sessions, grants, accounts, clients and keys have ends
// of their own.
import { type Change, recordChange } from '../audit/change.ts'
import type { Ended, Endings } from './ending.ts'
import type { RevocationKind } from './revocations.ts'

/** Which access tokens. */
export interface TokenName {
  readonly kind: RevocationKind
  readonly value: string
}

/** Ends them: the one with that `jti`, or all that carry the value and were issued until now. @throws TokenNameRefused */
export type RevokeByName = (name: TokenName, change: Change) => Promise<Ended>

/** No tokens are named so; the message says how they are. */
export class TokenNameRefused extends Error {
  override readonly name = 'TokenNameRefused'
}

/** Makes it. */
export function createRevocationByName({ endings }: { readonly endings: Endings }): RevokeByName {
  return async ({ kind, value }, change) => {
    // A client's own tokens have its client_id as their `sub`, and are named by that.
    if (kind === 'sub' && !value.startsWith('acc_')) {
      throw new TokenNameRefused('sub names an account (acc_…): name the tokens of a client by client_id')
    }
    return endings.run('tokens_revoked', async (ending) => {
      // A `jti` is never given again; everything else may stand in the next token.
      ending.entries.push({ kind, value, ...(kind === 'jti' ? {} : { issuedUntilNow: true }) })
      const about = {
        ...(kind === 'sub' ? { accountId: value } : {}),
        ...(kind === 'client_id' ? { clientId: value } : {}),
        ...(kind === 'sid' ? { sessionId: value } : {}),
        ...(kind === 'grant_id' ? { grantId: value } : {}),
      }
      await recordChange(ending.tx, 'access_tokens.revoked', change, { ...about, detail: { kind, value } })
    })
  }
}
