// The last line of a test run: how many tests passed and failed, for people who scroll and for `.ci/run`. Where it is one of
// several runs, it writes the numbers down for the one that started it (run-tests.js).
import { writeFileSync } from 'node:fs'

export default class ClosingLine {
  onRunComplete(_contexts, results) {
    const passed = results.numPassedTests
    // A file that does not even load has no tests to count, and must not look like success.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites
    const counts = process.env.LATCHKEY_TEST_COUNTS
    if (counts !== undefined) return writeFileSync(counts, JSON.stringify({ passed, failed }))
    // Jest's own summary is still to come when reporters are told, so the line waits until the process ends.
    process.once('exit', () => process.stderr.write(`\n${passed} passed, ${failed} failed\n`))
  }
}
