// What is wrong with the configuration: every fault at once, each with the name, what was read, what is wanted and an example.

/** One thing that is wrong. */
export interface Fault {
  /** The variable, or the key and place of a file. */
  readonly name: string
  /** What was found, fit to be printed: never a secret. */
  readonly read: string
  /** What is accepted, in words. */
  readonly wanted: string
  /** A line that would be right. */
  readonly example: string
}

/** The configuration cannot be used. The message tells all of its faults. */
export class ConfigError extends Error {
  readonly faults: readonly Fault[]

  constructor(faults: readonly Fault[]) {
    super(describe(faults))
    this.name = 'ConfigError'
    this.faults = faults
  }
}

/**
 * The name that was probably meant: the nearest of the known ones, if it is near enough to be worth saying.
 * `prefix` is what all of them begin with, which says nothing of how near they are.
 */
export function nearestName(name: string, known: Iterable<string>, prefix = ''): string | undefined {
  const wanted = name.slice(prefix.length).toLowerCase()
  const allowed = Math.max(1, Math.floor(wanted.length / 3))
  let nearest: string | undefined
  let best = allowed + 1
  for (const candidate of known) {
    const other = candidate.slice(prefix.length).toLowerCase()
    const distance = wanted.length >= 3 && other.startsWith(wanted) ? 1 : editDistance(wanted, other)
    if (distance < best) {
      nearest = candidate
      best = distance
    }
  }
  return nearest
}

/** Text that was read, quoted and cut so that it cannot upset a terminal or a log, and without the password of a URL. */
export function quoted(text: string): string {
  const harmless = text.replace(/:\/\/[^/?#]*@/g, '://[redacted]@').replace(/[\p{Cf}\p{Zl}\p{Zp}]/gu, '�')
  return JSON.stringify(harmless.length > 120 ? `${harmless.slice(0, 120)}…` : harmless)
}

/** The code of a system error (`ENOENT`), for the reader who wants to know why. */
export function errorCode(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : String(error)
}

function describe(faults: readonly Fault[]): string {
  const count = faults.length === 1 ? '1 setting is' : `${faults.length} settings are`
  const blocks = faults.map(
    (fault) => `  ${fault.name}\n    read:    ${fault.read}\n    wanted:  ${fault.wanted}\n    example: ${fault.example}`,
  )
  return [`${count} wrong:`, ...blocks].join('\n\n')
}

/** Levenshtein's distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const cost = a[row - 1] === b[column - 1] ? 0 : 1
      const replaced = (previous[column - 1] ?? 0) + cost
      current.push(Math.min((previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, replaced))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}
