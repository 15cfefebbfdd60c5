// What processes have used: read from /proc, so only on Linux; elsewhere the columns stay empty.

import { readdirSync, readFileSync } from 'node:fs'

/** Processor time in microseconds, of processes that ended too. */
export interface ServerUsage {
  /** Of the process that was started, and of its workers. */
  readonly server: number
  /** Of the processes that it starts beside those, such as those that hash passwords. */
  readonly helpers: number
}

// The kernel counts processor time in ticks; 100 a second is what every Linux that Node runs on tells programs.
const MICROSECONDS_PER_TICK = 10_000
const PAGE_BYTES = 4096

/** The processes that Latchkey hashes passwords in; everything else that it starts is a worker. */
const HELPER = 'password-worker'

/** Of a server and all that it has started. */
export function usageOfServer(pid: number): ServerUsage {
  const below = processesBelow(pid)
  const helpers = below.filter(isHelper)
  const servers = [pid, ...below.filter((other) => !helpers.includes(other))]
  return {
    server: sum(servers.map(ownTime)),
    // Helpers that have nothing to do for a minute are ended; their time goes to whoever started them.
    helpers: sum(helpers.map(ownTime)) + sum(servers.map(timeOfEnded)),
  }
}

/** Of a store, such as PostgreSQL with a process for each connection. */
export function usageOfStore(pid: number): number {
  const all = [pid, ...processesBelow(pid)]
  return sum(all.map(ownTime)) + sum(all.map(timeOfEnded))
}

/** Memory that a server and its workers hold, in bytes; that of hashing processes, which come and go, is left out. */
export function residentBytes(pid: number): number {
  const servers = [pid, ...processesBelow(pid).filter((other) => !isHelper(other))]
  return sum(servers.map((one) => Number(statFields(one)?.[21] ?? 0) * PAGE_BYTES))
}

function ownTime(pid: number): number {
  const fields = statFields(pid)
  return (Number(fields?.[11] ?? 0) + Number(fields?.[12] ?? 0)) * MICROSECONDS_PER_TICK
}

function timeOfEnded(pid: number): number {
  const fields = statFields(pid)
  return (Number(fields?.[13] ?? 0) + Number(fields?.[14] ?? 0)) * MICROSECONDS_PER_TICK
}

function processesBelow(pid: number): number[] {
  const parents = new Map(runningPids().map((other) => [other, Number(statFields(other)?.[1])]))
  const below: number[] = []
  for (let found = [pid]; found.length > 0; ) {
    const layer = found
    found = [...parents].filter(([, parent]) => layer.includes(parent)).map(([other]) => other)
    below.push(...found)
  }
  return below
}

function isHelper(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(HELPER)
  } catch {
    return false
  }
}

/** The fields of /proc/PID/stat that come after the name of the program, which may hold anything. */
function statFields(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

function runningPids(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger)
  } catch {
    return []
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}
