// What processes have used: read from /proc, so only on Linux; elsewhere the columns stay empty.

import { readdirSync, readFileSync } from 'node:fs'

/** Processor time, in microseconds since the start of a process, and memory, in bytes. */
export interface Usage {
  readonly cpuMicroseconds: number
  readonly residentBytes: number
}

// The kernel counts processor time in ticks; 100 a second is what every Linux that Node runs on tells programs.
const MICROSECONDS_PER_TICK = 10_000
const PAGE_BYTES = 4096

/** Of one process. */
export function usageOf(pid: number): Usage {
  const fields = statFields(pid)
  if (fields === undefined) return { cpuMicroseconds: 0, residentBytes: 0 }
  return {
    cpuMicroseconds: (Number(fields[11]) + Number(fields[12])) * MICROSECONDS_PER_TICK,
    residentBytes: Number(fields[21]) * PAGE_BYTES,
  }
}

/** Of all that a process has started, and what those have started, without itself. */
export function usageBelow(pid: number): Usage {
  const parents = new Map(runningPids().map((other) => [other, Number(statFields(other)?.[1])]))
  const below: number[] = []
  for (let found = [pid]; found.length > 0; ) {
    const layer = found
    found = [...parents].filter(([, parent]) => layer.includes(parent)).map(([other]) => other)
    below.push(...found)
  }
  return below.map(usageOf).reduce(
    (sum, one) => ({
      cpuMicroseconds: sum.cpuMicroseconds + one.cpuMicroseconds,
      residentBytes: sum.residentBytes + one.residentBytes,
    }),
    { cpuMicroseconds: 0, residentBytes: 0 },
  )
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
