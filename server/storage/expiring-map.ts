// A map whose entries have a time, after which they are not found, and soon not kept either.
import type { Clock } from '../../config/clock.ts'

export interface ExpiringMap<Value> {
  get(key: string): Value | undefined
  /** @param expiresAt by the clock, in milliseconds */
  set(key: string, value: Value, expiresAt: number): void
  delete(key: string): void
  /** When a live entry expires. */
  expiryOf(key: string): number | undefined
  /** How many entries are kept, expired ones among them. */
  size(): number
}

/** How many entries each write looks at, so that no write is slow and all expired entries go in the end. */
const SWEPT_AT_A_TIME = 8

export function createExpiringMap<Value>(clock: Clock): ExpiringMap<Value> {
  const entries = new Map<string, { readonly value: Value; readonly expiresAt: number }>()
  let sweep = entries.entries()

  function live(key: string) {
    const entry = entries.get(key)
    return entry !== undefined && entry.expiresAt > clock() ? entry : undefined
  }

  function sweepSome(): void {
    for (let looked = 0; looked < SWEPT_AT_A_TIME; looked++) {
      const next = sweep.next()
      if (next.done) {
        sweep = entries.entries()
        return
      }
      const [key, { expiresAt }] = next.value
      if (expiresAt <= clock()) entries.delete(key)
    }
  }

  return {
    get: (key) => live(key)?.value,
    set(key, value, expiresAt) {
      sweepSome()
      entries.set(key, { value, expiresAt })
    },
    delete: (key) => void entries.delete(key),
    expiryOf: (key) => live(key)?.expiresAt,
    size: () => entries.size,
  }
}
