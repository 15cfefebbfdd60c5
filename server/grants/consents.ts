// Consents: what a person agreed that a client may do, remembered from one session to the next. A new grant is made of
// it at each sign-in, so that ending one grant does not touch the others.
import { Prisma } from '../../prisma/client/client.ts'
import { changeWithAudit, type Origin, recordAudit } from '../audit/audit.ts'
import { gather } from '../storage/gathering.ts'
import type { Database, Transaction } from '../storage/postgres.ts'

/** What was agreed to. */
export interface Consent {
  /** OpenID Connect scopes. */
  readonly openid: readonly string[]
  /** Resource identifier (RFC 8707) → scopes. */
  readonly resources: { readonly [identifier: string]: readonly string[] }
}

/** What somebody agrees to. */
export interface GivenConsent {
  readonly accountId: string
  readonly clientId: string
  readonly consent: Consent
  readonly origin: Origin
}

/** The consents of one database. */
export interface Consents {
  find(accountId: string, clientId: string): Promise<Consent | undefined>
  /** Adds to what was agreed to before. */
  add(given: GivenConsent): Promise<void>
  /** Notes that somebody did not agree. */
  deny(denied: Omit<GivenConsent, 'consent'>): Promise<void>
}

/** Makes them. */
export function createConsents({ db }: { readonly db: Database }): Consents {
  const read = gather((asked: readonly Asked[]) => readConsents(db, asked))
  return {
    find: (accountId, clientId) => read({ accountId, clientId }),

    async add({ accountId, clientId, consent, origin }) {
      // One statement: two consents given at once are both remembered.
      const change = Prisma.sql`
        INSERT INTO consents AS known (account_id, client_id, openid, resources)
        VALUES (${accountId}, ${clientId}, ${[...consent.openid]}::text[], ${JSON.stringify(consent.resources)}::jsonb)
        ON CONFLICT (account_id, client_id) DO UPDATE SET
          openid = ARRAY(SELECT DISTINCT scope FROM unnest(CASE WHEN ${IS_OF_THIS_CLIENT} THEN known.openid END || EXCLUDED.openid)
                         AS scope ORDER BY scope),
          resources = (
            SELECT COALESCE(jsonb_object_agg(identifier, scopes), '{}'::jsonb) FROM (
              SELECT identifier, jsonb_agg(DISTINCT scope ORDER BY scope) AS scopes FROM (
                SELECT key AS identifier, value AS list FROM jsonb_each(known.resources) WHERE ${IS_OF_THIS_CLIENT}
                UNION ALL SELECT key, value FROM jsonb_each(EXCLUDED.resources)
              ) AS both_lists, jsonb_array_elements_text(list) AS scope GROUP BY identifier
            ) AS merged),
          given_at = latchkey_now()
        RETURNING account_id`
      const detail = { openid: [...consent.openid], resources: JSON.parse(JSON.stringify(consent.resources)) }
      await changeWithAudit(db, change, { name: 'consent.given', actor: accountId, accountId, clientId, ...origin, detail })
    },

    deny: ({ accountId, clientId, origin }) =>
      recordAudit(db, { name: 'consent.denied', actor: accountId, accountId, clientId, ...origin }),
  }
}

/**
 * Takes the lock of what was agreed to, and reads it.
 * @returns undefined when nothing was
 */
export async function lockConsent(tx: Transaction, { accountId, clientId }: Asked): Promise<Consent | undefined> {
  const rows = await tx.$queryRaw<{ openid: string[]; resources: Prisma.JsonValue }[]>(Prisma.sql`
    SELECT openid, resources FROM consents known
    WHERE account_id = ${accountId} AND client_id = ${clientId} AND ${IS_OF_THIS_CLIENT} FOR UPDATE`)
  return rows[0] === undefined ? undefined : { openid: rows[0].openid, resources: scopesByResource(rows[0].resources) }
}

