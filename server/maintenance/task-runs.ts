// How the background work of this process went lately, piece by piece.

/** How one piece went. */
export interface TaskRun {
  readonly task: string
  readonly everySeconds: number
  /** When it was last done; undefined: not yet since the start. */
  readonly doneAt?: Date
  /** When it last failed, if nothing was done since. */
  readonly failedAt?: Date
  /** In a line, for the person who runs the server. */
  readonly fault?: string
}

/** Keeps it. */
export interface TaskRuns {
  /** Told once which pieces there are. */
  expect(tasks: readonly { readonly name: string; readonly everySeconds: number }[]): void
  ran(task: string, error?: unknown): void
  list(): TaskRun[]
}

const MOST_CHARACTERS = 300

/** Makes it. `clock` in milliseconds since the epoch. */
export function createTaskRuns(clock: () => number): TaskRuns {
  const runs = new Map<string, TaskRun>()
  return {
    expect(tasks) {
      for (const { name, everySeconds } of tasks) runs.set(name, { task: name, everySeconds })
    },
    ran(task, error) {
      const before = runs.get(task)
      if (before === undefined) return
      const { failedAt: _failedAt, fault: _fault, ...kept } = before
      const now = new Date(clock())
      runs.set(task, error === undefined ? { ...kept, doneAt: now } : { ...before, failedAt: now, fault: lineOf(error) })
    },
    list: () => [...runs.values()],
  }
}

function lineOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return (text.split('\n').find((line) => line.trim() !== '') ?? text).slice(0, MOST_CHARACTERS)
}
