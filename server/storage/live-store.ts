// The port of short-lived state: Redis in production, the memory of the process in development. Both pass one suite of tests
// (test/contract/live-store.ts).

/** The JSON of a thing as the library hands it over. */
export type Payload = Record<string, unknown>

/** A thing to be kept for a while. */
export interface LiveRecord {
  readonly model: string
  /** What it is found by. Only a digest of it is stored. */
  readonly id: string
  readonly payload: Payload
  readonly ttlSeconds: number
  readonly uid?: string
  readonly userCode?: string
}

/** What is written back of a session. */
export interface SessionSave {
  /** The identifier in the browser's cookie; it becomes a pointer to the session. */
  readonly cookieId: string
  readonly uid: string
  readonly payload: Payload
  readonly ttlSeconds: number
  /** The cookie points to the session already, until the same time. */
  readonly pointed?: boolean
  /** Clients whose authorization was taken out of the session since it was read. */
  readonly removed: readonly string[]
}

/**
 * - `saved`
 * - `ended`: the session has ended; nothing was written
 * - `other-account`: the session is another person's; nothing was written
 */
export type SessionSaved = 'saved' | 'ended' | 'other-account'

/**
 * Short-lived state. Every method throws StorageUnavailable, within a second, when the store does not answer. Whatever is found
 * in the store but is not readable (changed, moved, sealed under a key that is gone) counts as absent.
 */
export interface LiveStore {
  /** Writes a record, over one of the same id; that the old one was consumed stays so. */
  put(record: LiveRecord): Promise<void>
  /** The payload, with `jti` (the id) and, when it was consumed, `consumed` (seconds since the epoch). */
  find(model: string, id: string): Promise<Payload | undefined>
  findByUid(model: string, uid: string): Promise<Payload | undefined>
  findByUserCode(model: string, userCode: string): Promise<Payload | undefined>
  /** True for exactly one caller; the record stays until its time. */
  consume(model: string, id: string): Promise<boolean>
  destroy(model: string, id: string): Promise<void>

  /**
   * Writes a session back. What several requests added at the same time is merged: each client's authorization by itself, and
   * of the rest that which belongs to the latest sign-in. An authorization that was removed does not come back by a late save;
   * a new one of the same client (another `sid`) does.
   */
  saveSession(save: SessionSave): Promise<SessionSaved>
  findSession(cookieId: string): Promise<Payload | undefined>
  findSessionByUid(uid: string): Promise<Payload | undefined>
  /** A cookie's identifier stops working; the session stays. */
  dropSessionPointer(cookieId: string): Promise<void>
  /** Ends a session, so that no late save revives it. */
  endSession(uid: string): Promise<void>

  ping(): Promise<void>
  close(): Promise<void>
}
