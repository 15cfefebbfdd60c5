// A router among the middlewares of the app.
import type Router from '@koa/router'
import type { RouterContext } from '@koa/router'
import type { Middleware } from 'koa'

/** The routes of a router as a middleware. */
export function routesOf(router: Router): Middleware {
  const routes = router.routes()
  // The router itself gives the context what its types ask for.
  return (ctx, next) => routes(ctx as RouterContext, next)
}
