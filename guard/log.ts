// What the guard tells the people who run an API: one line for each change of its state, with what to do about it.

/** A line of the log. It has no token and no secret in it. */
export interface LogLine {
  readonly level: 'info' | 'warn' | 'error'
  readonly message: string
}

export type GuardLog = (line: LogLine) => void

/** Where lines go that nobody asked for. */
export const consoleLog: GuardLog = ({ level, message }) => console[level](`@latchkey/guard: ${message}`)

/** A log that tells nothing twice within a minute, so that a fault that lasts fills no disk. */
export function withoutRepeats(log: GuardLog, elapsedMs: () => number): GuardLog {
  const told = new Map<string, number>()
  return (line) => {
    const now = elapsedMs()
    for (const [message, at] of told) if (now - at >= 60_000) told.delete(message)
    if (told.has(line.message)) return
    told.set(line.message, now)
    try {
      log(line)
    } catch {
      // A log that fails must not stop what it tells of.
    }
  }
}
