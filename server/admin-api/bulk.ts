// Ending many things at once: named one by one, or all that a filter finds. A preview says what would end; what is little ends at once,
// and what is much ends in the background, by a job.
import { z } from 'zod'
import type { RevocationJob } from '../revocation-jobs/revocation-jobs.ts'
import { ended, moment, name, reason } from './shapes.ts'

/** As many end while the caller waits; beyond that a job does it. */
export const MOST_AT_ONCE = 200

/** A preview counts no further. */
export const MOST_COUNTED = 10_000

/** The body of a bulk end: `ids`, or a `filter`. */
export function bulkBody(filter: z.ZodObject) {
  return z
    .strictObject({
      ids: z.array(name).min(1, 'it must name at least one').max(1000, 'it must name 1000 at most').optional(),
      filter: filter.optional(),
      dry_run: z.boolean('it must be true or false').default(false).meta({ description: 'Only says what would end.' }),
      reason,
    })
    .refine(({ ids, filter: asked }) => (ids === undefined) !== (asked === undefined), 'it must have either ids or a filter')
    .refine(({ filter: asked }) => asked === undefined || Object.keys(asked).length > 0, {
      path: ['filter'],
      message: 'it must say something: to end everything there is a command',
    })
}

/** A job, as it is shown. */
export const jobShape = z
  .object({
    id: z.string(),
    noun: z.enum(['sessions', 'grants']),
    state: z.enum(['waiting', 'running', 'done']),
    total: z.int().nullable().meta({ description: 'How many there are to end; null until they have been looked for.' }),
    left: z.int(),
    ended,
    actor: z.string(),
    reason: z.string().nullable(),
    created_at: moment,
    finished_at: moment.nullable(),
  })
  .meta({ id: 'RevocationJob', description: 'An end of many things that goes on in the background.' })

/** Shows a job. */
export function showJob({ createdAt, finishedAt, total, reason: why, ...job }: RevocationJob): z.input<typeof jobShape> {
  return {
    ...job,
    total: total ?? null,
    reason: why ?? null,
    created_at: createdAt.toISOString(),
    finished_at: finishedAt?.toISOString() ?? null,
  }
}
