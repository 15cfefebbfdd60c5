// Status lists (Token Status List, draft-ietf-oauth-status-list): which JWT access token has which place in which list, and which
// places belong to tokens that were ended. A list takes tokens for an hour, and is kept until the last of them has expired.
import { Prisma } from '../../prisma/client/client.ts'
import { StorageUnavailable } from '../storage/errors.ts'
import { gather } from '../storage/gathering.ts'
import type { Database } from '../storage/postgres.ts'
import { randomBytes } from '../storage/random.ts'
import { CLOCK_SKEW_SECONDS } from './revocations.ts'
import { COVERS, NAMED_BY, STANDS_ON, type TokenClaims, WHY_ENDED } from './token-status.ts'

/** Where a token is listed. */
export interface StatusPlace {
  readonly listId: string
  readonly index: number
}

/** What is known of a list. */
export interface ListedStatuses {
  /** The places of tokens that were ended; `all` when the list has ended with everything in it. */
  readonly invalid: readonly number[] | 'all'
  /** Revocations up to this number are in it. */
  readonly sequence: number
  /** PostgreSQL's time of the read, in whole seconds since the epoch. */
  readonly now: number
}

/** The status lists of one database. */
export interface StatusLists {
  /** Gives a token, which nobody has yet, a place that no other token has or had. @throws StorageUnavailable */
  place(token: TokenClaims): Promise<StatusPlace>
  /** Undefined when there is no such list, or its last token has expired. */
  read(listId: string): Promise<ListedStatuses | undefined>
  /** The lists that have tokens which may live. */
  list(): Promise<readonly string[]>
}

/** Below the issuer: where the lists are. */
export const STATUS_LISTS_PATH = '/status-lists'

/** Places of a list: as many as the function latchkey_status_index() has. Many enough that one says nothing of its token. */
export const STATUS_LIST_SIZE = 65_536

/** How long a list takes tokens, unless it is full before. */
export const STATUS_LIST_OPEN_SECONDS = 3600

/** What the id of a list looks like. */
export const STATUS_LIST_ID = /^stl_[\w-]{16}$/

/** The address of the list of lists. */
export function statusListsUri(issuer: string): string {
  return `${issuer}${STATUS_LISTS_PATH}`
}

/** The address of a list, by which tokens name it. */
export function statusListUri(issuer: string, listId: string): string {
  return `${statusListsUri(issuer)}/${listId}`
}

/** Makes them. */
export function createStatusLists({ db }: { readonly db: Database }): StatusLists {
  return {
    place: gather((tokens: readonly TokenClaims[]) => placeTokens(db, tokens)),
    read: (listId) => readList(db, listId),
    async list() {
      const rows = await db.$queryRaw<{ id: string }[]>(Prisma.sql`
        SELECT l.id FROM status_lists l WHERE ${MAY_BE_ASKED} ORDER BY l.created_at, l.id`)
      return rows.map(({ id }) => id)
    },
  }
}

/** Rounds in which others may have filled the list that was just opened. */
const MOST_ROUNDS = 5

async function placeTokens(db: Database, tokens: readonly TokenClaims[]): Promise<readonly StatusPlace[]> {
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const places = await takePlaces(db, tokens)
    if (places.length > 0) return places
    await openList(db, tokens.length)
  }
  throw new StorageUnavailable('postgres', 'no status list has had room')
}

/** One statement: the list's row is what processes wait for each other at. Nothing when no list is open that has room for all. */
async function takePlaces(db: Database, tokens: readonly TokenClaims[]): Promise<readonly StatusPlace[]> {
  const column = <Value>(of: (token: TokenClaims) => Value | undefined) => tokens.map((token) => of(token) ?? null)
  const count = tokens.length
  const lastExpiry = Math.max(...tokens.map(({ expiresAt }) => expiresAt))
  return db.$queryRaw<StatusPlace[]>(Prisma.sql`
    WITH list AS (
      UPDATE status_lists SET taken = taken + ${count}, expires_at = GREATEST(expires_at, to_timestamp(${lastExpiry}::float8))
      WHERE id = (SELECT l.id FROM status_lists l WHERE ${hasRoom(count)} ORDER BY l.created_at, l.id LIMIT 1 FOR UPDATE)
      RETURNING id, seed, taken - ${count} AS first
    ), placed AS MATERIALIZED (
      SELECT list.id AS list_id, latchkey_status_index(list.seed, (list.first + made.position - 1)::int) AS idx, made.*
      FROM list, unnest(${column(({ jti }) => jti)}::text[], ${column(({ clientId }) => clientId)}::text[],
                        ${column(({ accountId }) => accountId)}::text[], ${column(({ grantId }) => grantId)}::text[],
                        ${column(({ sessionId }) => sessionId)}::text[], ${column(({ kid }) => kid)}::text[],
                        ${column(({ issuedAt }) => issuedAt)}::float8[], ${column(({ expiresAt }) => expiresAt)}::float8[])
        WITH ORDINALITY AS made (jti, client_id, account_id, grant_id, session_id, kid, issued_at, expires_at, position)
    ), written AS (
      INSERT INTO referenced_tokens (list_id, idx, jti, client_id, account_id, grant_id, session_id, kid, issued_at, expires_at)
      SELECT list_id, idx, jti, client_id, account_id, grant_id, session_id, kid, to_timestamp(issued_at), to_timestamp(expires_at)
      FROM placed
    )
    SELECT list_id AS "listId", idx AS index FROM placed ORDER BY position`)
}

