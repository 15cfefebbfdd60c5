// The resource servers, as administrators look for them.
import { hash } from 'node:crypto'
import { Prisma } from '../../prisma/client/client.ts'
import { versionOf } from '../audit/versions.ts'
import type { Database } from '../storage/postgres.ts'
import { type ResourceServer, resourceServerOf, WITH_CLIENTS } from './resource-servers-store.ts'

/** A resource server with what is known of it besides. */
export interface ResourceServerItem extends ResourceServer {
  /** `rs_…`, for addresses: an identifier is a URI itself. It is made of the identifier, and so does not change. */
  readonly id: string
  readonly createdAt: Date
  readonly updatedAt: Date
  /** Of all that can be changed. */
  readonly version: string
}

/** Looks for them. */
export interface ResourceServerSearch {
  /** By identifier. `after` is the identifier of the last one of the page before. */
  page(query: { readonly beginning?: string; readonly limit: number; readonly after?: string }): Promise<ResourceServerItem[]>
  /** By the id, or by the identifier. */
  find(name: string): Promise<ResourceServerItem | undefined>
  /** The clients that may ask for one of some scopes, whose access tokens end with these; counted no further than a bound. */
  clientsWith(scopes: readonly string[]): Promise<{ readonly clientIds: readonly string[]; readonly more: boolean }>
}

/** As many are named. */
const MOST_NAMED = 100

/** Makes it. */
export function createResourceServerSearch({ db }: { readonly db: Database }): ResourceServerSearch {
  return {
    async page({ beginning, limit, after }) {
      if (beginning !== undefined && !isPlain(beginning)) return []
      const pattern = beginning === undefined ? undefined : `${beginning.replace(/[\\%_]/g, '\\$&')}%`
      const found = await db.$queryRaw<{ identifier: string }[]>(Prisma.sql`
        SELECT identifier FROM resource_servers
        WHERE ${pattern === undefined ? Prisma.sql`true` : Prisma.sql`(lower(identifier) LIKE lower(${pattern}) OR lower(name) LIKE lower(${pattern}))`}
          AND ${after === undefined ? Prisma.sql`true` : Prisma.sql`identifier > ${after}`}
        ORDER BY identifier LIMIT ${limit}`)
      const identifiers = found.map(({ identifier }) => identifier)
      const rows = await db.resourceServer.findMany({ where: { identifier: { in: identifiers } }, include: WITH_CLIENTS })
      return rows.map(itemOf).sort((one, other) => identifiers.indexOf(one.identifier) - identifiers.indexOf(other.identifier))
    },

    async find(name) {
      if (!isPlain(name)) return undefined
      const identifier = name.startsWith('rs_') ? await identifierOf(db, name) : name
      if (identifier === undefined) return undefined
      const row = await db.resourceServer.findUnique({ where: { identifier }, include: WITH_CLIENTS })
      return row === null ? undefined : itemOf(row)
    },

    async clientsWith(scopes) {
      const rows = await db.$queryRaw<{ id: string }[]>(Prisma.sql`
        SELECT id FROM clients
        WHERE status <> 'deleted' AND string_to_array(metadata->>'scope', ' ') && ${[...scopes]}::text[]
        ORDER BY id LIMIT ${MOST_NAMED + 1}`)
      return { clientIds: rows.slice(0, MOST_NAMED).map(({ id }) => id), more: rows.length > MOST_NAMED }
    },
  }
}

/** The version of what can be changed of a resource server. */
export function versionOfResourceServer({ clientIds, ...server }: ResourceServer): string {
  const { identifier, name, scopes, scopeDescriptions, accessTokenFormat, accessTokenTtl, isDefault, managedBy } = server
  const shown = { identifier, name, scopes, scopeDescriptions, accessTokenFormat, accessTokenTtl, isDefault, managedBy }
  return versionOf({ ...shown, clientIds: clientIds.toSorted() })
}

/** `rs_…` */
export function resourceServerId(identifier: string): string {
  return `rs_${hash('sha256', identifier, 'base64url').slice(0, 22)}`
}

/** There are few: each process keeps all of them in memory. */
async function identifierOf(db: Database, id: string): Promise<string | undefined> {
  const all = await db.resourceServer.findMany({ select: { identifier: true } })
  return all.find(({ identifier }) => resourceServerId(identifier) === id)?.identifier
}

function itemOf(row: Prisma.ResourceServerGetPayload<{ include: typeof WITH_CLIENTS }>): ResourceServerItem {
  const server = resourceServerOf(row)
  const { createdAt, updatedAt } = row
  return { ...server, id: resourceServerId(server.identifier), createdAt, updatedAt, version: versionOfResourceServer(server) }
}

/** What PostgreSQL would refuse is not there. */
function isPlain(name: string): boolean {
  return name.isWellFormed() && !name.includes('\0')
}
