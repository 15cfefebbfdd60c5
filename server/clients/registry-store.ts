// The statements by which a process keeps clients and resource servers in memory, and sees that they have changed.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'
import { REGISTRY_VERSION } from '../tokens/minting.ts'

/** An active client with the digests of its secrets. */
export interface RegisteredClient {
  readonly id: string
  /** RFC 7591 names. */
  readonly metadata: Prisma.JsonObject
  readonly secrets: readonly { readonly id: string; readonly digest: Uint8Array; readonly expiresAt: Date | null }[]
}

/** A resource server with the clients that act for it. */
export interface RegisteredResourceServer {
  readonly identifier: string
  readonly name: string | null
  readonly scopes: readonly string[]
  readonly scopeDescriptions: Prisma.JsonValue
  readonly accessTokenFormat: string
  readonly accessTokenTtl: number
  readonly isDefault: boolean
  readonly clients: readonly { readonly clientId: string }[]
}

/** A number that rises with every change of what is registered, and PostgreSQL's time of the look, in seconds since the epoch. */
export async function selectRegistryVersion(db: Database): Promise<{ readonly version: bigint; readonly now: number }> {
  const [row] = await db.$queryRaw<{ version: bigint; now: number }[]>(Prisma.sql`
    SELECT ${REGISTRY_VERSION} AS version, EXTRACT(EPOCH FROM latchkey_now())::float8 AS now`)
  if (row === undefined) throw new Error('PostgreSQL answered a look without a row')
  return row
}

/** All resource servers, by identifier. */
export function selectResourceServers(db: Database): Promise<RegisteredResourceServer[]> {
  return db.resourceServer.findMany({ include: { clients: true }, orderBy: { identifier: 'asc' } })
}

/** An active client. */
export async function selectActiveClient(db: Database, id: string): Promise<RegisteredClient | undefined> {
  const row = await db.client.findUnique({ where: { id, status: 'active' }, include: { secrets: true } })
  if (row === null || typeof row.metadata !== 'object' || row.metadata === null || Array.isArray(row.metadata)) return undefined
  return { id: row.id, metadata: row.metadata, secrets: row.secrets }
}
