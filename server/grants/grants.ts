// Grants: one authorization of a client by an account, in one session. A grant is ended, never deleted, while anything
// of its may live; what a person agreed to for good is a consent (consents.ts) and outlives it.
import { createHash, randomBytes } from 'node:crypto'
import { LONGEST_ACCESS_TOKEN } from '../../config/lifetimes.ts'
import { Prisma } from '../../prisma/client/client.ts'
import { gather } from '../storage/gathering.ts'
import type { Database, Transaction } from '../storage/postgres.ts'
import { endAccessTokensOfGrant } from '../tokens/access-tokens.ts'
import type { Ending } from '../tokens/ending.ts'
import { endFamiliesOfGrant, endFamiliesOfGrants } from '../tokens/family-ends.ts'
import { byCause, PLACE, type VoidOrNot, whereLocked } from '../tokens/large-ends.ts'
import {
  BORN_DEAD_FOR_SECONDS,
  COMPROMISED_KEYS,
  type Mintable,
  REGISTRY_VERSION,
  readToMint,
  type SeenByRead,
  type Wait,
} from '../tokens/minting.ts'
import { CLOCK_SKEW_SECONDS } from '../tokens/revocations.ts'
import { clientStands, GRANT_GIVEN, GRANT_RUNS, GRANTED, grantRuns, isVoidRow, SESSION_BOUND } from '../tokens/standing.ts'
import { SUBJECT, type TokenSubject } from '../tokens/subject.ts'
import { insertGrant, type StoredGrant } from './new-grants.ts'

/** A live grant, and what was read with it. */
export interface LiveGrant {
  readonly id: string
  readonly clientId: string
  readonly payload: Prisma.JsonObject
  /** Seconds since the epoch. */
  readonly expiresAt: number
}

/** A live grant with the account that gave it. */
export interface LiveAuthorization extends Mintable, SeenByRead {
  readonly grant: LiveGrant
  readonly account: TokenSubject
  /** The session in which the grant was born, while it lives. */
  readonly liveSessionId: string | null
  /** PostgreSQL's time of the read, in seconds since the epoch. */
  readonly now: number
}

/** The grants of one database. */
export interface Grants {
  /**
   * Stores a grant, or adds to one whatever else it has got or lost since it was read; false when its session has ended, or the grant
   * itself has, or the person no longer agrees to what is added.
   */
  save(grant: StoredGrant): Promise<boolean>
  /** A grant that lives, whose account and client live. */
  findLive(id: string): Promise<LiveAuthorization | undefined>
  /** The same, to make a token: read when a token that is made now lives. @throws StorageUnavailable */
  findToMint(id: string): Promise<LiveAuthorization | undefined>
}

/** Makes them. */
export function createGrants({ db, wait }: { readonly db: Database; readonly wait: Wait }): Grants {
  const findLive = gather((ids: readonly string[]) => readAuthorizations(db, ids))
  return {
    async save(grant) {
      const written = await db.$executeRaw(insertGrant(grant))
      return written === 1
    },

    findLive,

    findToMint: (id) => readToMint(() => findLive(id), wait),
  }
}

async function readAuthorizations(db: Database, ids: readonly string[]): Promise<readonly (LiveAuthorization | undefined)[]> {
  const rows = await db.$queryRaw<LiveAuthorization[]>(Prisma.sql`
    SELECT ${liveGrant(GRANTED)} AS grant, ${SUBJECT} AS account, s.id AS "liveSessionId",
      FLOOR(EXTRACT(EPOCH FROM latchkey_now()))::float8 AS now, ${BORN_DEAD_FOR_SECONDS} AS "bornDeadForSeconds",
      ${COMPROMISED_KEYS} AS "compromisedKeys", ${REGISTRY_VERSION} AS "registryVersion"
    FROM unnest(${[...new Set(ids)]}::text[]) AS asked (id)
    JOIN grants g ON g.id = asked.id AND g.ended_at IS NULL AND g.expires_at > latchkey_now()
    JOIN accounts a ON a.id = g.account_id AND a.status = 'active'
    JOIN clients c ON c.id = g.client_id AND ${clientStands(GRANT_GIVEN)}
    LEFT JOIN sessions s ON s.id = g.session_id AND s.ended_at IS NULL AND s.expires_at > latchkey_now()`)
  const found = new Map(rows.map((row) => [row.grant.id, row]))
  return ids.map((id) => found.get(id))
}

/** The column that reads a grant, of the table `grants` under the name `g`. */
export const LIVE_GRANT = liveGrant(Prisma.sql`g.payload`)

function liveGrant(payload: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`jsonb_build_object('id', g.id, 'clientId', g.client_id, 'payload', ${payload},
    'expiresAt', FLOOR(EXTRACT(EPOCH FROM g.expires_at)))`
}

/** A new grant's id. */
export function newGrantId(): string {
  return `gra_${randomBytes(16).toString('base64url')}`
}

