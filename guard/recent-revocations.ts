// When what was revoked lately was revoked, and from when on this guard refuses it: for people, who like to see how long that took.
// Nothing is decided by it, so only the latest are kept.
import type { RevocationTimes } from './errors.ts'
import type { RevocationEntry, RevocationKind } from './revocation-entry.ts'

/** The latest of which this guard has heard. */
export interface RecentRevocations {
  /** To be called when the entry is in force here. */
  note(entry: RevocationEntry, nowSeconds: number): void
  /** Undefined for those that are not among the latest. */
  find(kind: RevocationKind, value: string): RevocationTimes | undefined
}

const KEPT = 1000

export function createRecentRevocations(): RecentRevocations {
  const recent = new Map<string, RevocationTimes & { readonly sequence: number }>()
  return {
    note({ kind, value, at, before, sequence }, nowSeconds) {
      if (at === undefined) return
      const name = `${kind} ${value}`
      const known = recent.get(name)
      // One that covers all tokens is as good as the first time. One with a bound may end newer tokens than the one before.
      if (known !== undefined && (before === undefined || known.sequence >= sequence)) return
      recent.delete(name)
      recent.set(name, { revokedAt: at, refusedFrom: nowSeconds, sequence })
      for (const oldest of recent.keys()) {
        if (recent.size <= KEPT) break
        recent.delete(oldest)
      }
    },
    find(kind, value) {
      const known = recent.get(`${kind} ${value}`)
      return known && { revokedAt: known.revokedAt, refusedFrom: known.refusedFrom }
    },
  }
}
