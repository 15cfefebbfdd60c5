// The child process that hashes. It runs at a lower priority than the server, so that a flood of sign-ins takes only the
// processor time that signing tokens leaves over; on the server's own thread pool it would starve it.
import { readdirSync } from 'node:fs'
import { setPriority } from 'node:os'
import type { HashAnswer, HashJob } from './hashing-pool.ts'
import { makePasswordHash, parsePasswordHash, verifyPasswordHash } from './password-hashes.ts'

const NICENESS = 10

lowerPriority()
process.on('message', (job: HashJob) => {
  void answer(job).then((result) => process.send?.(result))
})
// The server is gone, whatever became of it: so is this process.
process.on('disconnect', () => process.exit(0))
// Ctrl-C reaches every process of a terminal, and service managers signal all of a service's. The server drains first,
// and may still need this one.
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => undefined)

async function answer(job: HashJob): Promise<HashAnswer> {
  try {
    if (job.kind === 'hash') return { hash: await makePasswordHash(job.password, job) }
    const hash = parsePasswordHash(job.hash, job.limits)
    return { matches: hash !== undefined && (await verifyPasswordHash(hash, job.password)) }
  } catch (error) {
    return { failed: error instanceof Error ? error.message : 'unknown' }
  }
}

function lowerPriority(): void {
  setPriority(NICENESS)
  // On Linux the call above reaches one thread only, and those of the pool may have been started by loading this file.
  if (process.platform !== 'linux') return
  for (const thread of readdirSync('/proc/self/task')) setPriority(Number(thread), NICENESS)
}
