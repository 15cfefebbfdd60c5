// The statements about clients and their secrets. A client that was deleted leaves a row without contents (docs/decisions/0015),
// which nothing here finds.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database, Transaction } from '../storage/postgres.ts'
import { offlineSince } from '../tokens/standing.ts'
import { storedClientMetadata } from './client-metadata.ts'
import type { ClientMetadata } from './client-metadata-members.ts'
import type { StoredSecret } from './client-secrets.ts'

/** An application that is registered. */
export interface Client {
  readonly id: string
  readonly metadata: ClientMetadata
  readonly status: 'active' | 'suspended'
  /** `provision`, `demo` or `latchkey` (the server's own), when a file or the program made it. */
  readonly managedBy?: string
  readonly secrets: readonly StoredSecret[]
}

type Connection = Database | Transaction

const WITH_SECRETS = { secrets: { orderBy: [{ createdAt: 'asc' }, { id: 'asc' }] } } satisfies Prisma.ClientInclude

export async function selectClient(db: Connection, id: string): Promise<Client | undefined> {
  const row = await db.client.findUnique({ where: { id, status: { not: 'deleted' } }, include: WITH_SECRETS })
  return row === null ? undefined : clientOf(row)
}

export async function selectClients(db: Connection): Promise<Client[]> {
  const rows = await db.client.findMany({
    where: { status: { not: 'deleted' } },
    include: WITH_SECRETS,
    orderBy: { id: 'asc' },
  })
  return rows.map(clientOf)
}

/**
 * False when the client_id is taken: the primary key decides, so of two at once one is made. What a deleted client of the same
 * client_id had been given stays void.
 */
export async function insertClient(
  tx: Transaction,
  client: { metadata: ClientMetadata; managedBy: string | null },
): Promise<boolean> {
  const inserted = await tx.$executeRaw`
    INSERT INTO clients AS known (id, metadata, managed_by)
    VALUES (${client.metadata.client_id}, ${JSON.stringify(client.metadata)}::jsonb, ${client.managedBy}::text)
    ON CONFLICT (id) DO UPDATE SET metadata = EXCLUDED.metadata, managed_by = EXCLUDED.managed_by, status = 'active',
      created_at = latchkey_now(), updated_at = latchkey_now(), void_until = latchkey_now(), void_rows = true
    WHERE known.status = 'deleted'`
  return inserted === 1
}

/** Takes the lock of a client's row, which orders changes of the client, and reads it. */
export async function lockClient(tx: Transaction, id: string): Promise<Client | undefined> {
  await tx.$queryRaw`SELECT 1 FROM clients WHERE id = ${id} FOR NO KEY UPDATE`
  return selectClient(tx, id)
}

export async function updateClient(
  tx: Transaction,
  client: { metadata: ClientMetadata; managedBy: string | null },
): Promise<void> {
  const metadata = Prisma.sql`${JSON.stringify(client.metadata)}::jsonb`
  await tx.$executeRaw(Prisma.sql`
    UPDATE clients SET metadata = ${metadata}, managed_by = ${client.managedBy}, offline_since = ${offlineSince(metadata)},
      updated_at = latchkey_now()
    WHERE id = ${client.metadata.client_id}`)
}

/** Gives the client a status. All that it has been given is void, and the rows of that are left to be ended. */
export async function voidClient(tx: Transaction, id: string, status: 'active' | 'suspended' | 'deleted'): Promise<void> {
  await tx.$executeRaw`
    UPDATE clients SET status = ${status}, void_until = latchkey_now(), void_rows = true, updated_at = latchkey_now()
    WHERE id = ${id}`
}

/** Takes from a deleted client what it was. */
export async function emptyClient(tx: Transaction, id: string): Promise<void> {
  await tx.clientSecret.deleteMany({ where: { clientId: id } })
  await tx.resourceServerClient.deleteMany({ where: { clientId: id } })
  await tx.$executeRaw`UPDATE clients SET metadata = '{}'::jsonb, managed_by = NULL WHERE id = ${id}`
}

export async function insertSecret(
  tx: Transaction,
  secret: { id: string; clientId: string; digest: Uint8Array; expiresAt: Date | null },
): Promise<void> {
  const { id, clientId, expiresAt } = secret
  await tx.clientSecret.create({
    data: { id, clientId, digest: Uint8Array.from(secret.digest), expiresAt },
    select: { id: true },
  })
}

/** A secret ends at `end` at the latest. */
export async function boundSecrets(tx: Transaction, clientId: string, end: Date): Promise<void> {
  await tx.clientSecret.updateMany({
    where: { clientId, OR: [{ expiresAt: null }, { expiresAt: { gt: end } }] },
    data: { expiresAt: end },
  })
}

export async function deleteSecrets(tx: Transaction, ids: readonly string[]): Promise<void> {
  await tx.clientSecret.deleteMany({ where: { id: { in: [...ids] } } })
}

/** The clients that may ask for one of these scopes. */
export async function selectClientIdsByScope(tx: Connection, scopes: readonly string[]): Promise<string[]> {
  const rows = await tx.$queryRaw<{ id: string }[]>`
    SELECT id FROM clients WHERE status <> 'deleted' AND string_to_array(metadata->>'scope', ' ') && ${[...scopes]}::text[] ORDER BY id`
  return rows.map((row) => row.id)
}

function clientOf(row: Prisma.ClientGetPayload<{ include: typeof WITH_SECRETS }>): Client {
  return {
    id: row.id,
    metadata: storedClientMetadata(row.id, row.metadata),
    // A status that is not known must not let a client in.
    status: row.status === 'active' ? 'active' : 'suspended',
    ...(row.managedBy === null ? {} : { managedBy: row.managedBy }),
    secrets: row.secrets.map(({ id, digest, expiresAt }) => ({ id, digest, expiresAt: expiresAt?.getTime() })),
  }
}
