// Tables of text: columns as wide as what stands in them.

/** Lays out rows under their headings; the first `leftAligned` columns are names, the others figures. */
export function textTable(headings: readonly string[], rows: readonly (readonly string[])[], leftAligned: number): string {
  const all = [headings, ...rows]
  const widths = headings.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)))
  const layOut = (row: readonly string[]) =>
    widths
      .map((width, column) => (column < leftAligned ? (row[column] ?? '').padEnd(width) : (row[column] ?? '').padStart(width)))
      .join('  ')
      .trimEnd()
  return all.map(layOut).join('\n')
}

/** A figure with as many digits as it is worth. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–'
  return value.toFixed(Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0)
}

/** A size in megabytes. */
export function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(0)
}
