// How much memory the process keeps. V8 would let garbage pile up to hundreds of megabytes before it looks; a server that
// shares a small machine with PostgreSQL and Redis is better off collecting sooner. It costs about a fifth of the CPU of a
// refresh, and nothing else: no limit is set at which the process would end (docs/decisions/0013-a-small-process.md).
// It is imported before everything else, since loading the program already makes the heap grow.
import { setFlagsFromString } from 'node:v8'

// New objects get the space they have at the start, and no more.
setFlagsFromString('--semi-space-growth-factor=1')

/** From now on the heap is collected when it has grown by two fifths. Called when the program has started, which it slows. */
export function collectSooner(): void {
  setFlagsFromString('--heap-growing-percent=40')
}
