// What Latchkey is meant to reach, and whether it did in a run.

import type { Counts } from '../counting/messages.ts'
import { PARALLEL, type Race } from '../races/races.ts'
import type { TargetName } from '../targets/targets.ts'
import type { Report, Verdict } from './report.ts'
import { figure } from './text-table.ts'

interface RatioGoal {
  readonly scenario: string
  readonly other: TargetName
  readonly atLeast: number
  readonly aim?: number
}

const RATIOS: readonly RatioGoal[] = [
  { scenario: 'client-credentials-jwt', other: 'bare', atLeast: 0.95 },
  { scenario: 'refresh', other: 'bare', atLeast: 0.65, aim: 0.8 },
  { scenario: 'refresh', other: 'prisma', atLeast: 2, aim: 3 },
  { scenario: 'refresh', other: 'better-auth', atLeast: 5 },
  { scenario: 'sign-in', other: 'bare', atLeast: 0.6 },
  { scenario: 'sign-in-first-party', other: 'bare', atLeast: 0.6 },
  { scenario: 'second-app', other: 'bare', atLeast: 0.8 },
  { scenario: 'introspection-jwt', other: 'bare', atLeast: 0.65 },
  { scenario: 'introspection-opaque', other: 'bare', atLeast: 0.65 },
  { scenario: 'userinfo', other: 'bare', atLeast: 0.65 },
  { scenario: 'userinfo-jwt', other: 'bare', atLeast: 0.65 },
]

const TRIPS: readonly { readonly scenario: string; readonly most: Counts }[] = [
  { scenario: 'client-credentials-jwt', most: { postgresTrips: 0, commits: 0, redisTrips: 0 } },
  { scenario: 'refresh', most: { postgresTrips: 2, commits: 1, redisTrips: 0 } },
  { scenario: 'introspection-jwt', most: { postgresTrips: 1, commits: 0, redisTrips: 0 } },
  { scenario: 'introspection-opaque', most: { postgresTrips: 1, commits: 0, redisTrips: 0 } },
  { scenario: 'userinfo', most: { postgresTrips: 1, commits: 0, redisTrips: 0 } },
  { scenario: 'userinfo-jwt', most: { postgresTrips: 1, commits: 0, redisTrips: 0 } },
]

const MOST_GROWTH = 1.2
const MOST_FLOODED = 4
const IDLE_BYTES = 180_000_000
const SATURATED_BYTES = 300_000_000

/** Every goal that the run can tell about. */
export function judge(report: Omit<Report, 'verdicts'>): Verdict[] {
  return [
    ...ratioVerdicts(report),
    ...tripVerdicts(report),
    ...raceVerdicts(report),
    ...memoryVerdicts(report),
    ...growthVerdicts(report),
    ...floodVerdicts(report),
    ...revocationVerdicts(report),
    ...listenerVerdicts(report),
    ...consoleVerdicts(report),
  ]
}

/** What is wanted of a ratio at least, and whether it was reached; nothing when nothing is wanted. */
export function judgeRatio(scenario: string, other: TargetName, found: number): { atLeast: number; met: boolean } | undefined {
  const goal = RATIOS.find((candidate) => candidate.scenario === scenario && candidate.other === other)
  return goal === undefined ? undefined : { atLeast: goal.atLeast, met: found >= goal.atLeast }
}

function ratioVerdicts({ results }: Pick<Report, 'results'>): Verdict[] {
  return RATIOS.flatMap(({ scenario, other, atLeast, aim }) => {
    const found = results.find(({ name }) => name === scenario)?.ratios.latchkey?.[other]?.perSecond
    if (found === undefined) return []
    const wanted = `≥ ${atLeast}${aim === undefined ? '' : ` (aim ${aim})`}`
    return [
      { what: `${scenario}, requests per second to those of ${other}`, wanted, found: found.toFixed(2), met: found >= atLeast },
    ]
  })
}

function tripVerdicts({ counted }: Pick<Report, 'counted'>): Verdict[] {
  return TRIPS.flatMap(({ scenario, most }) => {
    const found = counted.latchkey?.trips[scenario]
    if (found === undefined) return []
    const met = found.postgresTrips <= most.postgresTrips && found.commits <= most.commits && found.redisTrips <= most.redisTrips
    return [{ what: `${scenario}, round trips`, wanted: `≤ ${tripsInWords(most)}`, found: tripsInWords(found), met }]
  })
}

/** Round trips in one phrase. */
function tripsInWords({ postgresTrips, commits, redisTrips }: Counts): string {
  return `${postgresTrips} PostgreSQL (${commits} commits), ${redisTrips} Redis`
}

function raceVerdicts({ races }: Pick<Report, 'races'>): Verdict[] {
  const found = races.latchkey
  if (found === undefined) return []
  const verdict = (what: string, wanted: string, rounds: readonly Race[], isRight: (race: Race) => boolean) => {
    const right = rounds.filter(isRight).length
    return { what, wanted, found: `${right} of ${rounds.length} rounds`, met: right === rounds.length }
  }
  return [
    verdict(`${PARALLEL} refreshes at once`, `${PARALLEL} answers, 1 successor, 1 live`, found.refreshes, isRightRefresh),
    verdict(
      `${PARALLEL} redemptions at once`,
      '1 answer at most, and what it gave has ended',
      found.redemptions,
      isRightRedemption,
    ),
  ]
}

