// How much memory the process keeps. V8 would let garbage pile up to hundreds of megabytes before it looks; a server that
// shares a small machine with PostgreSQL and Redis is better off collecting sooner. No limit is set at which the process would
// end (docs/decisions/0013-a-small-process.md). It is imported before everything else, since loading the program already
// makes the heap grow.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

// What is loaded stays: room for short-lived objects would only fill with it.
setFlagsFromString('--semi-space-growth-factor=1')

/**
 * Collects what starting has left behind, which would otherwise stay as long as nobody comes. From now on short-lived objects
 * get the room that requests need, and the heap is collected when it has grown by two fifths. Called when the program has
 * started.
 */
export function collectSooner(): void {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (typeof collect === 'function') collect()
  setFlagsFromString('--semi-space-growth-factor=2')
  setFlagsFromString('--heap-growing-percent=40')
}
