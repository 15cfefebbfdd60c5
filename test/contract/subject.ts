// A live store under test: two ways to the same state, and a clock that the test moves.
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll } from '@jest/globals'
import type { Clock } from '../../config/clock.ts'
import type { LiveRecord, LiveStore } from '../../server/storage/live-store.ts'

/** What a test file makes of an implementation. */
export interface OpenedStore {
  readonly store: LiveStore
  /** Another way to the same state, as another process has; the same store where there is none. */
  readonly other: LiveStore
}

/** Opens a store on the clock that it is given. */
export type OpenStore<Opened extends OpenedStore = OpenedStore> = (clock: Clock) => Promise<Opened>

/** What the suites work with. */
export interface Subject<Opened extends OpenedStore = OpenedStore> {
  readonly opened: Opened
  readonly store: LiveStore
  readonly other: LiveStore
  advance(seconds: number): void
  /** The clock, in seconds since the epoch. */
  seconds(): number
  /** Runs fifty at once, by both ways. */
  race<T>(run: (store: LiveStore, index: number) => Promise<T>): Promise<T[]>
}

export const RACERS = 50

/** Opens the store before the tests of a describe block, and closes it after them. */
export function useStore<Opened extends OpenedStore>(open: OpenStore<Opened>): Subject<Opened> {
  let now = Date.parse('2026-11-24T12:00:00Z')
  let opened: Opened | undefined
  const current = () => {
    if (opened === undefined) throw new Error('The store is opened before the first test.')
    return opened
  }

  beforeAll(async () => {
    opened = await open(() => now)
  })

  afterAll(async () => {
    const { store, other } = current()
    await store.close()
    if (other !== store) await other.close()
  })

  return {
    get opened() {
      return current()
    },
    get store() {
      return current().store
    },
    get other() {
      return current().other
    },
    advance(seconds) {
      now += seconds * 1000
    },
    seconds: () => Math.floor(now / 1000),
    race(run) {
      const { store, other } = current()
      return Promise.all(Array.from({ length: RACERS }, (_, index) => run(index % 2 === 0 ? store : other, index)))
    },
  }
}

/** An authorization code with a new id. */
export function newCode(extra: Partial<LiveRecord> = {}): LiveRecord {
  const id = random('code')
  return { model: 'AuthorizationCode', id, payload: { jti: id, kind: 'AuthorizationCode' }, ttlSeconds: 60, ...extra }
}

export function random(name: string): string {
  return `${name}-${randomBytes(16).toString('base64url')}`
}
