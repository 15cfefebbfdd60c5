// Fills a database for the console: sessions and grants as people have them over a month, and an audit log that tells of years.

import pg from 'pg'
import { fillPostgres, signInOnce } from '../growth/fill.ts'
import type { Target } from '../targets/target.ts'

/** How much there is. */
export interface ConsoleSize {
  readonly sessions: number
  readonly auditEvents: number
}

/** As many events are written at once: what a transaction needs of memory and disk stays small. */
const EVENTS_AT_ONCE = 500_000

const AGENTS = [
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1',
]

/** A session each two and a half seconds, over a month where there are a million. */
const STARTED = `latchkey_now() - n * interval '2.5 s'`
const ADDRESS = `'10.' || n % 200 || '.' || n / 200 % 250 || '.' || n % 250`
const AGENT = `(ARRAY[${AGENTS.map((agent) => `'${agent}'`).join(', ')}])[1 + n % ${AGENTS.length}]`
/** Every third has ended, and half of the others were not used since the day they began. */
const ENDED = `CASE WHEN n % 3 = 0 THEN ${STARTED} + interval '1 hour' END`
const USED = `CASE WHEN n % 2 = 0 THEN latchkey_now() - n % 86400 * interval '1 s' ELSE ${STARTED} END`

/** What is not as in the one session that the server made. */
const DIFFERENT: { readonly [table: string]: string } = {
  accounts: `'created_at', latchkey_now() - n * interval '20 s', 'last_signed_in_at', latchkey_now() - n * interval '10 s'`,
  sessions: `'started_at', ${STARTED}, 'last_used_at', ${USED}, 'address', ${ADDRESS}, 'user_agent', ${AGENT}, 'ended_at', ${ENDED},
    'end_reason', CASE WHEN n % 3 = 0 THEN 'signed_out' END`,
  grants: `'created_at', ${STARTED}, 'ended_at', ${ENDED}, 'end_reason', CASE WHEN n % 3 = 0 THEN 'signed_out' END`,
  session_clients: `'first_used_at', ${STARTED}`,
  refresh_families: `'created_at', ${STARTED}, 'ended_at', ${ENDED}`,
}

/** Fills it. */
export async function fillForConsole(
  target: Target,
  databaseUrl: string,
  { sessions, auditEvents }: ConsoleSize,
  say: (line: string) => void,
): Promise<void> {
  await signInOnce(target)
  say(`filling in ${sessions} sessions with their grants …`)
  await fillPostgres(databaseUrl, sessions, DIFFERENT)
  await countSessions(databaseUrl)
  await fillAuditLog(databaseUrl, { sessions, auditEvents }, say)
}

/** As if they had been counted as they began. */
async function countSessions(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(`INSERT INTO session_counts (account_id, sessions)
      SELECT account_id, count(*) FROM sessions WHERE ended_at IS NULL AND closed_at IS NULL AND expires_at > latchkey_now()
      GROUP BY account_id HAVING count(*) > 1 ON CONFLICT (account_id) DO UPDATE SET sessions = EXCLUDED.sessions`)
  } finally {
    await client.end()
  }
}

/** Two events a second or so, of the kinds that sign-ins bring, and some of each other kind. */
async function fillAuditLog(url: string, { sessions, auditEvents }: ConsoleSize, say: (line: string) => void): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    for (let from = 0; from < auditEvents; from += EVENTS_AT_ONCE) {
      say(`filling in ${auditEvents} events of the audit log, ${from} are there …`)
      await client.query('BEGIN')
      // Nobody is told of what is made up here.
      await client.query('SET LOCAL session_replication_role = replica')
      await client.query(
        `INSERT INTO audit_events (at, name, actor, account_id, client_id, session_id, address, user_agent, request_id, reason, detail)
         SELECT latchkey_now() - (${auditEvents} - n) * interval '0.5 s', kind.name,
           CASE WHEN kind.name LIKE '%revoked' THEN 'system' ELSE account.id END, account.id, 'bench-app', 'ses_filled' || session,
           ('10.' || n % 200 || '.' || n / 200 % 250 || '.' || n % 250)::inet, ${AGENT}, 'req_filled' || n,
           CASE WHEN n % 500 = 0 THEN 'ticket ' || n END, '{}'
         FROM generate_series($1::int, $2::int) AS n,
           LATERAL (SELECT 1 + n % ${sessions} AS session) s,
           LATERAL (SELECT 'acc_filled' || (1 + session / 10) AS id) account,
           LATERAL (SELECT CASE WHEN n % 1000 = 0 THEN 'session.revoked' WHEN n % 997 = 0 THEN 'account.suspended'
             WHEN n % 20 = 0 THEN 'sign_in.failed' WHEN n % 2 = 0 THEN 'sign_in.succeeded' ELSE 'session.started' END AS name) kind`,
        [from + 1, Math.min(from + EVENTS_AT_ONCE, auditEvents)],
      )
      await client.query('COMMIT')
    }
    // As if they had been sealed as they came.
    await client.query(`UPDATE audit_sealing SET watermark = (SELECT max(id) FROM audit_events), beyond = '{}'`)
    await client.query('VACUUM (ANALYZE)')
    await client.query('CHECKPOINT')
  } finally {
    await client.end()
  }
}
