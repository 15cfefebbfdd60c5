// Which errors of PostgreSQL's drivers mean "not available": no connection, no answer in time, no place, no entry.
import {
  isDriverAdapterError,
  type SqlDriverAdapter,
  type SqlDriverAdapterFactory,
  type SqlQueryable,
} from '@prisma/driver-adapter-utils'
import { StatementTooLong, StorageUnavailable, TransactionLost } from './errors.ts'

const UNAVAILABLE_KINDS: ReadonlySet<string> = new Set([
  'DatabaseNotReachable',
  'DatabaseDoesNotExist',
  'DatabaseAccessDenied',
  'ConnectionClosed',
  'TlsConnectionError',
  'AuthenticationFailed',
  'TooManyConnections',
  'SocketTimeout',
])

/**
 * SQLSTATE classes: 08 connection, 53 resources, 57 operator (shutdown, time-out), 28 authorization; 25006 read-only, 55P03 a lock.
 */
const UNAVAILABLE_STATE = /^(?:08|53|57|28)|^25006$|^55P03$/

/** SQLSTATEs of a transaction that lost to another one. */
const LOST_STATE = /^40(?:001|P01)$/

/** The SQLSTATE of a statement that took too long, or that somebody cancelled. */
const GIVEN_UP = '57014'

/** What the driver says in plain errors, which carry no code. */
const UNAVAILABLE_MESSAGE =
  /timeout exceeded when trying to connect|Query read timeout|Connection terminated|timeout expired|not queryable|calling end on the pool|does not support SSL|is a standby/i

/** Prisma's word for a transaction that could not begin in time, or took too long and was taken back: nothing of it has happened. */
const NO_TRANSACTION = 'P2028'

/** The error as the rest of the program knows it: StorageUnavailable when it is one, otherwise as it was. */
export function unavailableOr(error: unknown): unknown {
  if (!Error.isError(error) || error instanceof StorageUnavailable) return error
  const reason = unavailableReason(error)
  if (reason === undefined) return error
  return new (kindOf(stateOf(error)))('postgres', reason, { cause: error })
}

function kindOf(state: string): typeof StorageUnavailable {
  if (LOST_STATE.test(state)) return TransactionLost
  return state === GIVEN_UP ? StatementTooLong : StorageUnavailable
}

/** A driver adapter whose errors are those of `unavailableOr`; Prisma's client passes them on as they are. */
export function withStorageErrors(factory: SqlDriverAdapterFactory): SqlDriverAdapterFactory {
  return {
    provider: factory.provider,
    adapterName: factory.adapterName,
    connect: async () => adapterWithStorageErrors(await translated(factory.connect())),
  }
}

function adapterWithStorageErrors(adapter: SqlDriverAdapter): SqlDriverAdapter {
  return {
    ...queryableWithStorageErrors(adapter),
    executeScript: (script) => translated(adapter.executeScript(script)),
    getConnectionInfo: () => adapter.getConnectionInfo?.() ?? { supportsRelationJoins: true },
    dispose: () => adapter.dispose(),
    async startTransaction(isolationLevel) {
      const transaction = await translated(adapter.startTransaction(isolationLevel))
      return {
        ...queryableWithStorageErrors(transaction),
        options: transaction.options,
        commit: () => translated(transaction.commit()),
        rollback: () => translated(transaction.rollback()),
      }
    },
  }
}

function queryableWithStorageErrors(queryable: SqlQueryable): SqlQueryable {
  return {
    provider: queryable.provider,
    adapterName: queryable.adapterName,
    queryRaw: (query) => translated(queryable.queryRaw(query)),
    executeRaw: (query) => translated(queryable.executeRaw(query)),
  }
}

/** Work on the database, with errors as the rest of the program knows them. */
export function translated<T>(work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    throw unavailableOr(error)
  })
}

function unavailableReason(error: Error): string | undefined {
  if ('code' in error && error.code === NO_TRANSACTION) return 'there was no turn for a transaction in time'
  if (!isDriverAdapterError(error)) return UNAVAILABLE_MESSAGE.test(error.message) ? error.message : undefined
  const { cause } = error
  const state = stateOf(error)
  if (!UNAVAILABLE_KINDS.has(cause.kind) && !UNAVAILABLE_STATE.test(state) && !LOST_STATE.test(state)) return undefined
  if (cause.kind === 'DatabaseNotReachable') return `nothing answers at ${cause.host ?? 'its host'}:${cause.port ?? 5432}`
  return cause.originalMessage ?? (cause.kind === 'postgres' ? cause.message : cause.kind)
}

function stateOf(error: Error): string {
  if (!isDriverAdapterError(error)) return ''
  const { cause } = error
  return cause.originalCode ?? (cause.kind === 'postgres' ? cause.code : '')
}
