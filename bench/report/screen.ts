// What is shown on the screen at the end, and what of it goes into docs/performance.md.

import type { Measurement } from '../load/load.ts'
import type { Race } from '../races/races.ts'
import { isLatchkey } from '../rounds.ts'
import { TARGET_NAMES, type TargetName } from '../targets/targets.ts'
import { isRightRedemption, isRightRefresh, judgeRatio } from './goals.ts'
import type { ScenarioResult } from './medians.ts'
import type { Report } from './report.ts'
import { figure, megabytes, textTable } from './text-table.ts'

/** All tables of a report that have anything in them. */
export function formatReport(report: Report): string {
  return [
    withTitle('Requests (flows) per second', roundsTable(report.results), [LEGEND, ...turnedAway(report.results)].join('\n')),
    withTitle('Round trips to the stores for each request (flow)', tripsTable(report)),
    withTitle('What one refresh writes in PostgreSQL', writesTable(report)),
    withTitle('Parallel uses of one thing, and what they leave', racesTable(report), RACE_LEGEND),
    withTitle('Memory', memoryTable(report)),
    withTitle('Growth: requests per second by what is in the database', growthTable(report)),
    withTitle('Flood of sign-ins: latency of token requests', floodTable(report)),
    withTitle('Revocation', revocationTable(report)),
    withTitle('Sign-ins while guards listen to revocations', listenersTable(report)),
    withTitle('Console', consoleTable(report)),
    withTitle('Where the processor time of the main thread goes', profilesTable(report)),
    withTitle('Targets', targetsTable(report)),
  ]
    .filter((part) => part !== '')
    .join('\n\n')
}

const LEGEND = `CPU µs: of the server's processes, for each request or flow. helpers: of those it hashes passwords in. stores: of PostgreSQL and
Redis. The last columns: how many times the requests per second of that server.`

const RACE_LEGEND = `answers: requests that got tokens. 503: that were told to come back. successors: different refresh tokens in them. live: how many of these can be used afterwards.
right: rounds in which 50 refreshes got one live successor; in which a code was good once at most, and gave nothing that lives on.`

/** A line for each kind of work and server. */
export function roundsTable(results: readonly ScenarioResult[]): string {
  if (results.length === 0) return ''
  const others = TARGET_NAMES.filter((name) => !isLatchkey(name) && results.some(({ medians }) => medians[name] !== undefined))
  const rows = results.flatMap((result) =>
    TARGET_NAMES.flatMap((target) => {
      const found = result.medians[target]
      if (found === undefined) return []
      const ratios = others.map((other) => result.ratios[target]?.[other]?.perSecond)
      const name = result.bareInstead === undefined || isLatchkey(target) ? target : `${target} (${result.bareInstead})`
      const row = [name, ...figures(found), ...ratios.map((ratio) => (ratio === undefined ? '' : ratio.toFixed(2)))]
      return target === 'latchkey' ? [row, ...targetRow(result, others)] : [row]
    }).map((row, index) => [index === 0 ? result.name : '', ...row]),
  )
  const columns = ['', 'server', 'per s', 'p50 ms', 'p99 ms', 'CPU µs', 'helpers', 'stores', 'RSS MB']
  return textTable([...columns, ...others.map((other) => `× ${other}`)], rows, 2)
}

/** What is wanted of the ratios above it, if anything is. */
function targetRow({ name, ratios }: ScenarioResult, others: readonly TargetName[]): string[][] {
  const cells = others.map((other) => {
    const judged = judgeRatio(name, other, ratios.latchkey?.[other]?.perSecond ?? Number.NaN)
    return judged === undefined ? '' : `≥ ${judged.atLeast} ${inWords(judged.met)}`
  })
  return cells.every((cell) => cell === '') ? [] : [['target', ...Array<string>(7).fill(''), ...cells]]
}

function inWords(met: boolean): string {
  return met ? 'met' : 'MISSED'
}

/** Who was told to come back (503): by design where each request is dear, otherwise a sign of a machine with other work. */
function turnedAway(results: readonly ScenarioResult[]): string[] {
  return results.flatMap(({ name, medians }) =>
    entriesOf(medians)
      .filter(([, found]) => found.turnedAway > 0)
      .map(
        ([target, found]) => `${name} at ${target}: ${(found.turnedAway * 100).toFixed(1)} % of requests were turned away (503).`,
      ),
  )
}

