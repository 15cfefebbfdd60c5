// Latchkey as in production: every setting that production wants, limits on, its log written as ever and thrown away.

import { randomBytes } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makePasswordHash } from '../../server/accounts/password-hashes.ts'
import { freePort, temporaryFolder } from '../../test/support/server-process.ts'
import { PASSWORD, provisionFile, SHORT_CUT_PASSWORD } from '../the-world.ts'
import { fromHere, startProgram, untilReady } from './program.ts'
import type { StartTarget, StoreAddresses, Target } from './target.ts'

/** What its processes must agree on when several share their stores, at the same time or one after the other. */
export interface Shared {
  readonly issuer: string
  readonly secrets: NodeJS.ProcessEnv
}

/** Large enough that nothing is refused; the counting goes on. */
const WIDE_LIMITS = {
  LATCHKEY_RATE_LIMITS: 'on',
  LATCHKEY_RATE_LIMIT_PEOPLE: '10000000',
  LATCHKEY_RATE_LIMIT_TOKEN: '10000000',
  LATCHKEY_RATE_LIMIT_TOKEN_FAILURES: '10000000',
  LATCHKEY_RATE_LIMIT_ADMIN: '10000000',
}

/** What a password hash costs when nobody says otherwise (docs/configuration.md). */
const HASHING = { memoryKiB: 19_456, passes: 2, parallelism: 1 }

/** One process. */
export const startOne: StartTarget = async (stores, pids) => start(stores, pids, '1', await newShared())

/** One process, on what another has left behind. */
export function startAgain(shared: Shared, stores: StoreAddresses, pids: readonly number[]): Promise<Target> {
  return start(stores, pids, '1', shared)
}

/** As many processes as there are processors. */
export const startWorkers: StartTarget = async (stores, pids) => start(stores, pids, 'auto', await newShared())

/** Two servers that are one to their clients: the same issuer and the same stores, at two ports. */
export async function startPair(stores: StoreAddresses, pids: readonly number[]): Promise<readonly [Target, Target]> {
  const shared = await newShared()
  const first = await start(stores, pids, '1', shared)
  try {
    return [first, await start(stores, pids, '1', shared, await freePort())]
  } catch (error) {
    await first.stop()
    throw error
  }
}

/** Of a server that nobody else shares anything with. */
export async function newShared(): Promise<Shared> {
  return {
    issuer: `http://localhost:${await freePort()}`,
    secrets: { ENCRYPTION_KEY: randomBytes(32).toString('base64'), COOKIE_KEYS: randomBytes(48).toString('base64') },
  }
}

async function start(
  { databaseUrl, redisUrl }: StoreAddresses,
  storePids: readonly number[],
  workers: string,
  { issuer, secrets }: Shared,
  otherPort?: number,
): Promise<Target> {
  await using cleanup = new AsyncDisposableStack()
  const folder = await temporaryFolder()
  cleanup.defer(() => rm(folder, { recursive: true, force: true }))
  const provision = join(folder, 'provision.json')
  const hashes = {
    real: await makePasswordHash(PASSWORD, HASHING),
    shortCut: await makePasswordHash(SHORT_CUT_PASSWORD, HASHING),
  }
  await writeFile(provision, JSON.stringify(provisionFile(hashes)))
  const [port, managementPort] = [otherPort ?? Number(new URL(issuer).port), await freePort()]
  const program = startProgram(fromHere('../../server/main.ts'), {
    nodeArgs: ['--import', fromHere('../profile/on-signal.ts'), '--import', fromHere('./short-cut/install.ts')],
    env: {
      NODE_ENV: 'production',
      ...WIDE_LIMITS,
      ...secrets,
      WORKERS: workers,
      LOG_FORMAT: 'json',
      PORT: String(port),
      MANAGEMENT_PORT: String(managementPort),
      ISSUER: issuer,
      DATA_DIR: folder,
      DATABASE_URL: databaseUrl,
      REDIS_URL: redisUrl,
      PROVISION_FILE: provision,
      PATH: process.env.PATH,
      NODE_OPTIONS: process.env.NODE_OPTIONS,
    },
  })
  cleanup.defer(program.stop)
  program.stdout.resume()
  await untilReady(`http://127.0.0.1:${managementPort}/readyz`, program.ended)
  const started = cleanup.move()
  return {
    issuer: otherPort === undefined ? issuer : `http://localhost:${otherPort}`,
    pid: program.pid,
    storePids,
    answersForJwts: true,
    stop: () => started.disposeAsync(),
  }
}
