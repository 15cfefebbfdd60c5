// The OpenAPI document of the admin API, made of the schemas that check its requests.

import { z } from 'zod'
import {
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponseObject,
  type ZodOpenApiResponsesObject,
} from 'zod-openapi'
import { ADMIN_SCOPES } from '../../config/scopes.ts'
import { headersOf, otherProblem, PROBLEM_ANSWERS } from './answer-headers.ts'
import { type ApiOutcome, type ApiRoute, route } from './route.ts'

/** An OpenAPI 3.1 document. */
export type OpenApiDocument = ReturnType<typeof createDocument>

/** The document, made when somebody asks for it first: it is of all routes, those that serve it among them. */
export function openApiOf(
  routes: () => readonly ApiRoute[],
  about: { readonly issuer: string; readonly version: string },
): () => OpenApiDocument {
  let document: OpenApiDocument | undefined
  return () => {
    document ??= openApiDocument(routes(), about)
    return document
  }
}

/** Makes the route that serves it. */
export function openApiRoute(document: () => OpenApiDocument): ApiRoute {
  return route({
    method: 'get',
    path: '/openapi.json',
    name: 'getOpenApi',
    tag: 'API',
    summary: 'This API, as an OpenAPI 3.1 document',
    access: 'public',
    outcomes: {
      200: { description: 'The document.', schema: z.looseObject({}), headers: ['Access-Control-Allow-Origin'] },
    },
    async handle() {
      return { body: document(), headers: { 'Access-Control-Allow-Origin': '*' } }
    },
  })
}

function openApiDocument(
  routes: readonly ApiRoute[],
  { issuer, version }: { readonly issuer: string; readonly version: string },
): OpenApiDocument {
  const paths: { [path: string]: { [method: string]: ZodOpenApiOperationObject } } = {}
  for (const one of routes) {
    const path = one.path.replace(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [one.method]: operationOf(one) }
  }
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Latchkey admin API',
      version,
      description:
        'What the console does, for programs. Errors are `application/problem+json` (RFC 9457) with a stable `type`. Send an `Idempotency-Key` with a POST that may have to be sent again.',
    },
    servers: [{ url: `${issuer}/admin/api/v1` }],
    components: {
      securitySchemes: {
        accessToken: {
          type: 'oauth2',
          description: `An access token of this server with the resource \`${issuer}/admin/api\`.`,
          flows: {
            clientCredentials: {
              tokenUrl: `${issuer}/token`,
              scopes: Object.fromEntries(ADMIN_SCOPES.map((scope) => [scope, meaningOf(scope)])),
            },
          },
        },
      },
    },
    paths: paths as ZodOpenApiPathsObject,
  })
}

function meaningOf(scope: string): string {
  const [noun = '', verb = ''] = scope.split(':')
  return `${{ read: 'Look at', write: 'Make and change', revoke: 'Revoke' }[verb] ?? ''} ${noun}`
}

const PROBLEM = z
  .object({
    type: z.string().meta({ description: 'What kind of problem, as a URN that does not change.' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    request_id: z.string(),
    errors: z.array(z.object({ at: z.string(), detail: z.string() })).optional(),
    error: z.string().optional().meta({ description: 'Of a 503, the name that OAuth has for it.' }),
    error_description: z.string().optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457.' })

function operationOf(one: ApiRoute): ZodOpenApiOperationObject {
  const { access, params, query, body, versioned } = one
  const headers = {
    ...(one.method === 'post' && access !== 'public' ? { 'Idempotency-Key': z.string().max(200).optional() } : {}),
    ...(versioned === true
      ? { 'If-Match': z.string().optional().meta({ description: 'The ETag of what is to be changed.' }) }
      : {}),
  }
  return {
    operationId: one.name,
    tags: [one.tag],
    summary: one.summary,
    description: [one.description, access === 'public' ? undefined : `People need one of the roles ${access.roles.join(', ')}.`]
      .filter((text) => text !== undefined)
      .join('\n\n'),
    security: access === 'public' ? [] : [access, ...(one.accessToOwn ?? [])].map(({ scope }) => ({ accessToken: [scope] })),
    requestParams: {
      ...(params === undefined ? {} : { path: params }),
      ...(query === undefined ? {} : { query }),
      ...(Object.keys(headers).length === 0 ? {} : { header: z.object(headers) }),
    },
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: one.bodyOptional !== true,
            content: {
              'application/json': { schema: body },
              ...(one.csv === true ? { 'text/csv': { schema: z.string() } } : {}),
            },
          },
        }),
    responses: responsesOf(one),
  }
}

function responsesOf({ access, outcomes }: ApiRoute): ZodOpenApiResponsesObject {
  const isPublic = access === 'public'
  const content = { 'application/problem+json': { schema: PROBLEM } }
  const refusals = Object.entries(PROBLEM_ANSWERS).map(([status, answer]) => [status, { ...answer, content }])
  return {
    ...Object.fromEntries(Object.entries(outcomes).map(([status, outcome]) => [status, responseOf(outcome, isPublic)])),
    ...(isPublic ? {} : Object.fromEntries(refusals)),
    default: { description: 'A problem.', headers: otherProblem(isPublic), content },
  }
}

function responseOf({ description, schema, types = [], ...own }: ApiOutcome, isPublic: boolean): ZodOpenApiResponseObject {
  const { headers = [], headersAtTimes = [] } = own
  return {
    description,
    headers: headersOf(isPublic, [...headers, ...headersAtTimes], headersAtTimes),
    ...(schema === undefined ? {} : { content: { 'application/json': { schema } } }),
    ...(types.length === 0 ? {} : { content: Object.fromEntries(types.map((type) => [type, { schema: z.string() }])) }),
  }
}
