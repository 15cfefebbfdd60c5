// The pool of hashing processes: bounds, priority, and what happens when a process dies or never answers.
import { readdirSync, readFileSync } from 'node:fs'
import { afterEach, expect, test } from '@jest/globals'
import {
  createHashingPool,
  HashingBusy,
  type HashingPool,
  type HashingPoolOptions,
  type HashJob,
} from '../../server/accounts/hashing-pool.ts'
import { HASH_LIMITS } from '../../server/accounts/password-hashes.ts'

const pools: HashingPool[] = []
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()))
})

function open(options: Partial<HashingPoolOptions>): HashingPool {
  const pool = createHashingPool({ concurrency: 1, maxQueue: 8, maxWait: 20_000, ...options })
  pools.push(pool)
  return pool
}

const JOB: HashJob = { kind: 'hash', password: 'x', memoryKiB: 1024, passes: 2, parallelism: 1 }

/** The child processes of this one, as the kernel tells them. */
function children(): string[] {
  return readdirSync('/proc/self/task').flatMap((task) =>
    readFileSync(`/proc/self/task/${task}/children`, 'utf8').split(' ').filter(Boolean),
  )
}

test('DS3: beyond the queue a job is refused at once, and those in it are still done', async () => {
  const pool = open({ concurrency: 2, maxQueue: 5 })
  const outcomes = await Promise.allSettled(Array.from({ length: 30 }, () => pool.run(JOB)))
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
  expect(outcomes.length - refused.length).toBe(7)
  for (const { reason } of refused) {
    expect(reason).toBeInstanceOf(HashingBusy)
    expect(reason.retryAfterSeconds).toBeGreaterThan(0)
  }
})

test('DS3: no more processes than allowed, all of their threads below the priority of the server', async () => {
  const before = new Set(children())
  const pool = open({ concurrency: 2 })
  await Promise.all(Array.from({ length: 6 }, () => pool.run(JOB)))
  const started = children().filter((pid) => !before.has(pid))
  expect(started).toHaveLength(2)
  for (const pid of started) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      // The fields after the name; the 17th of them is the niceness (proc_pid_stat(5)).
      const fields = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
      expect(fields[16]).toBe('10')
    }
  }
})

test('a process is started before the job that is said to come, once, and does it', async () => {
  const before = new Set(children())
  const started = () => children().filter((pid) => !before.has(pid))
  const pool = open({ concurrency: 2 })
  pool.prepare()
  pool.prepare()
  const early = started()
  expect(early).toHaveLength(1)
  expect(await pool.run(JOB)).toHaveProperty('hash')
  pool.prepare()
  expect(started()).toEqual(early)
  const quiet = open({ keepIdle: 50 })
  quiet.prepare()
  while (started().length > 1) await new Promise((resolve) => setTimeout(resolve, 20))
  expect(started()).toEqual(early)
})

test('a process that is killed is replaced, and its job done by another', async () => {
  const before = new Set(children())
  const pool = open({})
  await pool.run(JOB)
  const victim = Number(children().find((pid) => !before.has(pid)))
  const answer = pool.run({ ...JOB, memoryKiB: 65_536, passes: 8 })
  process.kill(victim, 'SIGKILL')
  expect(await answer).toHaveProperty('hash')
  expect(children().filter((pid) => !before.has(pid))).not.toContain(String(victim))
})

test('a job that ends its process twice is refused, and the next one is served', async () => {
  const pool = open({ program: new URL('programs/dies-of-poison.ts', import.meta.url) })
  await expect(pool.run({ ...JOB, password: 'poison' })).rejects.toThrow(HashingBusy)
  expect(await pool.run(JOB)).toEqual({ hash: 'done' })
})

test('a job that is never answered is refused, its process ended, and the next one served', async () => {
  const pool = open({ program: new URL('programs/sleeps-on-poison.ts', import.meta.url), maxRun: 5000 })
  const stuck = pool.run({ ...JOB, password: 'poison' })
  const next = pool.run(JOB)
  await expect(stuck).rejects.toThrow(HashingBusy)
  expect(await next).toEqual({ hash: 'done' })
})

test('a job that waits for too long is refused', async () => {
  const pool = open({ program: new URL('programs/sleeps-on-poison.ts', import.meta.url), maxRun: 2_000, maxWait: 50 })
  const stuck = pool.run({ ...JOB, password: 'poison' })
  await expect(pool.run(JOB)).rejects.toThrow(HashingBusy)
  await expect(stuck).rejects.toThrow(HashingBusy)
})

test('an idle process is ended, and one is started again when there is work', async () => {
  const before = new Set(children())
  const pool = open({ keepIdle: 1 })
  await pool.run(JOB)
  const idle = children().find((pid) => !before.has(pid))
  while (children().includes(String(idle))) await new Promise((resolve) => setImmediate(resolve))
  expect(await pool.run(JOB)).toHaveProperty('hash')
})

test('closing refuses what waits and what comes later', async () => {
  const pool = open({})
  const jobs = [pool.run(JOB), pool.run(JOB)]
  const outcomes = Promise.allSettled(jobs)
  await pool.close()
  expect((await outcomes).map((outcome) => outcome.status)).toEqual(['rejected', 'rejected'])
  await expect(pool.run(JOB)).rejects.toThrow(HashingBusy)
})

test('what goes wrong in a process is an error, not an answer', async () => {
  const pool = open({})
  const hash = '$argon2id$v=19$m=1024,t=2,p=1$MDEyMzQ1Njc$MDEyMzQ1Njc4OWFiY2RlZg'
  expect(await pool.run({ kind: 'verify', password: 'x', hash, limits: HASH_LIMITS })).toEqual({ matches: false })
  await expect(pool.run({ ...JOB, memoryKiB: 1 })).rejects.toThrow('could not be hashed')
})
