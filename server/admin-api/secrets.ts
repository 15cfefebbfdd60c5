// Secrets by the admin API: those of clients and webhooks, by age. What they are nobody is told.
import { z } from 'zod'
import { ACCESS } from '../../config/access.ts'
import { whatIsMissing } from '../../config/roles.ts'
import { SECRET_DUE_SECONDS } from '../clients/secret-ages.ts'
import type { Cursors } from '../http/cursors.ts'
import { type SecretItem, type SecretQuery, secretOwners } from '../overview/secrets-by-age.ts'
import { type ApiRoute, route } from './route.ts'
import { flagAsked, moment, pageOf, paging, readPage } from './shapes.ts'

/** What the route calls. */
export interface SecretRoutesDeps {
  readonly cursors: Cursors
  readonly secretsByAge: (query: SecretQuery) => Promise<readonly SecretItem[]>
}

const secretShape = z
  .object({
    id: z.string(),
    of: z.enum(['client', 'webhook']),
    owner_id: z.string().meta({ description: 'The `client_id`, or the id of the webhook.' }),
    owner_name: z.string().nullable().meta({ description: 'The name of the client; the origin of the webhook.' }),
    created_at: moment,
    expires_at: moment.nullable().meta({ description: 'Until when it is good.' }),
    being_replaced: z.boolean().meta({ description: 'A newer one is there.' }),
    due_at: moment.nullable().meta({ description: 'When it should be replaced.' }),
  })
  .meta({ id: 'SecretAge' })

/** Makes the route. */
export function secretRoutes({ cursors, secretsByAge }: SecretRoutesDeps): ApiRoute[] {
  return [
    route({
      method: 'get',
      path: '/secrets',
      name: 'listSecrets',
      tag: 'Keys',
      summary: 'List the secrets of clients and webhooks, the oldest first, but for what they are',
      description: `Those that are good. One should be replaced after ${SECRET_DUE_SECONDS / 86_400} days. Those of clients are listed for callers with \`clients:read\`, those of webhooks for callers with \`webhooks:read\`.`,
      access: ACCESS.secrets.read,
      query: z.strictObject({
        ...paging,
        due: flagAsked.default(false).meta({ description: 'Only those that should have been replaced by now.' }),
      }),
      outcomes: { 200: { description: 'A page.', schema: pageOf(secretShape) } },
      async handle({ caller, query: { limit, cursor, due } }) {
        const of = secretOwners((rule) => whatIsMissing(rule, caller) === undefined)
        const body = await readPage<SecretItem>({
          cursors,
          list: `secrets ${due}`,
          limit,
          cursor,
          read: (most, after) =>
            secretsByAge({
              ...{ of, due, limit: most },
              ...(after === undefined ? {} : { after: { createdAt: new Date(Number(after[0])), id: String(after[1]) } }),
            }),
          placeOf: ({ createdAt, id }) => [createdAt.getTime(), id],
          show,
        })
        return { body }
      },
    }),
  ]
}

function show({ id, of, ownerId, ownerName, createdAt, expiresAt, beingReplaced, dueAt }: SecretItem) {
  return {
    ...{ id, of, owner_id: ownerId, owner_name: ownerName ?? null, created_at: createdAt, expires_at: expiresAt ?? null },
    ...{ being_replaced: beingReplaced, due_at: dueAt ?? null },
  }
}
