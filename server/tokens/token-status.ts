// The one question "is this token dead, and why?", asked by every door. PostgreSQL answers it, in one statement.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'

/** What a token says of itself. */
export interface TokenClaims {
  readonly jti: string
  readonly clientId: string
  /** Seconds since the epoch. */
  readonly issuedAt: number
  readonly kid?: string
  readonly accountId?: string
  readonly sessionId?: string
  readonly grantId?: string
}

/** Answers whether a token, whose signature and expiry are someone else's care, has been ended. */
export interface TokenStatus {
  /** Undefined for a living token, else why it is dead, for the operator. */
  whyDead(token: TokenClaims): Promise<string | undefined>
}

/** Makes it. */
export function createTokenStatus({ db }: { readonly db: Database }): TokenStatus {
  return {
    async whyDead(token) {
      const rows = await db.$queryRaw<{ why: string | null }[]>(Prisma.sql`
        SELECT CASE
          WHEN r.reason IS NOT NULL THEN 'revoked: ' || r.reason
          WHEN c.status IS DISTINCT FROM 'active' THEN 'its client is gone or suspended'
          WHEN asked.account_id IS NOT NULL AND a.status IS DISTINCT FROM 'active' THEN 'its account is gone or suspended'
          WHEN asked.grant_id IS NOT NULL AND (g.id IS NULL OR g.ended_at IS NOT NULL) THEN 'its grant has ended'
          WHEN asked.session_id IS NOT NULL AND (s.id IS NULL OR s.ended_at IS NOT NULL) THEN 'its session has ended'
        END AS why
        FROM (SELECT ${token.clientId}::text AS client_id, ${token.accountId ?? null}::text AS account_id,
                     ${token.grantId ?? null}::text AS grant_id, ${token.sessionId ?? null}::text AS session_id) AS asked
        LEFT JOIN clients c ON c.id = asked.client_id
        LEFT JOIN accounts a ON a.id = asked.account_id
        LEFT JOIN grants g ON g.id = asked.grant_id
        LEFT JOIN sessions s ON s.id = asked.session_id
        LEFT JOIN LATERAL (
          SELECT reason FROM revocations
          WHERE until > latchkey_now() AND (before IS NULL OR before >= to_timestamp(${token.issuedAt}))
            AND (kind, value) IN (('jti', ${token.jti}), ('client_id', asked.client_id), ('sub', asked.account_id),
                                  ('grant_id', asked.grant_id), ('sid', asked.session_id), ('kid', ${token.kid ?? null}::text))
          LIMIT 1
        ) r ON true`)
      return rows[0]?.why ?? undefined
    },
  }
}