function figures(found: Measurement): string[] {
  const { perSecond, p50, p99, cpuPerStep, helperCpuPerStep, storeCpuPerStep, residentBytes } = found
  const processor = [cpuPerStep, helperCpuPerStep, storeCpuPerStep].map((microseconds) => microseconds.toFixed(0))
  return [figure(perSecond), figure(p50), figure(p99), ...processor, megabytes(residentBytes)]
}

function tripsTable({ counted }: Report): string {
  const rows = entriesOf(counted).flatMap(([target, { trips }]) =>
    Object.entries(trips).map(([scenario, { postgresTrips, commits, redisTrips }], index) => [
      index === 0 ? target : '',
      scenario,
      ...[postgresTrips, commits, redisTrips].map(String),
    ]),
  )
  return rows.length === 0 ? '' : textTable(['', '', 'PostgreSQL', 'of these commits', 'Redis'], rows, 2)
}

function writesTable({ counted }: Report): string {
  const rows = entriesOf(counted).flatMap(([target, { writesOfRefresh: writes }]) =>
    writes === undefined
      ? []
      : [[target, ...[writes.inserted, writes.updated, writes.updatedInPlace].map(figure), writes.walBytes.toFixed(0)]],
  )
  return rows.length === 0 ? '' : textTable(['', 'rows inserted', 'updated', 'of these in place', 'WAL bytes'], rows, 1)
}

function racesTable({ races }: Report): string {
  const rows = entriesOf(races).flatMap(([target, { refreshes, redemptions }]) => [
    [target, 'refreshes', ...raceFigures(refreshes, isRightRefresh)],
    ['', 'redemptions', ...raceFigures(redemptions, isRightRedemption)],
  ])
  return rows.length === 0 ? '' : textTable(['', '50 at once', 'answers', '503', 'successors', 'live', 'right'], rows, 2)
}

function raceFigures(rounds: readonly Race[], isRight: (race: Race) => boolean): string[] {
  const range = (column: keyof Race) => {
    const values = rounds.map((round) => round[column])
    const [least, most] = [Math.min(...values), Math.max(...values)]
    return least === most ? String(least) : `${least}–${most}`
  }
  return [
    range('answers'),
    range('turnedAway'),
    range('successors'),
    range('live'),
    `${rounds.filter(isRight).length} of ${rounds.length}`,
  ]
}

function memoryTable({ memory }: Report): string {
  const rows = entriesOf(memory).map(([target, { idleBytes, mostBytes }]) => [target, megabytes(idleBytes), megabytes(mostBytes)])
  return rows.length === 0 ? '' : textTable(['', 'idle MB', 'most MB'], rows, 1)
}

function growthTable({ growth }: Report): string {
  if (growth === undefined) return ''
  const rows = Object.entries(growth.work).flatMap(([scenario, measured]) => [
    [scenario, 'per s', ...measured.map(({ perSecond }) => figure(perSecond))],
    ['', 'p99 ms', ...measured.map(({ p99 }) => figure(p99))],
    ['', 'CPU µs', ...measured.map(({ cpuPerStep }) => cpuPerStep.toFixed(0))],
    ['', 'stores', ...measured.map(({ storeCpuPerStep }) => storeCpuPerStep.toFixed(0))],
  ])
  return textTable(['', '', ...growth.sizes.map((size) => size.toLocaleString('en'))], rows, 2)
}

function floodTable({ flood }: Report): string {
  if (flood === undefined) return ''
  const { quiet, flooded, perSecond, signIns, signInsTurnedAway } = flood
  const rows = [
    ['quiet', figure(quiet.p50), figure(quiet.p99)],
    ['in the flood', figure(flooded.p50), figure(flooded.p99)],
  ]
  const about = `${perSecond} token requests per second, half of them refreshes; ${signIns} people signed in, ${signInsTurnedAway} were told to come back.`
  return `${textTable(['', 'p50 ms', 'p99 ms'], rows, 1)}\n\n${about}`
}

