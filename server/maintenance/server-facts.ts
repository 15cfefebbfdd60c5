// Facts that the checks go by and that whoever asks finds alike, be it a server that runs or the command line.
import type { KeyTurns } from '../keys/key-turns.ts'
import { MigrationRefused, migrationsOf } from '../storage/migrations.ts'
import type { Database } from '../storage/postgres.ts'
import type { Webhooks } from '../webhooks/webhooks.ts'

/** Which migrations the database has and lacks; and why it is not that of this program, if it is not. */
export interface MigrationsFound {
  readonly applied: readonly string[]
  readonly pending: readonly string[]
  readonly refused?: string
}

const MOST_KEYS = 50

/** Whatever does not fit is said, and is no reason to say nothing. */
export async function findMigrations(db: Database): Promise<MigrationsFound> {
  try {
    return await migrationsOf(db)
  } catch (error) {
    if (error instanceof MigrationRefused) return { applied: [], pending: [], refused: error.message }
    throw error
  }
}

/** Signing keys that should have been replaced. @param now milliseconds since the epoch */
export async function countKeysDue(turns: Pick<KeyTurns, 'page'>, now: number): Promise<number> {
  const keys = await turns.page({ limit: MOST_KEYS })
  return keys.filter(({ due }) => due?.what === 'rotate' && due.at.getTime() <= now).length
}

/** Webhooks that are on, and did not take what they were told last. */
export async function countFailingWebhooks(webhooks: Pick<Webhooks, 'list' | 'lastDeliveries'>): Promise<number> {
  const [all, lasts] = await Promise.all([webhooks.list(), webhooks.lastDeliveries()])
  return all.filter(({ id, enabled }) => enabled && !['delivered', undefined].includes(lasts.get(id)?.state)).length
}
