// How busy the machine is with something else: figures taken then are worth little.

import { availableParallelism, loadavg } from 'node:os'

/** A warning, when more than half of the processors have been busy in the last minute. */
export function warnOfOtherWork(): string | undefined {
  const [load = 0] = loadavg()
  const processors = availableParallelism()
  if (load < processors / 2) return undefined
  return `This machine is busy already (load ${load.toFixed(1)} on ${processors} processors): the figures will be worse than they are, and may not even hold as ratios.`
}
