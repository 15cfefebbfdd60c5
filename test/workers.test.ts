// Several workers on one machine: the first process answers at the management port for all of them together.
import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { samplesOf } from './support/metrics.ts'
import { createDatabase, type TestDatabase } from './support/postgres.ts'
import { freePorts, type Program, startProgram } from './support/program.ts'
import { redisUrl } from './support/redis.ts'

const WORKERS = 2
let database: TestDatabase
let program: Program

beforeAll(async () => {
  database = await createDatabase()
  program = await startProgram(await freePorts(), {
    DATABASE_URL: database.url,
    REDIS_URL: redisUrl(),
    WORKERS: String(WORKERS),
  })
  await until(async () => (await probe('/startupz')).status === 200)
}, 60_000)

afterAll(async () => {
  for (const pid of program === undefined ? [] : workers()) process.kill(pid, 'SIGCONT')
  await program?.kill()
  await database?.drop()
})

test('health and metrics are those of all', async () => {
  expect((await probe('/livez')).status).toBe(200)
  expect((await probe('/readyz')).status).toBe(200)
  for (let requests = 0; requests < 20; requests += 1) await fetch(`${program.issuer}/jwks`, { headers: { Connection: 'close' } })
  // A request is counted when its answer is out, which may be there before.
  const requests = async () => (await metrics()).get('latchkey_http_requests_total{route="jwks",status="200"}') ?? 0
  await until(async () => (await requests()) >= 20)
  const samples = await metrics()
  expect(samples.get('latchkey_processes')).toBe(WORKERS)
  expect(samples.get('latchkey_http_requests_total{route="jwks",status="200"}')).toBe(20)
  expect(samples.get('latchkey_http_request_duration_seconds_count{route="jwks"}')).toBe(20)
  expect(samples.get('latchkey_store_up{store="postgres"}')).toBe(1)
  expect([...samples].filter(([name]) => name.startsWith('latchkey_build_info'))).toEqual([[expect.any(String), 1]])
  expect(samples.get('process_resident_memory_bytes')).toBeGreaterThan(0)
})

test('a worker that hangs is no longer counted, and the machine is not ready; it lives', async () => {
  const [hanging = 0] = workers()
  process.kill(hanging, 'SIGSTOP')
  expect(await (await probe('/readyz')).json()).toEqual({ status: 'not ready', missing: ['a process does not answer'] })
  expect((await probe('/livez')).status).toBe(200)
  expect((await metrics()).get('latchkey_processes')).toBe(WORKERS - 1)
  process.kill(hanging, 'SIGCONT')
  await until(async () => (await probe('/readyz')).status === 200)
})

test('when all hang, the program is not alive', async () => {
  for (const pid of workers()) process.kill(pid, 'SIGSTOP')
  expect((await probe('/livez')).status).toBe(503)
  for (const pid of workers()) process.kill(pid, 'SIGCONT')
  await until(async () => (await probe('/livez')).status === 200)
})

function probe(path: string): Promise<Response> {
  return fetch(`${program.managementUrl}${path}`)
}

async function metrics(): Promise<ReadonlyMap<string, number>> {
  return samplesOf(await (await probe('/metrics')).text())
}

function workers(): number[] {
  const found = execFileSync('ps', ['-o', 'pid=', '--ppid', String(program.pid)], { encoding: 'utf8' })
  return found.trim().split(/\s+/).map(Number)
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error('it does not come to that')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
