// Whether a full database costs more than an empty one: Latchkey on databases with a thousand, a hundred thousand and a
// million families, each with its grant and its session, in turns.

import type { Measurement } from '../load/load.ts'
import { medianOf } from '../report/medians.ts'
import { type RoundOptions, runScenario } from '../rounds.ts'
import type { Scenario } from '../scenarios/scenario.ts'
import type { StartTarget, Stores, Target } from '../targets/target.ts'
import { fill } from './fill.ts'

/** What was found: by the name of the work, the medians in the order of the sizes. */
export interface Growth {
  readonly sizes: readonly number[]
  readonly work: { readonly [scenario: string]: readonly Measurement[] }
}

export const SIZES = [1000, 100_000, 1_000_000] as const

/** The work that reads and writes what there is so much of. */
export const GROWTH_SCENARIOS = ['refresh', 'second-app']

/** Runs it. */
export async function measureGrowth(
  start: StartTarget,
  stores: Stores,
  scenarios: readonly Scenario[],
  options: RoundOptions & { readonly sizes: readonly number[] },
  say: (line: string) => void,
): Promise<Growth> {
  await using cleanup = new AsyncDisposableStack()
  const targets = new Map<string, Target>()
  for (const size of options.sizes) {
    say(`filling a database with ${size} families and sessions …`)
    const addresses = await stores.newAddresses()
    const target = await start(addresses, stores.pids)
    cleanup.defer(() => target.stop())
    await fill(target, addresses, size)
    targets.set(nameOf(size), target)
  }
  const work: { [scenario: string]: readonly Measurement[] } = {}
  for (const scenario of scenarios.filter(({ name }) => GROWTH_SCENARIOS.includes(name))) {
    say(`${scenario.name} in databases of different sizes …`)
    const { rounds } = await runScenario(scenario, targets, options)
    work[scenario.name] = options.sizes.map((size) => medianOf(rounds.get(nameOf(size)) ?? []))
  }
  return { sizes: options.sizes, work }
}

function nameOf(size: number): string {
  return `latchkey with ${size}`
}
