// Sign-in sessions as PostgreSQL records them: who, where from, which apps, until when. Their live state is in Redis (the
// provider's session adapter keeps it); a session whose record has ended is dead whatever Redis says.
import { Prisma } from '../../prisma/client/client.ts'
import { type AuditEvent, auditRow, type Origin, recordAudit, recordAudits } from '../audit/audit.ts'
import type { AuditEventName } from '../audit/event-names.ts'
import { LIVE_GRANT, type LiveGrant } from '../grants/grants.ts'
import { gather } from '../storage/gathering.ts'
import type { Database } from '../storage/postgres.ts'
import type { Ended, Endings } from '../tokens/ending.ts'
import { clientStands, GRANT_GIVEN } from '../tokens/standing.ts'
import { SUBJECT, type TokenSubject } from '../tokens/subject.ts'
import { deviceName } from './device-name.ts'
import { endAccount, endOtherSessions, endSession, type SessionEnd } from './session-ends.ts'
import { isStillAfterLastEnd, LAST_END, type SignInUnderWay } from './sign-ins-under-way.ts'

/** A live session, as its owner sees it. */
export interface SessionEntry {
  readonly id: string
  readonly startedAt: Date
  readonly lastUsedAt: Date
  readonly expiresAt: Date
  readonly address?: string
  readonly userAgent?: string
  /** "Chrome on Windows". */
  readonly device: string
  readonly clients: readonly { readonly clientId: string; readonly name: string }[]
}

/** What is written down when someone signs in, or when an app is first used in a session. */
export interface SessionRecord {
  readonly id: string
  readonly accountId: string
  readonly methods: readonly string[]
  readonly lifeSeconds: number
  readonly origin: Origin
  /** Of the sign-in that begins the session, or comes again in it; without one, nothing is written but what adds to a record. */
  readonly afterEnd: string | undefined
  readonly clients: readonly { readonly clientId: string; readonly sid: string; readonly grantId: string | undefined }[]
}

/** A live session with what an authorization in it will ask for. */
export interface LiveSession {
  readonly id: string
  readonly account: TokenSubject
  /** Those that were born in it. */
  readonly grants: readonly LiveGrant[]
  /** PostgreSQL's time of the read, in seconds since the epoch. */
  readonly now: number
}

/** Who asks for an end, and why. */
export interface EndRequest {
  readonly accountId: string
  readonly origin: Origin
  readonly reason?: string
}

/** A sign-out by an app's ID token, in a browser where the session is not: who is signed in there is all that is known of the person. */
export interface ByHint {
  readonly clientId: string
  readonly actor: string | undefined
}

/** The sessions of one database. */
export interface Sessions {
  /** Writes a session's record, or adds to it; false when it has ended, or its sign-in is void. */
  record(session: SessionRecord): Promise<boolean>
  /** Whether a sign-in under way may still open a session; `record` has the last word. */
  mayOpen(signIn: SignInUnderWay): Promise<boolean>
  /** A session that lives by its record, with its account and its grants. */
  findLive(sessionId: string): Promise<LiveSession | undefined>
  /** Notes that a session was used, which puts its end off; written with the next batch. */
  touch(sessionId: string): void
  /** Writes the times of last use that have been noted since the last batch. */
  writeLastUses(): Promise<void>
  list(accountId: string): Promise<SessionEntry[]>
  /** Ends one session of an account; nothing happens to somebody else's. */
  end(request: EndRequest & { readonly sessionId: string }): Promise<Ended>
  endOthers(request: EndRequest & { readonly keepSessionId: string }): Promise<Ended>
  endAll(request: EndRequest): Promise<Ended>
  /** Ends a session because its person signed out, or another one signed in over it. */
  signOut(
    request: EndRequest & { readonly sessionId: string; readonly how: SessionEnd; readonly byHint?: ByHint },
  ): Promise<Ended>
}

/** Sessions that are written in one statement. */
const MOST_USES_AT_ONCE = 1000

