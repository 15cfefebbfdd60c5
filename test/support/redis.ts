// Redis for tests: a numbered database of one's own on the one server, or a server of one's own.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { types } from 'node:util'
import { type RedisServer, startRedisServer } from './redis-server.ts'

/** Where global-setup says which server there is, how many databases it has, and the folder in which they are given out. */
export const REDIS_URL_VARIABLE = 'TEST_SERVERS_REDIS_URL'
export const REDIS_DATABASES_VARIABLE = 'TEST_SERVERS_REDIS_DATABASES'
export const REDIS_FOLDER_VARIABLE = 'TEST_SERVERS_REDIS_FOLDER'

/** The URL of a database that no other test uses (unless a server with few databases was given: then they take turns). */
export function redisUrl(): string {
  const databases = Number(setting(REDIS_DATABASES_VARIABLE))
  const url = new URL(setting(REDIS_URL_VARIABLE))
  url.pathname = `/${(nextNumber(setting(REDIS_FOLDER_VARIABLE)) % (databases - 1)) + 1}`
  return url.href
}

/** A server of one's own, to be paused and killed. */
export function startPrivateRedis(options: readonly string[] = []): Promise<RedisServer> {
  return startRedisServer(options)
}

/** A Sentinel that watches one server under the name `main`. */
export function startPrivateSentinel(master: RedisServer): Promise<RedisServer> {
  return startRedisServer([], `sentinel monitor main 127.0.0.1 ${master.port} 1`)
}

/** Test files share no memory: whoever makes the folder of a number has the number. */
function nextNumber(folder: string): number {
  for (let number = 0; ; number++) {
    try {
      mkdirSync(join(folder, String(number)))
      return number
    } catch (error) {
      // Node's own errors are of another realm than the tests'.
      if (!(types.isNativeError(error) && 'code' in error && error.code === 'EEXIST')) throw error
    }
  }
}

function setting(variable: string): string {
  const value = process.env[variable]
  if (value === undefined) throw new Error(`${variable} is not set: tests are run by "npm test", which starts the servers first.`)
  return value
}
