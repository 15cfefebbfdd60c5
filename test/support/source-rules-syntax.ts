// House rules about what stands inside a file: what no file may contain, and what only some places may.

import { child, nameOf, type ParsedFile, type SyntaxNode, type Violation } from './source-rules-files.ts'
import { placeOf } from './source-rules-imports.ts'

interface Rule {
  readonly name: string
  /** Whether the rule holds for a file. */
  readonly holdsFor: (path: string) => boolean
  /** What is wrong with a node; undefined when nothing is. */
  readonly find: (node: SyntaxNode) => string | undefined
}

/** What may not stand in a comment: it would switch a check off, or leave work behind. */
const UNWANTED_COMMENTS: readonly { readonly rule: string; readonly pattern: RegExp }[] = [
  {
    rule: 'inline disable',
    pattern: /\b(biome-ignore|eslint-disable|prettier-ignore|(istanbul|v8|c8) ignore)|@ts-(ignore|expect-error|nocheck)/,
  },
  { rule: 'unfinished work', pattern: /\b(TODO|FIXME|XXX|HACK)\b/ },
]

const TOOL_FILES = /^[a-z]+\.config\.(ts|js)$|^test\/support\/(global-(setup|teardown)\.ts|strip-types\.js|closing-line\.js)$/
const ENVIRONMENT_READERS = /^(config|bin|bench|examples|test\/support)\/|^[a-z]+\.config\.(ts|js)$/
const PRODUCT = /^(server|views)\//

const PRISMA_STATEMENTS = /^\$(queryRaw|executeRaw|queryRawTyped|queryRawUnsafe|executeRawUnsafe)$/
const PRISMA_MODEL_CALLS =
  /^(find(Unique|First|Many)(OrThrow)?|create(Many(AndReturn)?)?|update(Many(AndReturn)?)?|upsert|delete(Many)?|count|aggregate|groupBy)$/
const DATABASE_NAMES = /^(db|tx|database|transaction|prisma)$/

/** Queries stand with the noun they are about, or in storage; elsewhere only in a file that is named for it. */
const QUERYING_PLACES =
  /^server\/(storage|audit|mail|webhooks|outbox|accounts|sessions|grants|tokens|clients|resource-servers|keys|authenticators|logout-notifications|signals|revocation-jobs|session-reviews|overview|commands|maintenance)$/

const RULES: readonly Rule[] = [
  {
    name: 'any',
    holdsFor: () => true,
    find: (node) => (node.type === 'TSAnyKeyword' ? '`any` says nothing about a value' : undefined),
  },
  {
    name: 'default export',
    holdsFor: (path) => !TOOL_FILES.test(path) && !path.startsWith('examples/'),
    find: (node) => (isDefaultExport(node) ? 'a default export has no name to search for' : undefined),
  },
  {
    name: 'environment',
    holdsFor: (path) => !ENVIRONMENT_READERS.test(path),
    find: (node) => (readsEnvironment(node) ? 'only config/ reads the environment' : undefined),
  },
  {
    name: 'skipped or focused test',
    holdsFor: (path) => path.startsWith('test/'),
    find: (node) => (skipsTests(node) ? 'a test runs always, and beside all others' : undefined),
  },
  {
    name: 'clock',
    holdsFor: (path) => PRODUCT.test(path),
    find: (node) => (readsClock(node) ? 'time comes from the clock that was passed in' : undefined),
  },
  {
    name: 'joined signals',
    holdsFor: (path) => /^(server|guard)\//.test(path),
    // On Node 20, and some others, each one stays with the signals it was made of for as long as those live.
    find: (node) => (joinsSignals(node) ? 'AbortSignal.any leaves something behind: join them by listeners' : undefined),
  },
  {
    name: 'query',
    holdsFor: (path) => PRODUCT.test(path) && !isPlaceForQueries(path),
    find: (node) => (queries(node) ? 'this place asks a noun, never the database' : undefined),
  },
  {
    name: 'unsafe query',
    holdsFor: (path) => !path.startsWith('server/storage/') && !path.startsWith('test/'),
    find: (node) => (/^\$(query|execute)RawUnsafe$/.test(memberName(node) ?? '') ? 'a query made of strings' : undefined),
  },
  {
    name: 'evaluation',
    holdsFor: () => true,
    find: (node) => (evaluates(node) ? 'strings are not programs' : undefined),
  },
]

