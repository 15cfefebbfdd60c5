// Ending many things at once: named one by one, or all that a filter finds. A preview says what would end; what is little ends at once,
// and what is much ends in the background, by a job.
import { z } from 'zod'
import type { AccessRule } from '../../config/roles.ts'
import { type BulkEnds, MOST_ENDED_AT_ONCE, MOST_PREVIEWED } from '../revocation-jobs/bulk-ends.ts'
import type { RevocationJob } from '../revocation-jobs/revocation-jobs.ts'
import { type ApiRoute, route } from './route.ts'
import { ended, moment, name, notFound, reason } from './shapes.ts'

/** How far a preview counts. */
export const previewExtent = {
  more: z.boolean().meta({ description: `There are more, or may be: no more than ${MOST_PREVIEWED} are counted.` }),
  counted: z.int().meta({
    description:
      'Of so many of them are the other numbers and the names: of all that were named, and of those of a filter as many as there is time for within a moment.',
  }),
}

/** A route by which many end. */
export function bulkRoute<const Filters extends z.ZodObject, Filter, Preview extends PreviewCounts>(bulk: {
  /** In the address: `sessions`. */
  readonly noun: string
  readonly name: string
  readonly tag: string
  readonly access: AccessRule
  readonly filters: Filters
  /** When a filter is left to a job. */
  readonly goesToJob: string
  readonly previewShape: z.ZodType
  readonly ends: BulkEnds<Filter, Preview>
  /** Undefined when the filter asks for an account that is not there. */
  readonly filterOf: (asked: z.output<Filters>) => Promise<Filter | undefined>
}): ApiRoute {
  const { noun, ends } = bulk
  return route({
    method: 'post',
    path: `/${noun}/revocations`,
    name: bulk.name,
    tag: bulk.tag,
    summary: `End many ${noun}`,
    description: `What \`ids\` name ends at once, and so do up to ${MOST_ENDED_AT_ONCE} that a filter finds. Where it ${bulk.goesToJob}, a job ends them in the background, and the answer is 202.`,
    access: bulk.access,
    body: bulkBody(bulk.filters),
    outcomes: {
      200: { description: 'What was ended, or would be.', schema: z.union([bulk.previewShape, ended]) },
      202: { description: 'A job that ends them.', schema: z.object({ job: jobShape }), headers: ['Location'] },
    },
    async handle({ body, change }) {
      const filter = body.filter === undefined ? undefined : await bulk.filterOf(body.filter)
      if (body.ids === undefined && filter === undefined) throw notFound('account')
      const which = filter === undefined ? { ids: body.ids ?? [] } : { filter }
      if (body.dry_run) return { body: showPreview(await ends.preview(which)) }
      const done = await ends.end(which, change(body.reason))
      if ('ended' in done) return { body: done.ended }
      return {
        status: 202,
        body: { job: showJob(done.job) },
        headers: { Location: `/admin/api/v1/revocation-jobs/${done.job.id}` },
      }
    },
  })
}

/** What every preview counts. */
interface PreviewCounts {
  readonly refreshFamilies: number
  readonly logoutNotifications: number
}

/** Shows a preview. */
export function showPreview<Preview extends PreviewCounts>({ refreshFamilies, logoutNotifications, ...preview }: Preview) {
  return { dry_run: true as const, ...preview, refresh_families: refreshFamilies, logout_notifications: logoutNotifications }
}

/** The body: `ids`, or a `filter`. */
function bulkBody<const Filters extends z.ZodObject>(filter: Filters) {
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
    silent_since: moment.nullable().meta({
      description:
        'Since when nothing was heard of the process that works at it, where that is long: it may be gone, and then another one goes on within half a minute.',
    }),
  })
  .meta({ id: 'RevocationJob', description: 'An end of many things that goes on in the background.' })

/** Shows a job. */
export function showJob({
  createdAt,
  finishedAt,
  silentSince,
  total,
  reason: why,
  ...job
}: RevocationJob): z.input<typeof jobShape> {
  return {
    ...job,
    total: total ?? null,
    reason: why ?? null,
    created_at: createdAt.toISOString(),
    finished_at: finishedAt?.toISOString() ?? null,
    silent_since: silentSince?.toISOString() ?? null,
  }
}
