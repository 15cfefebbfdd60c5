// What a verb of the command line is, and how its arguments are read.
import { type ParseArgsOptionDescriptor, parseArgs, types } from 'node:util'
import { nearestName } from '../../config/faults.ts'
import type { CommandOutput } from './control-socket.ts'

/** An option of a verb. */
export interface VerbOption {
  readonly type: 'boolean' | 'string'
  readonly short?: string
  /** What a string option takes, for the help: `FILE`. */
  readonly value?: string
  readonly help: string
  readonly required?: boolean
}

/** The options that were given, by their long names. */
export type GivenOptions = Readonly<Record<string, string | boolean | undefined>>

/** What came of a verb: what it says, and with which code the program ends. */
export interface VerbResult extends CommandOutput {
  /** 0 unless said otherwise. */
  readonly exitCode?: number
}

/** A verb: one or two words. */
export interface Verb {
  readonly name: string
  /** One line. */
  readonly summary: string
  /** More than that, for the verb's own help. */
  readonly details?: string
  readonly options: Readonly<Record<string, VerbOption>>
  run(options: GivenOptions): Promise<VerbResult>
}

/** The verb was not called rightly; the program ends with 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  /** Undefined when there is no such verb. */
  readonly verb: Verb | undefined

  constructor(message: string, verb?: Verb) {
    super(message)
    this.verb = verb
  }
}

/** What the command line asks for. */
export type Invocation =
  | { readonly kind: 'run'; readonly verb: Verb; readonly options: GivenOptions; readonly json: boolean }
  | { readonly kind: 'help'; readonly verb: Verb | undefined }

/** Options of verbs that change something. */
export const REASON: VerbOption = { type: 'string', value: 'TEXT', help: 'why, for the audit log' }
export const DRY_RUN: VerbOption = { type: 'boolean', help: 'show what would be done, and write nothing' }

/** Options that every verb has. */
const COMMON: Readonly<Record<string, VerbOption>> = {
  json: { type: 'boolean', help: 'print JSON, for programs' },
  help: { type: 'boolean', short: 'h', help: 'show this' },
}

/** Reads the arguments of the program. @throws UsageError */
export function readInvocation(verbs: readonly Verb[], argv: readonly string[]): Invocation {
  const firstOption = argv.findIndex((word) => word.startsWith('-'))
  const words = firstOption < 0 ? argv : argv.slice(0, firstOption)
  const verb = verbs.find(({ name }) => name === words.slice(0, name.split(' ').length).join(' '))
  if (verb === undefined) {
    if (argv.some((word) => word === '--help' || word === '-h') || words[0] === 'help') return { kind: 'help', verb: undefined }
    if (argv.length === 1 && argv[0] === '--version') return readInvocation(verbs, ['version'])
    throw new UsageError(unknownVerb(verbs, words))
  }
  const options = parseOptions(verb, argv.slice(verb.name.split(' ').length))
  if (options.help === true) return { kind: 'help', verb }
  const missing = Object.entries(verb.options).find(([name, option]) => option.required === true && options[name] === undefined)
  if (missing) throw new UsageError(`latchkey ${verb.name}: ${spelt(...missing)} is missing`, verb)
  return { kind: 'run', verb, options, json: options.json === true }
}

/** The help of the program, or of one verb. */
export function helpText(verbs: readonly Verb[], verb: Verb | undefined): string {
  if (verb === undefined) {
    const rows = verbs.map(({ name, summary }) => [name, summary] as const)
    return `Usage: latchkey VERB [options]\n\n${columns(rows)}\n\n"latchkey VERB --help" tells more. The settings come from the environment (docs/configuration.md).\nExit codes: 0 done · 1 failed · 2 not called rightly.`
  }
  const rows = Object.entries({ ...verb.options, ...COMMON }).map(([name, option]) => [spelt(name, option), option.help] as const)
  const required = Object.entries(verb.options).filter(([, option]) => option.required)
  const usage = ['latchkey', verb.name, ...required.map((entry) => spelt(...entry).split(', ')[0]), '[options]'].join(' ')
  const details = verb.details === undefined ? '' : `${verb.details}\n\n`
  return `Usage: ${usage}\n\n${verb.summary}.\n\n${details}${columns(rows)}`
}

function parseOptions(verb: Verb, args: string[]): GivenOptions {
  const options: Record<string, ParseArgsOptionDescriptor> = {}
  for (const [name, { type, short }] of Object.entries({ ...verb.options, ...COMMON })) {
    options[name] = short === undefined ? { type } : { type, short }
  }
  try {
    const { values } = parseArgs({ args, options, strict: true, allowPositionals: false })
    return values as GivenOptions
  } catch (error) {
    const said = types.isNativeError(error) ? error.message.split(/[.\n] /)[0] : String(error)
    throw new UsageError(`latchkey ${verb.name}: ${said}`, verb)
  }
}

function unknownVerb(verbs: readonly Verb[], words: readonly string[]): string {
  const [first] = words
  if (first === undefined) return 'say what to do'
  const under = verbs.filter(({ name }) => name.startsWith(`${first} `)).map(({ name }) => name)
  if (under.length > 0 && words.length === 1) return `say which: ${under.join(' · ')}`
  const asked = words.slice(0, under.length > 0 ? 2 : 1).join(' ')
  const nearest = nearestName(
    asked,
    verbs.map(({ name }) => name),
  )
  return `there is no verb ${JSON.stringify(asked)}${nearest === undefined ? '' : `; did you mean ${nearest}?`}`
}

/** `-f, --file FILE` */
function spelt(name: string, { short, value }: VerbOption): string {
  const long = `--${name}${value === undefined ? '' : ` ${value}`}`
  return short === undefined ? long : `-${short}${value === undefined ? '' : ` ${value}`}, ${long}`
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2
  return rows.map(([left, right]) => `  ${left.padEnd(width)}${right}`).join('\n')
}
