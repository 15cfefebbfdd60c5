// `/status-lists`: which access tokens were ended, for APIs that look now and then and hold no connection (Token Status List,
// draft-ietf-oauth-status-list, §8 and §9). Whoever has a token may look, so everybody may.
import Router from '@koa/router'
import type { Middleware } from 'koa'
import { openToPages } from '../http/cross-origin.ts'
import { forPrograms } from '../http/error-pages.ts'
import { isKnown } from '../http/known-version.ts'
import { HttpProblem } from '../http/problems.ts'
import { routesOf } from '../http/routes.ts'
import { STATUS_LISTS_PATH, type StatusLists, statusListUri } from '../tokens/status-lists.ts'
import type { StatusListTokens } from './status-list-tokens.ts'

/** What the routes need. */
export interface StatusListRoutesDeps {
  readonly issuer: string
  readonly statusLists: StatusLists
  readonly tokens: StatusListTokens
  readonly ttlSeconds: number
}

const STATUS_LIST_JWT = 'application/statuslist+jwt'

/** Makes the routes. */
export function createStatusListRoutes({ issuer, statusLists, tokens, ttlSeconds }: StatusListRoutesDeps): Middleware {
  const router = new Router({ prefix: STATUS_LISTS_PATH })
  const caching = `public, max-age=${ttlSeconds}`

  router.get('/', async (ctx) => {
    const ids = await statusLists.list()
    ctx.set('Cache-Control', caching)
    // §9.3
    ctx.body = { status_lists: ids.map((id) => statusListUri(issuer, id)) }
  })

  router.get('/:id', async (ctx) => {
    // §8.4: what was, is not told.
    if (ctx.query.time !== undefined) {
      throw new HttpProblem(501, 'Not implemented', 'Only the statuses of now are told: leave out `time`.')
    }
    if (ctx.accepts(STATUS_LIST_JWT) === false) {
      throw new HttpProblem(406, 'Not acceptable', `A status list comes as ${STATUS_LIST_JWT} only.`)
    }
    const token = await tokens.find(ctx.params.id ?? '')
    if (token === undefined)
      throw new HttpProblem(404, 'No such list', 'There is no such status list, or all its tokens have expired.')
    ctx.vary('Accept')
    ctx.set('Cache-Control', caching)
    ctx.set('ETag', token.version)
    if (isKnown(ctx, token.version)) {
      ctx.status = 304
      return
    }
    ctx.type = STATUS_LIST_JWT
    ctx.body = token.jwt
  })

  // §8.1: for browsers' pages too. There is nothing in it that is not for everybody.
  return forPrograms(STATUS_LISTS_PATH, openToPages(routesOf(router)))
}
