// Connections to Redis: a single one, one behind Sentinel, or a Cluster. A command that is not answered in time fails; the
// connection is sought again for ever.
import { setTimeout as wait } from 'node:timers/promises'
import { Cluster, Redis } from 'ioredis'
import { StorageUnavailable } from './errors.ts'
import { redisScripts } from './redis-scripts.ts'

export type RedisClient = Redis | Cluster

/** A client that has the scripts of the live store as commands of its own. */
export type ScriptedClient = RedisClient & {
  readonly [name in keyof typeof redisScripts]: (key: string, ...args: (string | number | Buffer)[]) => Promise<unknown>
}

/** A request must be answered within two seconds even when Redis hangs. */
export const COMMAND_TIMEOUT_MS = 500

const CONNECT_TIMEOUT_MS = 2000
const FIRST_CONNECTION_MS = 5000
const SLOWEST_RETRY_MS = 1000

/** A connection on which nothing comes although something is due is given up so long after commands have failed. */
const GIVE_UP_AFTER_MS = 2500

/**
 * Connects, and waits until Redis takes commands.
 *
 * @param url `redis://` or `rediss://`, `redis+sentinel://host:26379,…/name-of-the-master/0`, `redis+cluster://host:6379,…`;
 *   a user and password before the hosts are for Redis itself, `?sentinelPassword=` (and `sentinelUsername`) for the Sentinels
 * @param commandTimeoutMs how long the answer to a command is waited for
 * @throws StorageUnavailable
 */
export async function connectRedis({
  url,
  keyPrefix,
  commandTimeoutMs = COMMAND_TIMEOUT_MS,
}: {
  readonly url: string
  readonly keyPrefix: string
  readonly commandTimeoutMs?: number
}): Promise<ScriptedClient> {
  const client = clientFor(parseRedisUrl(url), { keyPrefix, commandTimeoutMs })
  let reason = 'it does not answer'
  // Without a listener ioredis prints each error; what a command meets is thrown to whoever sent it.
  client.on('error', (error: Error) => {
    reason = error.message
  })
  for (const [name, lua] of Object.entries(redisScripts)) client.defineCommand(name, { lua, numberOfKeys: 1 })
  try {
    await Promise.race([client.connect(), failAfter(FIRST_CONNECTION_MS)])
    if (isScripted(client)) return client
  } catch {
    // The reason was told to the listener.
  }
  client.disconnect()
  throw new StorageUnavailable('redis', reason)
}

/** A Cluster or Sentinels without a usable member never say that they give up. */
async function failAfter(milliseconds: number): Promise<never> {
  await wait(milliseconds, undefined, { ref: false })
  throw new Error('no connection in time')
}

function isScripted(client: RedisClient): client is ScriptedClient {
  return Object.keys(redisScripts).every((name) => name in client)
}

/** What a URL says. */
export interface RedisAddress {
  readonly kind: 'single' | 'sentinel' | 'cluster'
  readonly hosts: readonly { readonly host: string; readonly port: number }[]
  readonly tls: boolean
  readonly username?: string
  readonly password?: string
  readonly database: number
  /** The name of the master that Sentinel watches. */
  readonly master?: string
  readonly sentinelUsername?: string
  readonly sentinelPassword?: string
}

const ADDRESS = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^@/?#]*)@)?([^@/?#]+)(?:\/([^?#]*))?(?:\?(.*))?$/

/** Reads the three forms of `REDIS_URL`. */
export function parseRedisUrl(url: string): RedisAddress {
  const [, scheme, form, user = '', hosts, path = '', query = ''] = ADDRESS.exec(url) ?? []
  if (hosts === undefined) throw new StorageUnavailable('redis', 'its URL cannot be read')
  const kind = form === 'sentinel' || form === 'cluster' ? form : 'single'
  const segments = path
    .split('/')
    .filter((segment) => segment !== '')
    .map(decodeURIComponent)
  const master = kind === 'sentinel' ? segments.shift() : undefined
  const [username, password] = credentials(user)
  const parameters = new URLSearchParams(query)
  return {
    kind,
    hosts: hosts.split(',').map((host) => hostOf(host, kind === 'sentinel' ? 26_379 : 6379)),
    tls: scheme === 'rediss',
    database: Number(segments[0] ?? 0),
    ...present('username', username),
    ...present('password', password),
    ...present('master', master),
    ...present('sentinelUsername', parameters.get('sentinelUsername') ?? undefined),
    ...present('sentinelPassword', parameters.get('sentinelPassword') ?? undefined),
  }
}

function clientFor(
  address: RedisAddress,
  { keyPrefix, commandTimeoutMs }: { readonly keyPrefix: string; readonly commandTimeoutMs: number },
): RedisClient {
  const { kind, hosts, tls, username, password, database, master, sentinelUsername, sentinelPassword } = address
  const forEachNode = {
    connectionName: 'latchkey',
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: commandTimeoutMs,
    socketTimeout: commandTimeoutMs + GIVE_UP_AFTER_MS,
    maxRetriesPerRequest: 1,
    // After a failover the connection may lead to a replica: connect again, to the master.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
    ...present('username', username),
    ...present('password', password),
    ...(tls ? { tls: {} } : {}),
  }
  const forAll = { lazyConnect: true, enableOfflineQueue: false, enableAutoPipelining: true, keyPrefix }
  if (kind === 'cluster')
    return new Cluster([...hosts], {
      ...forAll,
      slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
      clusterRetryStrategy: retryDelay,
      redisOptions: forEachNode,
    })
  const forOne = { ...forEachNode, ...forAll, retryStrategy: retryDelay, db: database }
  if (kind === 'single') return new Redis({ ...forOne, ...hosts[0] })
  return new Redis({
    ...forOne,
    sentinels: [...hosts],
    sentinelCommandTimeout: commandTimeoutMs,
    sentinelRetryStrategy: retryDelay,
    ...present('name', master),
    ...present('sentinelUsername', sentinelUsername),
    ...present('sentinelPassword', sentinelPassword),
    ...(tls ? { sentinelTLS: {} } : {}),
  })
}

function retryDelay(attempt: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 10), SLOWEST_RETRY_MS)
}

function hostOf(text: string, defaultPort: number): { readonly host: string; readonly port: number } {
  const [, ipv6, name, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text) ?? []
  const host = ipv6 ?? name
  if (host === undefined) throw new StorageUnavailable('redis', 'a host of its URL cannot be read')
  return { host, port: port === undefined ? defaultPort : Number(port) }
}

function credentials(user: string): (string | undefined)[] {
  if (user === '') return []
  const colon = user.indexOf(':')
  const [username, password] = colon < 0 ? [user, ''] : [user.slice(0, colon), user.slice(colon + 1)]
  return [username, password].map((part) => (part === '' ? undefined : decodeURIComponent(part)))
}

function present<Name extends string>(name: Name, value: string | undefined): { [name in Name]?: string } {
  // An object with a computed name is not known by that name to the compiler.
  return value === undefined ? {} : ({ [name]: value } as { [name in Name]?: string })
}
