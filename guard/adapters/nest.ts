// Nest: a guard that puts the claims into `request.token`, on Express and on Fastify. It refuses by throwing, as guards do there:
// the challenge is set before, and Nest answers with the status of the exception.
import { type AdapterOptions, decide, type Guarding } from './answering.ts'
import { type NodeRequest, seenRequest } from './node-request.ts'

/** The part of an execution context that is used. */
export interface NestContext {
  switchToHttp(): { getRequest<T>(): T; getResponse<T>(): T }
}

/** How the guard for Nest is to act. */
export interface NestOptions extends AdapterOptions {
  /**
   * The class of that name from `@nestjs/common`, to refuse with. Without it the guard's own errors are thrown, and Nest logs every
   * refusal as an error.
   */
  readonly HttpException?: new (
    body: object,
    status: number,
  ) => Error
}

/** What `@UseGuards` takes. */
export interface NestGuard {
  canActivate(context: NestContext): Promise<boolean>
}

type NestRequest = NodeRequest & { readonly raw?: NodeRequest; readonly protocol?: string }
type NestResponse = { header(name: string, value: string): unknown }

export function nestAdapter(guarding: Guarding, options: NestOptions = {}): NestGuard {
  return {
    async canActivate(context) {
      const http = context.switchToHttp()
      const request = http.getRequest<NestRequest>()
      const seen = seenRequest(request.raw ?? request, options, request.protocol)
      // The metadata has a route of its own there, if any: a guard lets pass or refuses.
      const outcome = await decide(
        { ...guarding, metadata: undefined },
        { ...seen, target: request.originalUrl ?? seen.target },
        options,
      )
      if (outcome.kind === 'refused') {
        const response = http.getResponse<NestResponse>()
        const { status, headers, body } = outcome.refusal
        for (const [name, value] of Object.entries(headers)) response.header(name, value)
        throw options.HttpException === undefined ? outcome.error : new options.HttpException(body, status)
      }
      if (outcome.kind === 'accepted') Object.assign(request, { token: outcome.token })
      return outcome.kind === 'accepted'
    },
  }
}
