// `npm run bench`: reads the options, runs what they ask for, shows and keeps what came of it.

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { HELP, OptionError, readOptions } from './options.ts'
import { writeFigures } from './report/documents.ts'
import type { Report } from './report/report.ts'
import { formatReport } from './report/screen.ts'
import { runBench } from './run.ts'

async function main(): Promise<number> {
  try {
    const options = readOptions(process.argv.slice(2))
    if (options.help) {
      process.stdout.write(HELP)
      return 0
    }
    const report = options.from === '' ? await runBench(options, say) : await readReport(options.from)
    process.stdout.write(`\n${formatReport(report)}\n`)
    if (options.from === '' && options.out !== '') say(`written to ${await writeReport(report, options.out)}`)
    if (options.writeDocs) {
      await writeFigures(report)
      say('docs/performance.md has these figures now')
    }
    return 0
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    say(error instanceof OptionError ? `${message} --help says more.` : `The benchmark failed. ${message}`)
    return error instanceof OptionError ? 2 : 1
  }
}

/** Progress goes where it does not mix with the tables. */
function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

async function readReport(path: string): Promise<Report> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Report
  } catch (error) {
    throw new OptionError(`${path} is not a file that the benchmark wrote.`, { cause: error })
  }
}

async function writeReport(report: Report, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  const path = join(folder, `${report.startedAt.replaceAll(':', '-')}.json`)
  await writeFile(path, `${JSON.stringify(report, null, 2)}\n`)
  return path
}

if (import.meta.main) {
  // Whoever stops it must not leave servers behind: they are ended when this process exits by itself.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
  process.exitCode = await main()
}
