// The timed part: each kind of work at each server, in turns.

import { type Measurement, measure } from './load/load.ts'
import { discover, type Scenario, type Work } from './scenarios/scenario.ts'
import type { Target } from './targets/target.ts'
import type { TargetName } from './targets/targets.ts'

/** How long and how often. */
export interface RoundOptions {
  readonly seconds: number
  readonly rounds: number
  readonly concurrency: number
}

/** All rounds of one kind of work. */
export interface ScenarioRounds {
  readonly name: string
  readonly what: string
  readonly callers: number
  readonly bareInstead?: string
  readonly rounds: { readonly [target in TargetName]?: readonly Measurement[] }
}

/** A part of the time goes to warming up: the just-in-time compiler, connections, plans of statements. */
const WARM_UP_SHARE = 0.4

/** What a round uses up is got by the rate of the one before, and somewhat more, so that it does not run out. */
const FIRST_STOCK_PER_SECOND = 2000
const STOCK_SPARE = 1.3

/** A machine that is busy with something else makes a store miss its deadline now and then; more than that is a fault. */
const MOST_TURNED_AWAY = 0.01

/** Whether a server is Latchkey: what the others cannot do is asked of it alone. */
export function isLatchkey(name: TargetName): boolean {
  return name.startsWith('latchkey')
}

/** The rounds of the servers take turns, so that whatever else the machine does meets all of them. */
export async function runScenario(
  scenario: Scenario,
  targets: ReadonlyMap<TargetName, Target>,
  options: RoundOptions,
): Promise<ScenarioRounds> {
  const callers = scenario.callers ?? options.concurrency
  const taking = [...targets].filter(([name]) => isLatchkey(name) || scenario.latchkeyOnly !== true)
  const contestants: Contestant[] = []
  for (const [name, target] of taking) {
    const work = await at(name, scenario, () => prepare(scenario, target, callers))
    contestants.push({ name, target, work, rate: FIRST_STOCK_PER_SECOND, rounds: [] })
  }
  for (const contestant of contestants) await runRound(scenario, contestant, options.seconds * WARM_UP_SHARE, 1)
  const most = scenario.mayTurnAway === true ? 1 : MOST_TURNED_AWAY
  for (let round = 0; round < options.rounds; round++) {
    for (const contestant of contestants) contestant.rounds.push(await runRound(scenario, contestant, options.seconds, most))
  }
  const { name, what, bareInstead } = scenario
  return {
    name,
    what,
    callers,
    ...(bareInstead === undefined ? {} : { bareInstead }),
    rounds: Object.fromEntries(contestants.map((contestant) => [contestant.name, contestant.rounds])),
  }
}

/** Makes the work of a scenario at a server. */
export async function prepare(scenario: Scenario, target: Target, callers: number): Promise<Work> {
  const { answersForJwts } = target
  return scenario.prepare({ endpoints: await discover(target.issuer), answersForJwts }, callers)
}

interface Contestant {
  readonly name: TargetName
  readonly target: Target
  readonly work: Work
  readonly rounds: Measurement[]
  rate: number
}

async function runRound(
  scenario: Scenario,
  contestant: Contestant,
  seconds: number,
  mostTurnedAway: number,
): Promise<Measurement> {
  const { name, target, work } = contestant
  return at(name, scenario, async () => {
    await work.stock?.(Math.ceil(contestant.rate * seconds * STOCK_SPARE) + work.steps.length)
    const found = await measure(target, work.steps, seconds, mostTurnedAway)
    contestant.rate = found.perSecond
    return found
  })
}

/** Says at which server and in which kind of work something failed: a wrong answer makes every figure worthless. */
async function at<T>(name: TargetName, scenario: Scenario, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw new Error(`${scenario.name} failed at ${name}: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
}
