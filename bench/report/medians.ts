// What is made of the rounds: the median of each figure, and how Latchkey stands to the others in the median round.

import type { Measurement } from '../load/load.ts'
import { isLatchkey, type ScenarioRounds } from '../rounds.ts'
import type { TargetName } from '../targets/targets.ts'

/** How a server stands to another one: above 1 it does more, or needs more. */
export interface Ratio {
  readonly perSecond: number
  readonly cpuPerStep: number
}

/** The medians of one kind of work. */
export interface ScenarioResult {
  readonly name: string
  readonly what: string
  readonly callers: number
  readonly bareInstead?: string
  readonly medians: { readonly [target in TargetName]?: Measurement }
  /** Of Latchkey's, by the name of the other server. */
  readonly ratios: { readonly [target in TargetName]?: { readonly [other in TargetName]?: Ratio } }
}

const FIGURES = [
  'perSecond',
  'p50',
  'p99',
  'cpuPerStep',
  'helperCpuPerStep',
  'storeCpuPerStep',
  'residentBytes',
  'turnedAway',
] as const satisfies readonly (keyof Measurement)[]

/** Takes the median of each figure. */
export function summarize({ rounds, ...about }: ScenarioRounds<TargetName>): ScenarioResult {
  const found = [...rounds]
  const medians = found.map(([target, measured]) => [target, medianOf(measured)])
  const others = found.filter(([target]) => !isLatchkey(target))
  const ratios = found
    .filter(([target]) => isLatchkey(target))
    .map(([target, own]) => [target, Object.fromEntries(others.map(([other, theirs]) => [other, ratio(own, theirs)]))])
  return { ...about, medians: Object.fromEntries(medians), ratios: Object.fromEntries(ratios) }
}

/** The middle one, or between the two in the middle. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((one, other) => one - other)
  const middle = sorted.length / 2
  const [lower, upper] = [sorted[Math.ceil(middle) - 1] ?? Number.NaN, sorted[Math.floor(middle)] ?? Number.NaN]
  return (lower + upper) / 2
}

/** Taken in each round, so that a machine that grows slower from one to the next slows both down. */
function ratio(own: readonly Measurement[], theirs: readonly Measurement[]): Ratio {
  const of = (figure: 'perSecond' | 'cpuPerStep') =>
    median(own.map((round, index) => round[figure] / (theirs[index]?.[figure] ?? Number.NaN)))
  return { perSecond: of('perSecond'), cpuPerStep: of('cpuPerStep') }
}

/** The median of each figure. */
export function medianOf(rounds: readonly Measurement[]): Measurement {
  const [first] = rounds
  if (first === undefined) throw new RangeError('There was no round.')
  return { ...first, ...Object.fromEntries(FIGURES.map((figure) => [figure, median(rounds.map((round) => round[figure]))])) }
}
