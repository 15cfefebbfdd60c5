// Security events that their receivers fetch (RFC 8936): what is waiting is given out until the receiver says that it has it.
import { Prisma } from '../../prisma/client/client.ts'
import { type AuditEvent, recordAudits } from '../audit/audit.ts'
import type { Database } from '../storage/postgres.ts'
import type { SecurityEvent, SignSecurityEvent } from './security-event-token.ts'
import type { SignalStream } from './streams.ts'

/** What a receiver says and wants. */
export interface PollRequest {
  /** At most so many; 0: none. */
  readonly most: number
  /** Identifiers of those that it has. */
  readonly acknowledged: readonly string[]
  /** Those that it does not take, with its word for why. */
  readonly refused: { readonly [id: string]: string }
}

/** What it is given. */
export interface PollAnswer {
  /** Tokens by their identifiers. */
  readonly sets: { readonly [id: string]: string }
  readonly moreAvailable: boolean
}

/** Of so many signatures nobody else notices anything. */
export const MOST_SETS = 50

/** A security event that its receiver spoke of. */
export interface FetchedSignal {
  readonly id: string
  readonly event: string
  readonly accountId: string | null
  readonly sessionId: string | null
  /** Null: it was taken. */
  readonly error: string | null
}

/** Makes the function that answers. `tried` is told of each security event that a receiver took or refused. */
export function createPolling(deps: {
  readonly db: Database
  readonly sign: SignSecurityEvent
  readonly tried: (stream: SignalStream, signal: FetchedSignal) => void
}) {
  const { db, sign, tried } = deps
  return async (stream: SignalStream, { most, acknowledged, refused }: PollRequest): Promise<PollAnswer> => {
    const ids = [...acknowledged, ...Object.keys(refused)]
    const errors = [...acknowledged.map(() => null), ...Object.values(refused).map(wordsFor)]
    const finished = ids.length === 0 ? [] : await finish(db, stream, ids, errors)
    for (const signal of finished) tried(stream, signal)
    const wanted = Math.min(most, MOST_SETS)
    const rows = await db.$queryRaw<Omit<SecurityEvent, 'clientId' | 'streamId'>[]>(Prisma.sql`
      SELECT id, event, account_id AS "accountId", session_id AS "sessionId", cause, initiator,
        FLOOR(EXTRACT(EPOCH FROM created_at))::float8 AS at
      FROM signals WHERE stream_id = ${stream.id} AND state = 'waiting' AND expires_at > latchkey_now()
      ORDER BY created_at, id LIMIT ${wanted + 1}`)
    const given = rows.slice(0, wanted)
    const tokens = await Promise.all(
      given.map(async (row) => [row.id, await sign({ ...row, clientId: stream.clientId, streamId: stream.id })] as const),
    )
    return { sets: Object.fromEntries(tokens), moreAvailable: rows.length > given.length }
  }
}

/** A receiver can speak of its own stream only. What it refuses is recorded, as is what could not be pushed. */
async function finish(
  db: Database,
  { id: streamId, clientId }: SignalStream,
  ids: readonly string[],
  errors: readonly (string | null)[],
): Promise<readonly FetchedSignal[]> {
  const note = Prisma.sql`
    UPDATE signals AS n SET state = CASE WHEN said.error IS NULL THEN 'delivered' ELSE 'failed' END, last_error = said.error,
      finished_at = latchkey_now()
    FROM unnest(${[...ids]}::text[], ${[...errors]}::text[]) AS said (id, error)
    WHERE n.id = said.id AND n.stream_id = ${streamId} AND n.state = 'waiting'
    RETURNING n.id, n.event, n.account_id AS "accountId", n.session_id AS "sessionId", n.last_error AS error`
  if (errors.every((error) => error === null)) return db.$queryRaw<FetchedSignal[]>(note)
  return db.$transaction(async (tx) => {
    const finished = await tx.$queryRaw<FetchedSignal[]>(note)
    const refused = finished.filter(({ error }) => error !== null)
    await recordAudits(
      tx,
      refused.map((signal) => failureOf(streamId, clientId, signal)),
    )
    return finished
  })
}

function failureOf(streamId: string, clientId: string, { id, event, accountId, sessionId, error }: FetchedSignal): AuditEvent {
  return {
    name: 'signal.failed',
    actor: 'system',
    clientId,
    ...(accountId === null ? {} : { accountId }),
    ...(sessionId === null ? {} : { sessionId }),
    ...(error === null ? {} : { reason: error }),
    detail: { stream: streamId, signal: id, event },
  }
}

/** RFC 8935 §2.4 has words for it; nothing else of what a receiver says is kept. */
function wordsFor(error: string): string {
  return /^[a-z_]{1,40}$/.test(error) ? `it refuses the security event (${error})` : 'it refuses the security event'
}
