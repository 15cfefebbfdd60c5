// Opaque access tokens: kept in PostgreSQL under their digest, since a refresh must work without Redis. JWT access
// tokens are not stored at all.
import { Prisma } from '../../prisma/client/client.ts'
import { gather } from '../storage/gathering.ts'
import type { Database, Transaction } from '../storage/postgres.ts'
import type { Ended, Ending, Endings } from './ending.ts'
import { digestOf } from './refresh-token.ts'
import { GRANTED, isNotVoid } from './standing.ts'
import { SUBJECT, type TokenSubject } from './subject.ts'
import { STANDS_ON, WHAT_COVERS, WHY_ENDED } from './token-status.ts'

/** Access tokens of a person, and those that a client gets for itself. */
export type AccessTokenKind = 'AccessToken' | 'ClientCredentials'

/** An access token to be stored. */
export interface NewAccessToken {
  readonly kind: AccessTokenKind
  readonly value: string
  readonly payload: Prisma.InputJsonObject
  readonly lifeSeconds: number
  readonly clientId: string
  readonly grantId: string | undefined
  readonly accountId: string | undefined
  readonly sessionId: string | undefined
  /** PostgreSQL's time of the look or read that authorised it, in seconds since the epoch. */
  readonly authorisedAt: number | undefined
}

/** The opaque access tokens of one database. */
export interface AccessTokens {
  /** Stores a token; false when the grant it stands on has ended meanwhile. */
  store(token: NewAccessToken): Promise<boolean>
  /** A live token: its grant, session, account and client live too. */
  find(kind: AccessTokenKind, value: string): Promise<LiveAccessToken | undefined>
}

/** A live token, and what was read with it. */
export interface LiveAccessToken {
  readonly payload: Prisma.JsonObject
  /** Null for a client's own token. */
  readonly grant: { readonly payload: Prisma.JsonObject; readonly expiresAt: number } | null
  readonly account: TokenSubject | null
}

/** Makes them. */
export function createAccessTokens({ db }: { readonly db: Database }): AccessTokens {
  const read = gather((sought: readonly Sought[]) => readLive(db, sought))
  const storeOfClient = gather((tokens: readonly NewAccessToken[]) => storeOfClients(db, tokens))
  return {
    store: (token) => (token.grantId === undefined ? storeOfClient(token) : storeOnGrant(db, token, token.grantId)),

    find: (kind, value) => read({ kind, digest: Buffer.from(digestOf(value)).toString('base64') }),
  }
}

/** Tokens that clients get for themselves depend on nothing that could end meanwhile. */
async function storeOfClients(db: Database, tokens: readonly NewAccessToken[]): Promise<readonly boolean[]> {
  const digests = tokens.map(({ value }) => Buffer.from(digestOf(value)).toString('base64'))
  await db.$executeRaw(Prisma.sql`
    INSERT INTO access_tokens (digest, kind, client_id, payload, created_at, expires_at)
    SELECT decode(made.digest, 'base64'), made.kind, made.client_id, made.payload::jsonb,
      COALESCE(to_timestamp(made.authorised_at), latchkey_now()), latchkey_now() + make_interval(secs => made.life)
    FROM unnest(${digests}::text[], ${tokens.map(({ kind }) => kind)}::text[], ${tokens.map(({ clientId }) => clientId)}::text[],
      ${tokens.map(({ payload }) => JSON.stringify(payload))}::text[], ${tokens.map(({ lifeSeconds }) => lifeSeconds)}::float8[],
      ${tokens.map(({ authorisedAt }) => authorisedAt ?? null)}::float8[])
      AS made (digest, kind, client_id, payload, life, authorised_at)`)
  return tokens.map(() => true)
}

/** One at a time: each locks its grant, and an end locks many in an order of its own. */
async function storeOnGrant(db: Database, token: NewAccessToken, grantId: string): Promise<boolean> {
  const inserted = await db.$executeRaw(Prisma.sql`
    WITH live_grant AS (
      SELECT id FROM grants WHERE id = ${grantId} AND ended_at IS NULL AND expires_at > latchkey_now() FOR SHARE)
    INSERT INTO access_tokens (digest, kind, grant_id, account_id, client_id, session_id, payload, created_at, expires_at)
    SELECT ${digestOf(token.value)}, ${token.kind}, live_grant.id, ${token.accountId ?? null}::text, ${token.clientId},
      ${token.sessionId ?? null}::text, ${JSON.stringify(token.payload)}::jsonb,
      COALESCE(to_timestamp(${token.authorisedAt ?? null}::float8), latchkey_now()), latchkey_now() + make_interval(secs => ${token.lifeSeconds})
    FROM live_grant`)
  return inserted === 1
}

interface Sought {
  readonly kind: AccessTokenKind
  /** In base64. */
  readonly digest: string
}

