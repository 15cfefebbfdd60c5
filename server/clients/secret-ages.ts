// How old the secrets of clients are. Of a client counts the newest that is good: those before it are being replaced, and end by themselves.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'

/** So old a secret should not become, in seconds. */
export const SECRET_DUE_SECONDS = 90 * 86_400

/** How many there are, by age. */
export interface SecretAges {
  /** The clients that have one, up to a bound. */
  readonly clients: number
  /** There are more, all of which are younger. */
  readonly more: boolean
  readonly underMonth: number
  readonly underTwoMonths: number
  readonly underThreeMonths: number
  /** It is time to replace them. */
  readonly older: number
  /** Whose is the oldest, and when it was made; undefined when there is none. */
  readonly oldest?: { readonly clientId: string; readonly at: Date }
}

/** So many are looked at: some ten milliseconds of work. */
const MOST_LOOKED_AT = 5000

/** The secret `s` is a good one of a client that is in use and not the server's own. */
export const GOOD_CLIENT_SECRET = Prisma.sql`(
  (s.expires_at IS NULL OR s.expires_at > latchkey_now())
  AND EXISTS (SELECT FROM clients o WHERE o.id = s.client_id AND o.status = 'active' AND o.managed_by IS DISTINCT FROM 'latchkey'))`

/** No other good secret of the client is newer than `s`. */
export const NO_NEWER_CLIENT_SECRET = Prisma.sql`NOT EXISTS (
  SELECT FROM client_secrets n WHERE n.client_id = s.client_id AND (n.created_at, n.id) > (s.created_at, s.id)
    AND (n.expires_at IS NULL OR n.expires_at > latchkey_now()))`

const NEWEST = Prisma.sql`(${GOOD_CLIENT_SECRET} AND ${NO_NEWER_CLIENT_SECRET})`

/** The ids of the clients whose secret should be replaced. */
export const CLIENTS_WITH_DUE_SECRETS = Prisma.sql`
  SELECT s.client_id FROM client_secrets s
  WHERE s.created_at <= latchkey_now() - make_interval(secs => ${SECRET_DUE_SECONDS}) AND ${NEWEST}`

/** Looks, from the oldest on. */
export async function readSecretAges(db: Database): Promise<SecretAges> {
  const [row] = await db.$queryRaw<AgeRow[]>(Prisma.sql`
    SELECT count(*)::int AS clients, count(*) FILTER (WHERE age < interval '30 days')::int AS "underMonth",
      count(*) FILTER (WHERE age >= interval '30 days' AND age < interval '60 days')::int AS "underTwoMonths",
      count(*) FILTER (WHERE age >= interval '60 days' AND NOT due)::int AS "underThreeMonths",
      count(*) FILTER (WHERE due)::int AS older, min(created_at) AS at, (array_agg(client_id ORDER BY created_at))[1] AS "clientId"
    FROM (
      SELECT s.client_id, s.created_at, latchkey_now() - s.created_at AS age,
        s.created_at <= latchkey_now() - make_interval(secs => ${SECRET_DUE_SECONDS}) AS due
      FROM client_secrets s WHERE ${NEWEST} ORDER BY s.created_at LIMIT ${MOST_LOOKED_AT + 1}) aged`)
  if (row === undefined) throw new Error('a statement that counts gave no row')
  const { at, clientId, ...counts } = row
  return {
    ...counts,
    more: counts.clients > MOST_LOOKED_AT,
    ...(at === null || clientId === null ? {} : { oldest: { clientId, at } }),
  }
}

interface AgeRow extends Omit<SecretAges, 'more' | 'oldest'> {
  readonly at: Date | null
  readonly clientId: string | null
}
