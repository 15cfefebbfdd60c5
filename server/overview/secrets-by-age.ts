// The secrets that apps and webhooks have, the oldest first: what they are nobody can tell, but how old they are, and whether that is too old.
import { ACCESS } from '../../config/access.ts'
import type { AccessRule } from '../../config/roles.ts'
import { Prisma } from '../../prisma/client/client.ts'
import { GOOD_CLIENT_SECRET, NO_NEWER_CLIENT_SECRET, SECRET_DUE_SECONDS } from '../clients/secret-ages.ts'
import type { Database } from '../storage/postgres.ts'
import { originOf } from '../webhooks/webhook-rules.ts'

/** A secret that is good. */
export interface SecretItem {
  readonly id: string
  readonly of: 'client' | 'webhook'
  /** The `client_id`, or the id of the webhook. */
  readonly ownerId: string
  /** The name of the client, where it has one; the origin of the webhook. */
  readonly ownerName?: string
  readonly createdAt: Date
  /** Until when it is good, where that is known. */
  readonly expiresAt?: Date
  /** A newer one is there, and this one is still good for those who do not have it yet. */
  readonly beingReplaced: boolean
  /** When it should be replaced; undefined for one that is being replaced. */
  readonly dueAt?: Date
}

/** Whose somebody may see: whoever may see what has them. */
export function secretOwners(may: (rule: AccessRule) => boolean): readonly SecretItem['of'][] {
  return [...(may(ACCESS.clients.read) ? ['client' as const] : []), ...(may(ACCESS.webhooks.read) ? ['webhook' as const] : [])]
}

/** Which are meant. */
export interface SecretQuery {
  /** Of what the one who asks may see them. */
  readonly of: readonly SecretItem['of'][]
  /** Only those that should have been replaced by now. */
  readonly due: boolean
  readonly limit: number
  /** The last one of the page before. */
  readonly after?: { readonly createdAt: Date; readonly id: string }
}

/** Reads a page of them, the oldest first. */
export async function readSecretsByAge(db: Database, query: SecretQuery): Promise<SecretItem[]> {
  const { of, due, limit, after } = query
  const beyond = after === undefined ? Prisma.sql`true` : Prisma.sql`(s.created_at, s.id) > (${after.createdAt}, ${after.id})`
  const isDue = Prisma.sql`s.created_at <= latchkey_now() - make_interval(secs => ${SECRET_DUE_SECONDS})`
  const page = (columns: Prisma.Sql, newest: Prisma.Sql, good: Prisma.Sql) => Prisma.sql`(
    SELECT s.id, s.created_at AS "createdAt", s.expires_at AS "expiresAt", NOT ${newest} AS "beingReplaced", ${columns}
    WHERE ${good} AND ${beyond} AND (${!due} OR (${isDue} AND ${newest})) ORDER BY s.created_at, s.id LIMIT ${limit})`
  const parts = {
    client: page(
      Prisma.sql`'client' AS of, s.client_id AS "ownerId",
        (SELECT c.metadata->>'client_name' FROM clients c WHERE c.id = s.client_id) AS "ownerName", NULL AS url FROM client_secrets s`,
      NO_NEWER_CLIENT_SECRET,
      GOOD_CLIENT_SECRET,
    ),
    // The one that is current has no end.
    webhook: page(
      Prisma.sql`'webhook' AS of, s.webhook_id AS "ownerId", NULL AS "ownerName", w.url
        FROM webhook_secrets s JOIN webhooks w ON w.id = s.webhook_id AND w.enabled`,
      Prisma.sql`s.expires_at IS NULL`,
      Prisma.sql`(s.expires_at IS NULL OR s.expires_at > latchkey_now())`,
    ),
  }
  if (of.length === 0) return []
  const rows = await db.$queryRaw<SecretRow[]>(Prisma.sql`
    SELECT * FROM (${Prisma.join(
      of.map((one) => parts[one]),
      ' UNION ALL ',
    )}) s ORDER BY "createdAt", id LIMIT ${limit}`)
  return rows.map(itemOf)
}

interface SecretRow {
  readonly id: string
  readonly of: SecretItem['of']
  readonly ownerId: string
  readonly ownerName: string | null
  readonly url: string | null
  readonly createdAt: Date
  readonly expiresAt: Date | null
  readonly beingReplaced: boolean
}

function itemOf({ ownerName, url, expiresAt, ...row }: SecretRow): SecretItem {
  const name = url === null ? ownerName : originOf(url)
  return {
    ...row,
    ...(name === null ? {} : { ownerName: name }),
    ...(expiresAt === null ? {} : { expiresAt }),
    ...(row.beingReplaced ? {} : { dueAt: new Date(row.createdAt.getTime() + SECRET_DUE_SECONDS * 1000) }),
  }
}