/** How often last uses are written. A use is not written again if another process has just done so. */
export const USES_EVERY_SECONDS = 15
const NEWER_USES_SECONDS = 10

/** So long a use may not have been written yet: a session must not be over for that. */
const BATCH_LAG_SECONDS = 2 * USES_EVERY_SECONDS

/** Makes them. `idleSeconds` is how long a session lasts that is not used. */
export function createSessions(deps: {
  readonly db: Database
  readonly endings: Endings
  readonly idleSeconds: number
  /** Whether refresh tokens with `offline_access` outlive a session that was revoked, as they do a sign-out. */
  readonly keepOffline?: boolean
}): Sessions {
  const { db, endings, idleSeconds, keepOffline = false } = deps
  const revoked: SessionEnd = keepOffline ? 'signed_out' : 'revoked'
  const used = new Set<string>()
  return {
    touch: (sessionId) => void used.add(sessionId),

    async writeLastUses() {
      const batch = [...used]
      used.clear()
      for (let at = 0; at < batch.length; at += MOST_USES_AT_ONCE) {
        const some = batch.slice(at, at + MOST_USES_AT_ONCE)
        try {
          for (const passedOver of await writeUses(db, some, idleSeconds)) used.add(passedOver)
        } catch (error) {
          // Without this note a session would be over that was used.
          for (const sessionId of batch.slice(at)) used.add(sessionId)
          throw error
        }
      }
    },

    record: (session) => writeRecord(db, session, idleSeconds),

    mayOpen: (signIn) => isStillAfterLastEnd(db, signIn),

    findLive: gather((ids) => readLive(db, ids)),

    list: (accountId) => listSessions(db, accountId),

    end: ({ accountId, sessionId, origin, reason }) =>
      endings.run('session_revoked', async (ending) => {
        if (!(await endSession(ending, { sessionId, accountId, how: revoked }))) return
        await recordAudit(ending.tx, event('session.revoked', { accountId, sessionId, origin, reason }))
      }),

    endOthers: ({ accountId, keepSessionId, origin, reason }) =>
      endings.run('sessions_revoked', async (ending) => {
        const ended = await endOtherSessions(ending, { accountId, keepSessionId, how: revoked })
        const events = ended.map((id) => event('session.revoked', { accountId, sessionId: id, origin, reason }))
        if (events.length > 0) await recordAudits(ending.tx, events)
      }),

    endAll: ({ accountId, origin, reason }) =>
      endings.run('signed_out_everywhere', async (ending) => {
        await endAccount(ending, accountId)
        await recordAudit(ending.tx, event('account.signed_out_everywhere', { accountId, origin, reason }))
      }),

    signOut: ({ accountId, sessionId, origin, reason, how, byHint }) =>
      endings.run(how === 'signed_out' ? 'signed_out' : 'replaced', async (ending) => {
        if (!(await endSession(ending, { sessionId, accountId, how }))) return
        const signedOut = event('session.signed_out', { accountId, sessionId, origin, reason })
        await recordAudit(ending.tx, byHint === undefined ? signedOut : doneBy(byHint, signedOut))
      }),
  }
}

function doneBy({ clientId, actor }: ByHint, { actor: _, ...about }: AuditEvent): AuditEvent {
  return { ...about, clientId, detail: { by: 'id_token_hint' }, ...(actor === undefined ? {} : { actor }) }
}

function event(
  name: AuditEventName,
  about: { accountId: string; sessionId?: string; origin: Origin; reason: string | undefined },
): AuditEvent {
  const { accountId, sessionId, origin, reason } = about
  return {
    name,
    actor: accountId,
    accountId,
    ...origin,
    ...(sessionId === undefined ? {} : { sessionId }),
    ...(reason === undefined ? {} : { reason }),
  }
}

/**
 * Puts the end of sessions off that were used and are not over; the ids of those that somebody else was just writing, whose
 * turn comes with the next batch. It waits for nobody: an end takes locks in an order of its own.
 */
