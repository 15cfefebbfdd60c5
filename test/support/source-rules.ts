// The house rules: everything that a source file of this project has to keep, in one call. What each rule is for stands in
// CONTRIBUTING.md; who may import whom is the table in source-rules-imports.ts.

import { type ParsedFile, parseSource, type SourceFile, type Violation } from './source-rules-files.ts'
import { cycleViolations, importViolations } from './source-rules-imports.ts'
import { syntaxViolations } from './source-rules-syntax.ts'

const MAX_LINES = 300
const MAX_TEST_LINES = 600

/** Names under which anything could lie, so that nothing is found there. */
const DRAWERS = /^(utils?|helpers?|commons?|shared|libs?|misc|types|index)$|-(services?|managers?|impl|utils?|helpers?)$/

/**
 * Looks for violations of the house rules.
 * @param dependencies the packages that the program may use when it runs
 */
export function findViolations(sources: readonly SourceFile[], dependencies: ReadonlySet<string>): Violation[] {
  const files = sources.map(parseSource)
  return [
    ...importViolations(files, dependencies),
    ...cycleViolations(files),
    ...files.flatMap((file) => [...shapeViolations(file), ...syntaxViolations(file)]),
  ]
}

function shapeViolations(file: ParsedFile): Violation[] {
  const found: Violation[] = []
  const add = (rule: string, what: string) => found.push({ rule, path: file.path, line: 1, what })
  const lines = file.text.trimEnd().split('\n').length
  const limit = /^(test|bench)\//.test(file.path) ? MAX_TEST_LINES : MAX_LINES
  if (lines > limit) add('file size', `${lines} lines; ${limit} are allowed`)
  const names = file.path.replace(/(\.test)?\.[a-z]+$/, '').split('/')
  for (const name of names) if (DRAWERS.test(name)) add('drawer', `"${name}" says nothing about what is inside`)
  if (!/^(#!.*\n)?\s*(\/\/|\/\*)/.test(file.text)) add('opening comment', 'a file opens with what it owns')
  return found
}
