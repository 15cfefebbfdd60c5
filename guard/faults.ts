// What fails at present on the way to the revocations: told once in the log, and kept for whoever asks.
import { FeedUnavailable, GuardError } from './errors.ts'
import type { GuardLog } from './log.ts'

/** The present fault. */
export interface Faults {
  /** Undefined once something has succeeded. */
  readonly present: GuardError | undefined
  note(error: unknown): void
  clear(): void
}

export function createFaults(log: GuardLog, closed: AbortSignal): Faults {
  let present: GuardError | undefined
  return {
    get present() {
      return present
    },
    note(error) {
      // What is broken off because the guard closes is no fault.
      if (closed.aborted) return
      present = error instanceof GuardError ? error : unexpected(error)
      log({ level: 'warn', message: `${present.message}. ${present.fix ?? ''}` })
    },
    clear() {
      present = undefined
    },
  }
}

function unexpected(cause: unknown): GuardError {
  const { message } = Object(cause) as { message?: unknown }
  return new FeedUnavailable(`Something unexpected happened (${String(message)})`, { fix: 'Report it, with this line.', cause })
}
