// Fills a database for the console: sessions and grants as people have them over a month, and an audit log that tells of years.

import pg from 'pg'
import { filledIdOf, fillPostgres, signInOnce } from '../growth/fill.ts'
import type { Target } from '../targets/target.ts'
import { APP } from '../the-world.ts'

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
/** One of fifty, the oldest, came from a network that is not in use any more. */
const OLD_NETWORK = 0.98
const AGENT = oneOf(AGENTS, 'n')
/** Every third has ended, and half of the others were not used since the day they began. */
const ENDED = `CASE WHEN n % 3 = 0 THEN ${STARTED} + interval '1 hour' END`
const USED = `CASE WHEN n % 2 = 0 THEN latchkey_now() - n % 86400 * interval '1 s' ELSE ${STARTED} END`
/** By a password, and now and then in a way that few have. */
const METHODS = `to_jsonb(CASE WHEN n % 5003 = 0 THEN ARRAY['hwk', 'user'] WHEN n % 53 = 0 THEN ARRAY['pwd', 'otp', 'mfa'] ELSE ARRAY['pwd'] END)`

/** What people are called. Each of the first names is that of a fortieth of them, each of the last names that of one in twenty-five. */
export const FIRST_NAMES =
  'Ada,Alan,Anita,Barbara,Bjarne,Carol,Claude,Dennis,Donald,Dorothy,Edith,Edsger,Ellen,Emmy,Evelyn,Frances,Fred,Grace,Hedy,Ida,Jean,John,Joan,Karen,Katherine,Ken,Leslie,Lise,Lynn,Margaret,Mary,Niklaus,Radia,Ruth,Sophie,Stephen,Susan,Tim,Tony,Vera'.split(
    ',',
  )
export const LAST_NAMES =
  'Allen,Borg,Clarke,Dijkstra,Easley,Feinler,Goldberg,Hamilton,Hopper,Johnson,Kernighan,Knuth,Lamarr,Liskov,Lovelace,Meitner,Noether,Perlman,Ritchie,Shannon,Thompson,Turing,Vaughan,Wilson,Wirth'.split(
    ',',
  )

/** Three of ten people have signed in with the half of the sessions; the other half is of a few who have twenty each. */
const PEOPLE_PART = 0.3

/** Apps beside the one that was signed in to. */
const APPS = 200

/** What is not as in the one session that the server made. */
function different(sessions: number): { readonly [table: string]: string } {
  const account = `'account_id', ${accountOf('n', sessions)}`
  return {
    accounts: `'managed_by', NULL, 'created_at', latchkey_now() - n * interval '20 s', 'name', ${oneOf(FIRST_NAMES, 'n')} || ' ' || ${oneOf(LAST_NAMES, 'n / 40')},
      'status', CASE WHEN n % 500 = 0 THEN 'suspended' ELSE 'active' END,
      'first_signed_in_at', CASE WHEN n <= ${peopleOf(sessions)} THEN latchkey_now() - n * interval '15 s' END,
      'last_signed_in_at', CASE WHEN n <= ${peopleOf(sessions)} THEN latchkey_now() - n * interval '10 s' END`,
    sessions: `${account}, 'started_at', ${STARTED}, 'last_used_at', ${USED},
      'address', CASE WHEN n > ${Math.floor(sessions * OLD_NETWORK)} THEN '172.16.' || n / 250 % 250 || '.' || n % 250 ELSE ${ADDRESS} END, 'user_agent', ${AGENT},
      'methods', ${METHODS}, 'new_device', false, 'ended_at', ${ENDED}, 'end_reason', CASE WHEN n % 3 = 0 THEN 'signed_out' END`,
    grants: `${account}, 'created_at', ${STARTED}, 'ended_at', ${ENDED}, 'end_reason', CASE WHEN n % 3 = 0 THEN 'signed_out' END`,
    session_clients: `'first_used_at', ${STARTED}`,
    refresh_families: `${account}, 'created_at', ${STARTED}, 'ended_at', ${ENDED}`,
  }
}

