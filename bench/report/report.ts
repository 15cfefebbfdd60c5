// Everything that one run found, as it is written to the file; and the machine that it is true of.

import { cpus, totalmem } from 'node:os'
import type { ScenarioResult } from './medians.ts'

export interface Report {
  readonly startedAt: string
  readonly machine: { readonly processors: number; readonly model: string; readonly memoryBytes: number; readonly node: string }
  readonly seconds: number
  readonly rounds: number
  readonly results: readonly ScenarioResult[]
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
