// The last so many things of one sort, for all processes together, sealed: one stream in Redis, or a list in the memory of the process.
// What is most of a kind goes first, so that whoever makes much noise pushes out nothing but it.
import type { Clock } from '../../config/clock.ts'
import { StorageUnavailable } from './errors.ts'
import type { LiveKeyKind } from './keys.ts'
import type { ScriptedClient } from './redis-client.ts'
import type { Sealer } from './sealing.ts'

/** A thing that is written down. */
export interface RecentEntry {
  /** Those of one kind make room for one another. It stands in the store in clear. */
  readonly kind: string
  readonly text: string
}

/** The log. */
export interface RecentLog {
  /** Writes entries down, the earliest first. @throws StorageUnavailable */
  add(entries: readonly RecentEntry[]): Promise<void>
  /**
   * The texts of the kinds that are wanted, the latest first, and no more of them than one goes on to ask for. What cannot be opened is
   * not there. @throws StorageUnavailable
   */
  read(wanted?: (kind: string) => boolean): AsyncIterable<string>
}

/** How much is kept. */
export interface RecentLogSize {
  /** The one key that it has in Redis. */
  readonly key: LiveKeyKind
  readonly most: number
  /** What is older is forgotten; without anything new the whole log is. */
  readonly lifeSeconds: number
}

/** So many are read at a time. */
const PORTION = 100

/** In Redis. `client` puts its prefix before the key. */
export function createRedisRecentLog(
  client: ScriptedClient,
  { sealer, clock, size }: { readonly sealer: Sealer; readonly clock: Clock; readonly size: RecentLogSize },
): RecentLog {
  const { key, most, lifeSeconds } = size
  return {
    async add(entries) {
      const words = entries.flatMap(({ kind, text }) => [kind, sealer.seal(text, key)])
      const now = clock()
      if (words.length > 0)
        await answered(client.latchkeyAddRecent(key, most, lifeSeconds * 1000, now - lifeSeconds * 1000, now, ...words))
    },

    async *read(wanted = () => true) {
      const oldest = String(clock() - lifeSeconds * 1000)
      let newest: string | undefined = '+'
      while (newest !== undefined) {
        const found: [id: Buffer, fields: Buffer[]][] = await answered(
          client.xrevrangeBuffer(key, newest, oldest, 'COUNT', PORTION).catch(nothingOfOurs),
        )
        for (const [, [, kind, , data]] of found) if (wanted(String(kind))) yield* opened(sealer, key, data)
        const last = found.length < PORTION ? undefined : found.at(-1)
        newest = last === undefined ? undefined : `(${last[0].toString()}`
      }
    },
  }
}

/** The error itself would carry the command along. */
async function answered<Answer>(command: Promise<Answer>): Promise<Answer> {
  try {
    return await command
  } catch (error) {
    throw new StorageUnavailable('redis', Error.isError(error) ? error.message : String(error))
  }
}

/** Something of another kind under our key counts as absent; the next that is written takes its place. */
function nothingOfOurs(error: Error): [] {
  if (error.message.startsWith('WRONGTYPE')) return []
  throw error
}

/** In memory, for development: sealed as well, so that both keep the same. */
export function createMemoryRecentLog({
  sealer,
  clock,
  size,
}: {
  readonly sealer: Sealer
  readonly clock: Clock
  readonly size: RecentLogSize
}): RecentLog {
  const { key, most, lifeSeconds } = size
  let kept: { readonly kind: string; readonly at: number; readonly data: Buffer }[] = []
  const young = () => kept.filter(({ at }) => at >= clock() - lifeSeconds * 1000)
  return {
    async add(entries) {
      kept = young().concat(entries.map(({ kind, text }) => ({ kind, at: clock(), data: sealer.seal(text, key) })))
      while (kept.length > most) kept.splice(oldestOfLargestKind(kept), 1)
    },
    async *read(wanted = () => true) {
      for (const { kind, data } of young().toReversed()) if (wanted(kind)) yield* opened(sealer, key, data)
    },
  }
}

function oldestOfLargestKind(kept: readonly { readonly kind: string }[]): number {
  const counts = new Map<string, number>()
  for (const { kind } of kept) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  const largest = Math.max(...counts.values())
  return kept.findIndex(({ kind }) => counts.get(kind) === largest)
}

function opened(sealer: Sealer, key: string, data: Buffer | undefined): string[] {
  try {
    return data === undefined ? [] : [sealer.open(data, key).toString('utf8')]
  } catch {
    // Sealed under a key that is gone, or not by us.
    return []
  }
}
