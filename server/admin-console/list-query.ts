// Lists in the console: what stands in their address, and what links on them change of it. The address is all there is, so that a list
// can be sent to somebody else, or kept as a bookmark.
import { isMomentAsked, isOfADay, LONGEST_ASKED_SECONDS, MOMENTS_ARE } from '../../config/moments.ts'
import type { Chip, SavedView } from '../../views/admin-console/lists.ts'
import type { CursorPlace, Cursors } from '../http/cursors.ts'

/** The fields of a filter as they stand in an address. Those that are empty are not there. */
export type Asked = { readonly [field: string]: string }

/** How many rows a page has. */
export const ROWS = 50

/** How many where sessions are ticked: so many of their ids, with the way back, are an address that goes through a sign-in. */
export const SESSION_ROWS = 40

/** Reads the fields that a list has from a query. */
export function readAsked(
  query: { readonly [name: string]: string | readonly string[] | undefined },
  fields: readonly string[],
): Asked {
  return Object.fromEntries(
    fields.flatMap((field) => {
      const value = query[field]
      return typeof value === 'string' && value.trim() !== '' ? [[field, value.trim()]] : []
    }),
  )
}

/**
 * The same, for a list: a filter that says less than whoever wrote its address believes finds more, and more is ended with it.
 * @returns `twice`: what is wrong where a field came more than once; none of those is among the fields
 */
export function readFields(
  query: Parameters<typeof readAsked>[0],
  fields: readonly string[],
): { readonly asked: Asked; readonly twice?: { readonly fault: string; readonly filter?: undefined } } {
  const asked = readAsked(query, fields)
  const repeated = fields.filter((field) => Array.isArray(query[field]))
  return repeated.length === 0 ? { asked } : { asked, twice: { fault: `A field was given twice: ${repeated.join(', ')}.` } }
}

/** The address of a list with some fields changed; an empty one is left out. */
export function listHref(path: string, asked: Asked, changed: { readonly [field: string]: string | undefined } = {}): string {
  const entries = Object.entries({ ...asked, ...changed }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '',
  )
  const query = new URLSearchParams(entries).toString()
  return query === '' ? path : `${path}?${query}`
}

/** A page of a list, to come back to; undefined for its first without a filter, which needs no telling. */
export function hereOf(path: string, asked: Asked, cursor: string | undefined): string | undefined {
  const here = listHref(path, asked, { cursor })
  return here === path ? undefined : here
}

/** The filters that are on, each with the way to take it off. */
export function chipsOf(path: string, asked: Asked, labels: { readonly [field: string]: string }): Chip[] {
  return Object.entries(asked).flatMap(([field, value]) => {
    const label = labels[field]
    return label === undefined ? [] : [{ label, value, withoutHref: listHref(path, asked, { [field]: undefined }) }]
  })
}

/** A list that people often want to see: its name, and what it asks. */
export type View = readonly [label: string, fields: Asked]

/** Links to them. */
export function viewsOf(path: string, asked: Asked, views: readonly View[]): SavedView[] {
  const sorted = (fields: Asked) => listHref(path, Object.fromEntries(Object.entries(fields).toSorted()))
  return views.map(([label, fields]) => ({ label, href: listHref(path, fields), current: sorted(fields) === sorted(asked) }))
}

/** What is wrong with a time or a length of time that was filled in; undefined when nothing is. */
export function timeFaultOf(times: { readonly moments?: readonly (string | undefined)[]; readonly length?: string | undefined }) {
  if (times.moments?.some((text) => text !== undefined && momentOf(text) === undefined) === true)
    return `A time must be written as 2026-11-26 or 2026-11-26T09:30, in UTC, and be a day that there is, ${MOMENTS_ARE}.`
  if (times.length === undefined) return undefined
  const seconds = secondsOf(times.length)
  if (seconds === undefined) return 'How long must be written as 30m, 8h or 7d.'
  if (seconds > LONGEST_ASKED_SECONDS) return 'How long must be 100 years at most.'
  return undefined
}

/** A page of a list, and the addresses of others. */
export async function readRows<Row>(options: {
  readonly cursors: Cursors
  readonly path: string
  readonly asked: Asked
  readonly cursor: string | undefined
  /** How many of them a page has, where they are not ROWS. */
  readonly rows?: number
  readonly read: (limit: number, after: CursorPlace | undefined) => Promise<readonly Row[]>
  readonly placeOf: (row: Row) => CursorPlace
}): Promise<{ readonly rows: readonly Row[]; readonly firstHref?: string; readonly nextHref?: string }> {
  const { cursors, path, asked, cursor, rows: most = ROWS } = options
  const list = `console ${listHref(path, asked)}`
  const found = await options.read(most + 1, cursor === undefined ? undefined : cursors.read(list, cursor))
  const rows = found.slice(0, most)
  const last = rows.at(-1)
  const next = found.length > most && last !== undefined ? cursors.write(list, options.placeOf(last)) : undefined
  return {
    rows,
    ...(cursor === undefined ? {} : { firstHref: listHref(path, asked) }),
    ...(next === undefined ? {} : { nextHref: listHref(path, asked, { cursor: next }) }),
  }
}

/** A length of time as people write it: `30m`, `8h`, `7d`, or seconds. Undefined for anything else. */
export function secondsOf(text: string): number | undefined {
  const [, number, unit = 's'] = /^(\d{1,9})\s*([smhd])?$/.exec(text) ?? []
  return number === undefined ? undefined : Number(number) * { s: 1, m: 60, h: 3600, d: 86_400 }[unit as 's' | 'm' | 'h' | 'd']
}

/** A day or a moment as people write it, in UTC. Undefined for anything else. */
export function momentOf(text: string): Date | undefined {
  if (!/^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?Z?)?$/.test(text)) return undefined
  const date = new Date(text.length === 10 ? `${text}T00:00:00Z` : `${text.replace(' ', 'T').replace(/Z$/, '')}Z`)
  return isMomentAsked(date) && isOfADay(text) ? date : undefined
}
