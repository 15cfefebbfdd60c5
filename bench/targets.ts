// The servers that are measured: each a process of its own, so that its processor time and memory can be told.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startPrivatePostgres } from '../test/support/postgres.ts'
import { startPrivateRedis } from '../test/support/redis.ts'
import { freePort } from '../test/support/server-process.ts'
import { provisionFile } from './the-world.ts'

/** A server that runs. */
export interface Target {
  readonly issuer: string
  readonly pid: number
  /** The processes of its stores; each is counted with those below it. */
  readonly storePids: readonly number[]
  stop(): Promise<void>
}

/** How to start a server. */
export interface StartOptions {
  /** Where it writes a profile of its processor time when it ends; none when it is left out. */
  readonly profileInto?: string
}

/** How a server is started, by its name. */
export const TARGETS = { latchkey: startLatchkey, bare: startBare } as const

export type TargetName = keyof typeof TARGETS

const START_MILLISECONDS = 60_000
const DURABLE = ['fsync=on', 'synchronous_commit=on', 'full_page_writes=on']

/** Starts oidc-provider as it comes. */
export async function startBare(options: StartOptions = {}): Promise<Target> {
  const program = startProgram('./bare-provider.ts', options)
  try {
    const [line] = await Promise.race([once(createInterface(program.stdout), 'line'), program.ended])
    const { issuer } = JSON.parse(String(line)) as { issuer: string }
    return { issuer, pid: program.pid, storePids: [], stop: program.stop }
  } catch (error) {
    await program.stop()
    throw error
  }
}

/** Starts Latchkey as in production, on a PostgreSQL that writes to the disk and a Redis that keeps a journal. */
export async function startLatchkey(options: StartOptions = {}): Promise<Target> {
  await using cleanup = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-bench-'))
  cleanup.defer(() => rm(folder, { recursive: true, force: true }))
  const postgres = await startPrivatePostgres(DURABLE)
  cleanup.defer(() => postgres.stop())
  const redis = await startPrivateRedis(['--appendonly', 'yes', '--appendfsync', 'everysec'])
  cleanup.defer(() => redis.stop())
  const provision = join(folder, 'provision.json')
  await writeFile(provision, JSON.stringify(provisionFile()))
  const [port, managementPort] = [await freePort(), await freePort()]
  const issuer = `http://localhost:${port}`
  const program = startProgram('../server/main.ts', options, {
    // Everything as in production, but that this machine may be reached by http and that callers are not limited.
    NODE_ENV: 'test',
    LATCHKEY_RATE_LIMITS: 'off',
    LOG_FORMAT: 'json',
    DEMO: 'off',
    PORT: String(port),
    MANAGEMENT_PORT: String(managementPort),
    ISSUER: issuer,
    DATA_DIR: folder,
    DATABASE_URL: postgres.url,
    REDIS_URL: redis.url,
    PROVISION_FILE: provision,
    PATH: process.env.PATH,
    NODE_OPTIONS: process.env.NODE_OPTIONS,
  })
  cleanup.defer(program.stop)
  // Its log is written as ever, and thrown away.
  program.stdout.resume()
  await Promise.race([untilReady(`http://127.0.0.1:${managementPort}/readyz`), program.ended])
  const started = cleanup.move()
  return { issuer, pid: program.pid, storePids: [postgres.pid, redis.pid], stop: () => started.disposeAsync() }
}

async function untilReady(url: string): Promise<void> {
  const end = performance.now() + START_MILLISECONDS
  while (performance.now() < end) {
    if (
      await fetch(url).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      return
    await wait(50)
  }
  throw new Error(`${url} is not ready after ${START_MILLISECONDS / 1000} s.`)
}

interface Program {
  readonly pid: number
  readonly stdout: Readable
  /** Fails when the process ends: until it is told to stop, a server that does is no use. */
  readonly ended: Promise<never>
  stop(): Promise<void>
}

function startProgram(path: string, { profileInto }: StartOptions, env: NodeJS.ProcessEnv = process.env): Program {
  const profiling = profileInto === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileInto}`]
  const child = spawn(process.execPath, [...profiling, here(path)], { stdio: ['ignore', 'pipe', 'pipe'], env })
  let complaints = ''
  child.stderr.on('data', (data: Buffer) => {
    complaints = `${complaints}${data.toString()}`.slice(-4000)
  })
  const exit = once(child, 'exit')
  const ended = exit.then(([code, signal]) => {
    throw new Error(`${path} ended (${signal ?? `exit code ${code}`}):\n${complaints}`)
  })
  ended.catch(() => undefined)
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  return {
    pid: child.pid ?? -1,
    stdout: child.stdout,
    ended,
    async stop() {
      process.removeListener('exit', kill)
      child.kill('SIGTERM')
      await exit
    },
  }
}

function here(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url))
}
