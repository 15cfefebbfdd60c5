// Express, Connect and their like: middleware that puts the claims into `request.token`.
import { type AdapterOptions, decide, type Guarding } from './answering.ts'
import { answer, type NodeRequest, type NodeResponse, seenRequest } from './node-request.ts'

/** The part of a request of Express that is used. */
export interface ExpressRequest extends NodeRequest {
  readonly protocol?: string
}

export type ExpressMiddleware = (request: ExpressRequest, response: NodeResponse, next: (error?: unknown) => void) => void

export function expressAdapter(guarding: Guarding, options: AdapterOptions = {}): ExpressMiddleware {
  async function run(request: ExpressRequest, response: NodeResponse): Promise<unknown> {
    const outcome = await decide(guarding, seenRequest(request, options, request.protocol), options)
    if (outcome.kind === 'accepted') {
      Object.assign(request, { token: outcome.token })
      return GO_ON
    }
    if (outcome.kind === 'metadata') return answer(response, { status: 200, headers: {}, body: outcome.document })
    if (options.errors === 'pass') throw outcome.error
    return answer(response, outcome.refusal)
  }

  return (request, response, next) => {
    // Outside of the promise: what the next handler throws is not ours to catch.
    run(request, response).then((result) => result === GO_ON && next(), next)
  }
}

const GO_ON = Symbol('go on')
