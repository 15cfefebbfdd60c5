// Whether a client may be used, by the admin API: its secrets, its suspension, and what is done when somebody else has had a secret.
// All of it is possible for clients of a provision file as well: none of it stands in a file.
import { z } from 'zod'
import { ACCESS } from '../../config/access.ts'
import { type ClientAdministration, LONGEST_OVERLAP_SECONDS } from '../clients/client-administration.ts'
import type { ClientEvents } from '../clients/client-events.ts'
import type { ClientHoldings } from '../clients/client-holdings.ts'
import type { ClientDetail } from '../clients/client-search.ts'
import { MOST_CLIENT_SECRETS } from '../clients/client-secrets.ts'
import {
  clientPreviewShape,
  secretShape,
  shownSecretShape,
  showPreview,
  showSecret,
  showTokensFrom,
  tokensFromShape,
} from './client-shapes.ts'
import { refusing } from './refusals.ts'
import { type ApiRoute, route } from './route.ts'
import { ended, momentAsked, name, notFound, reason } from './shapes.ts'

/** What the routes call. */
export interface ClientStandingDeps {
  /** @throws HttpProblem 404 */
  readonly find: (clientId: string) => Promise<ClientDetail>
  readonly administration: ClientAdministration
  readonly events: Pick<ClientEvents, 'suspend' | 'reinstate' | 'compromiseSecrets' | 'check'>
  readonly holdings: (clientId: string) => Promise<ClientHoldings>
}

const DAY_SECONDS = 86_400

const id = z.strictObject({ id: name })
const reinstatedShape = ended.extend({ tokens_from: tokensFromShape }).meta({ id: 'ClientReinstated' })
const endBody = z.strictObject({ reason, dry_run: z.boolean('it must be true or false').default(false) })

/** Makes the routes. */
export function clientStandingRoutes(deps: ClientStandingDeps): ApiRoute[] {
  return [
    ...secretRoutes(deps),
    deleteSecretRoute(deps),
    endRoute(deps, {
      method: 'post',
      path: '/clients/:id/suspension',
      name: 'suspendClient',
      summary: 'Suspend a client: all that it was given ends, and nobody can use it until it is reinstated',
      deed: 'suspend',
    }),
    endRoute(deps, {
      method: 'post',
      path: '/clients/:id/compromise',
      name: 'compromiseClientSecrets',
      summary: 'Somebody else has had the client’s secrets: all of its ends, and its secrets are never good again',
      description: 'It stays, and needs a new secret. A provision file that has the old one does not bring it back.',
      deed: 'compromise',
    }),
    reinstateRoute(deps),
  ]
}

function secretRoutes({ find, administration }: ClientStandingDeps): ApiRoute[] {
  return [
    route({
      method: 'get',
      path: '/clients/:id/secrets',
      name: 'listClientSecrets',
      tag: 'Clients',
      summary: 'The secrets of a client: that they are there, since when and until when',
      access: ACCESS.clients.read,
      params: id,
      description: `It has ${MOST_CLIENT_SECRETS} at most, so that there is one page and no parameter for another.`,
      outcomes: {
        200: {
          description: 'All of them.',
          schema: z.object({ items: z.array(secretShape), next_cursor: z.null() }),
        },
      },
      handle: async ({ params }) => ({
        body: { items: (await find(params.id)).secrets.map(showSecret), next_cursor: null },
      }),
    }),
    route({
      method: 'post',
      path: '/clients/:id/secrets',
      name: 'createClientSecret',
      tag: 'Clients',
      summary: 'Give a client another secret',
      description:
        'The one before stays good for `overlap_seconds`: 0 when somebody else may have it. A provision file that has `client_secret` puts its own back when it is applied.',
      access: ACCESS.clients.write,
      params: id,
      body: z.strictObject({
        overlap_seconds: z
          .int('it must be a whole number')
          .min(0, 'it must not be negative')
          .max(LONGEST_OVERLAP_SECONDS, `it must be ${LONGEST_OVERLAP_SECONDS} at most`)
          .default(DAY_SECONDS),
        expires_at: momentAsked.optional().meta({ description: 'When the new one ends. Left out: it does not.' }),
        reason,
      }),
      bodyOptional: true,
      outcomes: { 201: { description: 'The secret.', schema: shownSecretShape } },
      async handle({ params, body, change }) {
        await find(params.id)
        const how = {
          overlapSeconds: body.overlap_seconds,
          ...(body.expires_at === undefined ? {} : { expiresAt: body.expires_at }),
        }
        const made = await refusing('client', () =>
          administration.addSecret({ clientId: params.id, ...how }, change(body.reason)),
        )
        return {
          status: 201,
          body: { id: made.id, client_secret: made.secret, expires_at: body.expires_at?.toISOString() ?? null },
        }
      },
    }),
  ]
}

function deleteSecretRoute({ find, administration }: ClientStandingDeps): ApiRoute {
  return route({
    method: 'delete',
    path: '/clients/:id/secrets/:sid',
    name: 'deleteClientSecret',
    tag: 'Clients',
    summary: 'Take a secret from a client',
    description: 'Its tokens are as good as they were. Without a secret it cannot get others.',
    access: ACCESS.clients.write,
    params: z.strictObject({ id: name, sid: name }),
    body: z.strictObject({ reason }),
    bodyOptional: true,
    outcomes: { 200: { description: 'What was ended: nothing.', schema: ended } },
    async handle({ params, body, change }) {
      await find(params.id)
      const done = await refusing('client', () =>
        administration.deleteSecret({ clientId: params.id, secretId: params.sid }, change(body.reason)),
      )
      if (done === undefined) throw notFound('secret')
      return { body: done }
    },
  })
}

function endRoute(
  { find, holdings, events }: ClientStandingDeps,
  {
    deed,
    ...about
  }: {
    readonly method: 'post'
    readonly path: string
    readonly name: string
    readonly summary: string
    readonly description?: string
    readonly deed: 'suspend' | 'compromise'
  },
): ApiRoute {
  const end = deed === 'suspend' ? events.suspend : events.compromiseSecrets
  return route({
    ...about,
    tag: 'Clients',
    access: ACCESS.clients.stop,
    params: id,
    body: endBody,
    bodyOptional: true,
    outcomes: { 200: { description: 'What was ended, or would be.', schema: z.union([clientPreviewShape, ended]) } },
    async handle({ params, body, change }) {
      const client = await find(params.id)
      if (!body.dry_run) return { body: await refusing('client', () => end(params.id, change(body.reason))) }
      await refusing('client', () => events.check(deed, params.id, change(body.reason)))
      return { body: showPreview(client, await holdings(client.id)) }
    },
  })
}

function reinstateRoute({ find, events }: ClientStandingDeps): ApiRoute {
  return route({
    method: 'delete',
    path: '/clients/:id/suspension',
    name: 'reinstateClient',
    tag: 'Clients',
    summary: 'Let a suspended client in again',
    description: 'Nothing that was ended comes back: people sign in to it anew.',
    access: ACCESS.clients.stop,
    params: id,
    body: z.strictObject({ reason }),
    bodyOptional: true,
    outcomes: { 200: { description: 'What was ended: nothing.', schema: reinstatedShape } },
    async handle({ params, body, change }) {
      await find(params.id)
      const counts = await refusing('client', () => events.reinstate(params.id, change(body.reason)))
      return { body: { ...counts, tokens_from: showTokensFrom(await find(params.id)) } }
    },
  })
}
