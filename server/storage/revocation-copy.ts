// The copy of the revocation list in Redis, for services of the same trust zone: a stream to follow, and a key for each entry to
// ask for. PostgreSQL has the list itself; a copy that is lost is written again.
import { Cluster } from 'ioredis'
import { liveKey, liveKeys } from './keys.ts'
import type { RedisClient, ScriptedClient } from './redis-client.ts'

/** An entry, with the names that it has everywhere else; times in seconds since the epoch. */
export interface CopiedRevocation {
  readonly sequence: number
  readonly kind: string
  readonly value: string
  readonly before?: number
  readonly until: number
  /** When it was written. */
  readonly at: number
}

/** Entries in the order of their numbers. */
export interface RevocationBatch {
  /** Names the database and its backups: a stream of another one is thrown away. */
  readonly lineage: string
  /** Between this number and the first entry nothing is left out. */
  readonly from: number
  readonly entries: readonly CopiedRevocation[]
  /** What is older need not stay in the stream. */
  readonly oldest: number
  /** PostgreSQL's time, in seconds since the epoch. */
  readonly now: number
  /** Undefined when there is more to come, or when nothing can be said. */
  readonly sign: SignOfLife | undefined
}

/** Says that the copy is whole: neighbours take nothing else for it, as Redis may answer without anybody being able to write there. */
export interface SignOfLife {
  /** PostgreSQL's time when it was last looked at, in seconds since the epoch. */
  readonly looked: number
  /** Everything up to this number was known then. */
  readonly sequence: number
  /** Whose revocations these are. */
  readonly issuer: string
}

/** The copy. Its methods throw what Redis has to say when it does not answer. */
export interface RevocationCopy {
  /**
   * Adds what is not there yet.
   * @returns the number after which entries are missing there, and then nothing was added; undefined when all is there
   */
  add(batch: RevocationBatch): Promise<number | undefined>
  /** Throws the stream away: what it has is no longer so. */
  clear(): Promise<void>
  /** Sets the keys of entries again whose key is not there any more, as after Redis evicted what it liked. */
  keep(entries: readonly CopiedRevocation[], now: number): Promise<void>
  /** Has someone told when any process has added something. */
  subscribe(listener: () => void): { close(): void }
}

/** Entries of one script: it holds everybody else up. */
export const MOST_COPIED_AT_ONCE = 500

/** How long a sign of life stays where there is nothing else. */
const SIGN_LIFE_SECONDS = 60

/** Makes it. `client` puts its prefix before each key. */
export function createRevocationCopy(client: ScriptedClient): RevocationCopy {
  const stream = liveKeys.revocations
  return {
    async add({ lineage, from, entries, oldest, now, sign }) {
      await Promise.all(entries.map((entry) => setKey(client, entry, now)))
      const lifeSeconds = Math.max(sign === undefined ? 1 : SIGN_LIFE_SECONDS, ...entries.map(({ until }) => until - now))
      const signWords = [sign?.looked ?? '', sign?.sequence ?? '', sign?.issuer ?? '']
      const words = entries.flatMap(({ sequence, kind, value, before, until, at }) => [
        sequence,
        kind,
        value,
        before ?? '',
        until,
        at,
      ])
      const missing = Number(
        await client.latchkeyCopyRevocations(
          stream,
          ...[lineage, from, oldest, Math.ceil(lifeSeconds * 1000), ...signWords],
          ...words,
        ),
      )
      return missing < 0 ? undefined : missing
    },

    clear: async () => void (await client.del(stream)),

    async keep(entries, now) {
      const there = await Promise.all(entries.map((entry) => client.exists(keyOf(entry))))
      await Promise.all(entries.filter((_, index) => there[index] === 0).map((entry) => setKey(client, entry, now)))
    },

    subscribe(listener) {
      const subscriber = duplicateOf(client)
      // Without a listener ioredis prints each error; it connects again by itself.
      subscriber.on('error', () => undefined)
      subscriber.on('message', listener)
      // The channel has the stream's whole name.
      const channel = `${client.options.keyPrefix ?? ''}${stream}`
      subscriber.on('ready', () => {
        subscriber.subscribe(channel).catch(() => undefined)
      })
      subscriber.connect().catch(() => undefined)
      return { close: () => subscriber.disconnect() }
    },
  }
}

/** Both kinds of client have it, with types that do not go together. */
function duplicateOf(client: RedisClient): RedisClient {
  return client instanceof Cluster ? client.duplicate() : client.duplicate()
}

/** Of several entries that name the same, the one that ends last stays, and the latest `before`. */
async function setKey(client: ScriptedClient, entry: CopiedRevocation, now: number): Promise<void> {
  const ttlMs = Math.ceil((entry.until - now) * 1000)
  if (ttlMs > 0) await client.latchkeyRevoke(keyOf(entry), entry.before ?? 0, ttlMs)
}

function keyOf({ kind, value, before }: CopiedRevocation): string {
  return liveKey(before === undefined ? liveKeys.revoked : liveKeys.revokedUntil, `${kind}:${value}`)
}
