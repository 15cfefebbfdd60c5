// One fault run: a cluster, clients that use it, a nemesis that breaks it, and at the end, when all is whole again, a look at
// what is left. The checker judges what was written down.
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { waitedForProcessor } from '../support/server-process.ts'
import { check, type Violation } from './checker.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { createDice, type Dice } from './dice.ts'
import type { GuardedApis } from './guarded-apis.ts'
import { type Entry, type Ledger, openLedger } from './history.ts'
import { rage, type Way } from './nemesis.ts'
import { KNOCKS, PEOPLE, PROVISION, REPLAY_WINDOWS } from './people.ts'
import { createRequests, type Requests } from './requests.ts'
import { createVisitor, type Graveyard } from './visitor.ts'

export interface RunOptions {
  readonly seed: number
  readonly seconds: number
  readonly clients: number
  /** Where the log of the run and those of the servers go, in a folder for the seed. */
  readonly folder: string
  readonly ways?: readonly Way[]
  /** What goes wrong, in place of what the dice choose for so many seconds. */
  readonly trouble?: (at: Scene) => Promise<void>
  /** Starts guards of APIs that are held against the history as well. */
  readonly startGuards?: (cluster: Cluster) => Promise<GuardedApis>
  /** Modules that each process imports before the program, to see that a fault of its own is found. */
  readonly imports?: readonly string[]
}

/** Where the trouble is made. */
export interface Scene {
  readonly cluster: Cluster
  readonly ledger: Ledger
  readonly requests: Requests
}

export interface RunOutcome {
  readonly history: readonly Entry[]
  readonly violations: readonly Violation[]
  /** Who ended by itself, and what the recovery at the end was waiting for; empty when all was well in time. */
  readonly missing: string
  readonly file: string
}

/** I6, and what a run waits for recovery (FT12). */
const ANSWER_WITHIN_MS = 2000
const RECOVER_WITHIN_MS = 5000

const AT_ONCE = 3

/** Does it. */
export async function runFaults(options: RunOptions): Promise<RunOutcome> {
  const folder = join(options.folder, `seed-${options.seed}`)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const dice = createDice(String(options.seed))
  const cluster = await startCluster({
    folder,
    provision: PROVISION,
    settings: { LATCHKEY_RATE_LIMIT_PEOPLE: String(KNOCKS), LATCHKEY_RATE_LIMIT_TOKEN_FAILURES: '1000' },
    ...(options.imports === undefined ? {} : { imports: options.imports }),
  })
  const guards = await options.startGuards?.(cluster)
  const guardsKnowWithin = guards?.knowWithin ?? 0
  const file = join(folder, 'history.jsonl')
  const ledger = openLedger(file)
  const replayWindows = Object.fromEntries(Object.entries(REPLAY_WINDOWS).map(([app, seconds]) => [app, seconds * 1000]))
  ledger.write({
    kind: 'rules',
    seed: options.seed,
    replayWindows,
    answerWithin: ANSWER_WITHIN_MS,
    knocks: KNOCKS,
    guardsKnowWithin,
  })
  const ports = cluster.members.map((member) => member.port)
  const requests = createRequests({ issuer: cluster.issuer, ports, ledger })
  const watching = new AbortController()
  const watch = watchForStarvation(cluster, ledger, watching.signal)
  try {
    const missing = await disturb({ ...options, cluster, dice, ledger, requests, guards })
    return { history: ledger.entries, violations: check(ledger.entries), missing, file }
  } finally {
    watching.abort()
    await watch
    requests.close()
    await guards?.close()
    await cluster.stop()
    await ledger.close()
  }
}

type Run = RunOptions & Scene & { readonly dice: Dice; readonly guards: GuardedApis | undefined }

async function disturb(run: Run): Promise<string> {
  const { cluster, dice, ledger, requests } = run
  const graveyard: Graveyard = []
  const visitors = Array.from({ length: run.clients }, (_, index) => {
    const name = `client ${index + 1}`
    const person = PEOPLE[index % PEOPLE.length] ?? dice.pick([{ username: '', password: '' }])
    const size = cluster.members.length
    return createVisitor({ name, issuer: cluster.issuer, size, person, dice: dice.for(name), requests, graveyard })
  })
  // A few at a time: the first thing that a run tries is not how many passwords can be hashed at once.
  for (let next = 0; next < visitors.length; next += AT_ONCE)
    await Promise.all(visitors.slice(next, next + AT_ONCE).map((visitor) => visitor.begin()))
  const end = new AbortController()
  const until = run.trouble === undefined ? AbortSignal.timeout(run.seconds * 1000) : end.signal
  const visits = visitors.map((visitor) => visitor.visit(until))
  const stranger = knock(requests, cluster.members.length, dice.for('stranger'), until)
  const guards = run.guards?.judge(ledger, until)
  try {
    await breakThings(run, until)
  } finally {
    end.abort()
  }
  const missing = await recover(cluster)
  await Promise.all([...visits, stranger, guards])
  await Promise.all(visitors.map((visitor) => visitor.present()))
  const crashed = cluster.members.filter((member) => member.hasCrashed()).map(({ number }) => `server ${number} ended by itself`)
  return [missing, ...crashed].filter((part) => part !== '').join(', ')
}

async function breakThings({ cluster, dice, ledger, requests, ways, trouble }: Run, until: AbortSignal): Promise<void> {
  if (trouble !== undefined) return trouble({ cluster, ledger, requests })
  return rage({ cluster, dice: dice.for('nemesis'), ledger, ...(ways === undefined ? {} : { ways }) }, until)
}

/** Somebody who asks for pages without end, from one address. */
async function knock(requests: Requests, size: number, dice: Dice, until: AbortSignal): Promise<void> {
  while (!until.aborted) {
    const at = dice.between(1, size)
    const burst = Array.from({ length: dice.between(5, 15) }, () =>
      requests.knock({ who: 'stranger', address: '10.255.0.1', at }),
    )
    await Promise.all(burst)
    await wait(dice.between(200, 700))
  }
}

/** FT12: whatever was broken, the processes are ready again by themselves. */
async function recover(cluster: Cluster): Promise<string> {
  const until = performance.now() + RECOVER_WITHIN_MS
  for (;;) {
    const answers = await Promise.all(cluster.members.map(({ managementPort }) => missingAt(managementPort)))
    const missing = answers.map((answer, index) => (answer === '' ? '' : `server ${index + 1}: ${answer}`)).join(' ')
    if (missing.trim() === '' || performance.now() > until) return missing.trim()
    await wait(100)
  }
}

async function missingAt(port: number): Promise<string> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`)
    return answer.status === 200 ? '' : await answer.text()
  } catch (error) {
    return String(error)
  }
}

const SAMPLE_MS = 100
/** What is less is not worth a line. */
const LEAST_STARVATION_MS = 10

/** Writes down when a process, or this one, was kept from running. */
async function watchForStarvation(cluster: Cluster, ledger: Ledger, until: AbortSignal): Promise<void> {
  const waited = new Map<number, number>()
  while (!until.aborted) {
    const start = ledger.now()
    await wait(SAMPLE_MS)
    const end = ledger.now()
    const late = end - start - SAMPLE_MS
    if (late > LEAST_STARVATION_MS) ledger.write({ kind: 'starved', at: 0, start, end, milliseconds: late })
    for (const { number, pid } of cluster.members) {
      const now = waitedForProcessor(pid)
      const milliseconds = Math.round(now - (waited.get(pid) ?? now))
      waited.set(pid, now)
      if (milliseconds > LEAST_STARVATION_MS) ledger.write({ kind: 'starved', at: number, start, end, milliseconds })
    }
  }
}
