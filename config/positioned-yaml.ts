// YAML and JSON files read with the place of everything in them, so that a fault can name its line.
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'

/** A place in a file, and what is wrong there. */
export interface PlacedFault {
  /** `file:line:column` */
  readonly place: string
  readonly message: string
}

/** A file that was read. */
export interface PositionedFile {
  /** The content as plain data; undefined when there are faults. */
  readonly value: unknown
  /** Faults of syntax, duplicate keys among them. */
  readonly faults: readonly PlacedFault[]
  /** The place (`file:line:column`) of a value, or of one of its keys when `key` is given; the nearest one that is there. */
  placeOf(path: readonly PropertyKey[], key?: string): string
}

/** Reads YAML 1.2, of which JSON is a part. Keys that stand twice, unknown tags and alias bombs are faults. */
export function parsePositioned(text: string, file: string): PositionedFile {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false, stringKeys: true })
  const placeAt = (offset: number): string => {
    const { line, col } = lines.linePos(offset)
    return `${file}:${Math.max(line, 1)}:${Math.max(col, 1)}`
  }
  const faults: PlacedFault[] = [...document.errors, ...document.warnings].map((problem) => ({
    place: placeAt(problem.pos[0]),
    message: problem.message,
  }))
  let value: unknown
  if (faults.length === 0) {
    try {
      value = document.toJS({ maxAliasCount: 50 })
    } catch (error) {
      faults.push({ place: placeAt(0), message: error instanceof Error ? error.message : String(error) })
    }
  }
  const resolved = (node: Node | null | undefined): Node | null | undefined => (isAlias(node) ? node.resolve(document) : node)
  return {
    value,
    faults,
    placeOf: (path, key) =>
      placeAt(offsetOf(document.contents, key === undefined ? path : [...path, key], key !== undefined, resolved)),
  }
}

type Resolve = (node: Node | null | undefined) => Node | null | undefined

/** Walks down as far as the path goes; where it ends early, the last node that is there is the place. */
function offsetOf(root: Node | null, path: readonly PropertyKey[], wantsKey: boolean, resolved: Resolve): number {
  let node: Node | null | undefined = root
  let offset = root?.range?.[0] ?? 0
  for (const [depth, step] of path.entries()) {
    const parent = resolved(node)
    const { key, value } = childOf(parent, step)
    if (wantsKey && depth === path.length - 1 && key?.range) return key.range[0]
    if (!value) return key?.range?.[0] ?? offset
    node = value
    offset = value.range?.[0] ?? offset
  }
  return offset
}

function childOf(parent: Node | null | undefined, step: PropertyKey): { key?: Node; value?: Node } {
  if (isSeq<Node>(parent) && typeof step === 'number') {
    const value = parent.items[step]
    return value ? { value } : {}
  }
  if (!isMap<Node, Node | null>(parent)) return {}
  const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(step))
  if (!pair) return {}
  return pair.value ? { key: pair.key, value: pair.value } : { key: pair.key }
}
