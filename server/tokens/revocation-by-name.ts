// The end of access tokens by what names them, for whoever has seen one in a log or an alert and holds no more of it. Access
// tokens only: what they stand on goes on, and a refresh brings new ones. Sessions, grants, accounts, clients and keys have ends
// of their own.
import { type Change, recordChange } from '../audit/change.ts'
import type { Transaction } from '../storage/postgres.ts'
import type { Ended, Endings } from './ending.ts'
import { isRevokedByName } from './live-revocations.ts'
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

/** A JWT or refresh token has dots, and what else opens something but codes and secrets of apps says what it is; a `jti` does neither. */
const OPENS_SOMETHING = /\.|^(?:at|ct|pwd|setup)_[\w-]{40}|^whsec_/

/**
 * Whether a text has the form of something that opens something. Of a `jti` nothing is known that it could be looked up in, so whatever
 * is given as one is written down and told to every API: what somebody pastes in its place must not be.
 */
export function looksLikeToken(text: string): boolean {
  return OPENS_SOMETHING.test(text)
}

/** Said of such a text. */
export const IS_TOKEN =
  'this is no jti but a token, code, link or secret itself, and was not written down: a token is ended as one, and a secret replaced'

/** Asked before anything ends. @throws TokenNameRefused */
export function checkTokenName({ kind, value }: TokenName): void {
  if (kind === 'jti' && looksLikeToken(value)) throw new TokenNameRefused(IS_TOKEN)
  // A client's own tokens have its client_id as their `sub`, and are named by that.
  if (kind === 'sub' && !value.startsWith('acc_'))
    throw new TokenNameRefused('sub names an account (acc_…): name the tokens of a client by client_id')
}

/** Makes it. */
export function createRevocationByName({ endings }: { readonly endings: Endings }): RevokeByName {
  return async ({ kind, value }, change) => {
    checkTokenName({ kind, value })
    const written = (tx: Transaction) => {
      const about = {
        ...(kind === 'sub' ? { accountId: value } : {}),
        ...(kind === 'client_id' ? { clientId: value } : {}),
        ...(kind === 'sid' ? { sessionId: value } : {}),
        ...(kind === 'grant_id' ? { grantId: value } : {}),
      }
      return recordChange(tx, 'access_tokens.revoked', change, { ...about, detail: { kind, value } })
    }
    if (kind === 'jti') return endJwtAccessToken(endings, 'tokens_revoked', { jti: value }, written)
    return endings.run('tokens_revoked', async (ending) => {
      // What such a name says may stand in the next token.
      ending.entries.push({ kind, value, issuedUntilNow: true })
      await written(ending.tx)
    })
  }
}

/**
 * Ends the one access token with that `jti`, which is never given again, and has it written down. Of those who end it at the same
 * moment, at whatever process, one does it, and whoever comes later ends nothing: one entry says all there is to say.
 */
export function endJwtAccessToken(
  endings: Endings,
  cause: string,
  /** `expiresAt` as the token says, in seconds since the epoch; left out by whoever has only the name. */
  { jti, expiresAt }: { readonly jti: string; readonly expiresAt?: number },
  written: (tx: Transaction) => Promise<void>,
): Promise<Ended> {
  return endings.runOnce(`jti ${jti}`, cause, async ({ tx, entries }) => {
    // There is no row of it that could be locked. The look is a statement of its own: it sees what was committed before the lock was had.
    await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`latchkey jti ${jti}`}, 0))`
    if (await isRevokedByName(tx, { kind: 'jti', value: jti })) return
    entries.push({ kind: 'jti', value: jti, ...(expiresAt === undefined ? {} : { expiresAt }) })
    await written(tx)
  })
}
