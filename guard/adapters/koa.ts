// Koa: middleware that puts the claims into `ctx.state.token`.
import { type AdapterOptions, decide, type Guarding } from './answering.ts'
import { type NodeRequest, seenRequest } from './node-request.ts'

/** The part of a Koa context that is used. */
export interface KoaContext {
  readonly req: NodeRequest
  readonly originalUrl: string
  readonly protocol: string
  readonly state: object
  status: number
  body: unknown
  set(name: string, value: string): unknown
}

export type KoaMiddleware = (context: KoaContext, next: () => Promise<unknown>) => Promise<void>

export function koaAdapter(guarding: Guarding, options: AdapterOptions = {}): KoaMiddleware {
  return async (context, next) => {
    const request = { ...seenRequest(context.req, options, context.protocol), target: context.originalUrl }
    const outcome = await decide(guarding, request, options)
    if (outcome.kind === 'accepted') {
      Object.assign(context.state, { token: outcome.token })
      await next()
    } else if (outcome.kind === 'metadata') {
      context.status = 200
      context.body = outcome.document
    } else {
      if (options.errors === 'pass') throw outcome.error
      const { status, headers, body } = outcome.refusal
      for (const [name, value] of Object.entries(headers)) context.set(name, value)
      context.status = status
      context.body = body
    }
  }
}
