// Revocations straight from the server's Redis, for services of the same trust zone: the stream `latchkey:revocations`, read from
// its beginning and then as it grows.
import { type GuardClock, type Moment, moment } from './clock.ts'
import { FeedUnavailable, GuardError } from './errors.ts'
import type { Knowledge } from './knowledge.ts'
import { openConnection, type RedisClient, type RedisConnection } from './redis-client.ts'
import { type RevocationEntry, readEntry } from './revocation-entry.ts'
import type { Source } from './stream-source.ts'
import { unreferenced } from './timers.ts'

const STREAM = 'latchkey:revocations'
/** How long a read waits for news; a quiet stream is looked at as often. */
const BLOCK_MS = 1000
const ANSWER_WITHIN_MS = 5000
/** A first read of very many entries goes piece by piece. */
const PIECE = '1000'

/** What the stream is read with. */
export interface RedisParts {
  readonly client: RedisClient
  readonly knowledge: Knowledge
  readonly clock: GuardClock
  /** Whether a stream without entries may be believed. */
  readonly mayBeEmpty: () => boolean
}

export function createRedisSource(parts: RedisParts): Source {
  let live = false
  return {
    get live() {
      return live
    },
    async follow(signal) {
      const inTime = createInTime(signal)
      const opening = openConnection(parts.client)
      try {
        const stream = createReader(await inTime(opening), inTime, parts)
        await stream.readAll()
        while (!signal.aborted) {
          live = true
          await stream.readNews()
          if (await stream.wasEmptied()) return 'stale'
        }
        return 'ended'
      } catch (error) {
        throw asFault(error)
      } finally {
        live = false
        // Also one that opens only when nobody waits for it any more.
        opening.then((connection) => connection.close()).catch(() => undefined)
      }
    },
  }
}

function createReader(connection: RedisConnection, inTime: InTime, { knowledge, clock, mayBeEmpty }: RedisParts) {
  /** The id of the entry read last. */
  let position = '0-0'

  function take([id, fields]: RawEntry): void {
    const entry = entryOf(id, fields)
    knowledge.add(entry)
    position = id
  }

  function confirm(asked: Moment): void {
    if (position !== '0-0' || mayBeEmpty()) knowledge.confirm(sequenceOf(position), asked)
  }

  return {
    async readAll(): Promise<void> {
      for (;;) {
        const asked = moment(clock)
        const start = position === '0-0' ? '-' : `(${position}`
        const entries = entriesOf(await inTime(connection.send('XRANGE', STREAM, start, '+', 'COUNT', PIECE)))
        for (const entry of entries) take(entry)
        if (entries.length > 0) continue
        confirm(asked)
        return
      }
    },
    async readNews(): Promise<void> {
      const asked = moment(clock)
      const news = await inTime(connection.send('XREAD', 'BLOCK', String(BLOCK_MS), 'STREAMS', STREAM, position))
      for (const entry of entriesOfRead(news)) take(entry)
      confirm(asked)
    },
    /** Numbers only grow while Redis keeps its memory. */
    async wasEmptied(): Promise<boolean> {
      const [newest] = entriesOf(await inTime(connection.send('XREVRANGE', STREAM, '+', '-', 'COUNT', '1')))
      return newest === undefined ? position !== '0-0' : sequenceOf(newest[0]) < sequenceOf(position)
    },
  }
}

/** An id, and fields and values in turn. */
type RawEntry = readonly [id: string, fields: readonly string[]]

function entryOf(id: string, fields: readonly string[]): RevocationEntry {
  const named: Record<string, string> = {}
  for (let index = 0; index + 1 < fields.length; index += 2) named[fields[index] ?? ''] = fields[index + 1] ?? ''
  const { kind, value, before, until } = named
  const bound = before === undefined || before === '' ? {} : { before: Number(before) }
  return readEntry({ sequence: sequenceOf(id), kind, value, until: Number(until), ...bound })
}

function sequenceOf(id: string): number {
  return Number(id.split('-', 1)[0])
}

/** @throws FeedUnavailable when the answer has another shape: what is not understood must not count as nothing */
function entriesOf(reply: unknown): RawEntry[] {
  return listOf(reply).map((entry) => {
    const [id, fields] = listOf(entry)
    return [String(id), listOf(fields).map(String)] as const
  })
}

/**
 * Nothing when the time was up; `[[stream, entries]]` of old, `[stream, entries]` where a map was made flat, or the map itself
 * (RESP3).
 */
function entriesOfRead(reply: unknown): RawEntry[] {
  if (reply === null || reply === undefined) return []
  if (reply instanceof Map) return [...reply.values()].flatMap(entriesOf)
  if (!Array.isArray(reply)) return Object.values(Object(reply)).flatMap(entriesOf)
  if (typeof reply[0] === 'string') return entriesOf(reply[1])
  return reply.flatMap((stream) => entriesOf(listOf(stream)[1]))
}

function listOf(reply: unknown): readonly unknown[] {
  if (Array.isArray(reply)) return reply
  throw new FeedUnavailable('Redis answered in a shape that this version of the guard cannot read', {
    fix: 'Give a client of ioredis, or of node-redis 4 or 5, without type mappings of its own.',
  })
}

/** Waits for an answer, but not for ever, and not beyond the end. */
type InTime = <T>(work: Promise<T>) => Promise<T>

function createInTime(signal: AbortSignal): InTime {
  return async (work) => {
    let giveUp: (why: Error) => void = () => undefined
    const late = new Promise<never>((_resolve, reject) => {
      giveUp = reject
    })
    const ended = () => giveUp(new Error('it is over'))
    const timer = unreferenced(setTimeout(() => giveUp(new Error('no answer in time')), ANSWER_WITHIN_MS))
    signal.addEventListener('abort', ended)
    if (signal.aborted) ended()
    try {
      return await Promise.race([work, late])
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', ended)
    }
  }
}

function asFault(error: unknown): GuardError {
  if (error instanceof GuardError) return error
  const { message } = Object(error) as { message?: unknown }
  return new FeedUnavailable(`Redis cannot be read (${String(message)})`, {
    fix: 'See that the Redis of `redis` is the one of the authorization server, and runs.',
    cause: error,
  })
}