/** Whatever the rules above find in a file. */
export function syntaxViolations(file: ParsedFile): Violation[] {
  const rules = RULES.filter((rule) => rule.holdsFor(file.path))
  const inSyntax = file.nodes.flatMap((node) =>
    rules.flatMap((rule) => {
      const what = rule.find(node)
      return what === undefined ? [] : [{ rule: rule.name, path: file.path, line: node.loc.start.line, what }]
    }),
  )
  const inComments = file.comments.flatMap((comment) =>
    UNWANTED_COMMENTS.filter(({ pattern }) => pattern.test(comment.value)).map(({ rule }) => ({
      rule,
      path: file.path,
      line: comment.line,
      what: comment.value.trim(),
    })),
  )
  return [...inSyntax, ...inComments]
}

function isPlaceForQueries(path: string): boolean {
  return QUERYING_PLACES.test(placeOf(path) ?? '') || (/-store\.ts$/.test(path) && path.startsWith('server/provider/'))
}

function isDefaultExport(node: SyntaxNode): boolean {
  return (
    node.type === 'ExportDefaultDeclaration' || (node.type === 'ExportSpecifier' && nameOf(child(node, 'exported')) === 'default')
  )
}

function readsEnvironment(node: SyntaxNode): boolean {
  if (memberName(node) === 'env') return ['process', 'globalThis'].includes(nameOf(child(node, 'object')) ?? '')
  if (node.type === 'ImportSpecifier') return nameOf(child(node, 'imported')) === 'env'
  const takesApart = node.type === 'VariableDeclarator' && nameOf(child(node, 'init')) === 'process'
  return takesApart && child(node, 'id')?.type === 'ObjectPattern'
}

function joinsSignals(node: SyntaxNode): boolean {
  return memberName(node) === 'any' && nameOf(child(node, 'object')) === 'AbortSignal'
}

function skipsTests(node: SyntaxNode): boolean {
  if (node.type === 'CallExpression') return /^(xit|xtest|xdescribe|fit|fdescribe)$/.test(nameOf(child(node, 'callee')) ?? '')
  if (!/^(skip|only|todo|failing)$/.test(memberName(node) ?? '')) return false
  return /^(test|it|describe)$/.test(nameOf(child(node, 'object')) ?? '')
}

function readsClock(node: SyntaxNode): boolean {
  if (memberName(node) === 'now') return nameOf(child(node, 'object')) === 'Date'
  const made = node.type === 'NewExpression' || node.type === 'CallExpression'
  return made && nameOf(child(node, 'callee')) === 'Date' && Array.isArray(node.arguments) && node.arguments.length === 0
}

function queries(node: SyntaxNode): boolean {
  const name = memberName(node)
  if (name === undefined) return false
  if (PRISMA_STATEMENTS.test(name)) return true
  const model = child(node, 'object')
  return PRISMA_MODEL_CALLS.test(name) && model !== undefined && DATABASE_NAMES.test(nameOf(child(model, 'object')) ?? '')
}

function evaluates(node: SyntaxNode): boolean {
  const callee = nameOf(child(node, 'callee'))
  return (node.type === 'CallExpression' && callee === 'eval') || (node.type === 'NewExpression' && callee === 'Function')
}

function memberName(node: SyntaxNode): string | undefined {
  return /^(Optional)?MemberExpression$/.test(node.type) ? nameOf(child(node, 'property')) : undefined
}
