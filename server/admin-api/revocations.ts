// The revocations in force: what was ended, by whom, why, and until when it is remembered; and how far those have come who listen.
import { z } from 'zod'
import { ACCESS } from '../../config/access.ts'
import type { Cursors } from '../http/cursors.ts'
import type { ExplainedRevocation, RevocationPage } from '../tokens/live-revocations.ts'
import type { Acknowledgements, CountedListener } from '../tokens/revocation-acknowledgements.ts'
import { type ApiRoute, route } from './route.ts'
import { revocationShape, showRevocation } from './session-tree.ts'
import { moment, name, pageOf, paging, readPage } from './shapes.ts'
import { TOKEN_NAMES } from './token-shapes.ts'

/** What the routes call. */
export interface RevocationRoutesDeps {
  readonly cursors: Cursors
  readonly page: (query: RevocationPage) => Promise<readonly ExplainedRevocation[]>
  readonly listeners: Acknowledgements['page']
  /** The number of the last revocation. */
  readonly sequence: () => Promise<number>
}

const explainedShape = revocationShape
  .extend({
    event: z.string().nullable().meta({ description: 'The event of the audit log that was written with it.' }),
    actor: z.string().nullable().meta({ description: 'Who did it, as that event has it: an account, a client, or `system`.' }),
    why: z.string().nullable().meta({ description: 'In the words of the one who did it.' }),
  })
  .meta({ id: 'ExplainedRevocation' })

const listenerShape = z
  .object({
    client_id: z.string(),
    instance: z.string(),
    sequence: z.int().meta({ description: 'It refuses tokens by all revocations up to this one.' }),
    behind: z.int().meta({ description: 'How many there are that it has not acknowledged.' }),
    acknowledged_at: moment,
    silent: z.boolean().meta({ description: 'It was not heard for a minute and a half: it was stopped, or is cut off.' }),
  })
  .meta({ id: 'RevocationListener' })

/** Makes the routes. */
export function revocationRoutes(deps: RevocationRoutesDeps): ApiRoute[] {
  return [listRoute(deps), listenersRoute(deps)]
}

function listRoute({ cursors, page }: RevocationRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/revocations',
    name: 'listRevocations',
    tag: 'Tokens',
    summary: 'The revocations in force, the latest first',
    description: '`event`, `actor` and `why` are null where nobody did it, and in a database that was restored from a dump.',
    access: ACCESS.tokens.read,
    query: z.strictObject({
      kind: z.enum(TOKEN_NAMES, `it must be one of ${TOKEN_NAMES.join(', ')}`).optional(),
      value: name.optional().meta({ description: 'What the tokens carry.' }),
      ...paging,
    }),
    outcomes: { 200: { description: 'A page.', schema: pageOf(explainedShape) } },
    async handle({ query: { limit, cursor, kind, value } }) {
      const filter = { ...(kind === undefined ? {} : { kind }), ...(value === undefined ? {} : { value }) }
      const body = await readPage<ExplainedRevocation>({
        cursors,
        list: `revocations ${JSON.stringify(filter)}`,
        limit,
        cursor,
        read: (most, after) =>
          page({ ...filter, limit: most, ...(after === undefined ? {} : { beforeSequence: Number(after[0]) }) }),
        placeOf: ({ sequence }) => [sequence],
        show: showExplained,
      })
      return { body }
    },
  })
}

function listenersRoute({ cursors, listeners, sequence }: RevocationRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/revocations/listeners',
    name: 'listRevocationListeners',
    tag: 'Tokens',
    summary: 'Who listens to the revocations, and how far they have come',
    description: 'The guards of APIs, each process by itself, that were heard of in the last day.',
    access: ACCESS.tokens.read,
    query: z.strictObject({ client: name.optional().meta({ description: 'Of one client, by its client_id.' }), ...paging }),
    outcomes: {
      200: {
        description: 'A page, and the number of the last revocation.',
        schema: pageOf(listenerShape).extend({ sequence: z.int() }),
      },
    },
    async handle({ query: { limit, cursor, client } }) {
      const newest = await sequence()
      const page = await readPage<CountedListener>({
        cursors,
        list: `listeners ${JSON.stringify(client ?? null)}`,
        limit,
        cursor,
        read: (most, after) =>
          listeners({
            limit: most,
            ...(client === undefined ? {} : { clientId: client }),
            ...(after === undefined ? {} : { after: { clientId: String(after[0]), instance: String(after[1]) } }),
          }),
        placeOf: ({ clientId, instance }) => [clientId, instance],
        show: (listener) => showListener(listener),
      })
      return { body: { ...page, sequence: newest } }
    },
  })
}

function showExplained({ by, ...entry }: ExplainedRevocation): z.input<typeof explainedShape> {
  return { ...showRevocation(entry), event: by?.event ?? null, actor: by?.actor ?? null, why: by?.reason ?? null }
}

function showListener({
  clientId,
  instance,
  sequence,
  behind,
  acknowledgedAt,
  silent,
}: CountedListener): z.input<typeof listenerShape> {
  return {
    client_id: clientId,
    instance,
    sequence,
    behind,
    acknowledged_at: acknowledgedAt.toISOString(),
    silent,
  }
}
