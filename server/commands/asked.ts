// What the verbs of the nouns read from their options, and how they show what they found.
import { z } from 'zod'
import type { Clock } from '../../config/clock.ts'
import { isMomentAsked, isOfADay, MOMENTS_ARE } from '../../config/moments.ts'
import { emailKey } from '../accounts/email-key.ts'
import type { Change } from '../audit/change.ts'
import type { Database } from '../storage/postgres.ts'
import { CommandFailed } from './control-socket.ts'

/** Reads the arguments of a verb. @throws CommandFailed with what is wrong, by the name of the option */
export function readArgs<Shape extends z.ZodType>(shape: Shape, args: Readonly<Record<string, unknown>>): z.output<Shape> {
  const parsed = shape.safeParse(args)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new CommandFailed(`--${String(issue?.path.at(-1) ?? '')}: ${issue?.message ?? 'it cannot be read'}`)
}

/** The operator's own command line. */
export function by(reason: string | undefined): Change {
  return { actor: 'system', ...(reason === undefined ? {} : { reason }) }
}

/** How many are shown. */
export const limitAsked = z
  .string()
  .regex(/^[1-9]\d{0,3}$/, 'it takes a whole number from 1 to 9999')
  .default('50')
  .transform(Number)

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** A length of time, in seconds: `90s`, `15m`, `2h`, `7d`. */
export const secondsAsked = z
  .string()
  .regex(/^\d{1,6}[smhd]$/, 'it takes a length of time: 90s, 15m, 2h or 7d')
  .transform((text) => Number(text.slice(0, -1)) * (UNITS[text.slice(-1)] ?? 0))

/** A time such as 2026-11-26T09:30:00Z or 2026-11-26, or how long ago: `2h`. @throws CommandFailed */
export function momentOf(text: string, clock: Clock): Date {
  const ago = secondsAsked.safeParse(text)
  const date = ago.success ? new Date(clock() - ago.data * 1000) : new Date(text)
  if (Number.isNaN(date.getTime()) || !isOfADay(text))
    throw new CommandFailed(`${text} is no time: write 2026-11-26T09:30:00Z, or 2h for two hours ago`)
  if (!isMomentAsked(date)) throw new CommandFailed(`${text} is no time that is asked for: it must be ${MOMENTS_ARE}`)
  return date
}

/** The account that an id or an e-mail address names. @throws CommandFailed when there is none */
export async function accountNamed(db: Database, name: string): Promise<string> {
  const where = name.includes('@') ? { emailKey: emailKey(name) } : { id: name }
  const account = await db.account.findFirst({ where: { ...where, status: { not: 'deleted' } }, select: { id: true } })
  if (account === null) throw new CommandFailed(`there is no account ${name}`)
  return account.id
}

/** Without the members that were left out. */
export function given<Members extends object>(members: Members): { [name in keyof Members]?: Exclude<Members[name], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never
}

/** Rows in columns, for people; nothing when there are none. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_cell, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')
  return rows.map((row) => line(row).trimEnd()).join('\n')
}

/** A time, as lists show it. */
export function minute(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace('T', ' ')}Z`
}
