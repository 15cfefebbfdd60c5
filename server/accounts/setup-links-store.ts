// The statements about setup links.
import type { Database, Transaction } from '../storage/postgres.ts'

type Digest = Uint8Array<ArrayBuffer>

/** Waits for its turn: links are made and used one at a time, so that of two at once only one makes an owner. */
export async function lockSetup(tx: Transaction): Promise<void> {
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended('latchkey setup', 0))`
}

/** Writes a link; when it expires. Those before it stay good: another process may have printed one just now. */
export async function insertSetupLink(tx: Transaction, digest: Digest, lifetimeSeconds: number): Promise<Date> {
  await tx.$executeRaw`DELETE FROM setup_links WHERE expires_at <= latchkey_now()`
  const rows = await tx.$queryRaw<{ expiresAt: Date }[]>`
    INSERT INTO setup_links (digest, expires_at)
    VALUES (${digest}, latchkey_now() + make_interval(secs => ${lifetimeSeconds})) RETURNING expires_at AS "expiresAt"`
  const [link] = rows
  if (link === undefined) throw new Error('a setup link that was just written is not there')
  return link.expiresAt
}

/** Whether a link can be used: it exists, has not been used, and its time has not passed. */
export async function isLiveSetupLink(db: Database | Transaction, digest: Digest): Promise<boolean> {
  const rows = await db.$queryRaw<unknown[]>`
    SELECT 1 FROM setup_links WHERE digest = ${digest} AND used_at IS NULL AND expires_at > latchkey_now()`
  return rows.length === 1
}

/** Marks a link as used; the others are good for nothing any more. */
export async function useSetupLink(tx: Transaction, digest: Digest): Promise<void> {
  await tx.$executeRaw`DELETE FROM setup_links WHERE used_at IS NULL AND digest <> ${digest}`
  await tx.$executeRaw`UPDATE setup_links SET used_at = latchkey_now() WHERE digest = ${digest}`
}
