// Notifications that wait to be delivered, by whichever process claims them first. A claim is a lease: of a process that dies in
// the middle nobody knows whether the client has heard, and then it is told once more rather than never.
import { Prisma } from '../../prisma/client/client.ts'
import { changeWithAudit } from '../audit/audit.ts'
import { gather } from '../storage/gathering.ts'
import type { Database } from '../storage/postgres.ts'

/** A notification that this process may deliver now. */
export interface ClaimedNotification {
  readonly id: string
  readonly sessionId: string
  readonly clientId: string
  readonly accountId: string
  readonly sid: string
  readonly attempts: number
  /** It has been tried for long enough: this is the last time. */
  readonly last: boolean
  /** Where the client listens now; null when it no longer does. */
  readonly uri: string | null
  /** The algorithm that the client has its ID tokens signed with. */
  readonly algorithm: string
  /** PostgreSQL's time of the claim, in seconds since the epoch. */
  readonly now: number
}

/** How many may be claimed. */
export interface FreePlaces {
  readonly places: number
  /** Of one client, unless it is among `clients`. */
  readonly perClient: number
  /** Clients that have places already, or that did not take what was brought to them lately. */
  readonly clients: readonly { readonly clientId: string; readonly places: number; readonly doubtful: boolean }[]
  /** How many of the places doubtful clients may have, all together. */
  readonly doubtful: number
}

/** What became of an attempt. */
export interface Attempt {
  readonly claimed: ClaimedNotification
  readonly state: 'delivered' | 'retrying'
  /** Until the next attempt. */
  readonly waitSeconds?: number
  /** Of HTTP; undefined when there was no answer. */
  readonly status: number | undefined
  readonly error?: string
}

/** The outbox of one database. */
export interface LogoutOutbox {
  /** Takes notifications whose turn it is; no other process gets them before the lease is over. */
  claim(free: FreePlaces): Promise<readonly ClaimedNotification[]>
  /** Notes an attempt; somebody else's claim, after this one's lease, is left alone. */
  note(attempt: Attempt): Promise<void>
  /** It will not be tried again, which is recorded in the audit log. */
  giveUp(claimed: ClaimedNotification, told: { readonly status: number | undefined; readonly error: string }): Promise<void>
}

/** Longer than an exchange with a client may take (client-endpoint.ts), with time to note what came of it. */
export const LEASE_SECONDS = 15

/** Makes it. */
export function createLogoutOutbox({ db }: { readonly db: Database }): LogoutOutbox {
  // Outcomes that come at once are written at once, and take one of the connections that requests need.
  const note = gather((attempts: readonly Attempt[]) => writeAttempts(db, attempts), { statements: 1 })
  return {
    claim: (free) => claimDue(db, free),
    note,
    async giveUp(claimed, { status, error }) {
      const { id, attempts, clientId, accountId, sessionId } = claimed
      const change = Prisma.sql`
        UPDATE logout_notifications SET state = 'failed', next_attempt_at = NULL, finished_at = latchkey_now(),
          last_status = ${status ?? null}::int, last_error = ${error}
        WHERE id = ${id} AND attempts = ${attempts} AND finished_at IS NULL RETURNING id`
      const detail = { notification: id, attempts }
      const about = { name: 'logout_notification.failed', actor: 'system', accountId, clientId, sessionId }
      await changeWithAudit(db, change, { ...about, reason: error, detail })
    },
  }
}

/**
 * Goes from client to client, of those for which something waits, and takes of each what has waited longest: however much waits
 * for one that does not answer, it stands in nobody's way.
 */
async function claimDue(db: Database, free: FreePlaces): Promise<readonly ClaimedNotification[]> {
  const clients = free.clients.map(({ clientId }) => clientId)
  const places = free.clients.map((client) => client.places)
  const doubts = free.clients.map(({ doubtful }) => doubtful)
  const after = (clientId: Prisma.Sql) => Prisma.sql`(
    SELECT client_id FROM logout_notifications WHERE next_attempt_at IS NOT NULL AND client_id > ${clientId}
    ORDER BY client_id LIMIT 1)`
  return db.$queryRaw<ClaimedNotification[]>(Prisma.sql`
    WITH RECURSIVE waiting (client_id) AS (
      SELECT ${after(Prisma.sql`''`)}
      UNION ALL
      SELECT ${after(Prisma.sql`waiting.client_id`)} FROM waiting WHERE waiting.client_id IS NOT NULL
    ), free AS (
      SELECT waiting.client_id, COALESCE(known.places, ${free.perClient}::int) AS places,
        COALESCE(known.doubtful, false) AS doubtful
      FROM waiting
      LEFT JOIN unnest(${clients}::text[], ${places}::int[], ${doubts}::boolean[]) AS known (client_id, places, doubtful)
        ON known.client_id = waiting.client_id
      WHERE waiting.client_id IS NOT NULL
    ), due AS MATERIALIZED (
      SELECT turn.id, free.doubtful,
        row_number() OVER (PARTITION BY free.doubtful ORDER BY turn.next_attempt_at, turn.id) AS place
      FROM free CROSS JOIN LATERAL (
        SELECT id, next_attempt_at FROM logout_notifications
        WHERE client_id = free.client_id AND next_attempt_at <= latchkey_now()
        ORDER BY next_attempt_at LIMIT free.places FOR UPDATE SKIP LOCKED
      ) AS turn
    ), taken AS MATERIALIZED (
      SELECT id FROM due WHERE NOT doubtful OR place <= ${free.doubtful}
      ORDER BY doubtful, place LIMIT ${free.places}
    )
    UPDATE logout_notifications AS n
    SET attempts = n.attempts + 1, last_attempt_at = latchkey_now(),
      next_attempt_at = latchkey_now() + make_interval(secs => ${LEASE_SECONDS})
    FROM taken
    WHERE n.id = taken.id
    RETURNING n.id, n.session_id AS "sessionId", n.client_id AS "clientId", n.account_id AS "accountId", n.sid, n.attempts,
      n.give_up_at <= latchkey_now() AS last, FLOOR(EXTRACT(EPOCH FROM latchkey_now()))::float8 AS now,
      (SELECT c.metadata->>'backchannel_logout_uri' FROM clients c WHERE c.id = n.client_id) AS uri,
      COALESCE((SELECT c.metadata->>'id_token_signed_response_alg' FROM clients c WHERE c.id = n.client_id), 'RS256') AS algorithm`)
}

async function writeAttempts(db: Database, attempts: readonly Attempt[]): Promise<readonly undefined[]> {
  const column = <Value>(of: (attempt: Attempt) => Value | undefined) => attempts.map((attempt) => of(attempt) ?? null)
  await db.$executeRaw(Prisma.sql`
    UPDATE logout_notifications AS n
    SET state = told.state, last_status = told.status, last_error = told.error,
      next_attempt_at = latchkey_now() + make_interval(secs => told.wait),
      finished_at = CASE WHEN told.wait IS NULL THEN latchkey_now() END
    FROM unnest(${column(({ claimed }) => claimed.id)}::text[], ${column(({ claimed }) => claimed.attempts)}::int[],
      ${column(({ state }) => state)}::text[], ${column(({ waitSeconds }) => waitSeconds)}::float8[],
      ${column(({ status }) => status)}::int[], ${column(({ error }) => error)}::text[])
      AS told (id, attempts, state, wait, status, error)
    WHERE n.id = told.id AND n.attempts = told.attempts AND n.finished_at IS NULL`)
  return attempts.map(() => undefined)
}
