// Fills a database: one person signs in, and what that left behind is multiplied, so that every row is as the server would
// have written it, but for its ids.

import { createHash } from 'node:crypto'
import { Redis } from 'ioredis'
import pg from 'pg'
import { openConnection } from '../load/connection.ts'
import { insist } from '../load/steps.ts'
import { signIn } from '../scenarios/code-flow.ts'
import { discover } from '../scenarios/scenario.ts'
import type { StoreAddresses, Target } from '../targets/target.ts'
import { PEOPLE, personAt } from '../the-world.ts'

/** Live halves of sessions in Redis; PostgreSQL has the rest. */
const MOST_LIVE_SESSIONS = 100_000

/** An account for every ten families, as with people who have several apps and browsers. */
const FAMILIES_OF_AN_ACCOUNT = 10

const BATCH = 1000

/** Fills both stores of a server that runs. */
export async function fill(target: Target, { databaseUrl, redisUrl }: StoreAddresses, size: number): Promise<void> {
  await signInOnce(target)
  await fillPostgres(databaseUrl, size)
  await fillRedis(redisUrl, Math.min(size, MOST_LIVE_SESSIONS))
}

/** Leaves behind what is multiplied. */
export async function signInOnce(target: Target): Promise<void> {
  const endpoints = await discover(target.issuer)
  const connection = await openConnection(target.issuer)
  await insist(() => signIn(connection, endpoints, personAt(PEOPLE, 0)))
  connection.close()
}

/** With so many digits an id is as long as one that the server makes. */
const ID_DIGITS = 16

/** The id of what was filled in as the n-th. */
export function filledId(kind: 'acc' | 'ses' | 'gra', n: number): string {
  return `${kind}_filled${String(n).padStart(ID_DIGITS, '0')}`
}

/** The same in a statement; `n` is an expression. */
export function filledIdOf(kind: 'acc' | 'ses' | 'gra', n: string): string {
  return `'${kind}_filled' || lpad((${n})::text, ${ID_DIGITS}, '0')`
}

const SESSION = filledIdOf('ses', 'n')
const GRANT = filledIdOf('gra', 'n')

/** Tables in the order in which they need each other, with what is different in each row; `n` is its number. */
const TABLES: readonly (readonly [table: string, differs: string, each: number])[] = [
  [
    'accounts',
    `'id', ${filledIdOf('acc', 'n')}, 'email', n || '@filled.example', 'email_key', n || '@filled.example'`,
    FAMILIES_OF_AN_ACCOUNT,
  ],
  ['sessions', `'id', ${SESSION}, 'account_id', ${accountOf('n')}`, 1],
  ['grants', `'id', ${GRANT}, 'account_id', ${accountOf('n')}, 'session_id', ${SESSION}`, 1],
  ['session_clients', `'session_id', ${SESSION}, 'sid', 'sid_filled' || n, 'grant_id', ${GRANT}`, 1],
  [
    'refresh_families',
    `'id', '\\x' || encode(sha256(n::text::bytea), 'hex'), 'account_id', ${accountOf('n')},
     'grant_id', ${GRANT}, 'session_id', ${SESSION}`,
    1,
  ],
]

/**
 * @param more what else is different in each row of a table: names and values, as for `jsonb_build_object`
 * @param accounts how many of them there are, where it is not a tenth
 */
export async function fillPostgres(
  url: string,
  size: number,
  { more = {}, accounts }: { readonly more?: { readonly [table: string]: string }; readonly accounts?: number } = {},
): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    // Each row is right by itself; looking up a million of them by foreign keys would take longer than all the rest.
    await client.query('SET session_replication_role = replica')
    for (const [table, differs, each] of TABLES)
      await client.query(
        `INSERT INTO ${table} SELECT row.*
           FROM (SELECT whole AS model FROM ${table} AS whole WHERE ${modelRow(table)} LIMIT 1) AS one,
                generate_series(1, ${table === 'accounts' ? (accounts ?? Math.ceil(size / each)) : Math.ceil(size / each)}) AS n,
                LATERAL jsonb_populate_record(one.model, jsonb_build_object(${[differs, more[table]].filter(Boolean).join(', ')})) AS row`,
      )
    await client.query('VACUUM (ANALYZE)')
    // What was written now must not be written to the disk while others are timed.
    await client.query('CHECKPOINT')
  } finally {
    await client.end()
  }
}

/** The account that signed in is the model of the others; of the rest there is only what it left. */
function modelRow(table: string): string {
  return table === 'accounts' ? `email_key = '${personAt(PEOPLE, 0).username}'` : 'true'
}

function accountOf(n: string): string {
  return filledIdOf('acc', `(${n} - 1) / ${FAMILIES_OF_AN_ACCOUNT} + 1`)
}

async function fillRedis(url: string, count: number): Promise<void> {
  const redis = new Redis(url)
  try {
    for (const kind of ['session', 'cookie']) {
      const model = await findKey(redis, `latchkey:${kind}:*`)
      if (model === undefined) throw new Error(`There is no key latchkey:${kind}:… after a sign-in.`)
      const value = await redis.dumpBuffer(model)
      const life = await redis.pttl(model)
      if (value === null) throw new Error(`${model} is gone.`)
      for (let start = 0; start < count; start += BATCH) {
        const pipeline = redis.pipeline()
        for (let n = start; n < Math.min(count, start + BATCH); n++)
          pipeline.restore(`latchkey:${kind}:${digestOf(n)}`, Math.max(0, life), value, 'REPLACE')
        await pipeline.exec()
      }
    }
  } finally {
    redis.disconnect()
  }
}

async function findKey(redis: Redis, pattern: string): Promise<string | undefined> {
  let cursor = '0'
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', 100_000)
    if (keys[0] !== undefined) return keys[0]
    cursor = next
  } while (cursor !== '0')
  return undefined
}

function digestOf(n: number): string {
  return createHash('sha256').update(`filled ${n}`).digest('base64url')
}
