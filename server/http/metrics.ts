// What is counted and measured, for the operator's monitoring. The rest of the program counts by small functions that it is
// given; only this file knows the library and its format.
import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { METRICS, type MetricRow } from './metric-table.ts'

type Name<Kind extends MetricRow['kind']> = {
  [Metric in keyof typeof METRICS]: (typeof METRICS)[Metric]['kind'] extends Kind ? Metric : never
}[keyof typeof METRICS]

/** The names and values of one metric's labels. */
type Labels<Metric extends keyof typeof METRICS> = { readonly [Label in keyof (typeof METRICS)[Metric]['labels']]: string }

/** What one process has counted, as it is sent to the process that answers for all. */
export type Figures = Awaited<ReturnType<Registry['getMetricsAsJSON']>>

/** Counts and measures. */
export interface Metrics {
  count<Metric extends Name<'counter'>>(metric: Metric, labels: Labels<Metric>, times?: number): void
  set<Metric extends Name<'gauge'>>(metric: Metric, labels: Labels<Metric>, value: number): void
  /** A request was answered, in so many seconds if that says anything. */
  request(path: string, status: number | 'aborted', seconds: number | undefined): void
  /** So many rows of a table are past their time; undefined when another process looks after that now. */
  purgeBacklog(table: string, rows: number | undefined): void
  /** Has something measured whenever the metrics are asked for. What cannot be measured then is left as it was. */
  whenAsked(measure: () => void | Promise<void>): void
  /** Measures the process itself too: memory, CPU, event loop, garbage collection. Goes on as long as the process. */
  measureProcess(): void
  /** What this process has to say. */
  figures(): Promise<Figures>
}

/** Makes them. */
export function createMetrics(build: { readonly version: string; readonly node: string }): Metrics {
  const registry = new Registry()
  const made = new Map(Object.entries(METRICS).map(([name, row]) => [name, makeMetric(row, registry)]))
  const counter = (name: Name<'counter'>) => known(made.get(name), Counter)
  const gauge = (name: Name<'gauge'>) => known(made.get(name), Gauge)
  const requests = counter('requests')
  const durations = known(made.get('requestDuration'), Histogram)
  const backlog = gauge('purgeBacklog')
  const measures: (() => void | Promise<void>)[] = []
  gauge('build').set({ ...build }, 1)
  gauge('processes').set(1)
  return {
    count: (metric, labels, times = 1) => counter(metric).inc({ ...labels }, times),
    set: (metric, labels, value) => gauge(metric).set({ ...labels }, value),
    request(path, status, seconds) {
      const route = routeOf(path)
      requests.inc({ route, status })
      if (seconds !== undefined) durations.observe({ route }, seconds)
    },
    purgeBacklog(table, rows) {
      if (rows === undefined) backlog.remove({ table })
      else backlog.set({ table }, rows)
    },
    whenAsked: (measure) => void measures.push(measure),
    // Every 10 ms, as the library has it, doubles what an idle process does.
    measureProcess: () => collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 50 }),
    async figures() {
      await Promise.allSettled(measures.map(async (measure) => measure()))
      return registry.getMetricsAsJSON()
    },
  }
}

/** The `Content-Type` of the text. */
export const METRICS_TYPE: string = Registry.PROMETHEUS_CONTENT_TYPE

/** The figures of one or several processes together, as Prometheus reads them. */
export function metricsText(processes: readonly Figures[]): Promise<string> {
  return AggregatorRegistry.aggregate([...processes]).metrics()
}

/** From half a millisecond, which a token from memory takes, to what nobody waits for. */
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

function makeMetric(row: MetricRow, registry: Registry): Counter | Gauge | Histogram {
  const labelNames = Object.keys(row.labels)
  const options = { name: row.name, help: row.meaning, labelNames, registers: [registry] }
  if (row.kind === 'histogram') return new Histogram({ ...options, buckets: SECONDS })
  const [label = '', values] = Object.entries(row.labels)[0] ?? []
  const fromTheStart = labelNames.length === 1 && typeof values === 'object' ? values : []
  if (row.kind === 'gauge') return new Gauge({ ...options, aggregator: row.together ?? 'sum' })
  const counter = new Counter(options)
  for (const value of fromTheStart) counter.inc({ [label]: value }, 0)
  return counter
}

function known<Kind extends Counter | Gauge | Histogram>(metric: unknown, kind: abstract new (...args: never[]) => Kind): Kind {
  if (metric instanceof kind) return metric
  throw new Error('the table of metrics has another kind')
}

/** The first parts of all paths that are answered; anybody can ask for others. */
const ROUTES = new Map(
  [
    ...['authorize', 'token', 'revoke', 'introspect', 'userinfo', 'jwks', 'par', 'logout'],
    ...['setup', 'account', 'interactions', 'assets', 'dev', 'revocations'],
  ].map((name) => [name, name]),
)

function routeOf(path: string): string {
  const end = path.indexOf('/', 1)
  const first = end === -1 ? path.slice(1) : path.slice(1, end)
  if (first === '') return 'home'
  if (first === '.well-known') return 'discovery'
  return ROUTES.get(first) ?? ROUTES.get(first.toLowerCase()) ?? 'other'
}