/** All are answered with the same successor, and it lives. */
export function isRightRefresh({ answers, successors, live }: Race): boolean {
  return answers === PARALLEL && successors === 1 && live === 1
}

/** A code is good once, and one that comes back ends what it gave (RFC 6749 §4.1.2). */
export function isRightRedemption({ answers, live }: Race): boolean {
  return answers <= 1 && live === 0
}

function memoryVerdicts({ memory }: Pick<Report, 'memory'>): Verdict[] {
  const found = memory.latchkey
  if (found === undefined) return []
  const verdict = (what: string, bytes: number, most: number) => ({
    what,
    wanted: `≤ ${most / 1_000_000} MB`,
    found: `${figure(bytes / 1_000_000)} MB`,
    met: bytes <= most,
  })
  return [verdict('memory, idle', found.idleBytes, IDLE_BYTES), verdict('memory, saturated', found.mostBytes, SATURATED_BYTES)]
}

/** Cost is the time that a request takes of the whole machine when it has nothing else to do. */
function growthVerdicts({ growth }: Pick<Report, 'growth'>): Verdict[] {
  return Object.entries(growth?.work ?? {}).map(([scenario, measured]) => {
    const cost = (measured[0]?.perSecond ?? Number.NaN) / (measured.at(-1)?.perSecond ?? Number.NaN)
    const sizes = [growth?.sizes.at(-1), growth?.sizes[0]].map((size) => size?.toLocaleString('en'))
    return {
      what: `${scenario}, cost with ${sizes.join(' to that with ')}`,
      wanted: `≤ ${MOST_GROWTH}`,
      found: cost.toFixed(2),
      met: cost <= MOST_GROWTH,
    }
  })
}

function floodVerdicts({ flood }: Pick<Report, 'flood'>): Verdict[] {
  if (flood === undefined) return []
  const ratio = flood.flooded.p99 / flood.quiet.p99
  const what = 'token p99 in a flood of sign-ins to the quiet one'
  return [{ what, wanted: `≤ ${MOST_FLOODED}`, found: ratio.toFixed(2), met: ratio <= MOST_FLOODED }]
}

const REFUSED_P50_MS = 50
const REFUSED_P99_MS = 1000
const MOST_CHECK_RATIO = 1.05
const MOST_BYTES_PER_ENTRY = 200
const LONGEST_END_MS = 2000
const OTHERS_P99_MS = 200

function revocationVerdicts({ revocation }: Pick<Report, 'revocation'>): Verdict[] {
  if (revocation === undefined) return []
  const { refusedAfter, checkRatio, bytesPerEntry, bulkEnds } = revocation
  return [
    atMost('revocation to refusal at a guarded API, p50', REFUSED_P50_MS, refusedAfter.p50, ' ms'),
    atMost('revocation to refusal at a guarded API, p99', REFUSED_P99_MS, refusedAfter.p99, ' ms'),
    atMost('check of a guard to that of jose alone', MOST_CHECK_RATIO, checkRatio, ''),
    atMost('memory of a guard for each revocation', MOST_BYTES_PER_ENTRY, bytesPerEntry, ' bytes'),
    ...bulkEnds.flatMap(({ what, grants, took, p99 }) => [
      atMost(`${what} (${grants.toLocaleString('en')} grants), time to answer`, LONGEST_END_MS, took, ' ms'),
      atMost(`${what}, p99 of others`, OTHERS_P99_MS, p99, ' ms'),
    ]),
  ]
}

const LISTENED_P99_MS = 200

function listenerVerdicts({ listeners }: Pick<Report, 'listeners'>): Verdict[] {
  if (listeners === undefined) return []
  const { listeners: count, listened } = listeners
  return [atMost(`sign-ins while ${count.toLocaleString('en')} guards listen, p99`, LISTENED_P99_MS, listened.p99, ' ms')]
}

function atMost(what: string, most: number, found: number, unit: string): Verdict {
  return { what, wanted: `≤ ${most}${unit}`, found: `${figure(found)}${unit}`, met: found <= most }
}

const SLOWEST_PAGE_MS = 100
const HEAVIEST_PAGE_KB = 60
const LONGEST_JOB_SECONDS = 60
const JOB_ANSWERED_MS = 1000

function consoleVerdicts({ console }: Pick<Report, 'console'>): Verdict[] {
  if (console === undefined) return []
  const { answered, job } = console
  return [
    ...answered.map(({ what, p95 }) => atMost(`console, ${what}, p95`, SLOWEST_PAGE_MS, p95, ' ms')),
    atMost('console, the heaviest page', HEAVIEST_PAGE_KB, Math.max(...answered.map(({ bytes }) => bytes)) / 1000, ' kB'),
    atMost('console, a job is begun', JOB_ANSWERED_MS, job.answeredIn, ' ms'),
    atMost(`console, ${job.sessions.toLocaleString('en')} sessions ended by a job`, LONGEST_JOB_SECONDS, job.took / 1000, ' s'),
    atMost('console, p99 of others meanwhile', OTHERS_P99_MS, job.p99, ' ms'),
  ]
}
