// The reference of the admin API, as the server serves it: pages for people, made of the OpenAPI document, without a script.
import { Readable } from 'node:stream'
import { z } from 'zod'
import { type Reference, referenceGroupPage, referencePage } from '../../views/admin-api/reference.ts'
import type { Html } from '../../views/html.ts'
import type { OpenApiDocument } from './openapi.ts'
import { referenceOf } from './reference-outline.ts'
import { type ApiAnswer, type ApiRoute, route } from './route.ts'
import { ADMIN_API_PATH } from './routes.ts'
import { notFound } from './shapes.ts'

const PAGE = { description: 'The page.', types: ['text/html; charset=utf-8'] }

/** Makes the routes that serve it, for a document that they are described in themselves. */
export function referenceRoutes(document: () => OpenApiDocument): ApiRoute[] {
  let made: Reference | undefined
  const reference = () => {
    made ??= referenceOf(document(), ADMIN_API_PATH)
    return made
  }
  const common = { method: 'get', tag: 'API', access: 'public', outcomes: { 200: PAGE } } as const
  return [
    route({
      ...common,
      path: '/reference',
      name: 'getReference',
      summary: 'This API, as a page for people',
      handle: async () => shown(referencePage(reference())),
    }),
    route({
      ...common,
      path: '/reference/:noun',
      name: 'getReferenceOfNoun',
      summary: 'The routes of a noun, as a page for people',
      params: z.object({ noun: z.string().max(100) }),
      async handle({ params }) {
        const group = reference().groups.find(({ slug }) => slug === params.noun)
        if (group === undefined) throw notFound('page')
        return shown(referenceGroupPage(reference(), group))
      },
    }),
  ]
}

function shown(page: Html): ApiAnswer {
  return { stream: Readable.from([page.toString()]), headers: { 'Content-Type': 'text/html; charset=utf-8' } }
}
