// What a change changed, for the audit log: each member as it was and as it is, and nothing that is secret.
import type { Prisma } from '../../prisma/client/client.ts'

/** A member before and after. */
export type Difference = { readonly from: Prisma.InputJsonValue | null; readonly to: Prisma.InputJsonValue | null }

/** Members whose names say that nobody must read them. */
const SECRET = /secret|password|hash|private/i

/** As much of a value is written down as somebody can read. */
const LONGEST_VALUE = 1000

/** The members that were changed, by name. */
export function differences(
  members: readonly string[],
  before: { readonly [member: string]: unknown },
  after: { readonly [member: string]: unknown },
): { readonly [member: string]: Difference } {
  return Object.fromEntries(
    members.map((member) => [member, { from: shown(member, before[member]), to: shown(member, after[member]) }]),
  )
}

/** An address by which it can be recognised by those who know it. */
export function maskedEmail(email: string): string {
  const [, first = '', domain = ''] = /^(.)?.*@(.*)$/u.exec(email) ?? []
  return `${first}…@${domain}`
}

/** A name by which it can be recognised by those who know it: each word's first letter. */
export function maskedName(name: string): string {
  return name.replace(/([\p{L}\p{N}])\S*/gu, '$1…')
}

function shown(member: string, value: unknown): Prisma.InputJsonValue | null {
  if (value === undefined || value === null) return null
  if (SECRET.test(member)) return '[redacted]'
  const text = JSON.stringify(value)
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : (JSON.parse(text) as Prisma.InputJsonValue)
}
