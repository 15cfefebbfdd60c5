// Runs the tests. The faults come after all others and one file after the other: they are about who answers in time while
// something fails, and load both processors by themselves. With arguments it runs what they say, as jest does.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const FAULTS = 'test/faults/'

// The programs that tests start find themselves compiled, but for the first one.
process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), 'latchkey-compile-cache')

const args = process.argv.slice(2)
process.exitCode = args.length > 0 ? jest(args).status : runAll()

function runAll() {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-tests-'))
  const runs = [
    ['--testPathIgnorePatterns', '/node_modules/', FAULTS],
    ['--runInBand', FAULTS],
  ].map((rest, index) => {
    const counts = join(folder, `${index}.json`)
    const { status } = jest(rest, { LATCHKEY_TEST_COUNTS: counts })
    return { status, ...countsIn(counts) }
  })
  rmSync(folder, { recursive: true })
  const sum = (name) => runs.reduce((all, run) => all + run[name], 0)
  // One line for both, and the last one.
  process.stderr.write(`\n${sum('passed')} passed, ${sum('failed')} failed\n`)
  return Math.max(...runs.map(({ status }) => status))
}

/** What a run has counted; one that ended before it could is a failure. */
function countsIn(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return { passed: 0, failed: 1 }
  }
}

function jest(rest, more = {}) {
  const program = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js']
  const { status } = spawnSync(process.execPath, [...program, ...rest], { stdio: 'inherit', env: { ...process.env, ...more } })
  return { status: status ?? 1 }
}
