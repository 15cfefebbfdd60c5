// Revocations straight from the server's Redis, for services of the same trust zone: the stream `latchkey:revocations`, read from
// its beginning and then as it grows. It is believed as of the signs of life that the server writes there.
import { type GuardClock, type Moment, millisecondsSince, moment, type ServerTime } from './clock.ts'
import { FeedUnavailable, GuardError } from './errors.ts'
import type { Knowledge } from './knowledge.ts'
import { openConnection, type RedisClient, type RedisConnection } from './redis-client.ts'
import { type RevocationEntry, readEntry } from './revocation-entry.ts'
import { createSignsOfLife, type SignOfLife, type SignsOfLife } from './signs-of-life.ts'
import type { Source } from './stream-source.ts'
import { unreferenced } from './timers.ts'

const STREAM = 'latchkey:revocations'
/** How long a read waits for news. */
const BLOCK_MS = 1000
const ANSWER_WITHIN_MS = 5000
/** A first read of very many entries goes piece by piece. */
const PIECE = '1000'
/** What a sign of life says is no older than that while it is followed well. */
const LIVE_MS = 5000

/** What the stream is read with. */
export interface RedisParts {
  readonly client: RedisClient
  readonly issuer: string
  readonly knowledge: Knowledge
  readonly clock: GuardClock
  readonly time: ServerTime
}

export function createRedisSource(parts: RedisParts): Source {
  const signs = createSignsOfLife(parts.issuer, parts.clock)
  let live = false
  return {
    get live() {
      return live
    },
    async follow(signal) {
      const inTime = createInTime(signal)
      let connection: RedisConnection | undefined
      try {
        connection = openConnection(parts.client)
        const stream = createReader(connection, inTime, { ...parts, signs })
        await stream.readAll()
        while (!signal.aborted) {
          live = (await stream.readNews()) || live
          if (await stream.wasEmptied()) return 'stale'
        }
        return 'ended'
      } catch (error) {
        throw asFault(error)
      } finally {
        live = false
        connection?.close()
      }
    },
  }
}

type ReaderParts = RedisParts & { readonly signs: SignsOfLife }

function createReader(connection: RedisConnection, inTime: InTime, { knowledge, clock, time, signs }: ReaderParts) {
  /** The id of what was read last. */
  let position = '0-0'
  /** When was asked last: what comes now was not there then. */
  let asked = moment(clock)
  const began = asked

  /** Adds the entries, and gives the sign of life among them. It comes after them, since they were written before it. */
  function take(all: readonly RawEntry[]): SignOfLife | undefined {
    let sign: SignOfLife | undefined
    for (const [id, fields] of all) {
      const named = namedFields(fields)
      if (named.kind === undefined && named.now !== undefined) sign = signOf(id, named)
      else knowledge.add(entryOf(id, named))
      position = id
    }
    return sign
  }

  function confirm(sign: SignOfLife | undefined, missing: Moment): boolean {
    const asOf = sign && signs.saw(sign, missing)
    if (sign === undefined || asOf === undefined) {
      signs.expectOne(began)
      return false
    }
    time.learn(sign.now, asOf)
    knowledge.confirm(Math.max(sign.sequence, sequenceOf(sign.id)), asOf)
    return millisecondsSince(clock, asOf) < LIVE_MS
  }

  return {
    async readAll(): Promise<void> {
      for (;;) {
        const now = moment(clock)
        const start = position === '0-0' ? '-' : `(${position}`
        const entries = entriesOf(await inTime(connection.send('XRANGE', STREAM, start, '+', 'COUNT', PIECE)))
        asked = now
        const sign = take(entries)
        if (sign !== undefined) signs.found(sign)
        if (entries.length === 0) return
      }
    },
    /** Whether it shows that everything is known by now. */
    async readNews(): Promise<boolean> {
      const missing = asked
      asked = moment(clock)
      const news = await inTime(connection.send('XREAD', 'BLOCK', String(BLOCK_MS), 'STREAMS', STREAM, position))
      return confirm(take(entriesOfRead(news)), missing)
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

type NamedFields = { readonly [name: string]: string | undefined }

function namedFields(fields: readonly string[]): NamedFields {
  const named: Record<string, string> = {}
  for (let index = 0; index + 1 < fields.length; index += 2) named[fields[index] ?? ''] = fields[index + 1] ?? ''
  return named
}

function entryOf(id: string, { kind, value, before, until, at }: NamedFields): RevocationEntry {
  const bound = before === undefined || before === '' ? {} : { before: Number(before) }
  const written = at === undefined ? {} : { at: Number(at) }
  return readEntry({ sequence: sequenceOf(id), kind, value, until: Number(until), ...bound, ...written })
}

function signOf(id: string, { now, sequence, issuer = '' }: NamedFields): SignOfLife {
  const sign = { id, now: Number(now), sequence: Number(sequence), issuer }
  if (Number.isFinite(sign.now) && Number.isSafeInteger(sign.sequence)) return sign
  throw new FeedUnavailable('Redis has a sign of life that this version of the guard cannot read', {
    fix: 'Bring @latchkey/guard to the version of the server.',
  })
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
    fix: 'Give a client of ioredis, or of node-redis 4 to 6.',
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
