// Consents: what a person agreed that a client may do, remembered from one session to the next. A new grant is made of
// it at each sign-in, so that ending one grant does not touch the others.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'

/** What was agreed to. */
export interface Consent {
  /** OpenID Connect scopes. */
  readonly openid: readonly string[]
  /** Resource identifier (RFC 8707) → scopes. */
  readonly resources: { readonly [identifier: string]: readonly string[] }
}

/** The consents of one database. */
export interface Consents {
  find(accountId: string, clientId: string): Promise<Consent | undefined>
  /** Adds to what was agreed to before. */
  add(tx: Pick<Database, '$executeRaw'>, accountId: string, clientId: string, consent: Consent): Promise<void>
}

/** Makes them. */
export function createConsents({ db }: { readonly db: Database }): Consents {
  return {
    async find(accountId, clientId) {
      const consent = await db.consent.findUnique({ where: { accountId_clientId: { accountId, clientId } } })
      if (consent === null) return undefined
      return { openid: consent.openid, resources: scopesByResource(consent.resources) }
    },

    async add(tx, accountId, clientId, consent) {
      // One statement: two consents given at once are both remembered.
      await tx.$executeRaw(Prisma.sql`
        INSERT INTO consents AS known (account_id, client_id, openid, resources)
        VALUES (${accountId}, ${clientId}, ${[...consent.openid]}::text[], ${JSON.stringify(consent.resources)}::jsonb)
        ON CONFLICT (account_id, client_id) DO UPDATE SET
          openid = ARRAY(SELECT DISTINCT scope FROM unnest(known.openid || EXCLUDED.openid) AS scope ORDER BY scope),
          resources = (
            SELECT COALESCE(jsonb_object_agg(identifier, scopes), '{}'::jsonb) FROM (
              SELECT identifier, jsonb_agg(DISTINCT scope ORDER BY scope) AS scopes FROM (
                SELECT key AS identifier, value AS list FROM jsonb_each(known.resources)
                UNION ALL SELECT key, value FROM jsonb_each(EXCLUDED.resources)
              ) AS both_lists, jsonb_array_elements_text(list) AS scope GROUP BY identifier
            ) AS merged),
          given_at = latchkey_now()`)
    },
  }
}

function scopesByResource(value: Prisma.JsonValue): { [identifier: string]: string[] } {
  const found: { [identifier: string]: string[] } = {}
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return found
  for (const [identifier, scopes] of Object.entries(value)) {
    if (Array.isArray(scopes)) found[identifier] = scopes.filter((scope) => typeof scope === 'string')
  }
  return found
}
