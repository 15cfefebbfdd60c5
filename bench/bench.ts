// `npm run bench`: Latchkey beside oidc-provider as it comes, in turns, and what came of it.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Measurement, measure, type Step } from './load.ts'
import { type BenchOptions, HELP, OptionError, readOptions } from './options.ts'
import { describeMachine, formatTable, type Report, type ScenarioResult, summarize } from './report.ts'
import { discover, SCENARIOS, type Scenario } from './scenarios.ts'
import { TARGETS, type Target, type TargetName } from './targets.ts'

/** A part of the time goes to warming up: the just-in-time compiler, connections, plans of statements. */
const WARM_UP_SHARE = 0.3

/**
 * Runs the benchmark.
 * @param say where progress is told
 */
export async function runBench(options: BenchOptions, say: (line: string) => void): Promise<Report> {
  const startedAt = new Date().toISOString()
  await using cleanup = new AsyncDisposableStack()
  const targets = new Map<TargetName, Target>()
  for (const name of options.targets) {
    say(`starting ${name} …`)
    const target = await TARGETS[name](options.profile ? { profileInto: options.out } : {})
    cleanup.defer(() => target.stop())
    targets.set(name, target)
  }
  const results: ScenarioResult[] = []
  for (const scenario of SCENARIOS.filter(({ name }) => options.scenarios.includes(name))) {
    say(`${scenario.name} …`)
    results.push(await runScenario(scenario, targets, options))
  }
  return { startedAt, machine: describeMachine(), seconds: options.seconds, rounds: options.rounds, results }
}

/** The rounds of the servers take turns, so that whatever else the machine does meets all of them. */
async function runScenario(
  scenario: Scenario,
  targets: ReadonlyMap<TargetName, Target>,
  options: BenchOptions,
): Promise<ScenarioResult> {
  const callers = scenario.callers ?? options.concurrency
  const prepared = new Map(
    await Promise.all(
      [...targets].map(async ([name, target]) => {
        const steps = await at(name, scenario, async () => scenario.prepare(await discover(target.issuer), callers))
        return [name, { target, steps, rounds: [] as Measurement[] }] as const
      }),
    ),
  )
  const run = (name: TargetName, { target, steps }: { target: Target; steps: readonly Step[] }, seconds: number) =>
    at(name, scenario, () => measure(target, steps, seconds))
  for (const [name, about] of prepared) await run(name, about, options.seconds * WARM_UP_SHARE)
  for (let round = 0; round < options.rounds; round++) {
    for (const [name, about] of prepared) about.rounds.push(await run(name, about, options.seconds))
  }
  const { name, what } = scenario
  return summarize({
    name,
    what,
    callers,
    rounds: Object.fromEntries([...prepared].map(([target, { rounds }]) => [target, rounds])),
  })
}

/** Says at which server and in which kind of work something failed: a wrong answer makes every figure worthless. */
async function at<T>(target: TargetName, scenario: Scenario, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw new Error(`${scenario.name} failed at ${target}: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
}

async function main(): Promise<number> {
  try {
    const options = readOptions(process.argv.slice(2))
    if (options.help) {
      process.stdout.write(HELP)
      return 0
    }
    const report = await runBench(options, (line) => process.stderr.write(`${line}\n`))
    process.stdout.write(`\n${formatTable(report.results)}\n`)
    if (options.out !== '') process.stdout.write(`\nwritten to ${await writeReport(report, options.out)}\n`)
    return 0
  } catch (error) {
    if (!(error instanceof OptionError)) throw error
    process.stderr.write(`${error.message} --help says more.\n`)
    return 2
  }
}

async function writeReport(report: Report, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  const path = join(folder, `${report.startedAt.replaceAll(':', '-')}.json`)
  await writeFile(path, `${JSON.stringify(report, null, 2)}\n`)
  return path
}

if (import.meta.main) process.exitCode = await main()