/** The id of the grant that a consent makes: the same however often its form is sent, so that there is one grant. */
export function grantIdOfConsent(interactionUid: string): string {
  const digest = createHash('sha256').update(`the grant of ${interactionUid}`).digest()
  return `gra_${digest.subarray(0, 16).toString('base64url')}`
}

/** Ends a grant with everything under it: families, access tokens, and codes, which are refused without it. */
export async function endGrant(ending: Ending, grantId: string): Promise<void> {
  const ended = await endGrantsWhere(ending, Prisma.sql`id = ${grantId}`)
  if (ended.length === 0) return
  await endFamiliesOfGrant(ending, grantId)
  await endAccessTokensOfGrant(ending, grantId)
  ending.entries.push({ kind: 'grant_id', value: grantId })
}

/**
 * Ends the grants that were born in some sessions. With `keepOffline` those stay whose refresh token does not depend on the
 * session (OpenID Connect Core §11).
 */
export function endGrantsOfSessions(
  ending: Ending,
  sessionIds: readonly string[],
  { keepOffline }: { keepOffline: boolean },
): Promise<EndedGrant[]> {
  return endGrantsWhere(
    ending,
    Prisma.sql`session_id = ANY(${[...sessionIds]}::text[]) AND NOT (${keepOffline} AND ${IS_OFFLINE})`,
  )
}

/** Whether a row of the table `grants` has a refresh token that depends on no session. */
export const IS_OFFLINE = Prisma.sql`EXISTS (
  SELECT 1 FROM refresh_families f JOIN clients c ON c.id = f.client_id
  WHERE f.grant_id = grants.id AND f.ended_at IS NULL AND NOT ${SESSION_BOUND})`

/**
 * Some sessions are over: what was given in them, and depends on them, runs out with the last access token that there may be. Locks are taken
 * in the order of ids.
 * @param tokensLiveSeconds the longest life that any access token can have
 */
export async function closeGrantsOfSessions(
  tx: Transaction,
  sessionIds: readonly string[],
  tokensLiveSeconds: number,
): Promise<void> {
  await tx.$executeRaw(Prisma.sql`
    WITH locked AS (
      SELECT id FROM grants WHERE session_id = ANY(${[...sessionIds]}::text[]) AND ended_at IS NULL AND NOT ${IS_OFFLINE}
      ORDER BY id FOR UPDATE
    )
    UPDATE grants SET closes_at = latchkey_now() + make_interval(secs => ${tokensLiveSeconds}) WHERE id IN (SELECT id FROM locked)`)
}

/** A grant that was just ended. */
export interface EndedGrant {
  readonly id: string
  /** In which it was born. */
  readonly sessionId: string | null
  /** False when it had run out already, or was ended with its client. */
  readonly live: boolean
}

/** Those of some grants that have, or had, a refresh token which does not depend on a session. */
export async function selectOffline(tx: Transaction, ids: readonly string[]): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set()
  const families = await tx.$queryRaw<{ grantId: string }[]>(Prisma.sql`
    SELECT DISTINCT grant_id AS "grantId" FROM refresh_families WHERE grant_id = ANY(${[...ids]}::text[]) AND NOT session_bound`)
  return new Set(families.map(({ grantId }) => grantId))
}

/** Ends grants; their locks are taken in the order of their ids. @param which conditions on the table `grants` */
async function endGrantsWhere(ending: Ending, which: Prisma.Sql): Promise<EndedGrant[]> {
  const grants = await ending.tx.$queryRaw<(EndedGrant & VoidOrNot & { place: string })[]>(Prisma.sql`
    SELECT id, session_id AS "sessionId", ${grantRuns('grants')} AND NOT ${isVoidRow('grants')} AS live, ${isVoidRow('grants')} AS "isVoid", ${PLACE}
    FROM grants WHERE ${which} AND ended_at IS NULL ORDER BY id FOR UPDATE`)
  for (const [cause, rows] of byCause(ending, grants)) {
    await ending.tx.$executeRaw(Prisma.sql`
      UPDATE grants SET ended_at = latchkey_now(), end_reason = ${cause} WHERE ${whereLocked(rows)}`)
  }
  ending.counts.grants += grants.filter(({ live }) => live).length
  return grants
}

/** A grant's account and client; undefined when there is none such. */
export async function selectParties(
  tx: Transaction,
  id: string,
): Promise<{ readonly accountId: string; readonly clientId: string } | undefined> {
  return (await tx.grant.findUnique({ where: { id }, select: { accountId: true, clientId: true } })) ?? undefined
}

/**
 * Whether a grant may have access tokens that live. None outlives its grant by more than a second; but those of an earlier version
 * did, and an end goes by what may be out there.
 */
const MAY_HAVE_TOKENS = Prisma.sql`
  expires_at > latchkey_now() - make_interval(secs => ${Prisma.raw(String(LONGEST_ACCESS_TOKEN + CLOCK_SKEW_SECONDS))})`

