// Where the processor time of a server goes: a profile of one more round, which counts for nothing else, by the parts of the
// program that had it.

import { existsSync } from 'node:fs'
import { copyFile, mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Target } from '../targets/target.ts'
import { profilePath } from './path.ts'

/** The parts of a profile, the largest first: of all samples in which the main thread was at work. */
export interface ProfiledWork {
  readonly scenario: string
  readonly target: string
  readonly parts: readonly { readonly part: string; readonly share: number }[]
}

/** What V8 writes, as far as it is read. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly hitCount?: number
    readonly children?: readonly number[]
    readonly callFrame: { readonly functionName: string; readonly url: string }
  }[]
}

const STOP_MS = 30_000

/**
 * Profiles what a server does while `round` runs.
 * @param keepIn the folder in which the profile is kept for other tools; empty for none
 */
export async function profileRound(
  { scenario, target, server }: { readonly scenario: string; readonly target: string; readonly server: Target },
  keepIn: string,
  round: () => Promise<unknown>,
): Promise<ProfiledWork> {
  const path = profilePath(server.pid)
  process.kill(server.pid, 'SIGUSR2')
  await round()
  process.kill(server.pid, 'SIGUSR2')
  const end = performance.now() + STOP_MS
  while (!existsSync(path)) {
    if (performance.now() > end) throw new Error(`${target} does not give its profile.`)
    await wait(100)
  }
  const profile = JSON.parse(await readFile(path, 'utf8')) as CpuProfile
  if (keepIn !== '') {
    await mkdir(keepIn, { recursive: true })
    await copyFile(path, join(keepIn, `${scenario}-${target}.cpuprofile`))
  }
  await rm(path)
  return { scenario, target, parts: partsOf(profile) }
}

/** The share of each part of the program. What native code does counts for whoever called it. */
export function partsOf({ nodes }: CpuProfile): ProfiledWork['parts'] {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const hits = new Map<string, number>()
  const visit = (id: number, inherited: string) => {
    const node = byId.get(id)
    if (node === undefined) return
    const part = partOf(node.callFrame) ?? inherited
    hits.set(part, (hits.get(part) ?? 0) + (node.hitCount ?? 0))
    for (const child of node.children ?? []) visit(child, part)
  }
  const [root] = nodes
  if (root !== undefined) visit(root.id, SYSTEM)
  hits.delete(IDLE)
  const all = [...hits.values()].reduce((sum, one) => sum + one, 0)
  return [...hits]
    .filter(([, count]) => count > 0)
    .map(([part, count]) => ({ part, share: count / all }))
    .sort((one, other) => other.share - one.share)
}

const IDLE = 'idle'
const SYSTEM = 'Node and the system outside JavaScript'

/** The part that a function belongs to; nothing when it is native. */
function partOf({ functionName, url }: CpuProfile['nodes'][number]['callFrame']): string | undefined {
  if (functionName === '(idle)') return IDLE
  if (functionName === '(garbage collector)') return 'garbage collection'
  if (functionName === '(program)') return SYSTEM
  if (url.startsWith('wasm:') || /\/prisma\/client\/|\/client\/internal\//.test(url)) return '@prisma/client'
  const [, name] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url) ?? []
  if (name !== undefined) return name
  if (/\/(?:server|config|views)\//.test(url)) return 'Latchkey'
  if (url.includes('/bench/')) return 'the adapter and pages of the benchmark'
  if (/^node:.*crypto/.test(url)) return 'Node: cryptography'
  if (/^node:.*(?:http|net|stream|tcp)/.test(url)) return 'Node: HTTP and streams'
  return url.startsWith('node:') ? 'Node: everything else' : undefined
}
