// Who is turned away for asking too often: listed, so that an office that cannot sign in is found, and let through again by hand.
import type { Clock } from '../../config/clock.ts'
import { type Change, recordChange } from '../audit/change.ts'
import { createExpiringMap } from '../storage/expiring-map.ts'
import type { Database } from '../storage/postgres.ts'
import { type ListedThrottle, type ThrottleList, throttleId } from '../storage/throttle-list.ts'

/** The limits, as the audit log and the metrics name them. */
export const LIMITS = ['people', 'clients', 'client_failures', 'administrators'] as const

/** One of them. */
export type LimitName = (typeof LIMITS)[number]

/** Somebody who is turned away. */
export interface Throttle {
  readonly id: string
  readonly limit: LimitName
  /** An address, or an IPv6 network. */
  readonly place: string
  /** When one request more is let through. */
  readonly until: Date
}

/** Somebody whom a limit turns away now. */
export interface Throttled {
  readonly limit: LimitName
  /** What the limit counts by. */
  readonly asker: string
  readonly place: string
  readonly waitSeconds: number
  readonly windowSeconds: number
}

/** They are noted by the limits, looked at, and lifted. */
export interface Throttles {
  /** Nothing hangs on it: what cannot be written is tried again with the next request. */
  note(throttled: Throttled): void
  /** Whether an asker was lifted since this process has last been told so. Asked again and again, it looks once in a second. */
  lifted(limit: LimitName, asker: string): Promise<boolean>
  /** Those that wait longest first. `after`: the last of the page before. @throws StorageUnavailable */
  page(query: { readonly limit: number; readonly after?: Pick<Throttle, 'id' | 'until'> }): Promise<Throttle[]>
  /** Forgets what was counted of one; false when there is none. @throws StorageUnavailable */
  lift(id: string, change: Change): Promise<boolean>
}

const LOOK_EVERY_MS = 1000

/** Of those who wait for the same moment, but for the second that a limit rounds away, one is written. */
const SAME_MOMENT_MS = 2000

/** Makes it. */
export function createThrottles({
  db,
  list,
  clock,
}: {
  readonly db: Database
  readonly list: ThrottleList
  readonly clock: Clock
}): Throttles {
  const written = createExpiringMap<number>(clock)
  const looked = createExpiringMap<{ readonly at: number; readonly mark: string | undefined }>(clock)

  return {
    note({ limit, asker, place, windowSeconds, waitSeconds }) {
      const until = clock() + waitSeconds * 1000
      const id = throttleId(limit, asker)
      if (Math.abs(until - (written.get(id) ?? 0)) < SAME_MOMENT_MS) return
      written.set(id, until, until)
      list.write({ limit, asker, place, until, windowSeconds }).catch(() => written.delete(id))
    },

    async lifted(limit, asker) {
      const id = throttleId(limit, asker)
      const before = looked.get(id)
      const now = clock()
      if (before !== undefined && now - before.at < LOOK_EVERY_MS) return false
      // Longer than any window, and so than any mark.
      const look = (mark: string | undefined) => looked.set(id, { at: now, mark }, now + 86_400_000)
      look(before?.mark)
      // Whoever cannot be asked has lifted nothing.
      const mark = await list.markOf(id).catch(() => undefined)
      if (mark === undefined || mark === before?.mark) return false
      look(mark)
      written.delete(id)
      // Whoever asked again before this process looked was turned away once more, and stands there once more.
      list.forget(id).catch(() => undefined)
      return true
    },

    async page({ limit, after }) {
      const all = [...(await list.read())].map(([id, throttle]) => throttleOf(id, throttle))
      const isBeyond = ({ id, until }: Throttle) =>
        after === undefined || until < after.until || (until.getTime() === after.until.getTime() && id > after.id)
      return all.filter(isBeyond).slice(0, limit)
    },

    async lift(id, change) {
      const throttle = (await list.read()).get(id)
      if (throttle === undefined) return false
      const { limit, place } = throttle
      try {
        return await db.$transaction(async (tx) => {
          await recordChange(tx, 'rate_limit.lifted', change, { detail: { limit, place } })
          if (!(await list.lift(id))) throw new LiftedMeanwhile()
          written.delete(id)
          return true
        })
      } catch (error) {
        if (error instanceof LiftedMeanwhile) return false
        throw error
      }
    },
  }
}

/** Somebody else was faster: what was written of it is taken back. */
class LiftedMeanwhile extends Error {}

function throttleOf(id: string, { limit, place, until }: ListedThrottle): Throttle {
  return { id, limit: limit as LimitName, place, until: new Date(until) }
}
