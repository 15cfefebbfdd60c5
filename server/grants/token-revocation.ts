// The end of a token that somebody holds in the hand: the access token alone, or the grant that it hangs from, with all its tokens.
// A refresh token is its family, and so its grant (RFC 7009 §2.1).
import { type Change, recordChange } from '../audit/change.ts'
import type { Database, Transaction } from '../storage/postgres.ts'
import { endKeptAccessToken, endStoredAccessToken, findKeptAccessToken } from '../tokens/access-tokens.ts'
import type { Ended, Endings } from '../tokens/ending.ts'
import { endJwtAccessToken } from '../tokens/revocation-by-name.ts'
import type { TokenInspection } from '../tokens/token-inspection.ts'
import type { GrantEvents } from './grant-events.ts'
import type { GrantPreview, PreviewGrants } from './grant-preview.ts'

/** What is to end. */
export interface TokenInHand {
  readonly token: string
  /** The grant as well, where a token alone could end. */
  readonly family: boolean
}

/** What would end. */
export type TokenEndPreview =
  /** An access token, or none when it is dead already. */
  | { readonly what: 'access_token'; readonly live: boolean }
  | { readonly what: 'grant'; readonly grantId: string; readonly preview: GrantPreview }

/** Ends tokens. Each throws TokenUnknown, TokenRevocationRefused. */
export interface TokenRevocation {
  revoke(which: TokenInHand, change: Change): Promise<Ended>
  preview(which: TokenInHand): Promise<TokenEndPreview>
  /** Ends an opaque access token that somebody has looked at, by the digest under which it is kept: they need not hold it any more. */
  revokeKept(digest: string, change: Change): Promise<Ended>
}

/** It is no token of this server. */
export class TokenUnknown extends Error {
  override readonly name = 'TokenUnknown'
}

/** There is nothing of it that could be revoked; the message says what could be done. */
export class TokenRevocationRefused extends Error {
  override readonly name = 'TokenRevocationRefused'
}

/** Makes it. */
export function createTokenRevocation(deps: {
  readonly db: Database
  readonly endings: Endings
  readonly inspect: (token: string) => Promise<TokenInspection>
  readonly grants: Pick<GrantEvents, 'revokeMany'>
  readonly preview: PreviewGrants
}): TokenRevocation {
  return {
    async revoke(which, change) {
      const inspection = await deps.inspect(which.token)
      const grantId = grantToEnd(inspection, which.family)
      if (grantId !== undefined) return deps.grants.revokeMany([grantId], change)
      return endAccessToken(deps.endings, which.token, inspection, change)
    },

    async revokeKept(digest, change) {
      const kept = await findKeptAccessToken(deps.db, digest)
      if (kept === undefined) throw new TokenUnknown('it is none that this server still knows')
      return endKeptAccessToken(deps.endings, digest, (tx) => recordChange(tx, 'access_token.revoked', change, kept.ids))
    },

    async preview(which) {
      const inspection = await deps.inspect(which.token)
      const grantId = grantToEnd(inspection, which.family)
      if (grantId === undefined) return { what: 'access_token', live: inspection.active }
      return { what: 'grant', grantId, preview: await deps.preview({ ids: [grantId] }, { most: 1 }) }
    },
  }
}

/** The grant that ends; undefined when it is the access token alone. @throws TokenUnknown, TokenRevocationRefused */
function grantToEnd({ kind, reason, ids }: TokenInspection, family: boolean): string | undefined {
  const isOurs = Object.keys(ids).length > 0
  if (!isOurs) throw new TokenUnknown(reason ?? 'it is no token of this server')
  if (kind === 'access_token' && !family) return undefined
  if (ids.grantId === undefined) throw new TokenRevocationRefused(`this ${wordsOf(kind)} hangs from no grant that could end`)
  // Whoever holds one of these wants the person's app to have nothing any more, or he wants something else.
  if (kind === 'refresh_token' || family) return ids.grantId
  throw new TokenRevocationRefused(
    `${ARTICLE[kind] ?? 'a'} ${wordsOf(kind)} opens no API: end its grant by \`family\`, or its session`,
  )
}

const ARTICLE: { readonly [kind: string]: string } = { id_token: 'an', authorization_code: 'an', other_jwt: 'another' }

function wordsOf(kind: string): string {
  return { id_token: 'ID token', other_jwt: 'JWT' }[kind] ?? kind.replaceAll('_', ' ')
}

/** What is dead is not ended again. */
function endAccessToken(
  endings: Endings,
  token: string,
  { format, jti, ids, active, expiresAt }: TokenInspection,
  change: Change,
): Promise<Ended> {
  const written = (tx: Transaction) =>
    recordChange(tx, 'access_token.revoked', change, { ...ids, ...(jti === undefined ? {} : { detail: { jti } }) })
  if (!active) return endings.run('token_revoked', async () => {})
  if (format === 'opaque') return endStoredAccessToken(endings, token, written)
  if (jti === undefined || expiresAt === undefined) throw new Error('an access token that lives has a jti and an end')
  return endJwtAccessToken(endings, 'token_revoked', { jti, expiresAt: expiresAt.getTime() / 1000 }, written)
}
