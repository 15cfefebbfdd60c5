// What a refresh token is, of whichever generation: the newest of its family, one that was spent, or none that was ever given out.
import { timingSafeEqual } from 'node:crypto'
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'
import { type FamilyState, readFamilies } from './refresh-families-store.ts'
import { digestOf, type RefreshToken } from './refresh-token.ts'
import { dateOf, type Finding, type JsonMembers, present } from './token-findings.ts'
import { readLinks, whyNothingStands } from './token-links.ts'

/** Finds out about it. `replayWindowSeconds` of clients that have none of their own. */
export async function findRefreshToken(
  { db, replayWindowSeconds }: { readonly db: Database; readonly replayWindowSeconds: number },
  token: RefreshToken,
): Promise<Finding> {
  const [state] = await readFamilies(db, [token])
  const ends = state === undefined ? undefined : await readEnds(db, token)
  if (state === undefined || ends === undefined) {
    const reason = 'its family is not known: it was never given out, or is long over'
    return { kind: 'refresh_token', format: 'opaque', active: false, reason, ids: {} }
  }
  const spent = whySpent(token, state)
  const over = state.live ? undefined : await whyOver(db, state, ends)
  const reason = over ?? spent
  return {
    kind: 'refresh_token',
    format: 'opaque',
    active: reason === undefined,
    ...(reason === undefined ? {} : { reason }),
    claims: claimsOf(state),
    ids: idsOf(state),
    expiresAt: ends.idleExpiresAt,
    issuedAt: new Date(state.issuedAt * 1000),
    refresh: {
      generation: token.generation,
      newestGeneration: state.generation,
      sessionBound: state.sessionBound,
      ...(ends.rotatedAt === null ? {} : { rotatedAt: ends.rotatedAt }),
      ...replayOf(token, state, ends, replayWindowSeconds),
    },
  }
}

interface FamilyEnds {
  readonly rotatedAt: Date | null
  readonly idleExpiresAt: Date
  readonly absoluteExpiresAt: Date
  readonly endedAt: Date | null
  readonly endReason: string | null
  readonly now: Date
}

async function readEnds(db: Database, { family }: RefreshToken): Promise<FamilyEnds | undefined> {
  const rows = await db.$queryRaw<FamilyEnds[]>(Prisma.sql`
    SELECT rotated_at AS "rotatedAt", idle_expires_at AS "idleExpiresAt", absolute_expires_at AS "absoluteExpiresAt",
      ended_at AS "endedAt", end_reason AS "endReason", latchkey_now() AS now
    FROM refresh_families WHERE id = ${digestOf(family)}`)
  return rows[0]
}

/** Of a family only the digests of the newest token and of the one before are kept: those before them are known by their number. */
function whySpent({ generation, secret }: RefreshToken, state: FamilyState): string | undefined {
  const steps = state.generation - generation
  if (steps < 0) return `its generation ${generation} has not been given out: the family is at ${state.generation}`
  const digest = steps === 0 ? state.currentDigest : steps === 1 ? state.previousDigest : undefined
  if (digest !== undefined && !same(digestOf(secret), digest))
    return `it is forged: generation ${generation} of its family was another`
  return steps === 0
    ? undefined
    : `it was spent by rotation: it is generation ${generation}, and the family is at ${state.generation}`
}

async function whyOver(db: Database, state: FamilyState, ends: FamilyEnds): Promise<string> {
  if (ends.endedAt !== null) return `its family has ended${ends.endReason === null ? '' : `: ${ends.endReason}`}`
  if (ends.absoluteExpiresAt <= ends.now) return 'it has expired: its family has lived as long as it may'
  if (ends.idleExpiresAt <= ends.now) return 'it has expired: it was not used for too long'
  const { sessionId, ...ids } = idsOf(state)
  const needed = { ...ids, ...(state.sessionBound && sessionId !== undefined ? { sessionId } : {}) }
  return whyNothingStands(needed, await readLinks(db, needed)) ?? 'what it stands on has ended'
}

function idsOf({ clientId, accountId, sessionId, grantId }: FamilyState) {
  return { clientId, accountId, grantId, ...(sessionId === null ? {} : { sessionId }) }
}

/** As introspection would tell (RFC 7662 §2.2). */
function claimsOf({ payload, clientId, accountId, grantId }: FamilyState): JsonMembers {
  const { scope, resource, jkt, 'x5t#S256': thumbprint } = payload
  const cnf = present({ jkt, 'x5t#S256': thumbprint })
  return present({
    scope,
    resource,
    client_id: clientId,
    sub: accountId,
    grant_id: grantId,
    cnf: Object.keys(cnf).length === 0 ? undefined : cnf,
  })
}

function replayOf(
  { generation }: RefreshToken,
  { generation: newest, replayWindowSeconds: own, successor }: FamilyState,
  { rotatedAt, now }: FamilyEnds,
  usual: number,
): { readonly replayUntil?: Date } {
  if (generation !== newest - 1 || rotatedAt === null || successor === null) return {}
  const until = dateOf(rotatedAt.getTime() / 1000 + (own ?? usual))
  return until === undefined || until <= now ? {} : { replayUntil: until }
}

function same(a: Uint8Array, b: Uint8Array | null): boolean {
  return b !== null && a.length === b.length && timingSafeEqual(a, b)
}
