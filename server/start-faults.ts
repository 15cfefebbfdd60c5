// What stands in the way of a start, in the words of the one who can mend it.
import { StorageUnavailable } from './storage/errors.ts'

/** One line with the cause and the fix, or the whole list of what is wrong with the configuration. Never a stack trace for
 * what an operator can cause; what is left is a fault of the program, and its trace is the message. */
export function explainStart(error: unknown): string {
  if (!(error instanceof Error)) return `Latchkey cannot start: ${String(error)}`
  const { code, port, address, setting } = error as NodeJS.ErrnoException & { port?: number; address?: string; setting?: string }
  if (setting !== undefined && code === 'EADDRINUSE') {
    return `Latchkey cannot start: port ${port} on ${address} is in use. Stop what uses it, or choose another with ${setting}=…`
  }
  if (setting !== undefined && code === 'EACCES') {
    return `Latchkey cannot start: it may not listen on port ${port}. Choose one above 1023 with ${setting}=…`
  }
  if (setting !== undefined) {
    return `Latchkey cannot start: it cannot listen on ${address ?? 'that address'} (${code}). Check HOST and MANAGEMENT_HOST.`
  }
  const hint = HINTS[error.name]?.(error)
  if (hint !== undefined) return `Latchkey cannot start: ${error.message.replace(/\.?$/, '.')} ${hint}`
  if (OPERATOR_FAULTS.has(error.name)) return `Latchkey cannot start: ${error.message}`
  return `Latchkey cannot start: ${error.stack ?? error.message}`
}

/** What to do about errors whose message tells only what is wrong. */
const HINTS: { readonly [name: string]: (error: Error) => string } = {
  StorageUnavailable: (error) =>
    error instanceof StorageUnavailable && error.store === 'redis'
      ? 'Is Redis running, and is REDIS_URL right?'
      : 'Is PostgreSQL running, and is DATABASE_URL right?',
  UnsealError: () =>
    'The signing keys in the database are sealed under another ENCRYPTION_KEY. Name that one too, after the new one: ENCRYPTION_KEY=new,old',
}

/** Errors whose message is written for the operator. */
const OPERATOR_FAULTS = new Set([
  'ConfigError',
  'DataDirectoryBusy',
  'DemoRefused',
  'MigrationRefused',
  'MigrationsNewerThanProgram',
  'ProvisionFileError',
  'ProvisioningBusy',
])
