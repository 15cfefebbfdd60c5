// The last line of every test run: how many tests passed and failed, for people who scroll and for `.ci/run`.
export default class ClosingLine {
  onRunComplete(_contexts, results) {
    // A file that does not even load has no tests to count, and must not look like success.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites
    // Jest's own summary is still to come when reporters are told, so the line waits until the process ends.
    process.once('exit', () => process.stderr.write(`\n${results.numPassedTests} passed, ${failed} failed\n`))
  }
}
