// The timed part: each kind of work at each server, in turns.

import { type Measurement, measure } from './load/load.ts'
import type { Work } from './load/steps.ts'
import { discover, type Scenario } from './scenarios/scenario.ts'
import type { Target } from './targets/target.ts'

/** How long and how often. */
export interface RoundOptions {
  readonly seconds: number
  readonly rounds: number
  readonly concurrency: number
  /** Runs one more round that counts for nothing, to look at it otherwise. */
  readonly look?: (about: { scenario: string; target: string; server: Target }, round: () => Promise<unknown>) => Promise<void>
}

/** All rounds of one kind of work, by the names of the servers. */
export interface ScenarioRounds<Name extends string> {
  readonly name: string
  readonly what: string
  readonly callers: number
  readonly bareInstead?: string
  readonly rounds: ReadonlyMap<Name, readonly Measurement[]>
}

/** Warming up takes so many rounds: the just-in-time compiler, connections, plans of statements. */
const WARM_UP_ROUNDS = 3

/** What a round uses up is got by the rate of the one before, and somewhat more, so that it does not run out. */
const FIRST_STOCK_PER_SECOND = 2000
const STOCK_SPARE = 1.3

/** Whether a server is Latchkey: what the others cannot do is asked of it alone. */
export function isLatchkey(name: string): boolean {
  return name.startsWith('latchkey')
}

/** The rounds of the servers take turns, so that whatever else the machine does meets all of them. */
export async function runScenario<Name extends string>(
  scenario: Scenario,
  targets: ReadonlyMap<Name, Target>,
  options: RoundOptions,
): Promise<ScenarioRounds<Name>> {
  const callers = scenario.callers ?? options.concurrency
  const taking = [...targets].filter(([name, { own }]) =>
    own === undefined ? isLatchkey(name) || scenario.latchkeyOnly !== true : scenario.name in own,
  )
  const contestants: Contestant<Name>[] = []
  for (const [name, target] of taking) {
    const work = await at(name, scenario, () => prepare(scenario, target, callers))
    contestants.push({ name, target, work, rate: FIRST_STOCK_PER_SECOND, rounds: [] })
  }
  for (const contestant of contestants) await runRound(scenario, contestant, options.seconds * WARM_UP_ROUNDS)
  for (let round = 0; round < options.rounds; round++) {
    for (const contestant of contestants) contestant.rounds.push(await runRound(scenario, contestant, options.seconds))
  }
  for (const contestant of contestants) {
    const about = { scenario: scenario.name, target: contestant.name, server: contestant.target }
    await options.look?.(about, () => runRound(scenario, contestant, options.seconds))
  }
  const { name, what, bareInstead } = scenario
  return {
    name,
    what,
    callers,
    ...(bareInstead === undefined ? {} : { bareInstead }),
    rounds: new Map(contestants.map((contestant) => [contestant.name, contestant.rounds])),
  }
}

/** Makes the work of a scenario at a server. */
export async function prepare(scenario: Scenario, target: Target, callers: number): Promise<Work> {
  const { answersForJwts, own } = target
  const its = own?.[scenario.name]
  if (its !== undefined) return its(callers)
  return scenario.prepare({ endpoints: await discover(target.issuer), answersForJwts }, callers)
}

interface Contestant<Name extends string> {
  readonly name: Name
  readonly target: Target
  readonly work: Work
  readonly rounds: Measurement[]
  rate: number
}

async function runRound(scenario: Scenario, contestant: Contestant<string>, seconds: number): Promise<Measurement> {
  const { name, target, work } = contestant
  return at(name, scenario, async () => {
    await work.stock?.(Math.ceil(contestant.rate * seconds * STOCK_SPARE) + work.steps.length)
    const found = await measure(target, work.steps, seconds)
    contestant.rate = found.perSecond
    return found
  })
}

/** Says at which server and in which kind of work something failed: a wrong answer makes every figure worthless. */
async function at<T>(name: string, scenario: Scenario, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw new Error(`${scenario.name} failed at ${name}: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
}
