// Clients by the admin API: looked for, looked at, registered, changed, deleted, and their redirect URIs tried.
import { z } from 'zod'
import { ACCESS } from '../../config/access.ts'
import type { ClientAdministration } from '../clients/client-administration.ts'
import type { ClientEvents } from '../clients/client-events.ts'
import type { ClientHoldings } from '../clients/client-holdings.ts'
import type { ClientLifetimes } from '../clients/client-lifetimes.ts'
import type { ClientMetadata } from '../clients/client-metadata-members.ts'
import { readRegistration } from '../clients/client-registration.ts'
import type { ClientDetail, ClientItem, ClientSearch } from '../clients/client-search.ts'
import type { RedirectUriTest } from '../clients/redirect-uri-test.ts'
import type { Cursors } from '../http/cursors.ts'
import {
  clientDetailShape,
  clientPreviewShape,
  clientShape,
  kindAsked,
  registrationBody,
  registrationProblem,
  replacementBody,
  showClient,
  showDetail,
  showPreview,
} from './client-shapes.ts'
import { clientStandingRoutes } from './client-standing.ts'
import { refusing } from './refusals.ts'
import { type ApiRoute, route } from './route.ts'
import { ended, name, notFound, pageOf, paging, readPage, reason } from './shapes.ts'

/** What the routes call. */
export interface ClientRoutesDeps {
  readonly cursors: Cursors
  readonly search: ClientSearch
  readonly administration: ClientAdministration
  readonly events: Pick<ClientEvents, 'suspend' | 'reinstate' | 'compromiseSecrets' | 'check'>
  readonly holdings: (clientId: string) => Promise<ClientHoldings>
  readonly lifetimes: (metadata: ClientMetadata) => Promise<ClientLifetimes>
  readonly testRedirectUri: RedirectUriTest
  /** How clients' certificates come in; undefined where they do not. */
  readonly certificates: { readonly chainChecked: boolean } | undefined
}

const id = z.strictObject({ id: name })

/** Makes the routes. */
export function clientRoutes(deps: ClientRoutesDeps): ApiRoute[] {
  return [
    listRoute(deps),
    createRoute(deps),
    getRoute(deps),
    replaceRoute(deps),
    deleteRoute(deps),
    redirectUriTestRoute(deps),
    ...clientStandingRoutes({ ...deps, find: (clientId) => found(deps, clientId) }),
  ]
}

function listRoute({ search, cursors }: ClientRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/clients',
    name: 'listClients',
    tag: 'Clients',
    summary: 'List clients, by client_id',
    description: 'The server’s own client is not among them.',
    access: ACCESS.clients.read,
    query: z.strictObject({
      q: name
        .optional()
        .meta({ description: 'The beginning of the client_id or of the name; upper and lower case are the same.' }),
      kind: kindAsked.optional(),
      status: z.enum(['active', 'suspended'], 'it must be active or suspended').optional(),
      managed_by: z
        .enum(['provision', 'demo', 'none'], 'it must be provision, demo or none')
        .optional()
        .meta({ description: 'Who registered them; `none`: somebody by hand.' }),
      secrets: z
        .enum(['due'], 'it must be due')
        .optional()
        .meta({ description: '`due`: the newest secret is older than 90 days.' }),
      ...paging,
    }),
    outcomes: { 200: { description: 'A page.', schema: pageOf(clientShape) } },
    async handle({ query: { limit, cursor, q, kind, status, managed_by: managedBy, secrets } }) {
      const filter = {
        ...(q === undefined ? {} : { beginning: q }),
        ...(kind === undefined ? {} : { kind }),
        ...(status === undefined ? {} : { status }),
        ...(managedBy === undefined ? {} : { managedBy }),
        ...(secrets === undefined ? {} : { secretDue: true as const }),
      }
      const body = await readPage<ClientItem>({
        cursors,
        list: `clients ${JSON.stringify(filter)}`,
        limit,
        cursor,
        read: (most, after) => search.page({ filter, limit: most, ...(after === undefined ? {} : { after: String(after[0]) }) }),
        placeOf: (client) => [client.id],
        show: showClient,
      })
      return { body }
    },
  })
}

function getRoute(deps: ClientRoutesDeps): ApiRoute {
  return route({
    method: 'get',
    path: '/clients/:id',
    name: 'getClient',
    tag: 'Clients',
    summary: 'A client: what is registered, its secrets, what it holds, and how long what it gets really lives',
    access: ACCESS.clients.read,
    params: id,
    outcomes: {
      200: { description: 'The client. `metadata` is what a change takes.', schema: clientDetailShape, headers: ['ETag'] },
    },
    async handle({ params }) {
      const client = await found(deps, params.id)
      return { body: await shown(deps, client), version: client.version }
    },
  })
}

