// The figures in docs/performance.md: what stands between two marks is written from a run, and by nobody else. What is measured by
// itself has a place of its own.

import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Report } from './report.ts'
import { formatReport } from './screen.ts'

const PAGE = fileURLToPath(new URL('../../docs/performance.md', import.meta.url))
const ALL = {
  start: '<!-- figures: written by npm run bench -- --write-docs -->',
  end: '<!-- end of the figures -->',
}
const CONSOLE = {
  start: '<!-- figures: written by npm run bench -- console --write-docs -->',
  end: '<!-- end of the figures of the console -->',
}
const REVOCATION = {
  start: '<!-- figures: written by npm run bench -- revocation --write-docs -->',
  end: '<!-- end of the figures of revocation -->',
}
const LISTENERS = {
  start: '<!-- figures: written by npm run bench -- listeners --write-docs -->',
  end: '<!-- end of the figures of listeners -->',
}

/** Puts a run into the page. */
export async function writeFigures(report: Report): Promise<void> {
  await writeFile(PAGE, withFigures(await readFile(PAGE, 'utf8'), report))
}

/** The page with the block replaced; what stands around it is left as it is. */
export function withFigures(page: string, report: Report): string {
  const marks = marksOf(report)
  const start = page.indexOf(marks.start)
  const end = page.indexOf(marks.end)
  if (start < 0 || end < start) {
    throw new Error(`The page has no place for the figures, between "${marks.start}" and "${marks.end}".`)
  }
  return `${page.slice(0, start)}${marks.start}\n\n${figuresOf(report)}\n\n${page.slice(end)}`
}

/** Where the figures of a run belong. */
function marksOf({ results, revocation, listeners, console }: Report): typeof ALL {
  if (results.length > 0) return ALL
  if (revocation !== undefined) return REVOCATION
  if (listeners !== undefined) return LISTENERS
  return console === undefined ? ALL : CONSOLE
}

function figuresOf(report: Report): string {
  const { machine, startedAt, rounds, seconds } = report
  const memory = `${Math.round(machine.memoryBytes / 1024 ** 3)} GiB of memory`
  const medians = report.results.length === 0 ? '' : `; medians of ${rounds} rounds of ${seconds} s`
  const about = `Taken on ${startedAt.slice(0, 10)}: ${machine.processors} processors (${machine.model}), ${memory}, Node ${machine.node.slice(1)}${medians}.`
  return `${about}\n\n\`\`\`text\n${formatReport(report)}\n\`\`\``
}