/** A query that gives a row, and holds it, when all of `consent` is agreed to. */
export function lockedConsent({ accountId, clientId }: Asked, { openid, resources }: Consent): Prisma.Sql {
  const some = Object.fromEntries(Object.entries(resources).filter(([, scopes]) => scopes.length > 0))
  return Prisma.sql`
    SELECT 1 FROM consents known
    WHERE known.account_id = ${accountId} AND known.client_id = ${clientId} AND ${IS_OF_THIS_CLIENT}
      AND known.openid @> ${[...openid]}::text[] AND known.resources @> ${JSON.stringify(some)}::jsonb FOR SHARE OF known`
}

/** What an account agreed to for a client, as it is shown. */
export interface AccountConsent extends Consent {
  readonly clientId: string
  readonly clientName: string
  readonly givenAt: Date
}

/** All that an account agreed to, the latest first. */
export async function consentsOfAccount(db: Database, accountId: string): Promise<AccountConsent[]> {
  const rows = await db.$queryRaw<(Omit<AccountConsent, 'resources'> & { resources: Prisma.JsonValue })[]>(Prisma.sql`
    SELECT known.client_id AS "clientId", COALESCE(c.metadata->>'client_name', c.id) AS "clientName", known.openid, known.resources,
      known.given_at AS "givenAt"
    FROM consents known JOIN clients c ON c.id = known.client_id
    WHERE known.account_id = ${accountId} AND ${IS_OF_THIS_CLIENT}
    ORDER BY known.given_at DESC, known.client_id`)
  return rows.map(({ resources, ...row }) => ({ ...row, resources: scopesByResource(resources) }))
}

/** Forgets what was agreed to. */
export async function deleteConsent(tx: Transaction, { accountId, clientId }: Asked): Promise<void> {
  await tx.consent.deleteMany({ where: { accountId, clientId } })
}

/** Forgets all that an account agreed to. */
export async function deleteConsentsOfAccount(tx: Transaction, accountId: string): Promise<void> {
  await tx.consent.deleteMany({ where: { accountId } })
}

/** Remembers less than what was agreed to. */
export async function replaceConsent(tx: Transaction, { accountId, clientId }: Asked, consent: Consent): Promise<void> {
  await tx.$executeRaw(Prisma.sql`
    UPDATE consents SET openid = ${[...consent.openid]}::text[], resources = ${JSON.stringify(consent.resources)}::jsonb
    WHERE account_id = ${accountId} AND client_id = ${clientId}`)
}

/** A client_id that was given anew is another client, to which nobody has agreed yet. */
const IS_OF_THIS_CLIENT = Prisma.sql`EXISTS (
  SELECT 1 FROM clients WHERE clients.id = known.client_id AND clients.created_at <= known.given_at)`

interface Asked {
  readonly accountId: string
  readonly clientId: string
}

async function readConsents(db: Database, asked: readonly Asked[]): Promise<readonly (Consent | undefined)[]> {
  const rows = await db.$queryRaw<{ position: number; openid: string[]; resources: Prisma.JsonValue }[]>(Prisma.sql`
    SELECT asked.position::int AS position, known.openid, known.resources
    FROM unnest(${asked.map(({ accountId }) => accountId)}::text[], ${asked.map(({ clientId }) => clientId)}::text[])
      WITH ORDINALITY AS asked (account_id, client_id, position)
    JOIN consents known ON known.account_id = asked.account_id AND known.client_id = asked.client_id AND ${IS_OF_THIS_CLIENT}`)
  const found = new Map(
    rows.map(({ position, openid, resources }) => [position, { openid, resources: scopesByResource(resources) }]),
  )
  return asked.map((_, index) => found.get(index + 1))
}

function scopesByResource(value: Prisma.JsonValue): { [identifier: string]: string[] } {
  const found: { [identifier: string]: string[] } = {}
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return found
  for (const [identifier, scopes] of Object.entries(value)) {
    if (Array.isArray(scopes)) found[identifier] = scopes.filter((scope) => typeof scope === 'string')
  }
  return found
}
