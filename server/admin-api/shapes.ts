// The shapes that several routes of the admin API share.
import { z } from 'zod'
import { isMomentAsked, LONGEST_ASKED_SECONDS, MOMENTS_ARE } from '../../config/moments.ts'
import { isStorable, NOT_STORABLE } from '../../config/plain-text.ts'
import type { CursorPlace, Cursors } from '../http/cursors.ts'
import { HttpProblem } from '../http/problems.ts'

/** No parameters at all. */
export const nothing = z.strictObject({})

/** A moment, as RFC 3339. */
export const moment = z.iso.datetime({ offset: true, error: 'it must be a time such as 2026-11-26T09:30:00Z' })

/** A moment that is asked for. */
export const momentAsked = moment
  .transform((text) => new Date(text))
  .refine(isMomentAsked, `it must be ${MOMENTS_ARE}`)
  .meta({ override: { type: 'string', format: 'date-time' } })

/** A number of seconds that is asked for in an address. */
export const secondsAsked = wholeNumber(0, LONGEST_ASKED_SECONDS).meta({ description: 'Seconds.' })

/** `true` or `false` in an address. */
export const flagAsked = z
  .enum(['true', 'false'], 'it must be true or false')
  .transform((text) => text === 'true')
  .meta({ override: { type: 'boolean' } })

/** Text that names something: short, on one line. */
export const name = z
  .string('it must be text')
  .min(1, 'it must not be empty')
  .max(300, 'it must have 300 characters at most')
  .refine(isStorable, NOT_STORABLE)

/** The e-mail address of an account that has something. */
export const emailOrNull = z.string().nullable().meta({ description: 'Null: the account is deleted.' })

/** An account that has something. */
export const ownerShape = z.object({ id: z.string(), email: emailOrNull, name: z.string().nullable() })

/** Shows it. */
export function showOwner(account: { readonly id: string; readonly email?: string; readonly name?: string }) {
  return { id: account.id, email: account.email ?? null, name: account.name ?? null }
}

/** Why something is done, for the audit log. */
export const reason = z
  .string('it must be text')
  .max(1000, 'it must have 1000 characters at most')
  .refine(isStorable, NOT_STORABLE)
  .optional()
  .meta({ description: 'Why, in words, for the audit log.' })

/** Which page of a list. */
export const paging = {
  limit: wholeNumber(1, 200).default(50).meta({ description: 'How many items at most: 1 to 200.' }),
  cursor: z.string().max(2000).optional().meta({ description: '`next_cursor` of the page before. Left out: the first page.' }),
}

/** A whole number in an address. */
export function wholeNumber(min: number, max: number) {
  return z
    .string()
    .regex(/^\d{1,12}$/, 'it must be a whole number')
    .transform(Number)
    .refine((value) => value >= min && value <= max, `it must be from ${min} to ${max}`)
    .meta({ override: { type: 'integer', minimum: min, maximum: max } })
}

/** A page of a list. */
export function pageOf(item: z.ZodType) {
  return z.object({
    items: z.array(item),
    next_cursor: z.string().nullable().meta({ description: 'Null: that was the last page.' }),
  })
}

/** What a revocation ended. */
export const ended = z
  .object({
    sessions: z.int(),
    grants: z.int(),
    refresh_families: z.int(),
    logout_notifications: z.int().meta({
      description:
        'How many logout tokens are sent to apps: one for each session, or one for all of an account if that will do for the app.',
    }),
    sequence: z.int().meta({ description: 'Whoever has applied revocations up to this number knows of this end.' }),
  })
  .meta({ id: 'Ended', description: 'What was ended.' })

/** A list, a page at a time. */
export interface ListPaging<Item> {
  readonly cursors: Cursors
  /** The list with its filter, as text. */
  readonly list: string
  readonly limit: number
  readonly cursor: string | undefined
  /** Reads so many items after a place. */
  readonly read: (limit: number, after: CursorPlace | undefined) => Promise<readonly Item[]>
  readonly placeOf: (item: Item) => CursorPlace
  readonly show: (item: Item) => unknown
}

/** Reads a page and says where the next one begins. One item more than asked for tells whether there is one. */
export async function readPage<Item>(paging: ListPaging<Item>): Promise<{ items: unknown[]; next_cursor: string | null }> {
  const { cursors, list, limit, cursor } = paging
  const found = await paging.read(limit + 1, cursor === undefined ? undefined : cursors.read(list, cursor))
  const items = found.slice(0, limit)
  const last = items.at(-1)
  return {
    items: items.map(paging.show),
    next_cursor: found.length > limit && last !== undefined ? cursors.write(list, paging.placeOf(last)) : null,
  }
}

/** What is thrown for an id that names nothing, or nothing that the caller may see. */
export function notFound(what: string): HttpProblem {
  return new HttpProblem(404, 'Not found', `There is no such ${what}.`, { type: 'not-found' })
}

/** What is thrown when something has changed since the caller has seen it (RFC 9110 §15.5.13). */
export function staleVersion(what: string): HttpProblem {
  const detail = `The ${what} has been changed since. Fetch it again, and make the change to what it is now.`
  return new HttpProblem(412, 'Changed meanwhile', detail, { type: 'stale-version' })
}

/** What is thrown for something that the rules of its noun do not allow; `detail` is theirs. */
export function refused(detail: string, cause?: unknown): HttpProblem {
  return new HttpProblem(409, 'Refused', sentence(detail), { type: 'refused', cause })
}

/** What is thrown for what may do more than the caller, or would give more than the caller has; `detail` is the noun's. */
export function outOfReach(detail: string, cause?: unknown): HttpProblem {
  return new HttpProblem(403, 'Out of reach', sentence(detail), { type: 'out-of-reach', cause })
}

function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(begun) ? begun : `${begun}.`
}
