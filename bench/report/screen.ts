// What is shown on the screen at the end.

import type { Measurement } from '../load/load.ts'
import { isLatchkey } from '../rounds.ts'
import { TARGET_NAMES } from '../targets/targets.ts'
import type { ScenarioResult } from './medians.ts'
import type { Report } from './report.ts'
import { figure, megabytes, textTable } from './text-table.ts'

const COLUMNS = ['', 'server', 'per s', 'p50 ms', 'p99 ms', 'CPU µs', 'helpers', 'stores', 'RSS MB']

/** All tables of a report. */
export function formatReport(report: Report): string {
  return [roundsTable(report.results), LEGEND].join('\n\n')
}

const LEGEND = `CPU µs: of the server's processes, for each request or flow. helpers: of those it hashes passwords in. stores: of PostgreSQL and
Redis. The last columns: how many times the requests per second of that server.`

/** A line for each kind of work and server. */
export function roundsTable(results: readonly ScenarioResult[]): string {
  const others = TARGET_NAMES.filter((name) => !isLatchkey(name) && results.some(({ medians }) => medians[name] !== undefined))
  const rows = results.flatMap((result) =>
    TARGET_NAMES.flatMap((target) => {
      const found = result.medians[target]
      if (found === undefined) return []
      const ratios = others.map((other) => result.ratios[target]?.[other]?.perSecond)
      return [[target, ...figures(found), ...ratios.map((ratio) => (ratio === undefined ? '' : ratio.toFixed(2)))]]
    }).map((row, index) => [index === 0 ? result.name : '', ...row]),
  )
  return textTable([...COLUMNS, ...others.map((other) => `× ${other}`)], rows, 2)
}

function figures(found: Measurement): string[] {
  const { perSecond, p50, p99, cpuPerStep, helperCpuPerStep, storeCpuPerStep, residentBytes } = found
  const processor = [cpuPerStep, helperCpuPerStep, storeCpuPerStep].map((microseconds) => microseconds.toFixed(0))
  return [figure(perSecond), figure(p50), figure(p99), ...processor, megabytes(residentBytes)]
}
