// The options of `npm run bench`.

import { parseArgs } from 'node:util'
import { SCENARIOS } from './scenarios/scenarios.ts'
import { RIVALS, TARGET_NAMES, TARGETS, type TargetName } from './targets/targets.ts'

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
  /** How long the servers stand idle before their memory is looked at. */
  readonly idleSeconds: number
  /** Whether round trips and rows are counted. */
  readonly count: boolean
  readonly raceRounds: number
  readonly growth: boolean
  readonly flood: boolean
  /** How soon APIs refuse what was revoked, and what large ends cost. */
  readonly revocation: boolean
  /** What a thousand listeners to revocations cost those who sign in. */
  readonly listeners: boolean
  /** How long the console takes when there is very much. */
  readonly console: boolean
  /** How much of what the console is measured with there is, as a part of it. */
  readonly scale: number
  /** The folder in which that is kept for the next run; empty: nowhere. */
  readonly data: string
  readonly profile: boolean
  /** The file of an earlier run that is shown instead of running; empty: run. */
  readonly from: string
  readonly writeDocs: boolean
}

/** An option that makes no sense; its message says which. */
export class OptionError extends Error {
  override readonly name = 'OptionError'
}

const NAMES = SCENARIOS.map((scenario) => scenario.name)
const MAIN = SCENARIOS.filter((scenario) => scenario.main === true).map((scenario) => scenario.name)
const USUAL_TARGETS: readonly TargetName[] = ['latchkey', 'bare', 'redis', 'prisma']

/** What `--help` prints. */
export const HELP = `Measures Latchkey beside oidc-provider as it comes, in turns, on the same machine and the same stores.

  npm run bench                     the main kinds of work: a few minutes
  npm run bench -- full             everything, about half an hour
  npm run bench -- revocation       how soon guarded APIs refuse what was revoked, what their check costs, and large ends
  npm run bench -- listeners        what a thousand APIs that listen to revocations cost those who sign in
  npm run bench -- console          pages of the console with a million sessions and ten million events of the audit log: half an hour
  npm run bench -- rivals           better-auth as well, fetched by npm into a temporary folder (full rivals: both)

Parts:
  --scale N         of the console: so many times as much of everything (1)
  --data FOLDER     of the console: keeps what it filled in for the next run, which copies it and need not fill (within a day)
  --growth          refresh and second-app in databases with 10³, 10⁵ and 10⁶ families and sessions (in full)
  --flood           token requests while many people sign in (in full)
  --race-rounds N   rounds of 50 refreshes with one token and 50 redemptions of one code at once (10; full: 100; 0 for none)
  --no-count        no counting of round trips to the stores and of rows
  --profile         one more round each, from which is told where the processor time goes; .cpuprofile files beside the results

How:
  --only A,B        only these kinds of work
  --targets A,B     only these servers (${USUAL_TARGETS.join(', ')})
  --seconds N       how long each round lasts (2; full: 3; fractions are allowed)
  --rounds N        rounds for each server and kind of work; medians are shown (3; full: 5)
  --concurrency N   callers at once (32; some kinds of work have a number of their own)
  --idle N          seconds before the memory of idle servers is looked at (10)
  --out FOLDER      where the results go as JSON (bench-results); "" for nowhere
  --from FILE       shows the file of an earlier run, and runs nothing
  --write-docs      puts the figures into docs/performance.md
  --help            this

Servers:
${listed(TARGET_NAMES.map((name) => [name, TARGETS[name].what]))}

Kinds of work (* main):
${listed(SCENARIOS.map(({ name, what, main }) => [`${name}${main === true ? ' *' : ''}`, what]))}

Only ratios from one run can be compared with those of another; absolute figures belong to the machine.
`

/** What can be asked for by itself. */
const ALONE = ['revocation', 'listeners', 'console']

/**
 * Reads the options.
 * @throws OptionError
 */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parse(args)
  const unknown = positionals.find((word) => !['full', 'rivals', ...ALONE].includes(word))
  if (unknown !== undefined) throw new OptionError(`"${unknown}" is not known.`)
  const full = positionals.includes('full')
  const console = positionals.includes('console')
  // Asked for by itself, it is all that is done.
  const alone = positionals.length === 1 && ALONE.includes(positionals[0] ?? '')
  const usual = full ? TARGET_NAMES.filter((name) => !RIVALS.includes(name)) : USUAL_TARGETS
  return {
    help: values.help,
    seconds: positive('--seconds', values.seconds ?? (full ? '3' : '2')),
    rounds: whole('--rounds', values.rounds ?? (full ? '5' : '3')),
    concurrency: whole('--concurrency', values.concurrency),
    scenarios: listOf('--only', values.only, alone ? [] : full ? NAMES : MAIN, NAMES),
    targets: alone
      ? []
      : listOf('--targets', values.targets, positionals.includes('rivals') ? [...usual, ...RIVALS] : usual, TARGET_NAMES),
    out: values.out,
    idleSeconds: orZero('--idle', values.idle),
    count: values.count,
    raceRounds: orZero('--race-rounds', values['race-rounds'] ?? (full ? '100' : '10')),
    growth: values.growth || full,
    flood: values.flood || full,
    revocation: positionals.includes('revocation') || full,
    listeners: positionals.includes('listeners') || full,
    console,
    scale: positive('--scale', values.scale),
    data: console ? values.data : '',
    profile: values.profile,
    from: values.from,
    writeDocs: values['write-docs'],
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      allowNegative: true,
      options: {
        help: { type: 'boolean', default: false },
        seconds: { type: 'string' },
        rounds: { type: 'string' },
        concurrency: { type: 'string', default: '32' },
        only: { type: 'string' },
        targets: { type: 'string' },
        out: { type: 'string', default: 'bench-results' },
        idle: { type: 'string', default: '10' },
        count: { type: 'boolean', default: true },
        'race-rounds': { type: 'string' },
        scale: { type: 'string', default: '1' },
        data: { type: 'string', default: '' },
        growth: { type: 'boolean', default: false },
        flood: { type: 'boolean', default: false },
        profile: { type: 'boolean', default: false },
        from: { type: 'string', default: '' },
        'write-docs': { type: 'boolean', default: false },
      },
    })
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

function orZero(name: string, text: string): number {
  return text === '0' ? 0 : whole(name, text)
}

function listOf<Name extends string>(
  option: string,
  text: string | undefined,
  usual: readonly Name[],
  known: readonly Name[],
): readonly Name[] {
  if (text === undefined) return usual
  const wanted = text.split(',').map((name) => name.trim())
  const unknown = wanted.find((name) => !known.some((candidate) => candidate === name))
  if (unknown !== undefined) throw new OptionError(`${option} does not know "${unknown}"; there are: ${known.join(', ')}.`)
  return known.filter((name) => wanted.includes(name))
}

function listed(entries: readonly (readonly [string, string])[]): string {
  const width = Math.max(...entries.map(([name]) => name.length)) + 2
  return entries.map(([name, what]) => `  ${name.padEnd(width)}${what}`).join('\n')
}
