// The sources that the house rules look at: found on disk, parsed once, with the facts about them that several rules ask for.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ParserOptions, parse } from '@babel/parser'

/** A source file, by its path from the root of the project, with forward slashes. */
export interface SourceFile {
  readonly path: string
  readonly text: string
}

/** A node of the syntax tree, as the rules read it: a kind, a place and whatever else it has. */
export interface SyntaxNode {
  readonly type: string
  readonly loc: { readonly start: { readonly line: number } }
  readonly [member: string]: unknown
}

/** A comment, without its marks. */
export interface Comment {
  readonly value: string
  readonly line: number
}

/** A source file and its syntax. */
export interface ParsedFile extends SourceFile {
  readonly nodes: readonly SyntaxNode[]
  readonly comments: readonly Comment[]
}

/** What a rule found. */
export interface Violation {
  readonly rule: string
  readonly path: string
  readonly line: number
  readonly what: string
}

const SOURCE = /\.(ts|js|mjs|cjs|mts|cts|tsx|jsx)$/
const NOT_OURS = new Set(['node_modules', 'coverage', 'dist', 'bench-results', 'fault-results'])
const GENERATED = 'prisma/client'

const PARSING: ParserOptions = { sourceType: 'module', plugins: ['typescript', 'explicitResourceManagement'] }

/** Every source file below the root, but what is generated or installed. */
export function readSources(root: string): SourceFile[] {
  const files: SourceFile[] = []
  const visit = (folder: string) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory() && !entry.name.startsWith('.') && !NOT_OURS.has(entry.name) && path !== GENERATED) visit(path)
      if (entry.isFile() && SOURCE.test(entry.name)) files.push({ path, text: readFileSync(join(root, path), 'utf8') })
    }
  }
  visit('')
  return files.sort((one, other) => (one.path < other.path ? -1 : 1))
}

/**
 * Parses a source file.
 * @throws SyntaxError when it is not TypeScript
 */
export function parseSource(file: SourceFile): ParsedFile {
  const tree = parse(file.text, PARSING)
  const comments = (tree.comments ?? []).map((comment) => ({ value: comment.value, line: comment.loc?.start.line ?? 1 }))
  return { ...file, comments, nodes: [...nodesOf(tree.program)] }
}

/** A member of a node that is a node itself. */
export function child(node: SyntaxNode, member: string): SyntaxNode | undefined {
  const value = node[member]
  return isNode(value) ? value : undefined
}

/** The name of an identifier, or the text of a string literal. */
export function nameOf(node: SyntaxNode | undefined): string | undefined {
  const value = node?.type === 'Identifier' ? node.name : node?.type === 'StringLiteral' ? node.value : undefined
  return typeof value === 'string' ? value : undefined
}

function* nodesOf(value: unknown): Generator<SyntaxNode> {
  if (Array.isArray(value)) for (const item of value) yield* nodesOf(item)
  if (!isNode(value)) return
  yield value
  for (const [member, inner] of Object.entries(value)) if (member !== 'loc' && typeof inner === 'object') yield* nodesOf(inner)
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string' && 'loc' in value
}
