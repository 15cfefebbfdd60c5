// Two processes of the program on one PostgreSQL and one Redis, all of our own, with a proxy between each process and each
// store, so that anything can be broken alone.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { type PostgresServer, startPostgresServer } from '../support/postgres-server.ts'
import { freePorts, type Program, startProgram } from '../support/program.ts'
import { type RedisServer, startRedisServer } from '../support/redis-server.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { CLOCK_FILE_VARIABLE } from '../support/wrong-clock.ts'

export type Store = 'postgres' | 'redis'

/** One server process. */
export interface Member {
  /** 1, 2 … */
  readonly number: number
  readonly port: number
  readonly managementPort: number
  readonly pid: number
  readonly proxies: { readonly [store in Store]: TcpProxy }
  pause(): void
  resume(): void
  kill(): Promise<void>
  start(): Promise<void>
  /** Whether it ever ended although nobody ended it. */
  hasCrashed(): boolean
  /** Makes its clock wrong by so many seconds. */
  setClock(offsetSeconds: number): void
}

/** All of it. */
export interface Cluster {
  readonly issuer: string
  readonly members: readonly Member[]
  readonly redis: RedisServer
  readonly postgres: PostgresServer
  emptyRedis(): Promise<void>
  stop(): Promise<void>
}

/** Starts it. */
export async function startCluster(options: {
  /** For what the processes keep and print. */
  readonly folder: string
  readonly provision: object
  readonly settings?: { readonly [name: string]: string }
  /** Modules that each process imports before the program. */
  readonly imports?: readonly string[]
  readonly size?: number
  readonly redisOptions?: readonly string[]
}): Promise<Cluster> {
  mkdirSync(options.folder, { recursive: true })
  const provisionFile = join(options.folder, 'provision.json')
  writeFileSync(provisionFile, JSON.stringify(options.provision))
  // What was committed must survive a crash of PostgreSQL; a crash of the machine is not tried.
  const [postgres, redis] = await Promise.all([
    startPostgresServer(['synchronous_commit=on']),
    startRedisServer(options.redisOptions),
  ])
  const all = await Promise.all(Array.from({ length: options.size ?? 2 }, () => freePorts()))
  const issuer = `http://localhost:${all[0]?.[0]}`
  const settings = {
    ISSUER: issuer,
    TRUST_PROXY: 'loopback',
    PROVISION_FILE: provisionFile,
    ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64url'),
    COOKIE_KEYS: 'a-cookie-key-that-is-only-for-tests-0001',
    LATCHKEY_ANSWER_WITHIN_MS: '1700',
    ...options.settings,
  }
  const shared = { folder: options.folder, settings, imports: options.imports ?? [], postgres, redis }
  const members = await Promise.all(all.map((ports, index) => createMember(index + 1, ports, shared)))
  const cluster: Cluster = {
    issuer,
    members,
    redis,
    postgres,
    async emptyRedis() {
      const client = new Redis(redis.url)
      await client.flushall()
      client.disconnect()
    },
    async stop() {
      await Promise.all(members.map((member) => member.kill()))
      for (const { proxies } of members) for (const proxy of Object.values(proxies)) proxy.close()
      await Promise.all([postgres.stop(), redis.stop()])
    },
  }
  try {
    await Promise.all(members.map((member) => member.start()))
  } catch (error) {
    await cluster.stop()
    throw error
  }
  return cluster
}

interface Shared {
  readonly folder: string
  readonly settings: { readonly [name: string]: string }
  readonly imports: readonly string[]
  readonly postgres: PostgresServer
  readonly redis: RedisServer
}

const START_TRIES = 5

const WRONG_CLOCK = fileURLToPath(new URL('../support/wrong-clock.ts', import.meta.url))

async function createMember(number: number, ports: readonly [number, number], shared: Shared): Promise<Member> {
  const [postgres, redis] = await Promise.all([
    startTcpProxy(Number(new URL(shared.postgres.url).port)),
    startTcpProxy(shared.redis.port),
  ])
  const clockFile = join(shared.folder, `clock-${number}`)
  const settings = {
    ...shared.settings,
    DATA_DIR: join(shared.folder, `data-${number}`),
    DATABASE_URL: behind(shared.postgres.url, postgres),
    REDIS_URL: behind(shared.redis.url, redis),
    // Asked at its own port as well, beside the issuer's address that a load balancer passes on.
    LATCHKEY_HOST_ALIASES: `localhost:${ports[0]}`,
    [CLOCK_FILE_VARIABLE]: clockFile,
  }
  const logFile = join(shared.folder, `server-${number}.log`)
  let program: Program | undefined
  let crashed = false
  const hasCrashed = () => {
    crashed ||= program?.hasCrashed() === true
    return crashed
  }
  const running = () => {
    if (program === undefined) throw new Error(`server ${number} does not run`)
    return program
  }
  return {
    number,
    port: ports[0],
    managementPort: ports[1],
    get pid() {
      return program?.pid ?? 0
    },
    proxies: { postgres, redis },
    pause: () => running().pause(),
    resume: () => running().resume(),
    async kill() {
      hasCrashed()
      await program?.kill()
    },
    hasCrashed,
    async start() {
      // On a busy machine two that start at once can keep each other waiting for too long; whoever runs servers starts them again.
      for (let tries = 1; ; tries += 1) {
        try {
          program = await startProgram(ports, settings, { imports: [WRONG_CLOCK, ...shared.imports], logFile })
          return
        } catch (error) {
          if (tries === START_TRIES) throw error
        }
      }
    },
    setClock(offsetSeconds) {
      writeFileSync(clockFile, String(offsetSeconds))
      process.kill(running().pid, 'SIGUSR2')
    },
  }
}

function behind(url: string, proxy: TcpProxy): string {
  const through = new URL(url)
  through.port = String(proxy.port)
  return through.href
}
