// Who may import whom: the table of the house as data, and the rules that read it. A folder that is not in the table has no
// place in the house yet: give it one here, and say so in docs/decisions.

import { posix } from 'node:path'
import { child, nameOf, type ParsedFile, type SyntaxNode, type Violation } from './source-rules-files.ts'

interface Import {
  readonly specifier: string
  readonly line: number
  readonly typeOnly: boolean
}

interface ReservedPackages {
  readonly packages: RegExp
  readonly places: readonly string[]
  /** Where their types may be named as well. */
  readonly typesIn?: readonly string[]
}

/** Nouns may import the nouns that their arrow reaches, and what those reach. */
const NOUN_ARROWS: { readonly [noun: string]: readonly string[] } = {
  accounts: ['sessions'],
  sessions: ['grants'],
  grants: ['tokens', 'logout-notifications'],
  tokens: [],
  clients: ['grants'],
  'resource-servers': ['grants'],
  keys: ['tokens'],
  authenticators: ['sessions'],
  'logout-notifications': [],
  signals: [],
  'revocation-jobs': ['sessions'],
  'refused-requests': ['clients'],
  throttles: [],
  'session-reviews': ['sessions'],
  overview: ['accounts', 'clients', 'keys'],
}

const SURFACES = [
  'interactions',
  'setup',
  'password-links',
  'account-console',
  'dev-mail',
  'revocation-feed',
  'status-lists',
  'shared-signals',
  'admin-console',
  'admin-api',
]
const ADMIN_SURFACES = ['admin-console', 'admin-api']
const RECORDERS = ['audit', 'mail', 'webhooks']

const nouns = Object.keys(NOUN_ARROWS).map(inServer)
const recorders = RECORDERS.map(inServer)
const foundations = ['config', 'server/storage', 'prisma/client']
const anything = [''] as const

/** For each place, what else it may import; its own files always. The longest place that fits a path counts. */
export const IMPORT_TABLE: { readonly [place: string]: readonly string[] } = {
  // 0
  config: [],
  views: [],
  'prisma/client': [],
  // 1
  'server/storage': ['config', 'prisma/client'],
  'server/http': ['server/storage', 'config', 'views'],
  'server/outbox': ['server/storage', 'config', 'prisma/client'],
  // 2
  ...Object.fromEntries(recorders.map((place) => [place, [...foundations, 'server/outbox', 'views']])),
  // What is delivered is the audit log.
  'server/webhooks': [...foundations, 'server/outbox', 'server/audit'],
  // 3
  ...Object.fromEntries(
    Object.keys(NOUN_ARROWS).map((noun) => [
      inServer(noun),
      [...reachedBy(noun).map(inServer), ...recorders, ...foundations, 'server/outbox', 'server/http'],
    ]),
  ),
  // 4
  'server/provider': [...nouns, ...recorders, ...foundations, 'server/http', 'views'],
  'server/maintenance': [...nouns, ...recorders, ...foundations, 'server/http'],
  // 5: surfaces know neither a store nor each other.
  ...Object.fromEntries(SURFACES.map((surface) => [inServer(surface), [...nouns, 'server/http', 'views', 'config']])),
  // Administrators also look at what the recorders have written.
  ...Object.fromEntries(
    ADMIN_SURFACES.map((surface) => [inServer(surface), [...nouns, ...recorders, 'server/http', 'views', 'config']]),
  ),
  // 6: what joins the parts.
  server: anything,
  'server/composition': anything,
  'server/commands': anything,
  bin: anything,
  // Beside the program.
  examples: ['guard'],
  guard: [],
  test: anything,
  bench: anything,
}

/** The files of the root that configure a tool; nothing else lies there. */
const TOOL_CONFIGURATION = /^[a-z]+\.config\.(ts|js)$/

/** Packages that only some places may use. */
const RESERVED_PACKAGES: readonly ReservedPackages[] = [
  { packages: /^(pg|@prisma\/.+|@electric-sql\/.+|pglite-prisma-adapter)$/, places: ['server/storage', 'prisma/client'] },
  // The limiter is handed the one connection that storage made, and so is what hands it on.
  { packages: /^ioredis$/, places: ['server/storage'], typesIn: ['server/http', 'server/composition'] },
  {
    packages: /^oidc-provider$/,
    places: ['server/provider'],
    typesIn: [...nouns, 'server/http', 'server/composition', 'server'],
  },
  { packages: /^(argon2|bcryptjs)$/, places: ['server/accounts'] },
  { packages: /^nodemailer$/, places: ['server/mail'] },
  { packages: /^prom-client$/, places: ['server/http'] },
  {
    packages: /^(koa|@koa\/.+|koa-.+)$/,
    places: ['server/http', 'server/provider', 'server/composition', 'server', ...SURFACES.map(inServer)],
  },
]

/** Where the program is tried and measured, every package may be used. */
const FREE_PLACES = ['test', 'bench', 'examples', 'guard']