async function writeUses(db: Database, sessionIds: readonly string[], idleSeconds: number): Promise<string[]> {
  const rows = await db.$queryRaw<{ id: string }[]>(Prisma.sql`
    WITH used AS MATERIALIZED (
      SELECT id FROM sessions WHERE id = ANY(${[...sessionIds]}::text[]) AND ended_at IS NULL AND expires_at > latchkey_now()
        AND last_used_at <= latchkey_now() - make_interval(secs => ${NEWER_USES_SECONDS})
    ), free AS MATERIALIZED (
      SELECT id FROM sessions WHERE id = ANY(ARRAY(SELECT id FROM used)) AND ended_at IS NULL AND closed_at IS NULL
      FOR NO KEY UPDATE SKIP LOCKED
    ), written AS (
      UPDATE sessions SET last_used_at = latchkey_now(),
        expires_at = LEAST(COALESCE(absolute_expires_at, expires_at), ${idleEnd(idleSeconds)})
      WHERE id = ANY(ARRAY(SELECT id FROM free))
    )
    SELECT id FROM used WHERE id NOT IN (SELECT id FROM free)`)
  return rows.map((row) => row.id)
}

function idleEnd(idleSeconds: number): Prisma.Sql {
  return Prisma.sql`latchkey_now() + make_interval(secs => ${idleSeconds + BATCH_LAG_SECONDS})`
}

async function writeRecord(db: Database, session: SessionRecord, idleSeconds: number): Promise<boolean> {
  const clientIds = session.clients.map((client) => client.clientId)
  const sids = session.clients.map((client) => client.sid)
  const grantIds = session.clients.map((client) => client.grantId ?? null)
  const by = auditRow({
    ...event('session.started', {
      accountId: session.accountId,
      sessionId: session.id,
      origin: session.origin,
      reason: undefined,
    }),
    detail: { methods: [...session.methods] },
  })
  // A record that has ended, or is over, stays so: nothing below happens for it.
  const absoluteEnd = Prisma.sql`latchkey_now() + make_interval(secs => ${session.lifeSeconds})`
  const rows = await db.$queryRaw<{ id: string }[]>(Prisma.sql`
    WITH recorded AS (
      INSERT INTO sessions AS known (id, account_id, address, user_agent, methods, expires_at, absolute_expires_at)
      SELECT ${session.id}, a.id, ${by.address}::inet,
        ${session.origin.userAgent?.slice(0, 400) ?? null}::text, ${[...session.methods]}::text[],
        LEAST(${absoluteEnd}, ${idleEnd(idleSeconds)}), ${absoluteEnd}
      -- Whoever suspends an account, or ends all that it has, holds this row, so that no sign-in under way slips past.
      FROM accounts a WHERE a.id = ${session.accountId} AND a.status = 'active' AND ${mayBeWritten(session)} FOR SHARE
      ON CONFLICT (id) DO UPDATE SET last_used_at = latchkey_now(), methods = EXCLUDED.methods,
        expires_at = LEAST(GREATEST(known.absolute_expires_at, EXCLUDED.absolute_expires_at), ${idleEnd(idleSeconds)}),
        absolute_expires_at = GREATEST(known.absolute_expires_at, EXCLUDED.absolute_expires_at)
      WHERE known.ended_at IS NULL AND known.closed_at IS NULL AND known.expires_at > latchkey_now()
        AND known.account_id = EXCLUDED.account_id
      RETURNING id, xmax = 0 AS started
    ), apps AS (
      INSERT INTO session_clients AS known (session_id, client_id, sid, grant_id)
      SELECT recorded.id, app.client_id, app.sid, app.grant_id
      FROM recorded, unnest(${clientIds}::text[], ${sids}::text[], ${grantIds}::text[]) AS app (client_id, sid, grant_id)
      ON CONFLICT (session_id, client_id) DO UPDATE SET sid = EXCLUDED.sid, grant_id = EXCLUDED.grant_id
      RETURNING client_id, grant_id, xmax = 0 AS first_use
    ), told AS (
      INSERT INTO audit_events (name, actor, account_id, client_id, session_id, grant_id, address, user_agent, request_id, detail)
      SELECT what.name, ${by.actor}::text, ${by.accountId}::text, what.client_id, ${by.sessionId}::text, what.grant_id,
        ${by.address}::inet, ${by.userAgent}::text, ${by.requestId}::text, what.detail
      FROM (SELECT 'session.started' AS name, NULL AS client_id, NULL AS grant_id, ${JSON.stringify(by.detail)}::jsonb AS detail
            FROM recorded WHERE started
            UNION ALL SELECT 'client.signed_in', client_id, grant_id, '{}'::jsonb FROM apps WHERE first_use) AS what
    )
    SELECT id FROM recorded`)
  return rows.length === 1
}