/** What a token says of itself is in its row here; whether it was ended is asked as of every other. */
async function readLive(db: Database, sought: readonly Sought[]): Promise<readonly (LiveAccessToken | undefined)[]> {
  const rows = await db.$queryRaw<(LiveAccessToken & { position: number })[]>(Prisma.sql`
    SELECT sought.position::int AS position,
      -- The times in the payload are those of the host that made the token, whose clock may have been wrong.
      t.payload || jsonb_build_object(
        'exp', FLOOR(EXTRACT(EPOCH FROM t.expires_at)),
        'iat', FLOOR(EXTRACT(EPOCH FROM t.expires_at)) - ((t.payload->>'exp')::float8 - (t.payload->>'iat')::float8)) AS payload,
      CASE WHEN g.id IS NOT NULL THEN
        jsonb_build_object('payload', ${GRANTED}, 'expiresAt', FLOOR(EXTRACT(EPOCH FROM g.expires_at))) END AS grant,
      CASE WHEN a.id IS NOT NULL THEN ${SUBJECT} END AS account
    FROM unnest(${sought.map(({ kind }) => kind)}::text[], ${sought.map(({ digest }) => digest)}::text[])
      WITH ORDINALITY AS sought (kind, digest, position)
    JOIN access_tokens t ON t.digest = decode(sought.digest, 'base64') AND t.kind = sought.kind
    CROSS JOIN LATERAL (
      SELECT NULL::text AS jti, t.client_id, t.account_id, t.grant_id, t.session_id, NULL::text AS kid,
        EXTRACT(EPOCH FROM t.created_at)::float8 AS issued_at
    ) asked
    ${STANDS_ON}
    ${WHAT_COVERS}
    WHERE t.ended_at IS NULL AND t.expires_at > latchkey_now() AND (${WHY_ENDED}) IS NULL
      -- A client's own token stands on no grant.
      AND (t.grant_id IS NOT NULL OR ${isNotVoid(Prisma.sql`t.created_at`)})`)
  const found = new Map(rows.map((row) => [row.position, row]))
  return sought.map((_, index) => found.get(index + 1))
}

/** A token that is kept, whether it is good or not. */
export interface StoredAccessToken {
  readonly kind: AccessTokenKind
  readonly ids: { readonly clientId: string; readonly grantId?: string; readonly accountId?: string; readonly sessionId?: string }
  readonly payload: Prisma.JsonObject
  readonly issuedAt: Date
  readonly expiresAt: Date
  readonly ended: boolean
}

/** Finds a token for whoever looks at it; nothing that is found here is a proof that it is good. */
export function findStoredAccessToken(db: Database, value: string): Promise<StoredAccessToken | undefined> {
  return findKeptAccessToken(db, keptAs(value))
}

/** The digest under which a token is kept: it names the token, and opens nothing. */
export function keptAs(value: string): string {
  return Buffer.from(digestOf(value)).toString('base64url')
}

/** The token of a digest. */
export async function findKeptAccessToken(db: Database, digest: string): Promise<StoredAccessToken | undefined> {
  const row = await db.accessToken.findUnique({ where: { digest: bytesOf(digest) } })
  if (row === null) return undefined
  const { clientId, grantId, accountId, sessionId } = row
  return {
    kind: row.kind as AccessTokenKind,
    ids: {
      clientId,
      ...(grantId === null ? {} : { grantId }),
      ...(accountId === null ? {} : { accountId }),
      ...(sessionId === null ? {} : { sessionId }),
    },
    payload: row.payload as Prisma.JsonObject,
    issuedAt: row.createdAt,
    expiresAt: row.expiresAt,
    ended: row.endedAt !== null,
  }
}

/** Ends one token and has it written down, or neither when it had ended, or expired. Of those who end it at the same moment one does it. */
export function endStoredAccessToken(
  endings: Endings,
  value: string,
  written: (tx: Transaction) => Promise<void>,
): Promise<Ended> {
  return endKeptAccessToken(endings, keptAs(value), written)
}

/** The same of the token of a digest, for those who do not hold it. */
export function endKeptAccessToken(
  endings: Endings,
  digest: string,
  written: (tx: Transaction) => Promise<void>,
): Promise<Ended> {
  return endings.runOnce(`token ${digest}`, 'token_revoked', async ({ tx }) => {
    const ended = await tx.$executeRaw(Prisma.sql`
      UPDATE access_tokens SET ended_at = latchkey_now()
      WHERE digest = ${bytesOf(digest)} AND ended_at IS NULL AND expires_at > latchkey_now()`)
    if (ended === 1) await written(tx)
  })
}

function bytesOf(digest: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(digest, 'base64url'))
}

/** Ends the tokens of a grant. */
export async function endAccessTokensOfGrant(ending: Ending, grantId: string): Promise<void> {
  await ending.tx.$executeRaw(Prisma.sql`
    UPDATE access_tokens SET ended_at = latchkey_now() WHERE grant_id = ${grantId} AND ended_at IS NULL`)
}

/** Ends the tokens of some sessions. */
export async function endAccessTokensOfSessions(ending: Ending, sessionIds: readonly string[]): Promise<void> {
  await ending.tx.$executeRaw(Prisma.sql`
    UPDATE access_tokens SET ended_at = latchkey_now()
    WHERE session_id = ANY(${[...sessionIds]}::text[]) AND ended_at IS NULL`)
}

/** Ends an account's tokens, but those of the session it keeps. They are found by its grants: every token of a person stands on one. */
export async function endAccessTokensOfAccount(ending: Ending, accountId: string, keepSessionId?: string): Promise<void> {
  await ending.tx.$executeRaw(Prisma.sql`
    UPDATE access_tokens SET ended_at = latchkey_now()
    WHERE grant_id IN (SELECT id FROM grants WHERE account_id = ${accountId}) AND ended_at IS NULL
      AND (${keepSessionId ?? null}::text IS NULL OR session_id IS DISTINCT FROM ${keepSessionId ?? null}::text)`)
}
