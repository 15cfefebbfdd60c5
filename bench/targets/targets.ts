// The servers that can be measured, by their names.

import { startBetterAuth } from '../rivals/better-auth.ts'
import { startOnMap, startOnPrisma, startOnRedis } from './bare.ts'
import { startOne, startWorkers } from './latchkey.ts'
import type { StartTarget } from './target.ts'

/** How each is started, and what it is. */
export const TARGETS = {
  latchkey: { start: startOne, storesWanted: true, what: 'Latchkey, one process' },
  'latchkey-workers': { start: startWorkers, storesWanted: true, what: 'Latchkey, WORKERS=auto' },
  bare: { start: startOnMap, storesWanted: false, what: 'oidc-provider as it comes, everything in a Map' },
  redis: { start: startOnRedis, storesWanted: true, what: 'oidc-provider on a straightforward Redis adapter' },
  prisma: { start: startOnPrisma, storesWanted: true, what: 'oidc-provider on a straightforward Prisma adapter' },
  'better-auth': { start: startBetterAuth, storesWanted: true, what: 'better-auth 1.7 on the same PostgreSQL, by npm (rivals)' },
} as const satisfies { readonly [name: string]: { start: StartTarget; storesWanted: boolean; what: string } }

export type TargetName = keyof typeof TARGETS

/** Those that npm has to fetch first. */
export const RIVALS: readonly TargetName[] = ['better-auth']

/** All names, in the order in which they are shown. */
export const TARGET_NAMES = Object.keys(TARGETS) as TargetName[]
