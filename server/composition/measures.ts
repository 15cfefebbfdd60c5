// Has measured what is only known when it is asked for: the stores, their connections, the number of the last revocation.
import type { Clock } from '../../config/clock.ts'
import manifest from '../../package.json' with { type: 'json' }
import { createMetrics, type Metrics } from '../http/metrics.ts'
import { storeFailure } from '../storage/errors.ts'
import { currentSequence } from '../tokens/revocations.ts'
import type { OpenStores } from './stores.ts'

/** Makes the metrics. */
export function openMetrics({ stores }: { readonly stores: OpenStores }): Metrics {
  const metrics = createMetrics({ version: manifest.version, node: process.versions.node })
  metrics.whenAsked(async () => {
    for (const [store, answers] of Object.entries(await stores.answering())) metrics.set('storeUp', { store }, answers ? 1 : 0)
  })
  metrics.whenAsked(async () => metrics.set('sequence', {}, await currentSequence(stores.db)))
  metrics.whenAsked(() => {
    const { idle = 0, busy = 0, waiting = 0 } = stores.connections() ?? {}
    metrics.set('connections', { state: 'idle' }, idle)
    metrics.set('connections', { state: 'busy' }, busy)
    metrics.set('poolWaiting', {}, waiting)
  })
  return metrics
}

/** Counts a run of background work. */
export function countRun(metrics: Metrics, clock: Clock, task: string, error?: unknown): void {
  if (error === undefined) {
    metrics.set('taskSuccess', { task }, clock() / 1000)
    return
  }
  metrics.count('taskFailures', { task })
  const failure = storeFailure(error)
  if (failure !== undefined) metrics.count('storeFailures', { store: failure.store })
}
