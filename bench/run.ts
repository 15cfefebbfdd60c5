// One run of the benchmark: starts the stores and the servers, and does what was asked for, one part after the other.

import { setTimeout as wait } from 'node:timers/promises'
import { askConsole, CONSOLE_DEFAULTS, type ConsoleFigures, measureConsole } from './console/console.ts'
import { startOnKept } from './console/kept.ts'
import { type Counted, countRoundTrips } from './counting/count.ts'
import { FLOOD_DEFAULTS, type Flood, measureFlood } from './flood/flood.ts'
import { type Growth, measureGrowth, SIZES } from './growth/growth.ts'
import { LISTENER_DEFAULTS, type ListenerFigures, measureListeners } from './listeners/listeners.ts'
import { warnOfOtherWork } from './load/machine-load.ts'
import { residentBytes } from './load/process-usage.ts'
import type { BenchOptions } from './options.ts'
import { type ProfiledWork, profileRound } from './profile/profile.ts'
import { type Races, runRaces } from './races/races.ts'
import { judge } from './report/goals.ts'
import { type ScenarioResult, summarize } from './report/medians.ts'
import { describeMachine, type Memory, type Report } from './report/report.ts'
import { measureRevocation, REVOCATION_DEFAULTS, type RevocationFigures } from './revocation/revocation.ts'
import { runScenario } from './rounds.ts'
import { SCENARIOS } from './scenarios/scenarios.ts'
import { startPair } from './targets/latchkey.ts'
import { type OwnStores, startStores } from './targets/stores.ts'
import type { Target } from './targets/target.ts'
import { RIVALS, TARGETS, type TargetName } from './targets/targets.ts'

/** Where progress is told. */
type Say = (line: string) => void

interface Run {
  readonly options: BenchOptions
  readonly say: Say
  /** Left out when no server wants any. */
  readonly stores: OwnStores | undefined
  readonly targets: ReadonlyMap<TargetName, Target>
}

/** Runs the benchmark. */
export async function runBench(options: BenchOptions, say: Say): Promise<Report> {
  const startedAt = new Date().toISOString()
  const warning = warnOfOtherWork()
  if (warning !== undefined) say(warning)
  await using cleanup = new AsyncDisposableStack()
  const wantStores =
    options.targets.some((name) => TARGETS[name].storesWanted) ||
    options.growth ||
    options.flood ||
    options.revocation ||
    options.listeners ||
    options.console
  if (wantStores) say('starting PostgreSQL and Redis …')
  const stores = wantStores ? await startStores(options.data === '' ? undefined : options.data) : undefined
  if (stores !== undefined) cleanup.defer(() => stores.stop())
  const targets = new Map<TargetName, Target>()
  for (const name of options.targets) {
    say(`starting ${name} …`)
    const target = await startTarget(name, stores)
    cleanup.defer(() => target.stop())
    targets.set(name, target)
  }
  const run: Run = { options, say, stores, targets }
  const { results, memory, profiles } = await runRounds(run)
  const counted = await count(run)
  const races = await race(run)
  const growth = options.growth ? await grow(run) : undefined
  const flood = options.flood ? await flooded(run) : undefined
  const revocation = options.revocation ? await revoked(run) : undefined
  const listeners = options.listeners ? await listened(run) : undefined
  const consoleFigures = options.console ? await consoled(run) : undefined
  const { seconds, rounds } = options
  const found = {
    ...{ startedAt, machine: describeMachine(), seconds, rounds, results, memory, counted, races, profiles },
    ...(growth === undefined ? {} : { growth }),
    ...(flood === undefined ? {} : { flood }),
    ...(revocation === undefined ? {} : { revocation }),
    ...(listeners === undefined ? {} : { listeners }),
    ...(consoleFigures === undefined ? {} : { console: consoleFigures }),
  }
  return { ...found, verdicts: judge(found) }
}

async function startTarget(name: TargetName, stores: OwnStores | undefined): Promise<Target> {
  const { start, storesWanted } = TARGETS[name]
  const addresses = storesWanted ? await stores?.newAddresses() : undefined
  return start(addresses ?? { databaseUrl: '', redisUrl: '' }, storesWanted ? (stores?.pids ?? []) : [])
}

