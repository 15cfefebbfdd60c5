// Imported before the program, to see that the checker is awake: takes the condition out of the update that rotates a family,
// so that of two requests with one token each gives a successor of its own. Whatever sends the statement, it goes through here.
import pg from 'pg'

/** What the update requires of the row: that it is where the request found it. */
const CONDITION = 'f.generation = step.generation AND f.current_digest = step.current'

const query: (...args: unknown[]) => unknown = pg.Client.prototype.query

Object.defineProperty(pg.Client.prototype, 'query', {
  value(this: pg.Client, first: unknown, ...more: unknown[]) {
    return Reflect.apply(query, this, [isStatement(first) ? { ...first, text: weakened(first.text) } : first, ...more])
  },
})

function isStatement(value: unknown): value is { readonly text: string } {
  return typeof value === 'object' && value !== null && 'text' in value && typeof value.text === 'string'
}

function weakened(text: string): string {
  if (!/UPDATE refresh_families f\s+SET generation/.test(text)) return text
  if (!text.includes(CONDITION)) throw new Error('the condition of a rotation has other words now')
  return text.replace(CONDITION, 'true')
}