function createRoute(deps: ClientRoutesDeps): ApiRoute {
  return route({
    method: 'post',
    path: '/clients',
    name: 'createClient',
    tag: 'Clients',
    summary: 'Register a client',
    description:
      'The members are those of RFC 7591, as in a provision file. With `kind` little more is needed: `web` a web app with a server, `spa` a single-page app, `native` an app on a device (all three need `redirect_uris`), `machine` a program without people. Without `client_id` it gets one. A client that authenticates by a secret gets one, which is shown here and never again.',
    access: ACCESS.clients.write,
    body: registrationBody,
    outcomes: {
      201: {
        description: 'The client.',
        headers: ['ETag', 'Location'],
        schema: clientDetailShape
          .extend({
            client_secret: z.string().nullable().meta({ description: 'Shown here and never again; null: it has none.' }),
            client_secret_expires_at: z.literal(0).meta({ description: 'RFC 7591 §3.2.1: it does not expire.' }),
          })
          .meta({ id: 'NewClient' }),
      },
    },
    async handle({ body: { kind, reason: why, ...registration }, change }) {
      const metadata = read(registration, { ...(kind === undefined ? {} : { kind }), certificates: deps.certificates })
      const secret = await refusing('client', () => deps.administration.register(metadata, change(why)))
      const client = await found(deps, metadata.client_id)
      return {
        status: 201,
        body: { ...(await shown(deps, client)), client_secret: secret?.secret ?? null, client_secret_expires_at: 0 },
        version: client.version,
        headers: { Location: `/admin/api/v1/clients/${encodeURIComponent(client.id)}` },
      }
    },
  })
}

function replaceRoute(deps: ClientRoutesDeps): ApiRoute {
  const { administration, certificates } = deps
  return route({
    method: 'put',
    path: '/clients/:id',
    name: 'replaceClient',
    tag: 'Clients',
    summary: 'Change all that is registered of a client',
    description:
      'What is left out gets its default. What the client may no longer ask for ends with its access tokens; a refresh gets less. A client that no longer authenticates by a secret loses its secrets, and one that does now and had none gets one.',
    access: ACCESS.clients.write,
    params: id,
    body: replacementBody,
    versioned: true,
    outcomes: {
      200: {
        description: 'What was changed and ended, or would be.',
        headersAtTimes: ['ETag'],
        schema: z.union([
          z.object({
            dry_run: z.literal(true),
            members: z.array(z.string()),
            access_tokens: z.boolean().meta({ description: 'Whether the access tokens that are out would be dead.' }),
            secrets: z.int(),
          }),
          ended.extend({
            members: z.array(z.string()).meta({ description: 'The members that are different now.' }),
            client_secret: z.string().nullable().meta({ description: 'Shown here and never again; null: none was made.' }),
          }),
        ]),
      },
    },
    async handle({ params, body: { reason: why, dry_run: dryRun, ...registration }, change, ifVersion }) {
      await found(deps, params.id)
      const metadata = read(registration, { clientId: params.id, certificates })
      const request = { metadata, seen: ifVersion }
      if (dryRun) {
        const { members, endsAccessTokens, secrets } = await refusing('client', () =>
          administration.preview(request, change(why)),
        )
        return { body: { dry_run: true, members, access_tokens: endsAccessTokens, secrets } }
      }
      const done = await refusing('client', () => administration.replace(request, change(why)))
      const { version } = await found(deps, params.id)
      return { body: { ...done.ended, members: done.members, client_secret: done.secret?.secret ?? null }, version }
    },
  })
}

function deleteRoute(deps: ClientRoutesDeps): ApiRoute {
  return route({
    method: 'delete',
    path: '/clients/:id',
    name: 'deleteClient',
    tag: 'Clients',
    summary: 'Delete a client: all that it was given ends',
    access: ACCESS.clients.write,
    params: id,
    body: z.strictObject({ reason, dry_run: z.boolean('it must be true or false').default(false) }),
    bodyOptional: true,
    outcomes: { 200: { description: 'What was ended, or would be.', schema: z.union([clientPreviewShape, ended]) } },
    async handle({ params, body, change }) {
      const client = await found(deps, params.id)
      return refusing('client', async () => {
        if (!body.dry_run) return { body: await deps.administration.delete(params.id, change(body.reason)) }
        await deps.administration.checkDelete(params.id, change(body.reason))
        return { body: showPreview(client, await deps.holdings(client.id)) }
      })
    },
  })
}

function redirectUriTestRoute(deps: ClientRoutesDeps): ApiRoute {
  return route({
    method: 'post',
    path: '/clients/:id/redirect-uri-test',
    name: 'testRedirectUri',
    tag: 'Clients',
    summary: 'Whether a redirect URI is one of the client’s, and if not, why',
    access: ACCESS.clients.read,
    params: id,
    body: z.strictObject({ redirect_uri: z.string('it must be text').max(2000, 'it must have 2000 characters at most') }),
    outcomes: {
      200: {
        description: 'The verdict.',
        schema: z.object({
          matches: z.boolean(),
          registered: z.string().nullable().meta({ description: 'The registered one that it is, or is nearest to.' }),
          reasons: z.array(z.string()).meta({ description: 'Why it does not match, in plain words.' }),
        }),
      },
    },
    async handle({ params, body }) {
      const { metadata } = await found(deps, params.id)
      const { matches, registered, reasons } = deps.testRedirectUri(body.redirect_uri, metadata)
      return { body: { matches, registered: registered ?? null, reasons } }
    },
  })
}

async function found({ search }: ClientRoutesDeps, clientId: string): Promise<ClientDetail> {
  const client = await search.find(clientId)
  if (client === undefined) throw notFound('client')
  return client
}

async function shown({ holdings, lifetimes }: ClientRoutesDeps, client: ClientDetail) {
  const [holds, lives] = await Promise.all([holdings(client.id), lifetimes(client.metadata)])
  return showDetail(client, holds, lives)
}

function read(...[registration, rules]: Parameters<typeof readRegistration>): ClientMetadata {
  const result = readRegistration(registration, rules)
  if ('issues' in result) throw registrationProblem(result.issues)
  return result.metadata
}
