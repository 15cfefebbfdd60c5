// `npm run faults`: seed after seed of the fault run, a line for each; ends with 1 when an invariant was violated.
import { parseArgs } from 'node:util'
import { type RunOutcome, runFaults } from './fault-run.ts'
import { describeViolation } from './report.ts'

const HELP = `Starts two servers on a PostgreSQL and a Redis of their own, lets clients use them while servers, stores and lines
between them are killed, stopped, emptied, filled, cut and slowed down, and holds every answer against the invariants I1 to I7 of
docs/security/catalogue.md.

  npm run faults -- [options]

  --seeds N      so many seeds, from 1 on, or from --seed on (1)
  --seed N       the first seed (1)
  --seconds N    how long things are broken, for each seed (10)
  --clients N    clients at once (24)
  --out FOLDER   where the logs go (fault-results)
  --keep-going   goes on after a violation
  --help         this

The same seed decides the same things, but the machine decides what meets what. Logs hold the tokens of the run.
`

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    'keep-going': { type: 'boolean', default: false },
    seeds: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '10' },
    clients: { type: 'string', default: '24' },
    out: { type: 'string', default: 'fault-results' },
  },
})

if (values.help) print(HELP)
else process.exitCode = await runSeeds()

async function runSeeds(): Promise<number> {
  const first = whole('seed')
  let failed = 0
  for (let seed = first; seed < first + whole('seeds'); seed += 1) {
    const begun = performance.now()
    const outcome = await runFaults({ seed, seconds: whole('seconds'), clients: whole('clients'), folder: values.out })
    print(`seed ${seed}: ${summary(outcome)} in ${((performance.now() - begun) / 1000).toFixed(1)} s\n`)
    if (outcome.violations.length === 0 && outcome.missing === '') continue
    failed += 1
    tell(outcome, seed)
    if (!values['keep-going']) break
  }
  return failed === 0 ? 0 : 1
}

function summary({ history, violations, missing }: RunOutcome): string {
  const calls = history.filter((entry) => entry.kind === 'call')
  const lost = calls.filter((call) => call.answer === null).length
  const away = calls.filter((call) => (call.answer?.status ?? 0) >= 500).length
  const faults = history.filter((entry) => entry.kind === 'fault').length
  const slowest = Math.max(...calls.map((call) => call.end - call.start))
  const found = violations.length === 0 && missing === '' ? 'no violation' : `${violations.length} VIOLATIONS`
  return `${calls.length} calls (${lost} lost, ${away} answered 5xx, the slowest ${Math.round(slowest)} ms), ${faults} faults, ${found}`
}

function tell({ history, violations: [first], missing, file }: RunOutcome, seed: number): void {
  if (missing !== '') print(`  not well five seconds after all was whole again: ${missing}\n`)
  if (first !== undefined) print(`${describeViolation(first, history)}\n`)
  print(`  the log: ${file}\n`)
  print(`  again:   npm run faults -- --seed ${seed} --seconds ${values.seconds} --clients ${values.clients}\n`)
}

function whole(name: 'seed' | 'seeds' | 'seconds' | 'clients'): number {
  const value = Number(values[name])
  if (!Number.isInteger(value) || value < 1) throw new RangeError(`--${name} is a whole number above 0, not "${values[name]}"`)
  return value
}

function print(text: string): void {
  process.stdout.write(text)
}
