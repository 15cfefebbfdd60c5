// What the verbs that list and end things by filters have in common: the filters of every noun, and how a list is shown.
import { z } from 'zod'
import type { Clock } from '../../config/clock.ts'
import type { Database } from '../storage/postgres.ts'
import { accountNamed, given, momentOf, secondsAsked, table } from './asked.ts'
import type { CommandOutput } from './control-socket.ts'

/** Filters of sessions and of grants alike. */
export const commonFilters = {
  account: z.string().optional(),
  client: z.string().optional(),
  since: z.string().optional(),
  before: z.string().optional(),
  idle: secondsAsked.optional(),
}

/** How what is listed stands. */
export const stateAsked = z.enum(['live', 'ended', 'expired', 'any'], 'it takes live, ended, expired or any').default('live')

type Common = z.output<z.ZodObject<typeof commonFilters>>

/** What they ask for. @throws CommandFailed for an account that is not there, and for a time that is none */
export async function readCommon(
  { db, clock }: { readonly db: Database; readonly clock: Clock },
  { account, client, since, before, idle }: Common,
) {
  return given({
    accountId: account === undefined ? undefined : await accountNamed(db, account),
    clientId: client,
    idleSeconds: idle,
    since: since === undefined ? undefined : momentOf(since, clock),
    before: before === undefined ? undefined : momentOf(before, clock),
  })
}

/** A list, for people in columns. @param found one more than are shown, when there are more */
export function listed<Item>({
  found,
  limit,
  what,
  head,
  row,
  show,
}: {
  readonly found: readonly Item[]
  readonly limit: number
  readonly what: string
  readonly head: readonly string[]
  readonly row: (item: Item) => readonly string[]
  readonly show: (item: Item) => object
}): CommandOutput {
  const items = found.slice(0, limit)
  const more = found.length > limit ? '\nThere are more: --limit shows up to 9999, and other options narrow it down.' : ''
  const text = items.length === 0 ? `There are no such ${what}.` : `${table([head, ...items.map(row)])}${more}`
  return { text, data: items.map(show) }
}
