// The statements about secrets that somebody else has had: they are never good again for their client, whoever brings them. A provision
// file or a backup may still have them.
import { Prisma } from '../../prisma/client/client.ts'
import type { Transaction } from '../storage/postgres.ts'

/** Remembers the secrets that a client has as compromised. */
export async function rememberCompromised(tx: Transaction, clientId: string): Promise<void> {
  await tx.$executeRaw(Prisma.sql`
    INSERT INTO compromised_client_secrets (client_id, digest)
    SELECT client_id, digest FROM client_secrets WHERE client_id = ${clientId} ON CONFLICT DO NOTHING`)
}

export async function isCompromised(tx: Transaction, clientId: string, digest: Uint8Array): Promise<boolean> {
  const found = await tx.compromisedClientSecret.count({ where: { clientId, digest: Uint8Array.from(digest) } })
  return found > 0
}

/** Of all clients. There are few: each was an emergency. */
export function selectCompromised(tx: Transaction): Promise<{ readonly clientId: string; readonly digest: Uint8Array }[]> {
  return tx.compromisedClientSecret.findMany({ select: { clientId: true, digest: true } })
}
