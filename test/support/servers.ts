// The servers that a run of the tests uses: given by TEST_DATABASE_URL and TEST_REDIS_URL, or started.
import { rm } from 'node:fs/promises'
import { Redis } from 'ioredis'
import { postgresMigrationTarget } from '../../server/storage/migration-target.ts'
import { migrate } from '../../server/storage/migrations.ts'
import { POSTGRES_URL_VARIABLE, run, TEMPLATE_VARIABLE, urlOfDatabase } from './postgres.ts'
import { startPostgresServer } from './postgres-server.ts'
import { REDIS_DATABASES_VARIABLE, REDIS_FOLDER_VARIABLE, REDIS_URL_VARIABLE } from './redis.ts'
import { startRedisServer } from './redis-server.ts'
import { temporaryFolder } from './server-process.ts'

/** What was begun, in the order in which it is ended. */
export type Endings = (() => Promise<void>)[]

const STARTED_DATABASES = 1000

/** Sees to PostgreSQL, with one migrated database in it that others are copied from. */
export async function providePostgres(endings: Endings): Promise<void> {
  const given = process.env.TEST_DATABASE_URL
  let url = given
  if (url === undefined) {
    const server = await startPostgresServer()
    endings.unshift(() => server.stop())
    url = server.url
  }
  const template = `latchkey_template_${process.pid}`
  await run(url, `DROP DATABASE IF EXISTS ${template} WITH (FORCE)`)
  await run(url, `CREATE DATABASE ${template} TEMPLATE template0`)
  const serverUrl = url
  if (given !== undefined) endings.unshift(async () => void (await run(serverUrl, `DROP DATABASE ${template} WITH (FORCE)`)))
  await migrate(postgresMigrationTarget(urlOfDatabase(url, template)))
  process.env[POSTGRES_URL_VARIABLE] = url
  process.env[TEMPLATE_VARIABLE] = template
}

/** Sees to Redis. */
export async function provideRedis(endings: Endings): Promise<void> {
  const given = process.env.TEST_REDIS_URL
  let url = given
  if (url === undefined) {
    const server = await startRedisServer(['--databases', String(STARTED_DATABASES)])
    endings.unshift(() => server.stop())
    url = server.url
  }
  const folder = await temporaryFolder()
  endings.unshift(() => rm(folder, { recursive: true, force: true }))
  process.env[REDIS_URL_VARIABLE] = url
  process.env[REDIS_FOLDER_VARIABLE] = folder
  process.env[REDIS_DATABASES_VARIABLE] = String(given === undefined ? STARTED_DATABASES : await databasesOf(given))
}

async function databasesOf(url: string): Promise<number> {
  const client = new Redis(url, { maxRetriesPerRequest: 1 })
  try {
    const answer: unknown = await client.config('GET', 'databases')
    return Array.isArray(answer) ? Number(answer[1]) : 16
  } finally {
    client.disconnect()
  }
}
