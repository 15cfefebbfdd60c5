// The errors of storage that every other part may meet.

/**
 * A store did not answer in time, or refused us. Nothing is wrong with the request: a person gets "try again" (503), never a
 * decision. The message is for the operator and holds no secret.
 */
export class StorageUnavailable extends Error {
  override readonly name = 'StorageUnavailable'
  readonly store: 'postgres' | 'redis'

  constructor(store: 'postgres' | 'redis', reason: string, options?: ErrorOptions) {
    super(`${store === 'postgres' ? 'PostgreSQL' : 'Redis'} is not available: ${reason}`, options)
    this.store = store
  }
}

/** A transaction lost to another one (a deadlock, a serialization failure): nothing of it has happened, and asked again it may win. */
export class TransactionLost extends StorageUnavailable {}

/** A statement took longer than it may, and was given up. */
export class StatementTooLong extends StorageUnavailable {}

/** The failure of a store that an error comes from, also when others have wrapped it. */
export function storeFailure(error: unknown): StorageUnavailable | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof StorageUnavailable) return cause
  }
  return undefined
}
