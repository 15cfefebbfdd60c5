// The statements about resource servers.
import type { Prisma } from '../../prisma/client/client.ts'
import type { Database, Transaction } from '../storage/postgres.ts'

/** An API (RFC 8707) that access tokens can be for. */
export interface ResourceServer {
  /** The `resource` and `aud`. */
  readonly identifier: string
  readonly name?: string
  readonly scopes: readonly string[]
  /** What people read of a scope on the consent page. */
  readonly scopeDescriptions?: ScopeDescriptions
  readonly accessTokenFormat: 'jwt' | 'opaque'
  /** Seconds. */
  readonly accessTokenTtl: number
  /** Whether it is meant when a request names no resource and asks for one of its scopes. */
  readonly isDefault: boolean
  /** The clients that act for it: they may introspect its tokens. */
  readonly clientIds: readonly string[]
  /** `provision`, `demo` or `latchkey` (the server's own), when a file or the program made it. */
  readonly managedBy?: string
}

/** scope → text */
export type ScopeDescriptions = { readonly [scope: string]: string }

type Connection = Database | Transaction

export const WITH_CLIENTS = { clients: { orderBy: { clientId: 'asc' } } } satisfies Prisma.ResourceServerInclude

export async function selectResourceServers(db: Connection): Promise<ResourceServer[]> {
  const rows = await db.resourceServer.findMany({ include: WITH_CLIENTS, orderBy: { identifier: 'asc' } })
  return rows.map(resourceServerOf)
}

/** False when the identifier is taken: the primary key decides, so of two at once one is made. */
export async function insertResourceServer(tx: Transaction, server: ResourceServer): Promise<boolean> {
  const { count } = await tx.resourceServer.createMany({
    data: [{ identifier: server.identifier, ...columns(server) }],
    skipDuplicates: true,
  })
  if (count === 0) return false
  await writeClients(tx, server)
  return true
}

/** Takes the lock of a resource server's row, which orders its changes, and reads it. */
export async function lockResourceServer(tx: Transaction, identifier: string): Promise<ResourceServer | undefined> {
  await tx.$queryRaw`SELECT 1 FROM resource_servers WHERE identifier = ${identifier} FOR UPDATE`
  const row = await tx.resourceServer.findUnique({ where: { identifier }, include: WITH_CLIENTS })
  return row === null ? undefined : resourceServerOf(row)
}

export async function updateResourceServer(tx: Transaction, server: ResourceServer): Promise<void> {
  await tx.resourceServer.update({
    where: { identifier: server.identifier },
    data: columns(server),
    select: { identifier: true },
  })
  await tx.$executeRaw`UPDATE resource_servers SET updated_at = latchkey_now() WHERE identifier = ${server.identifier}`
  await tx.resourceServerClient.deleteMany({ where: { identifier: server.identifier } })
  await writeClients(tx, server)
}

export async function deleteResourceServer(tx: Transaction, identifier: string): Promise<void> {
  await tx.resourceServer.delete({ where: { identifier }, select: { identifier: true } })
}

async function writeClients(tx: Transaction, { identifier, clientIds }: ResourceServer): Promise<void> {
  if (clientIds.length > 0)
    await tx.resourceServerClient.createMany({ data: clientIds.map((clientId) => ({ identifier, clientId })) })
}

function columns(server: ResourceServer) {
  return {
    name: server.name ?? null,
    scopes: [...server.scopes],
    scopeDescriptions: { ...server.scopeDescriptions },
    accessTokenFormat: server.accessTokenFormat,
    accessTokenTtl: server.accessTokenTtl,
    isDefault: server.isDefault,
    managedBy: server.managedBy ?? null,
  }
}

/**
 * Takes the locks of clients that shall act for a resource server, so that they stay; says which are there. To be asked before what
 * raises the registry's version is written: whoever changes a client takes the locks in that order.
 */
export async function lockActingClients(tx: Transaction, clientIds: readonly string[]): Promise<string[]> {
  if (clientIds.length === 0) return []
  const rows = await tx.$queryRaw<{ id: string }[]>`
    SELECT id FROM clients WHERE id = ANY(${[...clientIds]}::text[]) AND status <> 'deleted'
      AND managed_by IS DISTINCT FROM 'latchkey' ORDER BY id FOR KEY SHARE`
  return rows.map(({ id }) => id)
}

/** One change of what is the default at a time: two at once would each not see the other. */
export async function lockDefaults(tx: Transaction): Promise<void> {
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(${DEFAULTS_LOCK})`
}

/** A number that no other part of the program uses for its advisory lock. */
const DEFAULTS_LOCK = 0x6c6b_0020

/** What is read of a row. */
export function resourceServerOf(row: Prisma.ResourceServerGetPayload<{ include: typeof WITH_CLIENTS }>): ResourceServer {
  const { identifier, scopes, accessTokenTtl, isDefault, name, managedBy } = row
  const scopeDescriptions = descriptionsOf(row.scopeDescriptions)
  return {
    identifier,
    scopes,
    accessTokenTtl,
    isDefault,
    accessTokenFormat: row.accessTokenFormat === 'opaque' ? 'opaque' : 'jwt',
    clientIds: row.clients.map((client) => client.clientId),
    ...(Object.keys(scopeDescriptions).length === 0 ? {} : { scopeDescriptions }),
    ...(name === null ? {} : { name }),
    ...(managedBy === null ? {} : { managedBy }),
  }
}

/** The texts of a stored row. */
export function descriptionsOf(stored: unknown): ScopeDescriptions {
  if (typeof stored !== 'object' || stored === null) return {}
  return Object.fromEntries(Object.entries(stored).filter(([, text]) => typeof text === 'string'))
}