function oneOf(words: readonly string[], n: string): string {
  return `(ARRAY[${words.map((word) => `'${word}'`).join(', ')}])[1 + (${n}) % ${words.length}]`
}

function peopleOf(sessions: number): number {
  return Math.max(1, Math.floor(sessions * PEOPLE_PART))
}

/** Whose the n-th session is: sessions of one person do not lie beside each other. */
function accountOf(n: string, sessions: number): string {
  const [people, few] = [peopleOf(sessions), Math.max(1, Math.floor(sessions / 40))]
  return filledIdOf(
    'acc',
    `1 + CASE WHEN ${n} % 2 = 0 THEN ${n} / 2 * 7919::bigint % ${people} ELSE ${n} / 2 * 104729::bigint % ${few} END`,
  )
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
  // As many people as sessions: most of them do not sign in within a month.
  await fillPostgres(databaseUrl, sessions, { more: different(sessions), accounts: sessions })
  await moreApps(databaseUrl, sessions)
  await asTriggersHaveIt(databaseUrl)
  await blockSignIns(databaseUrl, sessions)
  await countSessions(databaseUrl)
  await fillAuditLog(databaseUrl, { sessions, auditEvents }, say)
}

/** Two sessions of three are signed in to more apps than one, and one of ten to eight. */
async function moreApps(url: string, sessions: number): Promise<void> {
  await withClient(url, async (client) => {
    await client.query('SET session_replication_role = replica')
    await client.query(
      `INSERT INTO clients SELECT row.* FROM (SELECT c AS model FROM clients c WHERE id = $1) AS one, generate_series(0, ${APPS - 1}) AS n,
         LATERAL jsonb_populate_record(one.model, jsonb_build_object('id', 'app-filled-' || n, 'managed_by', NULL,
           'metadata', (one.model).metadata || jsonb_build_object('client_id', 'app-filled-' || n, 'client_name', 'Filled in app ' || n))) AS row`,
      [APP.clientId],
    )
    await client.query(
      `INSERT INTO session_clients (session_id, client_id, sid, first_used_at)
       SELECT ${filledIdOf('ses', 'n')}, 'app-filled-' || (n + more * 17) % ${APPS}, 'sid_filled' || n || '_' || more, ${STARTED}
       FROM generate_series(1, ${sessions}) AS n, LATERAL generate_series(1, CASE WHEN n % 10 = 1 THEN 7 WHEN n % 3 > 0 THEN 1 ELSE 0 END) AS more`,
    )
  })
}

/** What stands beside rows that were written without their triggers. */
async function asTriggersHaveIt(url: string): Promise<void> {
  await withClient(url, async (client) => {
    await client.query(`INSERT INTO account_name_ends (account_id, name_end)
      SELECT a.id, e FROM accounts a, latchkey_name_ends(a.name) AS e WHERE a.name IS NOT NULL ON CONFLICT DO NOTHING`)
    // In the WHERE, since elsewhere PostgreSQL may go through all that were found for each session.
    await client.query(`UPDATE sessions SET new_device = true WHERE id IN (
      SELECT DISTINCT ON (account_id, user_agent) id FROM sessions ORDER BY account_id, user_agent, started_at, id)`)
    await client.query('VACUUM (ANALYZE) sessions, account_name_ends')
  })
}

/** Sign-ins that have to wait for longer than the run takes: of fifty people one, and as many that are nobody's. */
async function blockSignIns(url: string, sessions: number): Promise<void> {
  await withClient(url, async (client) => {
    await client.query(
      `INSERT INTO sign_in_failures (key, what, account_ids, failures, next_attempt_at, expires_at)
       SELECT sha256(n::text::bytea), 'sign_in', CASE WHEN n % 2 = 0 THEN ARRAY[${filledIdOf('acc', 'n * 13')}] ELSE '{}' END, 11 + n % 9,
         latchkey_now() + interval '12 hours' + n * interval '1 s', latchkey_now() + interval '1 day'
       FROM generate_series(1, ${Math.ceil(sessions / 50)}) AS n`,
    )
  })
}

