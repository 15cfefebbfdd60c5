// Fastify: a plugin for all routes, or an `onRequest` hook for some, that puts the claims into `request.token`.
import { type AdapterOptions, decide, type Guarding } from './answering.ts'
import { type NodeRequest, seenRequest } from './node-request.ts'

/** The part of a request of Fastify that is used. */
export interface FastifyRequest {
  readonly raw: NodeRequest
  readonly protocol: string
  readonly originalUrl: string
}

/** The part of its reply that is used. */
export interface FastifyReply {
  code(status: number): unknown
  header(name: string, value: string): unknown
  send(body: unknown): unknown
}

/** The part of an instance that is used. */
export interface FastifyInstance {
  addHook(name: 'onRequest', hook: FastifyHook): unknown
}

export type FastifyHook = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>

/** Both at once: `app.register(guard.fastify())` and `{ onRequest: guard.fastify() }`. */
export interface FastifyAdapter {
  (request: FastifyRequest, reply: FastifyReply): Promise<unknown>
  (instance: FastifyInstance, options: object): Promise<unknown>
}

export function fastifyAdapter(guarding: Guarding, options: AdapterOptions = {}): FastifyAdapter {
  const hook: FastifyHook = async (request, reply) => {
    const seen = { ...seenRequest(request.raw, options, request.protocol), target: request.originalUrl }
    const outcome = await decide(guarding, seen, options)
    if (outcome.kind === 'accepted') {
      Object.assign(request, { token: outcome.token })
      return undefined
    }
    if (outcome.kind === 'metadata') return reply.send(outcome.document)
    if (options.errors === 'pass') throw outcome.error
    const { status, headers, body } = outcome.refusal
    for (const [name, value] of Object.entries(headers)) reply.header(name, value)
    reply.code(status)
    return reply.send(body)
  }
  const adapter = async (first: FastifyInstance | FastifyRequest, second: object) => {
    if (!('addHook' in first)) return hook(first, second as FastifyReply)
    first.addHook('onRequest', hook)
    return undefined
  }
  // A plugin is a world of its own in Fastify, unless it says that it is not: its hook is to hold for its siblings.
  return Object.assign(adapter, { [Symbol.for('skip-override')]: true })
}
