// The clients of the installation, as administrators look for them: a page at a time, however many there are. The server's own client
// is not among them.
import { Prisma } from '../../prisma/client/client.ts'
import { versionOf } from '../audit/versions.ts'
import type { Database } from '../storage/postgres.ts'
import { IS_LISTED } from '../tokens/standing.ts'
import { type ClientKind, kindOf } from './client-kinds.ts'
import { storedClientMetadata } from './client-metadata.ts'
import { type ClientMetadata, isClientId } from './client-metadata-members.ts'
import type { Client } from './clients-store.ts'
import { CLIENTS_WITH_DUE_SECRETS } from './secret-ages.ts'

/** A client in a list. */
export interface ClientItem {
  readonly id: string
  readonly name?: string
  readonly kind: ClientKind
  readonly status: 'active' | 'suspended'
  /** `provision` or `demo`, when a file or the program made it. */
  readonly managedBy?: string
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** A client with all that is known of it, but for what its secrets are. */
export interface ClientDetail extends ClientItem {
  readonly metadata: ClientMetadata
  readonly secrets: readonly ClientSecretItem[]
  /** The APIs that it acts for. */
  readonly actsFor: readonly string[]
  /** Of all that can be changed. */
  readonly version: string
  /** When it gets tokens again, if it is not suspended; undefined: it gets them now. */
  readonly tokensFrom?: TokensFrom
}

/** What ended its tokens covers a little more than there were, so that no process makes one that it has not heard of. */
export interface TokensFrom {
  readonly at: Date
  readonly inSeconds: number
}

/** That a client has a secret. */
export interface ClientSecretItem {
  /** `sec_…` */
  readonly id: string
  readonly createdAt: Date
  readonly expiresAt?: Date
  /** It is past its end. */
  readonly expired: boolean
}

/** Which clients are wanted. */
export interface ClientFilter {
  /** The beginning of the client_id, or of the name; upper and lower case are the same. */
  readonly beginning?: string
  readonly kind?: ClientKind
  readonly status?: 'active' | 'suspended'
  /** `none`: registered by hand. */
  readonly managedBy?: 'provision' | 'demo' | 'none'
  /** Their secret should be replaced, since it is old (secret-ages.ts). */
  readonly secretDue?: true
}

/** Looks for clients. */
export interface ClientSearch {
  /** By client_id. `after` is the last one of the page before. */
  page(query: { readonly filter: ClientFilter; readonly limit: number; readonly after?: string }): Promise<ClientItem[]>
  find(id: string): Promise<ClientDetail | undefined>
}

/** Makes it. */
export function createClientSearch({ db }: { readonly db: Database }): ClientSearch {
  return {
    async page({ filter, limit, after }) {
      // What PostgreSQL would refuse begins no name.
      if (filter.beginning?.includes('\0') === true) return []
      const beyond = after === undefined ? Prisma.sql`true` : Prisma.sql`c.id > ${after}`
      const rows = await db.$queryRaw<ItemRow[]>(Prisma.sql`
        SELECT c.id, c.metadata->>'client_name' AS name, latchkey_client_kind(c.metadata) AS kind, c.status,
          c.managed_by AS "managedBy", c.created_at AS "createdAt", c.updated_at AS "updatedAt"
        FROM clients c
        WHERE ${IS_LISTED} AND ${conditionOf(filter)} AND ${beyond} ORDER BY c.id LIMIT ${limit}`)
      return rows.map(({ name, managedBy, ...row }) => ({
        ...row,
        ...(name === null ? {} : { name }),
        ...(managedBy === null ? {} : { managedBy }),
      }))
    },
    find: (id) => findDetail(db, id),
  }
}

/** The version of what can be changed of a client: whoever has seen it knows what they change. */
export function versionOfClient({ metadata, status, managedBy, secrets }: Omit<Client, 'id'>): string {
  return versionOf({ metadata, status, managedBy, secrets: secrets.map(({ id, expiresAt }) => [id, expiresAt ?? null]) })
}

interface ItemRow {
  readonly id: string
  readonly name: string | null
  readonly kind: ClientKind
  readonly status: 'active' | 'suspended'
  readonly managedBy: string | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

async function findDetail(db: Database, id: string): Promise<ClientDetail | undefined> {
  if (!isClientId(id)) return undefined
  const row = await db.client.findUnique({
    where: { id, status: { not: 'deleted' } },
    include: { secrets: { orderBy: [{ createdAt: 'asc' }, { id: 'asc' }] }, resourceServers: true },
  })
  if (row === null || row.managedBy === 'latchkey') return undefined
  const good = await db.$queryRaw<{ id: string }[]>(Prisma.sql`
    SELECT id FROM client_secrets WHERE client_id = ${id} AND (expires_at IS NULL OR expires_at > latchkey_now())`)
  const tokensFrom = await selectTokensFrom(db, id)
  const metadata = storedClientMetadata(id, row.metadata)
  const status = row.status === 'active' ? 'active' : 'suspended'
  const known = { ...(row.managedBy === null ? {} : { managedBy: row.managedBy }) }
  const stored = row.secrets.map(({ id: secretId, digest, expiresAt }) => ({
    id: secretId,
    digest,
    expiresAt: expiresAt?.getTime(),
  }))
  return {
    id,
    ...(metadata.client_name === undefined ? {} : { name: metadata.client_name }),
    kind: kindOf(metadata),
    status,
    ...known,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    metadata,
    secrets: row.secrets.map(({ id: secretId, createdAt, expiresAt }) => ({
      id: secretId,
      createdAt,
      ...(expiresAt === null ? {} : { expiresAt }),
      expired: !good.some((one) => one.id === secretId),
    })),
    actsFor: row.resourceServers.map(({ identifier }) => identifier).toSorted(),
    version: versionOfClient({ metadata, status, ...known, secrets: stored }),
    ...(tokensFrom === undefined ? {} : { tokensFrom }),
  }
}

/** As tokens are made (tokens/minting.ts): until the second that the last entry names is over. */
async function selectTokensFrom(db: Database, id: string): Promise<TokensFrom | undefined> {
  const [row] = await db.$queryRaw<TokensFrom[]>(Prisma.sql`
    SELECT at, CEIL(EXTRACT(EPOCH FROM at - latchkey_now()))::int AS "inSeconds" FROM (
      SELECT max(before) + interval '1 second' AS at FROM revocations
      WHERE kind = 'client_id' AND value = ${id} AND before IS NOT NULL) latest
    WHERE at > latchkey_now()`)
  return row
}

function conditionOf({ beginning, kind, status, managedBy, secretDue }: ClientFilter): Prisma.Sql {
  const conditions = [Prisma.sql`true`]
  if (beginning !== undefined) {
    const pattern = `${beginning.replace(/[\\%_]/g, '\\$&')}%`
    conditions.push(Prisma.sql`(lower(c.id) LIKE lower(${pattern}) OR lower(c.metadata->>'client_name') LIKE lower(${pattern}))`)
  }
  if (kind !== undefined) conditions.push(Prisma.sql`latchkey_client_kind(c.metadata) = ${kind}`)
  if (status !== undefined)
    conditions.push(status === 'active' ? Prisma.sql`c.status = 'active'` : Prisma.sql`c.status = 'suspended'`)
  if (managedBy !== undefined)
    conditions.push(managedBy === 'none' ? Prisma.sql`c.managed_by IS NULL` : Prisma.sql`c.managed_by = ${managedBy}`)
  if (secretDue === true) conditions.push(Prisma.sql`c.id IN (${CLIENTS_WITH_DUE_SECRETS})`)
  return Prisma.join(conditions, ' AND ')
}
