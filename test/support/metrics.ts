// Reads metrics as Prometheus does, for tests.

/** The samples of a text, by their name and labels as they stand there: `latchkey_refreshes_total{outcome="reused"}`. */
export function samplesOf(text: string): ReadonlyMap<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]))
}
