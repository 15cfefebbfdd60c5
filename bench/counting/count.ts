// Round trips to the stores for each request, and what a refresh writes: counted at the wire and by PostgreSQL itself, with
// one caller, on servers that were started for this. What a server does beside its requests, such as looking for changes
// every second, falls out of the median.

import { setTimeout as wait } from 'node:timers/promises'
import { run } from '../../test/support/postgres.ts'
import { openConnection } from '../load/connection.ts'
import { insist } from '../load/steps.ts'
import { median } from '../report/medians.ts'
import { isLatchkey, prepare } from '../rounds.ts'
import type { Scenario } from '../scenarios/scenario.ts'
import type { StartTarget, StoreAddresses, Stores, Target } from '../targets/target.ts'
import type { TargetName } from '../targets/targets.ts'
import type { Counts } from './messages.ts'
import { type CountedStores, countStores } from './proxy.ts'

/** What one refresh writes in PostgreSQL. */
export interface Writes {
  readonly inserted: number
  readonly updated: number
  /** Of those, how many touched no index and stayed on their page. */
  readonly updatedInPlace: number
  readonly walBytes: number
}

/** What was counted at one server. */
export interface Counted {
  readonly trips: { readonly [scenario: string]: Counts }
  readonly writesOfRefresh?: Writes
}

/** How the counting is done. */
export interface CountOptions {
  readonly steps: number
  readonly refreshes: number
}

interface Subject {
  readonly name: TargetName
  readonly addresses: StoreAddresses
  readonly stores: CountedStores
  readonly target: Target
}

/** Connections of PostgreSQL tell what they did when they have been idle for ten seconds. */
const UNTIL_STATISTICS_ARE_IN_MS = 11_000

/** Counts at servers of these kinds, each on stores of its own. */
export async function countRoundTrips(
  kinds: ReadonlyMap<TargetName, StartTarget>,
  scenarios: readonly Scenario[],
  allStores: Stores,
  options: CountOptions,
): Promise<{ readonly [target in TargetName]?: Counted }> {
  await using cleanup = new AsyncDisposableStack()
  const subjects: Subject[] = []
  for (const [name, start] of kinds) {
    const addresses = await allStores.newAddresses()
    const stores = await countStores(addresses)
    cleanup.defer(() => stores.stop())
    const target = await start(stores.addresses, allStores.pids)
    cleanup.defer(() => target.stop())
    subjects.push({ name, addresses, stores, target })
  }
  const found = new Map<TargetName, { trips: { [scenario: string]: Counts }; writesOfRefresh?: Writes }>()
  for (const subject of subjects) {
    const trips: { [scenario: string]: Counts } = {}
    for (const scenario of scenarios)
      if (isLatchkey(subject.name) || scenario.latchkeyOnly !== true)
        trips[scenario.name] = await countSteps(subject, scenario, options.steps)
    found.set(subject.name, { trips })
  }
  const refresh = scenarios.find(({ name }) => name === 'refresh')
  const writing = subjects.filter(({ name }) => found.get(name)?.trips.refresh?.postgresTrips)
  if (refresh !== undefined && writing.length > 0)
    for (const [name, writes] of await countWrites(writing, refresh, options.refreshes)) {
      const counted = found.get(name)
      if (counted !== undefined) counted.writesOfRefresh = writes
    }
  return Object.fromEntries(found)
}

async function countSteps({ stores, target }: Subject, scenario: Scenario, count: number): Promise<Counts> {
  const repeat = await oneCaller(target, scenario, 2 * count)
  await repeat.steps(count)
  const each: Counts[] = []
  for (let step = 0; step < count; step++) {
    const before = stores.counts()
    await repeat.steps(1)
    const after = stores.counts()
    each.push({
      postgresTrips: after.postgresTrips - before.postgresTrips,
      commits: after.commits - before.commits,
      redisTrips: after.redisTrips - before.redisTrips,
    })
  }
  repeat.end()
  return {
    postgresTrips: median(each.map((one) => one.postgresTrips)),
    commits: median(each.map((one) => one.commits)),
    redisTrips: median(each.map((one) => one.redisTrips)),
  }
}

async function countWrites(
  subjects: readonly Subject[],
  refresh: Scenario,
  count: number,
): Promise<ReadonlyMap<TargetName, Writes>> {
  const callers = await Promise.all(subjects.map(({ target }) => oneCaller(target, refresh, count)))
  await wait(UNTIL_STATISTICS_ARE_IN_MS)
  const before = await Promise.all(subjects.map(({ addresses }) => rowsWritten(addresses)))
  const walBytes: number[] = []
  for (const [index, { addresses }] of subjects.entries()) {
    const start = await walPosition(addresses)
    await callers[index]?.steps(count)
    walBytes.push((await walPosition(addresses)) - start)
    callers[index]?.end()
  }
  await wait(UNTIL_STATISTICS_ARE_IN_MS)
  const after = await Promise.all(subjects.map(({ addresses }) => rowsWritten(addresses)))
  return new Map(
    subjects.map(({ name }, index) => {
      const [rows, earlier] = [after[index] ?? NOTHING, before[index] ?? NOTHING]
      const perRefresh = (column: keyof typeof NOTHING) => (rows[column] - earlier[column]) / count
      return [
        name,
        {
          inserted: perRefresh('inserted'),
          updated: perRefresh('updated'),
          updatedInPlace: perRefresh('updatedInPlace'),
          walBytes: (walBytes[index] ?? Number.NaN) / count,
        },
      ]
    }),
  )
}

async function oneCaller(target: Target, scenario: Scenario, stock: number) {
  const work = await prepare(scenario, target, 1)
  await work.stock?.(stock)
  const [step] = work.steps
  if (step === undefined) throw new Error(`${scenario.name} has no steps.`)
  const connection = await openConnection(target.issuer)
  return {
    async steps(howMany: number) {
      for (let done = 0; done < howMany; done++) await insist(() => step(connection))
    },
    end: () => connection.close(),
  }
}

const NOTHING = { inserted: 0, updated: 0, updatedInPlace: 0 }

async function rowsWritten({ databaseUrl }: StoreAddresses): Promise<typeof NOTHING> {
  const [row] = await run(
    databaseUrl,
    'SELECT sum(n_tup_ins) AS inserted, sum(n_tup_upd) AS updated, sum(n_tup_hot_upd) AS in_place FROM pg_stat_user_tables',
  )
  return { inserted: Number(row?.inserted), updated: Number(row?.updated), updatedInPlace: Number(row?.in_place) }
}

async function walPosition({ databaseUrl }: StoreAddresses): Promise<number> {
  const [row] = await run(databaseUrl, "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') AS position")
  return Number(row?.position)
}
