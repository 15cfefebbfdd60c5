// Work that is done again and again in the background: one run at a time, failures are logged and tried again.
import type { Log } from '../http/log.ts'

/** A piece of background work. */
export interface Task {
  readonly name: string
  readonly everySeconds: number
  /** Does it once. The signal says that the program ends, for runs that take longer than a moment. */
  readonly run: (signal: AbortSignal) => Promise<void>
}

/** Background work that goes on until it is stopped. */
export interface Schedule {
  /** Stops it, and waits for runs in progress. */
  stop(): Promise<void>
}

/** Where it is told how runs went. */
export interface ScheduleDeps {
  readonly log: Log
  /** Told after each run; of a failure, with its error. */
  readonly ran: (task: string, error?: unknown) => void
}

/** Starts the tasks. */
export function startSchedule(tasks: readonly Task[], deps: ScheduleDeps): Schedule {
  const stops = tasks.map((task) => start(task, deps))
  return {
    async stop() {
      await Promise.all(stops.map((stop) => stop()))
    },
  }
}

function start(task: Task, { log, ran }: ScheduleDeps): () => Promise<void> {
  let running: Promise<void> | undefined
  let failing = false
  const end = new AbortController()
  const timer = setInterval(() => {
    // A run that takes longer than its interval is not overtaken by the next.
    running ??= task
      .run(end.signal)
      .then(
        () => {
          ran(task.name)
          if (failing) log.info({ task: task.name }, 'background work goes on again')
          failing = false
        },
        (error: unknown) => {
          ran(task.name, error)
          // Said once, not once a second.
          if (!failing) log.warn({ task: task.name, err: error }, 'background work failed and will be tried again')
          failing = true
        },
      )
      .finally(() => {
        running = undefined
      })
  }, task.everySeconds * 1000)
  timer.unref()
  return async () => {
    clearInterval(timer)
    end.abort()
    await running
  }
}
