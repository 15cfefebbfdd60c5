// The signal of one piece of work, which ends with another that lives for longer. `AbortSignal.any` would say it in a word, but on some
// runtimes, Node 20 among them, a little of each signal that it made stays with that other for ever.

/** The signal, and how it is let go of. */
export interface WorkSignal {
  readonly signal: AbortSignal
  /** Ends the work. */
  abort(): void
  /** The work is done: the other signal knows nothing of it any more. `abort` says so as well. */
  leave(): void
}

export function workSignal(other: AbortSignal): WorkSignal {
  const controller = new AbortController()
  const end = () => controller.abort(other.reason)
  const leave = () => other.removeEventListener('abort', end)
  other.addEventListener('abort', end, { once: true })
  if (other.aborted) end()
  return {
    signal: controller.signal,
    abort() {
      leave()
      controller.abort()
    },
    leave,
  }
}
