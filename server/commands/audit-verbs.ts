// The verbs of the audit log on the command line: what happens, as it happens; all of it, as a file; and whether it is as it was written.
import { open } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { CommandFailed } from './control-socket.ts'
import type { AskDatabase } from './database-access.ts'
import type { GivenOptions, Verb, VerbOption } from './verb.ts'

const text = (value: string, help: string): VerbOption => ({ type: 'string', value, help })

/** The filters, which are those of the admin API. */
const FILTERS: Readonly<Record<string, VerbOption>> = {
  name: text('NAMES', 'names of events, separated by commas; session.* means all that begin so'),
  outcome: text('WORD', 'succeeded or failed'),
  actor: text('WHO', 'who did it: an account (id or e-mail address), a client, or system'),
  account: text('WHO', 'on whom: an account, by its id or e-mail address'),
  client: text('ID', 'a client'),
  session: text('ID', 'a session'),
  grant: text('ID', 'a grant'),
  ip: text('ADDRESS', 'an address, or a network as CIDR'),
  request: text('ID', 'the id of a request, as error pages show it'),
  since: text('TIME', '2026-11-26T09:30:00Z, or how long ago: 2h'),
  before: text('TIME', 'the same'),
}

const { since: SINCE, before: BEFORE, ...STANDING } = FILTERS
const BEGINS: VerbOption = text('TEXT', 'what the reason begins with')

const tail: Verb = {
  name: 'audit tail',
  summary: 'Show the latest events of the audit log, and what happens from now on',
  options: {
    ...STANDING,
    'reason-begins': BEGINS,
    ...(SINCE === undefined ? {} : { since: SINCE }),
    lines: { type: 'string', short: 'n', value: 'COUNT', help: 'how many of the latest: 20 when left out, 500 at most' },
    follow: { type: 'boolean', short: 'f', help: 'go on until it is ended' },
  },
  async run(options) {
    const limit = Number(options.lines ?? 20)
    if (!Number.isInteger(limit) || limit < 0 || limit > 500)
      throw new CommandFailed('--lines takes a whole number from 0 to 500')
    return withDatabase({}, async (ask) => {
      const filter = filterOf(options)
      const { text: lines, data } = await ask('audit latest', { filter, limit })
      if (options.follow !== true) return { text: lines, data: (data as Told).events }
      tell(options, lines, data as Told)
      await follow(ask, options, data as Told)
      return { text: '', data: undefined }
    })
  },
}

const exportVerb: Verb = {
  name: 'audit export',
  summary: 'Write the audit log into a file: for spreadsheets, for programs, or for Elastic',
  details:
    'The earliest event first. Without --file it is written to standard output. That it was exported is an event of the log too.',
  options: {
    format: { type: 'string', value: 'FORMAT', help: 'csv (when left out), ndjson or ecs (Elastic Common Schema)' },
    file: {
      type: 'string',
      short: 'f',
      value: 'FILE',
      help: 'the file, which must not be there yet; only its owner may read it',
    },
    ...FILTERS,
    'reason-begins': BEGINS,
    reason: { type: 'string', value: 'TEXT', help: 'why it is exported, for the audit log' },
  },
  run: (options) => withDatabase({}, (ask) => writeAll(ask, options)),
}

const verify: Verb = {
  name: 'audit verify',
  summary: 'Look through the whole audit log for events that were changed, taken out or put in',
  details:
    'Ends with 1 and says which, when there are any. A head that was kept elsewhere (the log of the server has one a day) shows whether the end was cut off.',
  options: { head: { type: 'string', value: 'HEAD', help: 'a head of an earlier day, to be compared with' } },
  async run(options) {
    const quiet = options.json === true || !process.stderr.isTTY
    const progress = (events: number) => void process.stderr.write(`\r${events} events …`)
    const result = await withDatabase(quiet ? {} : { progress }, (ask) =>
      ask('audit verify', typeof options.head === 'string' ? { head: options.head } : {}),
    )
    if (!quiet) process.stderr.write('\r\u001b[K')
    const { ok } = result.data as { readonly ok: boolean }
    return { ...result, exitCode: ok ? 0 : 1 }
  },
}

/** In the order of the help. */
export const AUDIT_VERBS: readonly Verb[] = [tail, exportVerb, verify]

interface Told {
  readonly events: readonly object[]
  readonly after: string
}

const LOOK_EVERY_MS = 1000

/** Until the program is ended. */
async function follow(ask: AskDatabase, options: GivenOptions, from: Told): Promise<void> {
  const end = new AbortController()
  const stop = () => end.abort()
  process.once('SIGINT', stop).once('SIGTERM', stop)
  try {
    for (let { after } = from; !end.signal.aborted; ) {
      const { text: lines, data } = await ask('audit following', { filter: filterOf(options), after })
      const told = data as Told
      tell(options, lines, told)
      if (told.after === after) await wait(LOOK_EVERY_MS, undefined, { signal: end.signal }).catch(() => undefined)
      after = told.after
    }
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
}

function tell({ json }: GivenOptions, lines: string, { events }: Told): void {
  const text = json === true ? events.map((event) => JSON.stringify(event)).join('\n') : lines
  if (text !== '') process.stdout.write(`${text}\n`)
}

interface Part {
  readonly text: string
  readonly next: string | null
  readonly up_to: string
}

async function writeAll(ask: AskDatabase, options: GivenOptions) {
  const { format = 'csv', file, reason } = options
  const about = { filter: filterOf(options), format, ...(typeof reason === 'string' ? { reason } : {}) }
  const output = typeof file === 'string' ? await newFile(file) : undefined
  let bytes = 0
  try {
    for (let after: string | null = '0', upTo: string | undefined; after !== null; ) {
      const { data } = await ask('audit export', { ...about, after, ...(upTo === undefined ? {} : { upTo }) })
      const part = data as Part
      if (output === undefined) await print(part.text)
      else await output.write(part.text)
      bytes += Buffer.byteLength(part.text)
      after = part.next
      upTo = part.up_to
    }
  } finally {
    await output?.close()
  }
  return output === undefined
    ? { text: '', data: undefined }
    : { text: `${bytes} bytes in ${String(file)}`, data: { file, bytes } }
}

async function newFile(file: string) {
  return open(file, 'wx', 0o600).catch((error: unknown) => {
    const why = error instanceof Error && 'code' in error && error.code === 'EEXIST' ? 'is there already' : 'cannot be written'
    throw new CommandFailed(`the file ${file} ${why}`)
  })
}

/** Whoever reads slowly is waited for. */
function print(part: string): Promise<void> {
  return new Promise((done, failed) => {
    process.stdout.write(part, (error) => (error ? failed(new CommandFailed('nobody reads on')) : done()))
  })
}

function filterOf(options: GivenOptions): { readonly [name: string]: string } {
  const given = Object.keys(FILTERS).flatMap((name) => (typeof options[name] === 'string' ? [[name, options[name]]] : []))
  const begins = options['reason-begins']
  return { ...Object.fromEntries(given), ...(typeof begins === 'string' ? { reason: begins } : {}) }
}

async function withDatabase<Result>(
  more: { readonly progress?: (done: number) => void },
  work: (ask: AskDatabase) => Promise<Result>,
): Promise<Result> {
  const { withDatabaseVerbs } = await import('./database-access.ts')
  return withDatabaseVerbs(more, work)
}
