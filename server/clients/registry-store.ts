// The statements by which a process keeps clients and resource servers in memory, and sees that they have changed.
import type { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'

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

/** A number that rises with every change of what is registered. */
export async function selectRegistryVersion(db: Database): Promise<bigint> {
  const row = await db.registryVersion.findUnique({ where: { id: 1 } })
  return row?.version ?? 0n
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
