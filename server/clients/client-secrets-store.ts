// The statement by which a text is known for a secret of an app, without anybody keeping the secret: by its digest.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'
import { clientSecretDigest } from './client-secrets.ts'

/** Whether some client has it for a secret: one that is good, one whose time is over, or one that somebody else has had. */
export async function isClientSecret(db: Database, text: string): Promise<boolean> {
  const digest = clientSecretDigest(text)
  const [row] = await db.$queryRaw<{ known: boolean }[]>(Prisma.sql`
    SELECT EXISTS (SELECT FROM client_secrets WHERE digest = ${digest})
      OR EXISTS (SELECT FROM compromised_client_secrets WHERE digest = ${digest}) AS known`)
  return row?.known === true
}
