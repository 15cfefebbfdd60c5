// The sessions of the whole installation, as administrators look for them: a page at a time, however many there are.
import { Prisma } from '../../prisma/client/client.ts'
import type { Database } from '../storage/postgres.ts'
import { deviceName } from './device-name.ts'
import { LIVE, type SessionFilter, type SessionState, STATE } from './session-filter.ts'
import { rowsOf } from './session-ways.ts'

/** A session in a list. */
export interface SessionItem {
  readonly id: string
  /** Without an e-mail address when it is deleted. */
  readonly account: { readonly id: string; readonly email?: string; readonly name?: string }
  /** "Chrome on Windows". */
  readonly device: string
  readonly userAgent?: string
  readonly address?: string
  /** RFC 8176 `amr` values. */
  readonly methods: readonly string[]
  readonly clients: readonly { readonly clientId: string; readonly name: string }[]
  readonly startedAt: Date
  readonly lastUsedAt: Date
  /** When it is over unless it is used again. */
  readonly expiresAt: Date
  readonly state: SessionState
  readonly endedAt?: Date
  /** A word: `signed_out`, `session_revoked` … */
  readonly endReason?: string
}

/** What is asked for, the latest first. */
export interface SessionQuery {
  readonly filter: SessionFilter
  readonly limit: number
  /** The last session of the page before. */
  readonly after?: Pick<SessionItem, 'id' | 'startedAt'>
}

/** Looks for sessions. Each throws `AddressFilterFault` when the filter's address is none. */
export interface SessionSearch {
  page(query: SessionQuery): Promise<SessionItem[]>
  /** The ids of those that are live, of `limit` at most. */
  liveIds(filter: SessionFilter, limit: number): Promise<string[]>
  find(id: string): Promise<SessionItem | undefined>
}

/** Makes it. */
export function createSessionSearch({ db }: { readonly db: Database }): SessionSearch {
  return {
    async page({ filter, limit, after }) {
      const beyond = after === undefined ? Prisma.sql`true` : Prisma.sql`(s.started_at, s.id) < (${after.startedAt}, ${after.id})`
      return select(db, await rowsOf(db, { filter, limit, beyond }))
    },

    async liveIds(filter, limit) {
      const rows = await db.$queryRaw<{ id: string }[]>(
        Prisma.sql`SELECT s.id FROM (${await rowsOf(db, { filter, limit, beyond: LIVE })}) s`,
      )
      return rows.map(({ id }) => id)
    },

    async find(id) {
      return (await select(db, Prisma.sql`SELECT s.* FROM sessions s WHERE s.id = ${id}`))[0]
    },
  }
}

interface SessionRow {
  readonly id: string
  readonly account: { readonly id: string; readonly email: string | null; readonly name: string | null }
  readonly userAgent: string | null
  readonly address: string | null
  readonly methods: readonly string[]
  readonly clients: readonly { readonly clientId: string; readonly name: string | null }[]
  readonly startedAt: Date
  readonly lastUsedAt: Date
  readonly expiresAt: Date
  readonly state: SessionState
  readonly endedAt: Date | null
  readonly endReason: string | null
}

/** The page is found first, and what stands beside each of its sessions is read for those only. */
async function select(db: Database, rows: Prisma.Sql): Promise<SessionItem[]> {
  const found = await db.$queryRaw<SessionRow[]>(Prisma.sql`
    SELECT s.id, jsonb_build_object('id', a.id, 'email', NULLIF(a.email, ''), 'name', a.name) AS account, s.user_agent AS "userAgent",
      host(s.address) AS address, s.methods, s.started_at AS "startedAt", s.last_used_at AS "lastUsedAt",
      s.expires_at AS "expiresAt", s.state, s.ended_at AS "endedAt", s.end_reason AS "endReason",
      COALESCE((SELECT jsonb_agg(jsonb_build_object('clientId', sc.client_id, 'name', c.metadata->>'client_name')
                                 ORDER BY sc.first_used_at, sc.client_id)
                FROM session_clients sc JOIN clients c ON c.id = sc.client_id
                WHERE sc.session_id = s.id AND c.managed_by IS DISTINCT FROM 'latchkey'), '[]'::jsonb) AS clients
    FROM (SELECT s.*, ${STATE} AS state, row_number() OVER () AS place FROM (${rows}) s) s
    JOIN accounts a ON a.id = s.account_id
    ORDER BY s.place`)
  return found.map(itemOf)
}

function itemOf({ account, userAgent, address, clients, endedAt, endReason, ...row }: SessionRow): SessionItem {
  return {
    ...row,
    account: {
      id: account.id,
      ...(account.email === null ? {} : { email: account.email }),
      ...(account.name === null ? {} : { name: account.name }),
    },
    device: deviceName(userAgent ?? undefined),
    clients: clients.map(({ clientId, name }) => ({ clientId, name: name ?? clientId })),
    ...(userAgent === null ? {} : { userAgent }),
    ...(address === null ? {} : { address }),
    ...(endedAt === null ? {} : { endedAt }),
    ...(endReason === null ? {} : { endReason }),
  }
}
