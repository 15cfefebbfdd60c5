// The time that one exchange has. It may be cut short by something that lives as long as the process, and leaves nothing with that:
// of each signal that `AbortSignal.any` makes, a little can stay with the one that lives on.

/** For all of an exchange: the name, the connection, TLS and the answer. */
export const LONGEST_EXCHANGE_MS = 5000

/** The time for one piece of work; to be disposed of when that is done before it. */
export interface TimeFor extends Disposable {
  /** Aborted when the time is up, or cut short. */
  readonly signal: AbortSignal
  /** Whether the time has passed; not when it was cut short. */
  readonly isUp: boolean
}

/** So many milliseconds from now on, and no longer than another signal lets it. */
export function timeFor(milliseconds: number, cut: AbortSignal): TimeFor {
  const controller = new AbortController()
  const cutShort = () => controller.abort(cut.reason)
  let isUp = false
  const timer = setTimeout(() => {
    isUp = !controller.signal.aborted
    controller.abort(new Error('the time is up'))
    forget()
  }, milliseconds)
  timer.unref()

  function forget(): void {
    clearTimeout(timer)
    cut.removeEventListener('abort', cutShort)
  }

  cut.addEventListener('abort', cutShort, { once: true })
  if (cut.aborted) cutShort()
  return {
    signal: controller.signal,
    get isUp() {
      return isUp
    },
    [Symbol.dispose]: forget,
  }
}
