// Fills a server's list of revocations, with entries as it writes them.

import pg from 'pg'

/**
 * Adds so many entries, of each kind by which a person's tokens are named as many as of the others; those who listen are told, as at
 * every commit.
 */
export async function fillRevocations(databaseUrl: string, count: number): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    await client.query('BEGIN')
    await client.query(
      `WITH counter AS (UPDATE revocation_counter SET sequence = sequence + $1 WHERE id = 1 RETURNING sequence)
       INSERT INTO revocations (sequence, kind, value, before, until, reason)
       SELECT counter.sequence - $1 + n, (ARRAY['jti', 'sid', 'grant_id', 'sub'])[1 + n % 4],
         (ARRAY['', 'ses_', 'gra_', 'acc_'])[1 + n % 4] || translate(encode(sha256(n::text::bytea), 'base64'), '+/=', '-_'),
         -- An account may be given tokens again.
         CASE n % 4 WHEN 3 THEN date_trunc('second', latchkey_now()) + interval '1 second' END,
         latchkey_now() + interval '1 hour', 'for the benchmark'
       FROM counter, generate_series(1, $1::int) AS n`,
      [count],
    )
    await client.query("SELECT pg_notify('latchkey_revocations', 'filled')")
    await client.query('COMMIT')
  } finally {
    await client.end()
  }
}