/**
 * Takes the locks of the grants that an account has given a client and that may be good for something, and reads them. `live`: not run
 * out, nor ended with the client.
 */
export async function lockGrantsOf(
  tx: Transaction,
  { accountId, clientId }: { readonly accountId: string; readonly clientId: string },
): Promise<{ readonly id: string; readonly payload: Prisma.JsonObject; readonly live: boolean }[]> {
  return tx.$queryRaw(Prisma.sql`
    SELECT id, payload, ${grantRuns('grants')} AND NOT ${isVoidRow('grants')} AS live FROM grants
    WHERE account_id = ${accountId} AND client_id = ${clientId} AND ended_at IS NULL AND ${MAY_HAVE_TOKENS}
    ORDER BY id FOR UPDATE`)
}

/**
 * Takes the locks of those of some grants that were not ended, by themselves or with their client; and says whose they are. Some of
 * them may have run out, but may be good for something.
 */
export async function lockStandingGrants(
  tx: Transaction,
  ids: readonly string[],
): Promise<{ readonly id: string; readonly accountId: string; readonly clientId: string; readonly sessionId: string | null }[]> {
  return tx.$queryRaw(Prisma.sql`
    SELECT g.id, g.account_id AS "accountId", g.client_id AS "clientId", g.session_id AS "sessionId"
    FROM grants g JOIN clients c ON c.id = g.client_id AND ${clientStands(GRANT_GIVEN)}
    WHERE g.id = ANY(${[...ids]}::text[]) AND g.ended_at IS NULL AND ${MAY_HAVE_TOKENS} ORDER BY g.id FOR UPDATE OF g`)
}

/** What was live of grants that were just ended. */
export interface EndedOfGrants {
  /** The ids of those that were live themselves. */
  readonly live: readonly string[]
  /** The ids of those that were, or had a family that was. */
  readonly hadLive: ReadonlySet<string>
}

/** Ends grants whose locks are held, with everything under them; those that have run out as well, since something of them may live. */
export async function endGrants(ending: Ending, ids: readonly string[]): Promise<EndedOfGrants> {
  const ended = await endGrantsWhere(ending, Prisma.sql`id = ANY(${[...ids]}::text[])`)
  const live = ended.filter((grant) => grant.live).map(({ id }) => id)
  const families = await endFamiliesOfGrants(ending, ids)
  for (const id of ids) ending.entries.push({ kind: 'grant_id', value: id })
  return { live, hadLive: new Set([...live, ...families.map(({ grantId }) => grantId)]) }
}

/** Takes from grants whose locks are held what they no longer have; access tokens that may say more are dead. */
export async function narrowGrants(
  ending: Ending,
  grants: readonly { readonly id: string; readonly payload: Prisma.JsonObject }[],
): Promise<void> {
  await ending.tx.$executeRaw(Prisma.sql`
    UPDATE grants SET payload = less.payload::jsonb
    FROM unnest(${grants.map(({ id }) => id)}::text[], ${grants.map(({ payload }) => JSON.stringify(payload))}::text[])
      AS less (id, payload)
    WHERE grants.id = less.id`)
  for (const { id } of grants) ending.entries.push({ kind: 'grant_id', value: id, issuedUntilNow: true })
}

/** How many live grants a client has. */
export async function countGrantsOfClient(tx: Transaction, clientId: string): Promise<number> {
  const rows = await tx.$queryRaw<{ count: number }[]>(Prisma.sql`
    SELECT count(*)::int AS count FROM grants g JOIN clients c ON c.id = g.client_id
    WHERE g.client_id = ${clientId} AND g.ended_at IS NULL AND ${GRANT_RUNS} AND ${clientStands(GRANT_GIVEN)}`)
  return rows[0]?.count ?? 0
}

/** Ends every live grant, or those that depend on a session. */
export async function endAllGrants(ending: Ending, { keepOffline }: { readonly keepOffline: boolean }): Promise<void> {
  ending.counts.grants += await ending.tx.$executeRaw(Prisma.sql`
    UPDATE grants SET ended_at = latchkey_now(), end_reason = ${ending.cause}
    WHERE ended_at IS NULL AND expires_at > latchkey_now() AND NOT (${keepOffline} AND ${IS_OFFLINE})`)
}

/** Ends an account's grants that may be good for something, but those of the session it keeps; says which. */
export function endGrantsOfAccount(ending: Ending, accountId: string, keepSessionId?: string): Promise<EndedGrant[]> {
  return endGrantsWhere(
    ending,
    Prisma.sql`account_id = ${accountId} AND ${MAY_HAVE_TOKENS}
      AND (${keepSessionId ?? null}::text IS NULL OR session_id IS DISTINCT FROM ${keepSessionId ?? null}::text)`,
  )
}
