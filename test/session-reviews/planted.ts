// What a session audit finds, put there as if it had been for long: one of each kind, beside what it must not find.
import type { SessionReview } from '../../server/session-reviews/session-reviews.ts'
import { SPA, WEB } from '../support/clients.ts'
import { until } from '../support/logout-app.ts'
import { run } from '../support/postgres.ts'
import type { TestServer } from '../support/server.ts'

/** The ids of what is to be found. */
export const PLANTED = {
  session: 'ses_planted_old',
  dormant: 'gra_planted_dormant',
  unused: 'gra_planted_unused',
  secret: 'sec_planted_old',
  account: 'acc_planted_unused',
}

/** Puts it there. */
export async function plant(server: TestServer): Promise<void> {
  const grace = await server.latchkey.nouns.accounts.findByEmail('grace@people.example')
  const ago = (days: number) => `latchkey_now() - interval '${days} days'`
  const session = (id: string, days: number, ended: string) => `
    INSERT INTO sessions (id, account_id, user_agent, methods, started_at, last_used_at, expires_at, ended_at)
    VALUES ('${id}', $1, 'Mozilla/5.0 (Windows NT 10.0) Chrome/120.0.0.0', '{pwd}', ${ago(days)}, ${ago(days / 2)},
            latchkey_now() + interval '1 day', ${ended})`
  const grant = (id: string, client: string, days: number, ended = 'NULL') => `
    INSERT INTO grants (id, account_id, client_id, payload, created_at, expires_at, ended_at)
    VALUES ('${id}', $1, '${client}', '{}', ${ago(days)}, latchkey_now() + interval '20 days', ${ended})`
  const family = (grantId: string, days: number, rotatedDaysAgo?: number) => `
    INSERT INTO refresh_families (id, current_digest, grant_id, account_id, client_id, session_bound, payload, generation, created_at,
      rotated_at, idle_expires_at, absolute_expires_at)
    SELECT sha256('${grantId}'), '\\x00', id, account_id, client_id, false, '{}', ${rotatedDaysAgo === undefined ? 0 : 4}, ${ago(days)},
      ${rotatedDaysAgo === undefined ? 'NULL' : ago(rotatedDaysAgo)}, ${ago(rotatedDaysAgo ?? days)} + interval '7 days',
      latchkey_now() + interval '20 days'
    FROM grants WHERE id = '${grantId}' AND account_id = $1`
  const statements = [
    session(PLANTED.session, 3, 'NULL'),
    session('ses_planted_ended', 3, ago(1)),
    session('ses_planted_young', 0.5, 'NULL'),
    grant(PLANTED.dormant, SPA.client_id, 25),
    family(PLANTED.dormant, 25, 20),
    grant('gra_planted_busy', SPA.client_id, 25),
    family('gra_planted_busy', 25, 1),
    grant('gra_planted_over', SPA.client_id, 25, ago(2)),
    grant(PLANTED.unused, WEB.client_id, 4),
    family(PLANTED.unused, 4),
    grant('gra_planted_fresh', WEB.client_id, 0.5),
    family('gra_planted_fresh', 0.5),
  ]
  for (const statement of statements) await run(server.databaseUrl, statement, [grace?.id])
  await run(
    server.databaseUrl,
    `INSERT INTO client_secrets (id, client_id, digest, created_at) VALUES ('${PLANTED.secret}', 'reports', '\\x01', ${ago(100)})`,
  )
  await run(
    server.databaseUrl,
    `INSERT INTO accounts (id, email, email_key, status, created_at, first_signed_in_at)
     VALUES ('${PLANTED.account}', 'unused@people.example', 'unused@people.example', 'active', ${ago(40)}, NULL),
            ('acc_planted_suspended', 'gone@people.example', 'gone@people.example', 'suspended', ${ago(40)}, NULL),
            ('acc_planted_used', 'used@people.example', 'used@people.example', 'active', ${ago(40)}, ${ago(3)})`,
  )
}

/** A report that is made, of whoever asks. */
export async function made(server: TestServer, actor = 'system'): Promise<SessionReview> {
  const { sessionReviews } = server.latchkey.administration
  const { review } = await sessionReviews.begin({ actor })
  return whenMade(server, review.id)
}

/** Waits until it is made. */
export async function whenMade(server: TestServer, id: string): Promise<SessionReview> {
  const { sessionReviews } = server.latchkey.administration
  await until(async () => (await sessionReviews.find(id))?.madeAt !== undefined)
  const review = await sessionReviews.find(id)
  if (review === undefined) throw new Error(`there is no report ${id}`)
  return review
}
