// The map from the cases of docs/security/catalogue.md to the tests that carry their names: read, compared, written.

import { readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { child, parseSource, readSources, type SourceFile, type SyntaxNode } from '../support/source-rules-files.ts'

/** Where the page is, from the root of the project. */
export const CATALOGUE_PATH = 'docs/security/catalogue.md'

/** How many cases each family has. With these the page is complete. */
export const FAMILIES: { readonly [family: string]: number } = {
  I: 7,
  AZ: 27,
  RU: 13,
  PK: 8,
  CO: 11,
  RT: 20,
  RV: 11,
  IN: 6,
  CA: 9,
  SC: 6,
  TK: 10,
  DI: 5,
  KR: 6,
  LG: 15,
  PW: 9,
  SE: 9,
  LO: 3,
  DV: 3,
  DR: 3,
  CN: 3,
  WB: 8,
  AD: 8,
  AU: 4,
  DS: 5,
  ST: 3,
  FT: 22,
  MG: 5,
  SD: 3,
}

/** What the page says of a case that no test names. */
export const UNCOVERED = ['not built', 'no test yet'] as const

/** A row of the page. */
export interface CatalogueCase {
  readonly id: string
  readonly title: string
  readonly state: 'covered' | (typeof UNCOVERED)[number]
  /** Paths of test files, from the root of the project. */
  readonly files: readonly string[]
  /** What the tests leave out, in the words of a person. */
  readonly remark: string
}

const ID = new RegExp(`\\b(${Object.keys(FAMILIES).join('|')})([1-9]\\d*)(?:[–-]\\1([1-9]\\d*))?\\b`, 'g')
const STARTS_WITH_ID = new RegExp(`^(?:${ID.source})`)
const ROW = /^\| ([A-Z]+\d+) \| (.*) \| (.*) \|$/
const LINK = /\[[^\]]+\]\(([^)]+)\)/g
const REMARK = ' — '
const COUNTS = /<!-- counts -->[\s\S]*<!-- \/counts -->/

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const NO_TESTS = /^test\/(tidy\.test\.ts$|docs\/|support\/)/

/** Every id there is. */
export function allIds(): string[] {
  return Object.entries(FAMILIES).flatMap(([family, count]) =>
    Array.from({ length: count }, (_, index) => `${family}${index + 1}`),
  )
}

/** The page as it is. */
export function readCatalogue(): string {
  return readFileSync(new URL(`../../${CATALOGUE_PATH}`, import.meta.url), 'utf8')
}

/** The rows of the page. */
export function casesOf(page: string): CatalogueCase[] {
  return page.split('\n').flatMap((line) => {
    const [, id, title, cell] = ROW.exec(line) ?? []
    if (id === undefined || title === undefined || cell === undefined) return []
    const [told = '', ...remark] = cell.split(REMARK)
    const files = [...told.matchAll(LINK)].map(([, target = '']) => posix.join(posix.dirname(CATALOGUE_PATH), target))
    const state = UNCOVERED.find((word) => word === told) ?? 'covered'
    return [{ id, title, state, files, remark: remark.join(REMARK) }]
  })
}

/** For each id that a test carries, the files of those tests. */
export function testsById(sources: readonly SourceFile[] = readTests()): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const source of sources) {
    for (const id of idsNamedIn(source)) found.set(id, [...(found.get(id) ?? []), source.path])
  }
  return found
}

/** Fills the last column of the page from the tests, and counts. Remarks stay where they are. */
export function writeCatalogue(page: string, tests: ReadonlyMap<string, readonly string[]>): string {
  const before = new Map(casesOf(page).map((known) => [known.id, known]))
  const filled = page
    .split('\n')
    .map((line) => {
      const [, id, title] = ROW.exec(line) ?? []
      const known = id === undefined ? undefined : before.get(id)
      if (id === undefined || known === undefined) return line
      const uncovered = known.state === 'covered' ? 'no test yet' : known.state
      const cell = tests.get(id)?.map(linkTo).join(', ') ?? uncovered
      return `| ${id} | ${title} | ${[cell, known.remark].filter((part) => part !== '').join(REMARK)} |`
    })
    .join('\n')
  return filled.replace(COUNTS, `<!-- counts -->\n${countsOf(casesOf(filled))}\n<!-- /counts -->`)
}

function countsOf(cases: readonly CatalogueCase[]): string {
  const count = (state: CatalogueCase['state']) => cases.filter((known) => known.state === state).length
  return `${cases.length} cases: ${count('covered')} covered by tests, ${count('not built')} not built, ${count('no test yet')} without a test yet.`
}

function linkTo(path: string): string {
  const name = path.replace(/^test\//, '').replace(/(\.test)?\.ts$/, '')
  return `[${name}](${posix.relative(posix.dirname(CATALOGUE_PATH), path)})`
}

function readTests(): SourceFile[] {
  return readSources(ROOT).filter(({ path }) => path.startsWith('test/') && !NO_TESTS.test(path))
}

/** The ids in the titles of a file: of tests and groups, and in the rows that become titles, which open with them. */
function idsNamedIn(source: SourceFile): string[] {
  const { nodes } = parseSource(source)
  const titles = nodes.flatMap((node) => titleOf(node) ?? [])
  const rows = nodes.flatMap((node) => textOf(node) ?? []).filter((text) => STARTS_WITH_ID.test(text))
  return [...new Set([...titles, ...rows].flatMap(idsIn))]
}

function idsIn(text: string): string[] {
  return [...text.matchAll(ID)].flatMap(([, family = '', from = '', to = from]) =>
    Array.from({ length: Math.max(Number(to) - Number(from) + 1, 1) }, (_, index) => `${family}${Number(from) + index}`),
  )
}

/** The title, when a node is a call of `test('…')`, `describe.each(…)('…')` and the like. */
function titleOf(node: SyntaxNode): string | undefined {
  if (node.type !== 'CallExpression' || !Array.isArray(node.arguments)) return undefined
  let callee = child(node, 'callee')
  while (callee !== undefined && callee.type !== 'Identifier')
    callee = child(callee, 'callee') ?? child(callee, 'object') ?? child(callee, 'tag')
  return /^(test|it|describe)$/.test(String(callee?.name)) ? textOf(node.arguments[0]) : undefined
}

function textOf(node: SyntaxNode | undefined): string | undefined {
  if (node?.type === 'StringLiteral') return String(node.value)
  if (node?.type !== 'TemplateLiteral' || !Array.isArray(node.quasis)) return undefined
  return node.quasis.map((part: { value: { raw: string } }) => part.value.raw).join(' ')
}
