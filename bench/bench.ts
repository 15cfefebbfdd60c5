// `npm run bench`: Latchkey beside oidc-provider as it comes, in turns, and what came of it.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { warnOfOtherWork } from './load/machine-load.ts'
import { type BenchOptions, HELP, OptionError, readOptions } from './options.ts'
import { type ScenarioResult, summarize } from './report/medians.ts'
import { describeMachine, type Report } from './report/report.ts'
import { formatReport } from './report/screen.ts'
import { runScenario } from './rounds.ts'
import { SCENARIOS } from './scenarios/scenarios.ts'
import { startStores } from './targets/stores.ts'
import type { Target } from './targets/target.ts'
import { TARGETS, type TargetName } from './targets/targets.ts'

/**
 * Runs the benchmark.
 * @param say where progress is told
 */
export async function runBench(options: BenchOptions, say: (line: string) => void): Promise<Report> {
  const startedAt = new Date().toISOString()
  const warning = warnOfOtherWork()
  if (warning !== undefined) say(warning)
  await using cleanup = new AsyncDisposableStack()
  const targets = await startTargets(options.targets, cleanup, say)
  const results: ScenarioResult[] = []
  for (const scenario of SCENARIOS.filter(({ name }) => options.scenarios.includes(name))) {
    say(`${scenario.name} …`)
    results.push(summarize(await runScenario(scenario, targets, options)))
  }
  return { startedAt, machine: describeMachine(), seconds: options.seconds, rounds: options.rounds, results }
}

async function startTargets(
  names: readonly TargetName[],
  cleanup: AsyncDisposableStack,
  say: (line: string) => void,
): Promise<ReadonlyMap<TargetName, Target>> {
  const targets = new Map<TargetName, Target>()
  const wantStores = names.some((name) => TARGETS[name].storesWanted)
  if (wantStores) say('starting PostgreSQL and Redis …')
  const stores = wantStores ? await startStores() : undefined
  if (stores !== undefined) cleanup.defer(() => stores.stop())
  for (const name of names) {
    say(`starting ${name} …`)
    const { start, storesWanted } = TARGETS[name]
    const addresses = storesWanted ? await stores?.newAddresses() : undefined
    const target = await start(addresses ?? { databaseUrl: '', redisUrl: '' }, stores?.pids ?? [])
    cleanup.defer(() => target.stop())
    targets.set(name, target)
  }
  return targets
}

async function main(): Promise<number> {
  try {
    const options = readOptions(process.argv.slice(2))
    if (options.help) {
      process.stdout.write(HELP)
      return 0
    }
    const report = await runBench(options, (line) => process.stderr.write(`${line}\n`))
    process.stdout.write(`\n${formatReport(report)}\n`)
    if (options.out !== '') process.stdout.write(`\nwritten to ${await writeReport(report, options.out)}\n`)
    return 0
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    process.stderr.write(error instanceof OptionError ? `${message} --help says more.\n` : `The benchmark failed. ${message}\n`)
    return error instanceof OptionError ? 2 : 1
  }
}

async function writeReport(report: Report, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  const path = join(folder, `${report.startedAt.replaceAll(':', '-')}.json`)
  await writeFile(path, `${JSON.stringify(report, null, 2)}\n`)
  return path
}

if (import.meta.main) process.exitCode = await main()