/** From a revocation to its refusal, and what it costs those who check and those who wait. */
export function revocationTable({ revocation }: Pick<Report, 'revocation'>): string {
  if (revocation === undefined) return ''
  const { guards, perSecond, revocations, refusedAfter, entries, checkRatio, bytesPerEntry, bulkEnds } = revocation
  const milliseconds = (...times: readonly number[]) => `${times.map((time) => figure(time)).join(' / ')} ms`
  const { p50, p99, most } = refusedAfter
  return textTable(
    ['', ''],
    [
      [
        `refused by one of ${guards} guards, ${perSecond} a second, ${revocations} in all: p50 / p99 / most`,
        milliseconds(p50, p99, most),
      ],
      [
        `check of a guard that knows ${entries.toLocaleString('en')} revocations, to that of jose alone`,
        `${checkRatio.toFixed(3)} ×`,
      ],
      ['memory of a guard for each revocation', `${figure(bytesPerEntry)} bytes`],
      ...bulkEnds.flatMap(({ what, grants, took, quietP99, p99: others }) => [
        [`${what}, with ${grants.toLocaleString('en')} grants: time to answer`, milliseconds(took)],
        ['   p99 of refreshes of others: before / from then on', milliseconds(quietP99, others)],
      ]),
    ],
    1,
  )
}

/** What listeners cost those who sign in. */
export function listenersTable({ listeners }: Pick<Report, 'listeners'>): string {
  if (listeners === undefined) return ''
  const { quiet, listened, listeners: count, signInsPerSecond, revocationsPerSecond, told } = listeners
  const rows = [
    ['nobody listens', figure(quiet.p50), figure(quiet.p99)],
    [`${count.toLocaleString('en')} guards listen`, figure(listened.p50), figure(listened.p99)],
    ['so many times as long', (listened.p50 / quiet.p50).toFixed(2), (listened.p99 / quiet.p99).toFixed(2)],
  ]
  const about = `${signInsPerSecond} sign-ins and ${revocationsPerSecond} revocations a second; each guard was told ${told.toLocaleString('en')} revocations.`
  return `${textTable(['', 'p50 ms', 'p99 ms'], rows, 1)}\n\n${about}`
}

/** How long pages of the console take, how much they weigh, and what the end of very many sessions costs. */
export function consoleTable({ console }: Pick<Report, 'console'>): string {
  if (console === undefined) return ''
  const { sessions, auditEvents, answered, job } = console
  const many = (count: number) => count.toLocaleString('en')
  const rows = answered.map(({ what, p50, p95, bytes }) => [what, figure(p50), figure(p95), figure(bytes / 1000)])
  const about = [
    `${many(sessions)} sessions, as many grants, ${many(auditEvents)} events of the audit log.`,
    `The end of ${many(job.sessions)} sessions by one filter: answered in ${figure(job.answeredIn)} ms, done after ${figure(job.took / 1000)} s;`,
    `p99 of refreshes of others ${figure(job.quietP99)} ms before, ${figure(job.p99)} ms from then on.`,
  ]
  return `${textTable(['', 'p50 ms', 'p95 ms', 'kB'], rows, 1)}\n\n${about.join('\n')}`
}

function profilesTable({ profiles }: Report): string {
  const rows = profiles.flatMap(({ scenario, target, parts }) =>
    parts
      .filter(({ share }) => share >= 0.01)
      .map(({ part, share }, index) => [
        index === 0 ? scenario : '',
        index === 0 ? target : '',
        part,
        `${(share * 100).toFixed(0)} %`,
      ]),
  )
  return rows.length === 0 ? '' : textTable(['', 'server', '', 'share'], rows, 3)
}

function targetsTable({ verdicts }: Report): string {
  const rows = verdicts.map(({ what, wanted, found, met }) => [what, wanted, found, inWords(met)])
  return rows.length === 0 ? '' : textTable(['', 'wanted', 'found', ''], rows, 4)
}

function entriesOf<Finding>(findings: { readonly [name in TargetName]?: Finding }): [TargetName, Finding][] {
  return TARGET_NAMES.flatMap((name): [TargetName, Finding][] => {
    const finding = findings[name]
    return finding === undefined ? [] : [[name, finding]]
  })
}

function withTitle(title: string, table: string, legend = ''): string {
  return table === '' ? '' : [`${title}`, table, legend].filter((part) => part !== '').join('\n\n')
}