/** As if they had been counted as they began. */
async function countSessions(url: string): Promise<void> {
  await withClient(url, async (client) => {
    await client.query(`INSERT INTO session_counts (account_id, sessions)
      SELECT account_id, count(*) FROM sessions WHERE ended_at IS NULL AND closed_at IS NULL AND expires_at > latchkey_now()
      GROUP BY account_id HAVING count(*) > 1 ON CONFLICT (account_id) DO UPDATE SET sessions = EXCLUDED.sessions`)
  })
}

/** Two events a second or so, of the kinds that sign-ins bring, and some of each other kind. */
async function fillAuditLog(url: string, { sessions, auditEvents }: ConsoleSize, say: (line: string) => void): Promise<void> {
  await withClient(url, async (client) => {
    // Ten million rows are sorted into an index in a fraction of the time that it takes to add them to it one by one.
    const { rows: indexes } = await client.query<{ name: string; made: string }>(
      `SELECT indexname AS name, indexdef AS made FROM pg_indexes WHERE tablename = 'audit_events' AND indexname <> 'audit_events_pkey'`,
    )
    for (const { name } of indexes) await client.query(`DROP INDEX ${name}`)
    for (let from = 0; from < auditEvents; from += EVENTS_AT_ONCE) {
      say(`filling in ${auditEvents} events of the audit log, ${from} are there …`)
      await client.query('BEGIN')
      // Nobody is told of what is made up here.
      await client.query('SET LOCAL session_replication_role = replica')
      await client.query(
        `INSERT INTO audit_events (at, name, actor, account_id, client_id, session_id, address, user_agent, request_id, reason, detail)
         SELECT latchkey_now() - (${auditEvents} - n) * interval '0.5 s', kind.name,
           CASE WHEN kind.name LIKE '%revoked' THEN 'system' ELSE account.id END,
           CASE WHEN kind.name = 'sign_in.failed' AND n % 60 = 0 THEN NULL ELSE account.id END,
           CASE WHEN n % 7 = 0 THEN 'app-filled-' || n % ${APPS} ELSE '${APP.clientId}' END, ${filledIdOf('ses', 'session')},
           ('10.' || n % 200 || '.' || n / 200 % 250 || '.' || n % 250)::inet, ${AGENT}, 'req_filled' || n,
           CASE WHEN kind.name = 'sign_in.failed' THEN CASE WHEN n % 60 = 0 THEN 'unknown_account' ELSE 'wrong_password' END
             WHEN n % 500 = 0 THEN 'ticket ' || n END,
           CASE WHEN kind.name = 'sign_in.failed' AND n % 60 = 0 THEN jsonb_build_object('subject', left(md5(n::text), 16)) ELSE '{}' END
         FROM generate_series($1::int, $2::int) AS n,
           LATERAL (SELECT 1 + n % ${sessions} AS session) s,
           LATERAL (SELECT ${accountOf('session', sessions)} AS id) account,
           LATERAL (SELECT CASE WHEN n % 1000 = 0 THEN 'session.revoked' WHEN n % 997 = 0 THEN 'account.suspended'
             WHEN n % 20 = 0 THEN 'sign_in.failed' WHEN n % 2 = 0 THEN 'sign_in.succeeded' ELSE 'session.started' END AS name) kind`,
        [from + 1, Math.min(from + EVENTS_AT_ONCE, auditEvents)],
      )
      await client.query('COMMIT')
    }
    await client.query(`SET maintenance_work_mem = '512MB'`)
    for (const { name, made } of indexes) {
      say(`making ${name} …`)
      await client.query(made)
    }
    // As if they had been sealed as they came.
    await client.query(`UPDATE audit_sealing SET watermark = (SELECT max(id) FROM audit_events), beyond = '{}'`)
    await client.query('VACUUM (ANALYZE)')
    await client.query('CHECKPOINT')
  })
}

async function withClient(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}
