// The one question "is this token dead, and why?", asked by every door. PostgreSQL answers it, in one statement. What it consists of
// is here too, for whoever asks it of many tokens at once (status-lists.ts), and of those that are kept (access-tokens.ts).
import { Prisma } from '../../prisma/client/client.ts'
import { gather } from '../storage/gathering.ts'
import type { Database } from '../storage/postgres.ts'
import type { RevocationKind } from './revocations.ts'
import { GRANT_GIVEN, GRANTED, isNotVoid } from './standing.ts'
import { SUBJECT, type TokenSubject } from './subject.ts'

/** What a token says of itself. */
export interface TokenClaims {
  readonly jti: string
  readonly clientId: string
  /** Seconds since the epoch. */
  readonly issuedAt: number
  readonly expiresAt: number
  readonly kid?: string
  readonly accountId?: string
  readonly sessionId?: string
  readonly grantId?: string
}

/** What is known of a token, whose signature is someone else's care. */
export interface KnownStatus {
  /** Undefined for a living token, else why it is dead, for the operator. */
  readonly whyDead: string | undefined
  /** The grant it was issued on, if any. */
  readonly grant: { readonly payload: Prisma.JsonObject; readonly expiresAt: number } | null
  readonly account: TokenSubject | null
}

/** Answers whether a token has been ended. */
export interface TokenStatus {
  check(token: TokenClaims): Promise<KnownStatus>
}

/** By which claim of a token (or its header) each kind of entry names it; `column` is that of `asked`. */
export const NAMED_BY: readonly { readonly kind: RevocationKind; readonly column: string }[] = [
  { kind: 'jti', column: 'jti' },
  { kind: 'client_id', column: 'client_id' },
  { kind: 'sub', column: 'account_id' },
  { kind: 'grant_id', column: 'grant_id' },
  { kind: 'sid', column: 'session_id' },
  { kind: 'kid', column: 'kid' },
]

/** Whether an entry that names the token `asked` covers it: the entry is in force, and the token is not younger. */
export const COVERS = Prisma.sql`until > latchkey_now() AND (before IS NULL OR before >= to_timestamp(asked.issued_at))`

/** An entry that covers the token `asked`, if there is one, under the name `r`. */
export const WHAT_COVERS = Prisma.sql`
    LEFT JOIN LATERAL (
      SELECT reason FROM revocations
      WHERE ${COVERS} AND (kind, value) IN (${Prisma.raw(NAMED_BY.map(({ kind, column }) => `('${kind}', asked.${column})`).join(', '))})
      LIMIT 1
    ) r ON true`

/** What the token `asked` stands on. */
export const STANDS_ON = Prisma.sql`
    LEFT JOIN clients c ON c.id = asked.client_id
    LEFT JOIN accounts a ON a.id = asked.account_id
    LEFT JOIN grants g ON g.id = asked.grant_id
    LEFT JOIN sessions s ON s.id = asked.session_id`

/** Why the token `asked` was ended, if it was; `r` is an entry that covers it. */
export const WHY_ENDED = Prisma.sql`CASE
        WHEN r.reason IS NOT NULL THEN 'revoked: ' || r.reason
        WHEN c.status IS DISTINCT FROM 'active' THEN 'its client is gone or suspended'
        WHEN g.id IS NOT NULL AND NOT ${isNotVoid(GRANT_GIVEN)} THEN 'what its client was given has ended'
        WHEN asked.account_id IS NOT NULL AND a.status IS DISTINCT FROM 'active' THEN 'its account is gone or suspended'
        WHEN asked.grant_id IS NOT NULL AND (g.id IS NULL OR g.ended_at IS NOT NULL) THEN 'its grant has ended'
        WHEN g.expires_at <= latchkey_now() THEN 'its grant has run out'
        WHEN asked.session_id IS NOT NULL AND (s.id IS NULL OR s.ended_at IS NOT NULL) THEN 'its session has ended'
      END`

/** Makes it. */
export function createTokenStatus({ db }: { readonly db: Database }): TokenStatus {
  return { check: gather((tokens) => readStatuses(db, tokens)) }
}

async function readStatuses(db: Database, tokens: readonly TokenClaims[]): Promise<readonly KnownStatus[]> {
  const column = <Value>(of: (token: TokenClaims) => Value | undefined) => tokens.map((token) => of(token) ?? null)
  const rows = await db.$queryRaw<(Omit<KnownStatus, 'whyDead'> & { why: string | null })[]>(Prisma.sql`
    SELECT CASE
        -- A revocation is forgotten when what it ended has expired by this clock, so a host whose clock is behind must not differ.
        WHEN to_timestamp(asked.expires_at) <= latchkey_now() THEN 'it has expired'
        ELSE ${WHY_ENDED}
      END AS why,
      CASE WHEN g.id IS NOT NULL THEN
        jsonb_build_object('payload', ${GRANTED}, 'expiresAt', FLOOR(EXTRACT(EPOCH FROM g.expires_at))) END AS grant,
      CASE WHEN a.id IS NOT NULL THEN ${SUBJECT} END AS account
    FROM unnest(${column(({ jti }) => jti)}::text[], ${column(({ clientId }) => clientId)}::text[],
                ${column(({ accountId }) => accountId)}::text[], ${column(({ grantId }) => grantId)}::text[],
                ${column(({ sessionId }) => sessionId)}::text[], ${column(({ kid }) => kid)}::text[],
                ${column(({ issuedAt }) => issuedAt)}::float8[], ${column(({ expiresAt }) => expiresAt)}::float8[])
      WITH ORDINALITY AS asked (jti, client_id, account_id, grant_id, session_id, kid, issued_at, expires_at, position)
    ${STANDS_ON}
    ${WHAT_COVERS}
    ORDER BY asked.position`)
  return rows.map(({ why, grant, account }) => ({ whyDead: why ?? undefined, grant, account }))
}
