// Where a server that is measured leaves a profile for the benchmark.

import { tmpdir } from 'node:os'
import { join } from 'node:path'

export function profilePath(pid: number): string {
  return join(tmpdir(), `latchkey-bench-${pid}.cpuprofile`)
}
