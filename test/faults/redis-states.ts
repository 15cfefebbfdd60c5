// The states of Redis in which it answers and yet is of little use: full, evicting, a replica that may only be read, locked by another
// password, and failed over to a copy that lacks the last second.
import { setTimeout as wait } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { type RedisServer, startRedisServer } from '../support/redis-server.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

/** What it does when there is no memory left. */
export type EvictionPolicy = 'noeviction' | 'allkeys-random' | 'allkeys-lru'

/** Gives Redis so many bytes. */
export async function limitMemory(admin: Redis, most: number, policy: EvictionPolicy): Promise<void> {
  await admin.config('SET', 'maxmemory-policy', policy)
  await admin.config('SET', 'maxmemory', String(most))
}

/** What it uses now, and how many keys it has evicted since it began. */
export async function memoryOf(admin: Redis): Promise<{ readonly used: number; readonly evicted: number }> {
  const figure = async (section: string, name: string) =>
    Number(new RegExp(`${name}:(\\d+)`).exec(await admin.info(section))?.[1])
  return { used: await figure('memory', 'used_memory'), evicted: await figure('stats', 'evicted_keys') }
}

/** Makes a replica of it, of a master that is not there; what it has stays, and may be read. */
export async function makeReadOnly(admin: Redis, { port }: Pick<RedisServer, 'port'>): Promise<void> {
  await admin.replicaof('127.0.0.1', port + 1)
}

/** The way back. */
export async function makeWritable(admin: Redis): Promise<void> {
  await admin.replicaof('NO', 'ONE')
}

/** Asks for another password from now on. Who is connected is known, and so the lines are cut. */
export async function lock(admin: Redis, lines: readonly TcpProxy[]): Promise<void> {
  await admin.config('SET', 'requirepass', 'another password')
  for (const line of lines) line.cut()
}

/** Asks for none any more. */
export async function unlock(admin: Redis): Promise<void> {
  await admin.config('SET', 'requirepass', '')
}

/** A replica, to which one fails over. */
export interface Replica {
  /**
   * What is written from now on reaches it no more; a second later the master is killed, the replica is made master, and the lines
   * lead there.
   */
  failOver(lines: readonly TcpProxy[]): Promise<void>
  stop(): Promise<void>
}

/** Between what is written and what is read again by a replica that lags. */
const LOST_MS = 1000

/** Starts one that has all that the master has. */
export async function startReplica(master: RedisServer, admin: Redis): Promise<Replica> {
  await admin.config('SET', 'repl-diskless-sync-delay', '0')
  const link = await startTcpProxy(master.port)
  const replica = await startRedisServer(['--replicaof', '127.0.0.1', String(link.port)])
  const own = new Redis(replica.url)
  while (!(await own.info('replication')).includes('master_link_status:up')) await wait(20)
  return {
    async failOver(lines) {
      link.hang()
      await wait(LOST_MS)
      await master.kill()
      // What was under way is lost with the line.
      link.refuse()
      await own.replicaof('NO', 'ONE')
      for (const line of lines) {
        line.pointTo(replica.port)
        line.cut()
      }
    },
    async stop() {
      own.disconnect()
      link.close()
      await replica.stop()
    },
  }
}