async function runRounds({ options, say, targets }: Run) {
  const scenarios = SCENARIOS.filter(({ name }) => options.scenarios.includes(name))
  if (targets.size > 0 && options.idleSeconds > 0) say(`letting the servers stand idle for ${options.idleSeconds} s …`)
  if (targets.size > 0) await wait(options.idleSeconds * 1000)
  const idle = new Map([...targets].map(([name, target]) => [name, residentBytes(target.pid)]))
  const most = new Map(idle)
  const results: ScenarioResult[] = []
  const profiles: ProfiledWork[] = []
  const look = async (about: Parameters<typeof profileRound>[0], round: () => Promise<unknown>) =>
    void profiles.push(await profileRound(about, options.out, round))
  for (const [index, scenario] of scenarios.entries()) {
    say(`${scenario.name} (${index + 1} of ${scenarios.length}) …`)
    const found = await runScenario(scenario, targets, { ...options, ...(options.profile ? { look } : {}) })
    for (const [name, measured] of found.rounds)
      most.set(name, Math.max(most.get(name) ?? 0, ...measured.map((round) => round.residentBytes)))
    results.push(summarize(found))
  }
  const memory: { [name in TargetName]?: Memory } = {}
  for (const [name, idleBytes] of idle) memory[name] = { idleBytes, mostBytes: most.get(name) ?? idleBytes }
  return { results, memory, profiles }
}

/** Workers do what one process does, and rivals are there for their speed. */
function isTakenApart(name: TargetName): boolean {
  return name !== 'latchkey-workers' && !RIVALS.includes(name)
}

async function count({ options, say, stores, targets }: Run): Promise<{ readonly [name in TargetName]?: Counted }> {
  const kinds = [...targets.keys()].filter((name) => TARGETS[name].storesWanted && isTakenApart(name))
  if (!options.count || stores === undefined || kinds.length === 0) return {}
  say('counting round trips and rows …')
  const scenarios = SCENARIOS.filter(({ name }) => options.scenarios.includes(name))
  const starts = new Map(kinds.map((name) => [name, TARGETS[name].start]))
  return countRoundTrips(starts, scenarios, stores, COUNTING)
}

const COUNTING = { steps: 20, refreshes: 500 }

async function race({ options, say, stores, targets }: Run): Promise<{ readonly [name in TargetName]?: Races }> {
  const found: { [name in TargetName]?: Races } = {}
  if (options.raceRounds === 0) return found
  for (const [name, target] of targets) {
    if (!isTakenApart(name)) continue
    say(`racing at ${name} …`)
    found[name] =
      name === 'latchkey' && stores !== undefined
        ? await racePair(stores, options.raceRounds)
        : await runRaces(target.issuer, [target.issuer], options.raceRounds)
  }
  return found
}

/** Latchkey's races are run over two processes, since one could keep order by itself. */
async function racePair(stores: OwnStores, rounds: number): Promise<Races> {
  const pair = await startPair(await stores.newAddresses(), stores.pids)
  try {
    return await runRaces(
      pair[0].issuer,
      pair.map((target) => target.issuer),
      rounds,
    )
  } finally {
    for (const target of pair) await target.stop()
  }
}

async function grow({ options, say, stores }: Run): Promise<Growth | undefined> {
  if (stores === undefined) return undefined
  return measureGrowth(TARGETS.latchkey.start, stores, SCENARIOS, { ...options, sizes: SIZES }, say)
}

async function flooded({ options, say, stores }: Run): Promise<Flood | undefined> {
  if (stores === undefined) return undefined
  say('flooding Latchkey with sign-ins …')
  const target = await startTarget('latchkey', stores)
  try {
    return await measureFlood(target, { ...FLOOD_DEFAULTS, ...options, seconds: 2 * options.seconds })
  } finally {
    await target.stop()
  }
}

async function revoked({ say, stores }: Run): Promise<RevocationFigures | undefined> {
  if (stores === undefined) return undefined
  const addresses = await stores.newAddresses()
  const target = await TARGETS.latchkey.start(addresses, stores.pids)
  try {
    return await measureRevocation(target, addresses, REVOCATION_DEFAULTS, say)
  } finally {
    await target.stop()
  }
}

async function listened({ say, stores }: Run): Promise<ListenerFigures | undefined> {
  if (stores === undefined) return undefined
  const target = await startTarget('latchkey', stores)
  try {
    return await measureListeners(target, LISTENER_DEFAULTS, say)
  } finally {
    await target.stop()
  }
}

async function consoled({ options, say, stores }: Run): Promise<ConsoleFigures | undefined> {
  if (stores === undefined) return undefined
  const scaled = (count: number) => Math.max(100, Math.round(count * options.scale))
  const { sessions, auditEvents, ended } = CONSOLE_DEFAULTS
  const sizes = { sessions: scaled(sessions), auditEvents: scaled(auditEvents), ended: scaled(ended) }
  const how = { ...CONSOLE_DEFAULTS, ...sizes }
  if (options.data !== '') {
    const { target, filledAt } = await startOnKept(options.data, sizes, stores, say)
    return stopping(target, () => askConsole(target, { ...how, filledAt }, say))
  }
  const addresses = await stores.newAddresses()
  const target = await TARGETS.latchkey.start(addresses, stores.pids)
  return stopping(target, () => measureConsole(target, addresses, how, say))
}

async function stopping<Result>(target: Target, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } finally {
    await target.stop()
  }
}