/** Imports across the table, into unknown places, of reserved packages, by deep paths, of development's packages. */
export function importViolations(files: readonly ParsedFile[], dependencies: ReadonlySet<string>): Violation[] {
  return files.flatMap((file) => {
    const place = placeOf(file.path)
    if (place === undefined) {
      return TOOL_CONFIGURATION.test(file.path)
        ? []
        : [violation('unknown place', file, 1, `${file.path} is in no folder of the table`)]
    }
    return importsOf(file).flatMap((imported) =>
      imported.specifier.startsWith('.')
        ? relativeImport(file, place, imported)
        : packageImport(file, place, imported, dependencies),
    )
  })
}

/** Files that import each other in a circle, types included: each circle is told once, from its first file. */
export function cycleViolations(files: readonly ParsedFile[]): Violation[] {
  const targets = new Map(
    files.map((file) => [
      file.path,
      importsOf(file).flatMap(({ specifier }) => (specifier.startsWith('.') ? [resolved(file.path, specifier)] : [])),
    ]),
  )
  const done = new Set<string>()
  const found: Violation[] = []
  const visit = (path: string, trail: readonly string[]) => {
    const start = trail.indexOf(path)
    if (start >= 0) found.push({ rule: 'import cycle', path, line: 1, what: [...trail.slice(start), path].join(' → ') })
    if (start >= 0 || done.has(path)) return
    for (const target of targets.get(path) ?? []) visit(target, [...trail, path])
    done.add(path)
  }
  for (const path of targets.keys()) visit(path, [])
  return found
}

/** The place of the table that a path belongs to. */
export function placeOf(path: string): string | undefined {
  const parents = path.split('/').slice(0, -1)
  // A folder inside server/ that the table does not name is not "the server": it has to be put into the table.
  const known = parents.map((_, index) => parents.slice(0, index + 1).join('/')).filter((place) => place in IMPORT_TABLE)
  const place = known.at(-1)
  return place === 'server' && parents.length > 1 ? undefined : place
}

function relativeImport(file: ParsedFile, place: string, { specifier, line }: Import): Violation[] {
  const path = resolved(file.path, specifier)
  const target = path.startsWith('prisma/client/') ? 'prisma/client' : placeOf(path)
  const allowed = IMPORT_TABLE[place] ?? []
  if (target === place || allowed === anything || (target !== undefined && allowed.includes(target))) return []
  return [violation('import table', file, line, `${place} may not import ${target ?? path} (${specifier})`)]
}

function packageImport(file: ParsedFile, place: string, imported: Import, dependencies: ReadonlySet<string>): Violation[] {
  const { specifier, line, typeOnly } = imported
  if (specifier.startsWith('node:')) return []
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
  const found: Violation[] = []
  if (isDeep(name, specifier)) found.push(violation('deep import', file, line, `${specifier} reaches into ${name}`))
  const free = FREE_PLACES.includes(place)
  for (const reserved of free ? [] : RESERVED_PACKAGES) {
    const places = typeOnly ? [...reserved.places, ...(reserved.typesIn ?? [])] : reserved.places
    if (!reserved.packages.test(name) || places.includes(place)) continue
    found.push(violation('reserved package', file, line, `${place} may not import ${name}`))
  }
  if (!free && !dependencies.has(name))
    found.push(violation('undeclared package', file, line, `${name} is not among "dependencies"`))
  return found
}

/** The internals of a package move between minor versions; oidc-provider's have moved in every one. */
function isDeep(name: string, specifier: string): boolean {
  return specifier !== name && (name === 'oidc-provider' || /\/(lib|dist|src|build)(\/|$)/.test(specifier.slice(name.length)))
}

function importsOf(file: ParsedFile): Import[] {
  return file.nodes.flatMap((node) => {
    const source = importedBy(node)
    const specifier = nameOf(source)
    if (specifier === undefined) return []
    const typeOnly = node.importKind === 'type' || node.exportKind === 'type' || node.type === 'TSImportType' || onlyTypes(node)
    return [{ specifier, line: node.loc.start.line, typeOnly }]
  })
}

/** The node that names what is imported: of a statement, of `import()`, of `require()`, of `import('…')` as a type. */
function importedBy(node: SyntaxNode): SyntaxNode | undefined {
  if (/^(Import|ExportNamed|ExportAll)Declaration$/.test(node.type) || node.type === 'ImportExpression')
    return child(node, 'source')
  if (node.type === 'TSImportType') return child(node, 'argument')
  if (node.type !== 'CallExpression') return undefined
  const callee = child(node, 'callee')
  const takesName = callee?.type === 'Import' || nameOf(callee) === 'require'
  return takesName && Array.isArray(node.arguments) ? node.arguments[0] : undefined
}

function onlyTypes(node: SyntaxNode): boolean {
  const specifiers = node.type === 'ImportDeclaration' && Array.isArray(node.specifiers) ? node.specifiers : []
  return specifiers.length > 0 && specifiers.every((specifier: SyntaxNode) => specifier.importKind === 'type')
}

function resolved(from: string, specifier: string): string {
  return posix.normalize(posix.join(posix.dirname(from), specifier))
}

function reachedBy(noun: string): string[] {
  const direct = NOUN_ARROWS[noun] ?? []
  return [...new Set(direct.flatMap((other) => [other, ...reachedBy(other)]))]
}

function inServer(folder: string): string {
  return `server/${folder}`
}

function violation(rule: string, file: ParsedFile, line: number, what: string): Violation {
  return { rule, path: file.path, line, what }
}
