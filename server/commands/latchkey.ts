// The command line: reads the arguments, runs one verb, says what came of it, and ends with 0 (done), 1 (failed) or 2 (not
// called rightly). bin/latchkey.js starts it on the project's own Node.
import { types } from 'node:util'
import { helpText, type Invocation, readInvocation, UsageError, type Verb } from './verb.ts'
import { VERBS } from './verbs.ts'

/** Where the program writes. */
export interface Output {
  out(text: string): void
  err(text: string): void
}

/**
 * Runs the program.
 * @param argv the arguments after the program's name
 * @returns the exit code
 */
export async function latchkey(argv: readonly string[], output: Output, verbs: readonly Verb[] = VERBS): Promise<number> {
  let invocation: Invocation
  try {
    invocation = readInvocation(verbs, argv)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    output.err(`${error.message}\n\n${helpText(verbs, error.verb)}`)
    return 2
  }
  if (invocation.kind === 'help') {
    output.out(helpText(verbs, invocation.verb))
    return 0
  }
  const { verb, options, json } = invocation
  try {
    const { text, data, exitCode = 0 } = await verb.run(options)
    if (json && data !== undefined) output.out(JSON.stringify(data, null, 2))
    else if (text !== '') output.out(text)
    return exitCode
  } catch (error) {
    if (json) output.out(JSON.stringify(failure(error), null, 2))
    else output.err(`latchkey ${verb.name}: ${explain(error)}`)
    return 1
  }
}

/** Errors whose message is written for the one at the command line. Of others the trace is told: they are faults of ours. */
const EXPLAINED = [
  'CommandFailed',
  'ConfigError',
  'DataDirectoryBusy',
  'MigrationRefused',
  'MigrationsNewerThanProgram',
  'OwnerExists',
  'ProvisionFileError',
  'ProvisioningBusy',
  'StorageUnavailable',
]

function explain(error: unknown): string {
  if (!types.isNativeError(error)) return String(error)
  if (!EXPLAINED.includes(error.name)) return error.stack ?? error.message
  // A list of faults begins on a line of its own.
  return error.message.includes('\n') && error.name === 'ProvisionFileError'
    ? `the file has faults\n${error.message}`
    : error.message
}

/** For programs: the message, and the single faults where there are such. */
function failure(error: unknown): object {
  const faults = typeof error === 'object' && error !== null && 'faults' in error ? { faults: error.faults } : {}
  return { error: types.isNativeError(error) && EXPLAINED.includes(error.name) ? error.message : explain(error), ...faults }
}

if (import.meta.main) {
  process.exitCode = await latchkey(process.argv.slice(2), {
    out: (text) => process.stdout.write(`${text}\n`),
    err: (text) => process.stderr.write(`${text}\n`),
  })
}
