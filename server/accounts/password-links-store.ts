// The statements about one-time links by which people set a password.
import type { Database, Transaction } from '../storage/postgres.ts'

type Digest = Uint8Array<ArrayBuffer>

/** Puts a link in the place of the one that the account had; when it expires. The account's row is locked. */
export async function putPasswordLink(
  tx: Transaction,
  {
    digest,
    accountId,
    mailed,
    lifeSeconds,
  }: { readonly digest: Digest; readonly accountId: string; readonly mailed: boolean; readonly lifeSeconds: number },
): Promise<Date> {
  const rows = await tx.$queryRaw<{ expiresAt: Date }[]>`
    INSERT INTO password_links (digest, account_id, mailed, expires_at)
    VALUES (${digest}, ${accountId}, ${mailed}, latchkey_now() + make_interval(secs => ${lifeSeconds}))
    ON CONFLICT (account_id) DO UPDATE SET digest = EXCLUDED.digest, mailed = EXCLUDED.mailed, created_at = latchkey_now(),
      expires_at = EXCLUDED.expires_at
    RETURNING expires_at AS "expiresAt"`
  const [link] = rows
  if (link === undefined) throw new Error('a password link that was just written is not there')
  return link.expiresAt
}

/** Until when the link of an account can be used; undefined when it has none. */
export async function passwordLinkUntil(tx: Transaction, accountId: string): Promise<Date | undefined> {
  const rows = await tx.$queryRaw<{ expiresAt: Date }[]>`
    SELECT expires_at AS "expiresAt" FROM password_links WHERE account_id = ${accountId} AND expires_at > latchkey_now()`
  return rows[0]?.expiresAt
}

/** Whose link it is, while it can be used. */
export async function selectPasswordLink(db: Database, digest: Digest): Promise<{ readonly accountId: string } | undefined> {
  const rows = await db.$queryRaw<{ accountId: string }[]>`
    SELECT a.id AS "accountId" FROM password_links l JOIN accounts a ON a.id = l.account_id AND a.status = 'active'
    WHERE l.digest = ${digest} AND l.expires_at > latchkey_now()`
  return rows[0]
}

/** Uses a link up: of any number at once, one is told that it was good. The account's row is locked. */
export async function takePasswordLink(
  tx: Transaction,
  digest: Digest,
  accountId: string,
): Promise<{ readonly mailed: boolean } | undefined> {
  const rows = await tx.$queryRaw<{ mailed: boolean }[]>`
    DELETE FROM password_links WHERE digest = ${digest} AND account_id = ${accountId} AND expires_at > latchkey_now()
    RETURNING mailed`
  return rows[0]
}

/** The account's link is good for nothing any more. */
export async function voidPasswordLink(tx: Transaction, accountId: string): Promise<void> {
  await tx.passwordLink.deleteMany({ where: { accountId } })
}
