// What the measurements say: medians of the rounds, ratios between the servers, the table and the JSON.

import { cpus, totalmem } from 'node:os'
import type { Measurement } from './load.ts'
import type { TargetName } from './targets.ts'

/** All rounds of one kind of work. */
export interface ScenarioRounds {
  readonly name: string
  readonly what: string
  readonly callers: number
  readonly rounds: { readonly [target in TargetName]?: readonly Measurement[] }
}

/** The medians of one kind of work, and how Latchkey stands to the bare library: above 1 it does more or needs more. */
export interface ScenarioResult {
  readonly name: string
  readonly what: string
  readonly callers: number
  readonly medians: { readonly [target in TargetName]?: Measurement }
  readonly ratios?: { readonly perSecond: number; readonly p50: number; readonly p99: number; readonly cpuPerStep: number }
}

/** Everything that one run found. */
export interface Report {
  readonly startedAt: string
  readonly machine: { readonly processors: number; readonly model: string; readonly memoryBytes: number; readonly node: string }
  readonly seconds: number
  readonly rounds: number
  readonly results: readonly ScenarioResult[]
}

/** Takes the median of each figure. */
export function summarize({ rounds, ...about }: ScenarioRounds): ScenarioResult {
  const latchkey = rounds.latchkey === undefined ? undefined : medianOf(rounds.latchkey)
  const bare = rounds.bare === undefined ? undefined : medianOf(rounds.bare)
  const medians = { ...(latchkey === undefined ? {} : { latchkey }), ...(bare === undefined ? {} : { bare }) }
  if (latchkey === undefined || bare === undefined) return { ...about, medians }
  const ratio = (figure: 'perSecond' | 'p50' | 'p99' | 'cpuPerStep') => latchkey[figure] / bare[figure]
  return {
    ...about,
    medians,
    ratios: { perSecond: ratio('perSecond'), p50: ratio('p50'), p99: ratio('p99'), cpuPerStep: ratio('cpuPerStep') },
  }
}

/** The machine that all this is true of. */
export function describeMachine(): Report['machine'] {
  const processors = cpus()
  return {
    processors: processors.length,
    model: processors[0]?.model.trim() ?? 'unknown',
    memoryBytes: totalmem(),
    node: process.version,
  }
}

const COLUMNS = ['', 'server', 'per s', 'p50 ms', 'p99 ms', 'CPU µs', 'helpers', 'stores', 'RSS MB'] as const
const WIDTHS = [26, 10, 9, 9, 9, 9, 9, 9, 8] as const

/** The table for the screen. */
export function formatTable(results: readonly ScenarioResult[]): string {
  const lines = results.flatMap(({ name, medians, ratios }) => {
    const rows = Object.entries(medians).map(([target, found]) => [target, ...figures(found)])
    if (ratios !== undefined) {
      rows.push(['ratio', ...[ratios.perSecond, ratios.p50, ratios.p99, ratios.cpuPerStep].map((ratio) => ratio.toFixed(2))])
    }
    return rows.map((row, index) => formatRow([index === 0 ? name : '', ...row]))
  })
  return [
    formatRow(COLUMNS),
    ...lines,
    '',
    'CPU: of the server process, for each request or flow. helpers: of the processes it starts, such as those that hash passwords.',
    'stores: of PostgreSQL and Redis. The bare library keeps everything in memory and takes any password, so it has neither.',
  ].join('\n')
}

function figures(found: Measurement): string[] {
  const times = [found.p50, found.p99].map((milliseconds) => milliseconds.toFixed(milliseconds < 100 ? 1 : 0))
  const processor = [found.cpuPerStep, found.helperCpuPerStep, found.storeCpuPerStep].map((microseconds) =>
    microseconds.toFixed(0),
  )
  return [
    found.perSecond.toFixed(found.perSecond < 100 ? 1 : 0),
    ...times,
    ...processor,
    (found.residentBytes / 1_000_000).toFixed(0),
  ]
}

function formatRow(cells: readonly string[]): string {
  return cells
    .map((cell, index) => (index < 2 ? cell.padEnd(WIDTHS[index] ?? 0) : cell.padStart(WIDTHS[index] ?? 0)))
    .join('')
    .trimEnd()
}

function medianOf(rounds: readonly Measurement[]): Measurement {
  const median = (figure: keyof Measurement) => {
    const sorted = rounds.map((round) => round[figure]).sort((one, other) => one - other)
    const middle = sorted.length / 2
    const [lower, upper] = [sorted[Math.ceil(middle) - 1] ?? Number.NaN, sorted[Math.floor(middle)] ?? Number.NaN]
    return (lower + upper) / 2
  }
  return {
    perSecond: median('perSecond'),
    p50: median('p50'),
    p99: median('p99'),
    cpuPerStep: median('cpuPerStep'),
    helperCpuPerStep: median('helperCpuPerStep'),
    storeCpuPerStep: median('storeCpuPerStep'),
    residentBytes: median('residentBytes'),
  }
}