/** An account under the name `a` for which nothing has voided the sign-in; where there is none, a record that is there already. */
function mayBeWritten({ id, afterEnd }: SessionRecord): Prisma.Sql {
  return afterEnd === undefined
    ? Prisma.sql`EXISTS (SELECT 1 FROM sessions s WHERE s.id = ${id})`
    : Prisma.sql`${LAST_END} = ${afterEnd}`
}

async function readLive(db: Database, ids: readonly string[]): Promise<readonly (LiveSession | undefined)[]> {
  const rows = await db.$queryRaw<LiveSession[]>(Prisma.sql`
    SELECT s.id, ${SUBJECT} AS account, FLOOR(EXTRACT(EPOCH FROM latchkey_now()))::float8 AS now,
      COALESCE((SELECT jsonb_agg(${LIVE_GRANT}) FROM grants g JOIN clients c ON c.id = g.client_id AND ${clientStands(GRANT_GIVEN)}
                WHERE g.session_id = s.id AND g.ended_at IS NULL AND g.expires_at > latchkey_now()), '[]'::jsonb) AS grants
    FROM unnest(${[...new Set(ids)]}::text[]) AS asked (id)
    JOIN sessions s ON s.id = asked.id AND s.ended_at IS NULL AND s.expires_at > latchkey_now()
    JOIN accounts a ON a.id = s.account_id AND a.status = 'active'`)
  const found = new Map(rows.map((row) => [row.id, row]))
  return ids.map((id) => found.get(id))
}

async function listSessions(db: Database, accountId: string): Promise<SessionEntry[]> {
  const rows = await db.$queryRaw<
    {
      id: string
      startedAt: Date
      lastUsedAt: Date
      expiresAt: Date
      address: string | null
      userAgent: string | null
      clients: { clientId: string; name: string | null }[]
    }[]
  >(Prisma.sql`
    SELECT s.id, s.started_at AS "startedAt", s.last_used_at AS "lastUsedAt", s.expires_at AS "expiresAt", host(s.address) AS address,
      s.user_agent AS "userAgent",
      COALESCE((SELECT jsonb_agg(jsonb_build_object('clientId', sc.client_id, 'name', c.metadata->>'client_name')
                                 ORDER BY sc.first_used_at)
                FROM session_clients sc JOIN clients c ON c.id = sc.client_id
                WHERE sc.session_id = s.id AND c.status <> 'deleted' AND c.managed_by IS DISTINCT FROM 'latchkey'), '[]'::jsonb) AS clients
    FROM sessions s
    WHERE s.account_id = ${accountId} AND s.ended_at IS NULL AND s.expires_at > latchkey_now()
    ORDER BY s.last_used_at DESC, s.id`)
  return rows.map(({ address, userAgent, clients, ...session }) => ({
    ...session,
    ...(address === null ? {} : { address }),
    ...(userAgent === null ? {} : { userAgent }),
    device: deviceName(userAgent ?? undefined),
    clients: clients.map((client) => ({ clientId: client.clientId, name: client.name ?? client.clientId })),
  }))
}