/** A number that no other part of the program uses for its advisory lock. */
const OPENING_LOCK = 0x6c6b_0002

/** Opens a list, unless somebody else has: many lists of a few tokens each would tell whose token is asked about. */
async function openList(db: Database, count: number): Promise<void> {
  const id = `stl_${randomBytes(12).toString('base64url')}`
  await db.$transaction(async (tx) => {
    await tx.$executeRaw`SELECT pg_advisory_xact_lock(${OPENING_LOCK})`
    const ends = Prisma.sql`latchkey_now() + make_interval(secs => ${STATUS_LIST_OPEN_SECONDS})`
    await tx.$executeRaw(Prisma.sql`
      INSERT INTO status_lists (id, seed, closes_at, expires_at)
      SELECT ${id}, ${new Uint8Array(randomBytes(32))}, ${ends}, ${ends}
      WHERE NOT EXISTS (SELECT 1 FROM status_lists l WHERE ${hasRoom(count)})`)
  })
}

/** Whether the list `l` takes so many tokens more. */
function hasRoom(count: number): Prisma.Sql {
  return Prisma.sql`l.ended_at IS NULL AND l.closes_at > latchkey_now() AND l.taken <= ${STATUS_LIST_SIZE - count}`
}

/** So long after its end a token passes where the clock is behind. */
const STILL_ASKED = Prisma.sql`latchkey_now() - make_interval(secs => ${Prisma.raw(String(CLOCK_SKEW_SECONDS))})`

/** Whether the list `l` has tokens that may live. */
const MAY_BE_ASKED = Prisma.sql`l.expires_at > ${STILL_ASKED}`

/**
 * The same question as of one token (token-status.ts), asked of all tokens of a list: each kind of entry is joined by itself, since
 * six look-ups for each of sixty thousand tokens would take a second.
 */
async function readList(db: Database, listId: string): Promise<ListedStatuses | undefined> {
  const [row] = await db.$queryRaw<ListRow[]>(Prisma.sql`
    WITH asked AS MATERIALIZED (
      SELECT idx, jti, client_id, account_id, grant_id, session_id, kid, EXTRACT(EPOCH FROM issued_at)::float8 AS issued_at
      FROM referenced_tokens WHERE list_id = ${listId} AND expires_at > ${STILL_ASKED}
    ), covered AS (${COVERED})
    SELECT l.ended_at IS NOT NULL AS ended, counter.sequence, FLOOR(EXTRACT(EPOCH FROM latchkey_now()))::float8 AS now,
      ARRAY(
        SELECT asked.idx FROM asked ${STANDS_ON}
        LEFT JOIN (SELECT idx, min(reason) AS reason FROM covered GROUP BY idx) r ON r.idx = asked.idx
        WHERE ${WHY_ENDED} IS NOT NULL
      ) AS invalid
    FROM status_lists l, revocation_counter counter WHERE l.id = ${listId} AND ${MAY_BE_ASKED} AND counter.id = 1`)
  if (row === undefined) return undefined
  return { invalid: row.ended ? 'all' : row.invalid, sequence: Number(row.sequence), now: row.now }
}

interface ListRow {
  readonly ended: boolean
  readonly sequence: bigint
  readonly now: number
  readonly invalid: readonly number[]
}

/** The tokens that entries cover, a row for each that does. */
const COVERED = Prisma.join(
  NAMED_BY.map(
    ({ kind, column }) => Prisma.sql`
      SELECT asked.idx, reason FROM asked
      JOIN revocations ON kind = ${Prisma.raw(`'${kind}'`)} AND value = asked.${Prisma.raw(column)} AND ${COVERS}`,
  ),
  ' UNION ALL ',
)
