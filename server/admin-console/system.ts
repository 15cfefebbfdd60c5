// The system in the console: what is checked, what runs, and how far it has come.
import { ACCESS } from '../../config/access.ts'
import { type SystemView, systemDetail } from '../../views/admin-console/system.ts'
import type { RevocationJobs } from '../revocation-jobs/revocation-jobs.ts'
import type { ConsoleRoute } from './console.ts'

/** What the page calls. */
export interface SystemPageDeps {
  readonly report: () => Promise<Omit<SystemView, 'jobs'>>
  readonly jobs: Pick<RevocationJobs, 'list'>
}

const PATH = '/admin/system'

/** So many of the latest jobs are shown. */
const MOST_JOBS = 10

/** Makes the page. */
export function systemPages({ report, jobs }: SystemPageDeps): ConsoleRoute[] {
  return [
    {
      method: 'get',
      path: '/system',
      access: ACCESS.system.read,
      async handle(_ctx, visit) {
        const [said, latest] = await Promise.all([report(), jobs.list({ limit: MOST_JOBS })])
        visit.show({ title: 'System', section: PATH, body: systemDetail({ ...said, jobs: latest }) })
      },
    },
  ]
}
