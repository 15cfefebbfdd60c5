// oidc-provider as it comes, on one of three adapters.

import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { run } from '../../test/support/postgres.ts'
import { generateRecordsClient, RECORDS_TABLE } from '../adapters/prisma-adapter.ts'
import type { AdapterChoice } from './bare-provider.ts'
import { fromHere, startProgram } from './program.ts'
import type { StartTarget, Target } from './target.ts'

/** Starts it with everything in a Map. */
export const startOnMap = () => start({ kind: 'map' }, [])

/** Starts it on Redis. */
export const startOnRedis: StartTarget = ({ redisUrl }, pids) => start({ kind: 'redis', url: redisUrl }, pids)

/** Starts it on PostgreSQL, by Prisma. */
export const startOnPrisma: StartTarget = async ({ databaseUrl }, pids) => {
  const { folder, remove } = await generateRecordsClient()
  try {
    await run(databaseUrl, RECORDS_TABLE)
    const target = await start({ kind: 'prisma', url: databaseUrl, clientFolder: folder }, pids)
    return {
      ...target,
      async stop() {
        await target.stop()
        await remove()
      },
    }
  } catch (error) {
    await remove()
    throw error
  }
}

async function start(adapter: AdapterChoice, storePids: readonly number[]): Promise<Target> {
  const program = startProgram(fromHere('./bare-provider.ts'), {
    args: [JSON.stringify(adapter)],
    nodeArgs: ['--import', fromHere('../profile/on-signal.ts')],
    env: { ...process.env, NODE_ENV: 'production' },
  })
  try {
    const [line] = await Promise.race([once(createInterface(program.stdout), 'line'), program.ended])
    const { issuer } = JSON.parse(String(line)) as { issuer: string }
    return { issuer, pid: program.pid, storePids, answersForJwts: false, stop: program.stop }
  } catch (error) {
    await program.stop()
    throw error
  }
}
