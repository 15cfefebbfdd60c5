// Everything that one run found, as it is written to the file; and the machine that it is true of.

import { cpus, totalmem } from 'node:os'
import type { ConsoleFigures } from '../console/console.ts'
import type { Counted } from '../counting/count.ts'
import type { Flood } from '../flood/flood.ts'
import type { Growth } from '../growth/growth.ts'
import type { ListenerFigures } from '../listeners/listeners.ts'
import type { ProfiledWork } from '../profile/profile.ts'
import type { Races } from '../races/races.ts'
import type { RevocationFigures } from '../revocation/revocation.ts'
import type { TargetName } from '../targets/targets.ts'
import type { ScenarioResult } from './medians.ts'

/** Memory of a server and its workers, without the processes that hash. */
export interface Memory {
  readonly idleBytes: number
  /** The most that was seen in all rounds. */
  readonly mostBytes: number
}

type ByTarget<Finding> = { readonly [target in TargetName]?: Finding }

/** One goal, and whether it was reached. It is left out of a run that did not measure it. */
export interface Verdict {
  readonly what: string
  readonly wanted: string
  readonly found: string
  readonly met: boolean
}

export interface Report {
  readonly startedAt: string
  readonly machine: { readonly processors: number; readonly model: string; readonly memoryBytes: number; readonly node: string }
  readonly seconds: number
  readonly rounds: number
  readonly results: readonly ScenarioResult[]
  readonly memory: ByTarget<Memory>
  readonly counted: ByTarget<Counted>
  readonly races: ByTarget<Races>
  readonly growth?: Growth
  readonly flood?: Flood
  readonly revocation?: RevocationFigures
  readonly listeners?: ListenerFigures
  readonly console?: ConsoleFigures
  readonly profiles: readonly ProfiledWork[]
  readonly verdicts: readonly Verdict[]
}

/** The machine, by what matters and nothing else. */
export function describeMachine(): Report['machine'] {
  const processors = cpus()
  return {
    processors: processors.length,
    model: processors[0]?.model.trim() ?? 'unknown',
    memoryBytes: totalmem(),
    node: process.version,
  }
}
