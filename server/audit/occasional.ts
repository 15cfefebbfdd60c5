// Events that strangers can cause as often as they like: requests that were refused before anything was done. Of those that are alike
// the first in a minute is written at once, and of the others how many there were; so a flood shows in the log and does not fill it.
import type { Clock } from '../../config/clock.ts'
import type { AuditEvent } from './audit.ts'

/** Writes such events. Nothing hangs on them: when they cannot be written, that is told and they are lost. */
export interface OccasionalEvents {
  /** @param alike what makes events alike, besides their name: a client, an address */
  note(event: AuditEvent, alike: readonly string[]): void
  /** Writes what is over of the minutes before. To be called again and again. */
  flush(): Promise<void>
  /** Writes everything that waits. */
  close(): Promise<void>
}

const WINDOW_MS = 60_000

/** Different ones in a minute, of one name. Of more only the number is told. */
const MOST_ALIKE = 50

interface Alike {
  readonly name: AuditEvent['name']
  readonly until: number
  /** The last of those that were not written. */
  event: AuditEvent
  times: number
}

/** Makes it. `record` writes some events; `lost` is told why it did not. */
export function createOccasionalEvents(deps: {
  readonly clock: Clock
  readonly record: (events: readonly AuditEvent[]) => Promise<void>
  readonly lost: (error: unknown) => void
}): OccasionalEvents {
  const known = new Map<string, Alike>()
  const writing = new Set<Promise<void>>()

  async function write(events: readonly AuditEvent[]): Promise<void> {
    if (events.length === 0) return
    const written = deps.record(events).catch(deps.lost)
    writing.add(written)
    await written
    writing.delete(written)
  }

  /** Those whose minute is over. */
  function take(isOver: (alike: Alike) => boolean): AuditEvent[] {
    const over = [...known].filter(([, alike]) => isOver(alike))
    for (const [key] of over) known.delete(key)
    return over.flatMap(([, { event, times }]) => (times === 0 ? [] : [{ ...event, detail: { ...event.detail, times } }]))
  }

  return {
    note(event, alike) {
      const now = deps.clock()
      const own = JSON.stringify([event.name, ...alike])
      const found = known.get(own)
      if (found !== undefined && found.until > now) {
        found.times += 1
        found.event = event
        return
      }
      const before = take((one) => one === found)
      const others = [...known.values()].filter(({ name, until }) => name === event.name && until > now).length
      if (others >= MOST_ALIKE) return void countAmongMany(known, event, now)
      known.set(own, { name: event.name, until: now + WINDOW_MS, event, times: 0 })
      void write([...before, event])
    },

    async flush() {
      // How many more there were comes after the first of them.
      await Promise.all(writing)
      const now = deps.clock()
      await write(take(({ until }) => until <= now))
    },

    async close() {
      await write(take(() => true))
      await Promise.all(writing)
    },
  }
}

/** All beyond the limit are one, of which is known what they were and not who. */
function countAmongMany(known: Map<string, Alike>, { name }: AuditEvent, now: number): void {
  const key = JSON.stringify([name, 'many'])
  const many = known.get(key) ?? { name, until: now + WINDOW_MS, event: { name, detail: { many: true } }, times: 0 }
  many.times += 1
  known.set(key, many)
}
