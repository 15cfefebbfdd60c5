// The first page of the console: what is to be done, what is live, what happens, and how old what should be replaced is.
import { ACCESS } from '../../config/access.ts'
import { overviewDetail } from '../../views/admin-console/overview.ts'
import type { LookOver } from '../overview/overview.ts'
import type { ConsoleRoute } from './console.ts'

/** What the page calls. */
export interface OverviewPageDeps {
  readonly overview: LookOver
}

/** Makes the page. */
export function overviewPages({ overview }: OverviewPageDeps): ConsoleRoute[] {
  return [
    {
      method: 'get',
      path: '/',
      access: ACCESS.overview.read,
      async handle(_ctx, visit) {
        visit.show({ title: 'Overview', section: '/admin', body: overviewDetail(await overview(visit.may)) })
      },
    },
  ]
}
