// How much memory the process keeps. V8 would let garbage pile up to hundreds of megabytes before it looks; a server that
// shares a small machine with PostgreSQL and Redis is better off collecting sooner. No limit is set at which the process would
// end (docs/decisions/0013-a-small-process.md). It is imported before everything else, since loading the program already
// makes the heap grow.
import { PerformanceObserver } from 'node:perf_hooks'
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Of both halves; V8 would go on to twice as much, and requests are no faster for it. */
const ROOM_BYTES = 64 * 1024 * 1024

// What is loaded stays: room for short-lived objects would only fill with it.
setFlagsFromString('--semi-space-growth-factor=1')

/**
 * Collects what starting has left behind, which would otherwise stay as long as nobody comes. From now on short-lived objects
 * get the room that requests need, and no more, and the heap is collected when it has grown by two fifths. Called when the
 * program has started.
 */
export function collectSooner(): void {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (typeof collect === 'function') collect()
  setFlagsFromString('--heap-growing-percent=40')
  letNewObjectsHaveRoom()
}

/** V8 takes the largest size from the command line alone, so that growing is allowed and stopped after each collection. */
function letNewObjectsHaveRoom(): void {
  let mayGrow: boolean | undefined
  const decide = () => {
    const room = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0
    // While nobody comes V8 makes it smaller by itself; then it may grow again.
    if (mayGrow === room < ROOM_BYTES) return
    mayGrow = room < ROOM_BYTES
    setFlagsFromString(`--semi-space-growth-factor=${mayGrow ? 2 : 1}`)
  }
  decide()
  new PerformanceObserver(decide).observe({ entryTypes: ['gc'] })
}
