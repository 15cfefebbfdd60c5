// Timers that keep nobody's program running.

/** Lets the process end although the timer still waits, on runtimes where that would hold it. */
export function unreferenced<T>(timer: T): T {
  const { unref } = Object(timer) as { unref?: () => unknown }
  if (typeof unref === 'function') unref.call(timer)
  return timer
}

/** A pause that can be cut short. */
export interface Pause {
  /** Waits so long, or until `cut` is called. */
  wait(milliseconds: number): Promise<void>
  cut(): void
}

export function createPause(): Pause {
  let cut: () => void = () => undefined
  return {
    wait(milliseconds) {
      return new Promise((resolve) => {
        const timer = unreferenced(setTimeout(resolve, milliseconds))
        cut = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    },
    cut: () => cut(),
  }
}

/** How long to wait after so many failures in a row: 250 ms and then double, up to 10 s, and never the same for two guards. */
export function backOffMs(failures: number): number {
  const full = Math.min(10_000, 250 * 2 ** Math.min(failures, 10))
  return full / 2 + Math.random() * (full / 2)
}
