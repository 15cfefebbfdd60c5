// What was filled in for the console takes long to make, and is kept where somebody wants that: a database that each run copies, so that
// what one run ends is there for the next.

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { newShared, type Shared, startAgain } from '../targets/latchkey.ts'
import type { Stores, Target } from '../targets/target.ts'
import type { Filled } from './console.ts'
import { type ConsoleSize, fillForConsole } from './fill-console.ts'

/** Beside the data of PostgreSQL: how much there is, since when, and what the server needs to go on with it. */
interface Kept extends ConsoleSize, Filled {
  readonly shared: Shared
}

const DATABASE = 'console_filled'

/** Sessions that were filled in are over after some time, as all are. */
const LONGEST_KEPT_MS = 86_400_000

/** Starts a server on a copy of what is kept in a folder; where there is nothing yet, it is made. */
export async function startOnKept(
  folder: string,
  size: ConsoleSize,
  stores: Stores,
  say: (line: string) => void,
): Promise<{ readonly target: Target; readonly filledAt: number }> {
  const file = join(folder, 'console.json')
  const kept = (await readKept(file)) ?? (await make(file, size, stores, say))
  if (kept.sessions !== size.sessions || kept.auditEvents !== size.auditEvents)
    throw new Error(
      `${folder} holds ${kept.sessions} sessions and ${kept.auditEvents} events: name another folder for another --scale.`,
    )
  if (Date.now() - kept.filledAt > LONGEST_KEPT_MS)
    throw new Error(`What ${folder} holds is older than a day: remove it, and it is filled anew.`)
  say('copying the database …')
  const target = await startAgain(kept.shared, await stores.newAddresses({ copyOf: DATABASE }), stores.pids)
  return { target, filledAt: kept.filledAt }
}

async function readKept(file: string): Promise<Kept | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  return text === undefined ? undefined : (JSON.parse(text) as Kept)
}

/** The file comes last: what a run left that was stopped in between is made anew. */
async function make(file: string, size: ConsoleSize, stores: Stores, say: (line: string) => void): Promise<Kept> {
  const shared = await newShared()
  const addresses = await stores.newAddresses({ name: DATABASE })
  const target = await startAgain(shared, addresses, stores.pids)
  try {
    await fillForConsole(target, addresses.databaseUrl, size, say)
  } finally {
    await target.stop()
  }
  const kept = { ...size, shared, filledAt: Date.now() }
  await writeFile(file, `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600 })
  return kept
}
