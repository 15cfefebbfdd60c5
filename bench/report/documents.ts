// The figures in docs/performance.md: the block between two marks is written from a run, and by nobody else.

import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Report } from './report.ts'
import { formatReport } from './screen.ts'

const PAGE = fileURLToPath(new URL('../../docs/performance.md', import.meta.url))
const START = '<!-- figures: written by npm run bench -- --write-docs -->'
const END = '<!-- end of the figures -->'

/** Puts a run into the page. */
export async function writeFigures(report: Report): Promise<void> {
  await writeFile(PAGE, withFigures(await readFile(PAGE, 'utf8'), report))
}

/** The page with the block replaced; what stands around it is left as it is. */
export function withFigures(page: string, report: Report): string {
  const start = page.indexOf(START)
  const end = page.indexOf(END)
  if (start < 0 || end < start) throw new Error(`The page has no place for the figures, between "${START}" and "${END}".`)
  return `${page.slice(0, start)}${START}\n\n${figuresOf(report)}\n\n${page.slice(end)}`
}

function figuresOf(report: Report): string {
  const { machine, startedAt, rounds, seconds } = report
  const memory = `${Math.round(machine.memoryBytes / 1024 ** 3)} GiB of memory`
  const about = `Taken on ${startedAt.slice(0, 10)}: ${machine.processors} processors (${machine.model}), ${memory}, Node ${machine.node.slice(1)}; medians of ${rounds} rounds of ${seconds} s.`
  return `${about}\n\n\`\`\`text\n${formatReport(report)}\n\`\`\``
}
