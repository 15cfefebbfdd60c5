// The options of `npm run bench`.

import { parseArgs } from 'node:util'
import { SCENARIOS } from './scenarios.ts'
import { TARGETS, type TargetName } from './targets.ts'

/** What to measure, and how. */
export interface BenchOptions {
  readonly help: boolean
  readonly seconds: number
  readonly rounds: number
  readonly concurrency: number
  readonly scenarios: readonly string[]
  readonly targets: readonly TargetName[]
  /** The folder for the results; none are written when it is empty. */
  readonly out: string
  /** Whether the servers write profiles of their processor time into that folder. */
  readonly profile: boolean
}

/** An option that makes no sense; its message says which. */
export class OptionError extends Error {
  override readonly name = 'OptionError'
}

const NAMES = SCENARIOS.map((scenario) => scenario.name)

/** What `--help` prints. */
export const HELP = `Measures Latchkey beside oidc-provider as it comes (in memory, nothing kept), in turns on the same machine.

  npm run bench -- [options]

  --seconds N       how long each round lasts (5; fractions are allowed)
  --rounds N        rounds for each server and kind of work; medians are shown (3)
  --concurrency N   callers at once (32; refresh has 64, one for each family, sign-in 8)
  --only A,B        only these kinds of work
  --targets A,B     only these servers: ${Object.keys(TARGETS).join(', ')}
  --out FOLDER      where the results go as JSON (bench-results); "" for nowhere
  --profile         the servers write .cpuprofile files into that folder when they end
  --help            this

Kinds of work:
${SCENARIOS.map(({ name, what }) => `  ${name.padEnd(26)}${what}`).join('\n')}

Only ratios from one run can be compared with those of another; absolute figures belong to the machine.
`

/**
 * Reads the options.
 * @throws OptionError
 */
export function readOptions(args: readonly string[]): BenchOptions {
  const values = parse(args)
  return {
    help: values.help,
    seconds: positive('--seconds', values.seconds),
    rounds: whole('--rounds', values.rounds),
    concurrency: whole('--concurrency', values.concurrency),
    scenarios: listOf('--only', values.only ?? NAMES.join(','), NAMES),
    targets: listOf('--targets', values.targets ?? Object.keys(TARGETS).join(','), Object.keys(TARGETS) as TargetName[]),
    out: values.out,
    profile: values.profile,
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', default: false },
        seconds: { type: 'string', default: '5' },
        rounds: { type: 'string', default: '3' },
        concurrency: { type: 'string', default: '32' },
        only: { type: 'string' },
        targets: { type: 'string' },
        out: { type: 'string', default: 'bench-results' },
        profile: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    throw new OptionError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (!(value > 0 && Number.isFinite(value))) throw new OptionError(`${name} is a number above 0, not "${text}".`)
  return value
}

function whole(name: string, text: string): number {
  const value = positive(name, text)
  if (!Number.isInteger(value)) throw new OptionError(`${name} is a whole number, not "${text}".`)
  return value
}

function listOf<Name extends string>(option: string, text: string, known: readonly Name[]): Name[] {
  const wanted = text.split(',').map((name) => name.trim())
  const unknown = wanted.find((name) => !known.some((candidate) => candidate === name))
  if (unknown !== undefined) throw new OptionError(`${option} does not know "${unknown}"; there are: ${known.join(', ')}.`)
  return known.filter((name) => wanted.includes(name))
}
