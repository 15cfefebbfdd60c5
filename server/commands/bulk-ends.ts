// Ends of many things from the command line: each portion is one transaction, and the verb asks for the next until none is left.
import { z } from 'zod'
import type { Ended } from '../tokens/ending.ts'
import type { CommandOutput } from './control-socket.ts'
import { type EndedSome, endedText, NOTHING } from './ends.ts'

/** As many end in one transaction. */
export const MOST_AT_ONCE = 500

/** A preview counts no further. */
export const MOST_PREVIEWED = 10_000

/** Ids, separated by commas. */
export const idsAsked = z
  .string()
  .regex(/^[\w-]{1,100}(?:,[\w-]{1,100}){0,499}$/, 'it takes ids, separated by commas, 500 at most')
  .transform((text) => text.split(','))

/** Ends a portion. */
export async function endSome({
  ids,
  mayBeMore,
  end,
}: {
  readonly ids: readonly string[]
  readonly mayBeMore: boolean
  readonly end: (ids: readonly string[]) => Promise<Ended>
}): Promise<CommandOutput> {
  const ended = ids.length === 0 ? NOTHING : await end(ids)
  const data: EndedSome = { ...ended, more: mayBeMore && ids.length >= MOST_AT_ONCE }
  return { text: endedText(ended), data }
}

/** A preview in words: counts, and some of the names. */
export function previewText(preview: Preview): string {
  const { sessions, grants, accounts, refreshFamilies, logoutNotifications } = preview
  const counts = {
    sessions,
    grants,
    'of people': accounts,
    'refresh tokens': refreshFamilies,
    'notifications to apps': logoutNotifications,
  }
  const names = (what: string, all: readonly string[]) => (all.length === 0 ? [] : [`  ${what}: ${all.slice(0, 10).join(', ')}`])
  const people = preview.people.map(({ email }) => email)
  const apps = preview.clients.map(({ name }) => name)
  return [
    preview.more ? 'Would end, and more than that:' : 'Would end:',
    ...Object.entries(counts).flatMap(([what, count]) => (count === undefined ? [] : [`  ${what}: ${count}`])),
    ...names('of', people),
    ...names('apps', apps),
    'Nothing was written.',
  ].join('\n')
}

interface Preview {
  readonly more: boolean
  readonly sessions?: number
  readonly grants: number
  readonly accounts: number
  readonly refreshFamilies: number
  readonly logoutNotifications: number
  readonly people: readonly { readonly email: string }[]
  readonly clients: readonly { readonly name: string }[]
}
