// Ends of many things in the background: which there are, and how far they have come.
import { z } from 'zod'
import { ACCESS } from '../../config/access.ts'
import type { Cursors } from '../http/cursors.ts'
import type { RevocationJob, RevocationJobs } from '../revocation-jobs/revocation-jobs.ts'
import { jobShape, showJob } from './bulk.ts'
import { type ApiRoute, route } from './route.ts'
import { name, notFound, pageOf, paging, readPage } from './shapes.ts'

const id = z.strictObject({ id: name })

/** Makes the routes. */
export function revocationJobRoutes({
  jobs,
  cursors,
}: {
  readonly jobs: Pick<RevocationJobs, 'list' | 'find'>
  readonly cursors: Cursors
}): ApiRoute[] {
  return [
    route({
      method: 'get',
      path: '/revocation-jobs',
      name: 'listRevocationJobs',
      tag: 'Sessions',
      summary: 'Ends of many things, the latest first',
      description: 'Those of grants are for callers who may see grants.',
      access: ACCESS.revocationJobs.read,
      query: z.strictObject(paging),
      outcomes: { 200: { description: 'A page.', schema: pageOf(jobShape) } },
      async handle({ query: { limit, cursor }, may }) {
        const nouns = (['sessions', 'grants'] as const).filter((noun) => may(ACCESS[noun].read))
        const body = await readPage<RevocationJob>({
          cursors,
          list: `revocation-jobs ${nouns.join(' ')}`,
          limit,
          cursor,
          read: (most, after) =>
            jobs.list({
              nouns,
              limit: most,
              ...(after === undefined ? {} : { after: { createdAt: new Date(Number(after[0])), id: String(after[1]) } }),
            }),
          placeOf: (job) => [job.createdAt.getTime(), job.id],
          show: showJob,
        })
        return { body }
      },
    }),
    route({
      method: 'get',
      path: '/revocation-jobs/:id',
      name: 'getRevocationJob',
      tag: 'Sessions',
      summary: 'How far an end of many things has come',
      description: 'Whoever began it may look, with the scope that it took.',
      access: ACCESS.revocationJobs.read,
      accessToOwn: [ACCESS.sessions.revoke, ACCESS.grants.revoke],
      params: id,
      outcomes: { 200: { description: 'The job.', schema: jobShape } },
      async handle({ params, caller, insist }) {
        const job = await jobs.find(params.id)
        if (job?.actor !== caller.actor) insist(ACCESS.revocationJobs.read)
        if (job === undefined) throw notFound('job')
        if (job.actor !== caller.actor) insist(ACCESS[job.noun].read)
        return { body: showJob(job) }
      },
    }),
  ]
}
