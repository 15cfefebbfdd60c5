// Secrets in the console: those of apps and webhooks, by age.
import { ACCESS } from '../../config/access.ts'
import { secretList } from '../../views/admin-console/secrets.ts'
import { SECRET_DUE_SECONDS } from '../clients/secret-ages.ts'
import type { Cursors } from '../http/cursors.ts'
import { type SecretItem, type SecretQuery, secretOwners } from '../overview/secrets-by-age.ts'
import type { ConsoleRoute } from './console.ts'
import { readFields, readRows, type View, viewsOf } from './list-query.ts'

/** What the page calls. */
export interface SecretPagesDeps {
  readonly cursors: Cursors
  readonly secretsByAge: (query: SecretQuery) => Promise<readonly SecretItem[]>
  /** Milliseconds since the epoch. */
  readonly clock: () => number
}

const PATH = '/admin/secrets'

const VIEWS: readonly View[] = [
  ['All', {}],
  ['Due', { state: 'due' }],
]

/** Makes the page. */
export function secretPages({ cursors, secretsByAge, clock }: SecretPagesDeps): ConsoleRoute[] {
  return [
    {
      method: 'get',
      path: '/secrets',
      access: ACCESS.secrets.read,
      async handle(ctx, visit) {
        const { asked, twice } = readFields(ctx.query, ['state'])
        const isKnown = twice === undefined && (asked.state === undefined || asked.state === 'due')
        const due = asked.state === 'due'
        const of = secretOwners(visit.may)
        const cursor = typeof ctx.query.cursor === 'string' ? ctx.query.cursor : undefined
        const { rows: secrets, ...hrefs } = isKnown
          ? await readRows<SecretItem>({
              ...{ cursors, path: PATH, asked, cursor },
              read: (limit, after) =>
                secretsByAge({
                  ...{ of, due, limit },
                  ...(after === undefined ? {} : { after: { createdAt: new Date(Number(after[0])), id: String(after[1]) } }),
                }),
              placeOf: ({ createdAt, id }) => [createdAt.getTime(), id],
            })
          : { rows: [] }
        const body = secretList({
          ...{ secrets, due, ...hrefs, dueDays: SECRET_DUE_SECONDS / 86_400, now: new Date(clock()) },
          ...(isKnown ? {} : { fault: twice?.fault ?? 'There is no such state.' }),
          views: viewsOf(PATH, asked, VIEWS),
        })
        visit.show({ title: 'Secrets', section: PATH, body }, isKnown ? 200 : 400)
      },
    },
  ]
}
