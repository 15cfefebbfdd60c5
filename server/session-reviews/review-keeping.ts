// What stays of the findings of a session audit: said, and taken back, as long as nobody has signed it off.
import { Prisma } from '../../prisma/client/client.ts'
import { type Change, recordChange } from '../audit/change.ts'
import type { Transaction } from '../storage/postgres.ts'
import type { FindingKind } from './review-kinds.ts'

/** What the rules do not allow; the message is for the one who asked. */
export class SessionReviewRefused extends Error {
  override readonly name = 'SessionReviewRefused'
}

/** Findings of one kind, by what they are about. */
export interface FindingChoice {
  readonly kind: FindingKind
  readonly subjects: readonly string[]
}

/** Says that they stay, in place of what was said before. @returns how many; undefined: there is no such audit */
export async function keepFindings(tx: Transaction, id: string, { kind, subjects }: FindingChoice, change: Change) {
  if (!(await lockOpen(tx, id))) return undefined
  const rows = await tx.$queryRaw<{ subject: string }[]>(Prisma.sql`
    UPDATE session_review_findings SET kept_at = latchkey_now(), kept_by = ${change.actor}, kept_note = ${change.reason ?? ''}
    WHERE review_id = ${id} AND kind = ${kind} AND subject = ANY(${[...subjects]}::text[]) RETURNING subject`)
  const kept = all(subjects, rows, 'not all of these stand in the audit')
  await recordChange(tx, 'session_review.kept', change, { detail: { review: id, kind, subjects: kept } })
  return kept.length
}

/** Takes it back. @returns how many; undefined: there is no such audit */
export async function unkeepFindings(tx: Transaction, id: string, { kind, subjects }: FindingChoice, change: Change) {
  if (!(await lockOpen(tx, id))) return undefined
  const rows = await tx.$queryRaw<{ subject: string }[]>(Prisma.sql`
    UPDATE session_review_findings SET kept_at = NULL, kept_by = NULL, kept_note = NULL
    WHERE review_id = ${id} AND kind = ${kind} AND subject = ANY(${[...subjects]}::text[]) AND kept_at IS NOT NULL
    RETURNING subject`)
  const unkept = all(subjects, rows, 'not all of these are kept in the audit')
  await recordChange(tx, 'session_review.unkept', change, { detail: { review: id, kind, subjects: unkept } })
  return unkept.length
}

/** Nothing is done in part. */
function all(wanted: readonly string[], rows: readonly { readonly subject: string }[], fault: string): string[] {
  const found = new Set(rows.map(({ subject }) => subject))
  if (found.size < new Set(wanted).size) throw new SessionReviewRefused(fault)
  return [...found]
}

/** Locks one that can be worked at; false: there is none. @throws SessionReviewRefused */
export async function lockOpen(tx: Transaction, id: string): Promise<boolean> {
  const [row] = await tx.$queryRaw<{ made: boolean; signed: boolean }[]>(Prisma.sql`
    SELECT made_at IS NOT NULL AS made, signed_off_at IS NOT NULL AS signed FROM session_reviews WHERE id = ${id} FOR UPDATE`)
  if (row === undefined) return false
  if (!row.made) throw new SessionReviewRefused('the audit is still being made')
  if (row.signed) throw new SessionReviewRefused('the audit was signed off already, and stays as it is')
  return true
}
