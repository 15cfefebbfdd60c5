// Writes down which clients are to be told that a session is over for them, in the transaction that ends it or their grant in it:
// so that neither is there without the other, whoever dies in between.
import { Prisma } from '../../prisma/client/client.ts'
import { TRIED_FOR_SECONDS } from '../outbox/outbox.ts'
import type { Transaction } from '../storage/postgres.ts'

/** What is over: some sessions, all that their accounts have, or grants in sessions that go on. */
type Over = 'sessions' | 'accounts' | 'grants'

/**
 * For sessions that the transaction has ended already: a client that came into one of them at the last moment is seen then.
 * @param over `accounts`: they are all that their accounts had. A client that does not ask for the session is told of each account once
 * @returns how many logout tokens will be sent
 */
export async function notifyClients(
  tx: Transaction,
  sessionIds: readonly string[],
  { cause, over }: { readonly cause: string; readonly over: 'sessions' | 'accounts' },
): Promise<number> {
  if (sessionIds.length === 0) return 0
  const ended = Prisma.sql`(SELECT id, account_id, ended_at FROM sessions WHERE id = ANY(${[...sessionIds]}::text[]))`
  return tx.$executeRaw(insertFrom(ended, cause, over))
}

/**
 * For grants that the transaction has ended while their session goes on: what the client keeps of the person who signed in rests
 * on the grant. A session that is over has been told of already.
 * @returns how many will be told
 */
export async function notifyClientsOfGrants(tx: Transaction, grantIds: readonly string[], cause: string): Promise<number> {
  if (grantIds.length === 0) return 0
  const ended = Prisma.sql`(
    SELECT s.id, s.account_id, s.ended_at, g.client_id, g.id AS grant_id
    FROM grants g JOIN sessions s ON s.id = g.session_id AND s.ended_at IS NULL AND s.closed_at IS NULL
    WHERE g.id = ANY(${[...grantIds]}::text[]))`
  return tx.$executeRaw(insertFrom(ended, cause, 'grants'))
}

/**
 * Ends all sessions of their accounts and writes down who is to be told, in one statement however many there are.
 * @param end a statement that ends them and returns `id`, `account_id` and `ended_at`. The caller holds a lock on the table: a client that
 * came into a session while this waits for it would not be seen
 */
export async function endAndNotifyClients(
  tx: Transaction,
  end: Prisma.Sql,
  cause: string,
): Promise<{ readonly sessions: number; readonly notifications: number }> {
  const rows = await tx.$queryRaw<{ sessions: number; notifications: number }[]>(Prisma.sql`
    WITH ended AS (${end}), told AS (${insertFrom(Prisma.sql`ended`, cause, 'accounts')} RETURNING 1)
    SELECT (SELECT count(*) FROM ended)::int AS sessions, (SELECT count(*) FROM told)::int AS notifications`)
  return rows[0] ?? { sessions: 0, notifications: 0 }
}

/**
 * Whether a client does not need to know which session it is (Back-Channel Logout 1.0 §2.2): it is told by one token that all sessions
 * of an account have ended. `metadata` is a column.
 */
export function isToldOnce(metadata: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`(${metadata}->'backchannel_logout_session_required' = 'false'::jsonb) IS TRUE`
}

/** A suspended client is told as well: what it shows to people must not outlive their session. */
function insertFrom(ended: Prisma.Sql, cause: string, over: Over): Prisma.Sql {
  const ofGrant = over === 'grants' ? Prisma.sql`s.grant_id` : Prisma.sql`''`
  const ofClient = over === 'grants' ? Prisma.sql`AND used.client_id = s.client_id` : Prisma.empty
  const whole = over === 'accounts' ? isToldOnce(Prisma.sql`c.metadata`) : Prisma.sql`false`
  return Prisma.sql`
    INSERT INTO logout_notifications (id, session_id, client_id, grant_id, account_id, sid, account_ended_at, cause, give_up_at)
    SELECT 'lgo_' || replace(gen_random_uuid()::text, '-', ''), told.session_id, told.client_id, told.grant_id, told.account_id,
      CASE WHEN told.whole THEN '' ELSE told.sid END, CASE WHEN told.whole THEN told.ended_at END,
      ${cause}, latchkey_now() + make_interval(secs => ${TRIED_FOR_SECONDS})
    FROM (
      SELECT s.id AS session_id, s.account_id, s.ended_at, ${ofGrant} AS grant_id, used.client_id, used.sid, ${whole} AS whole,
        row_number() OVER (PARTITION BY s.account_id, used.client_id ORDER BY s.id) AS of_account
      FROM ${ended} AS s
      JOIN session_clients used ON used.session_id = s.id ${ofClient}
      JOIN clients c ON c.id = used.client_id AND c.metadata->>'backchannel_logout_uri' IS NOT NULL
    ) told
    WHERE NOT told.whole OR told.of_account = 1
    ON CONFLICT (session_id, client_id, grant_id) DO NOTHING`
}
