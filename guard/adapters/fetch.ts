// Handlers of the Fetch standard: Deno, Bun, Cloudflare Workers, Hono, route handlers of Next.js.
import type { AccessToken } from '../access-token.ts'
import { type AdapterOptions, decide, type Guarding } from './answering.ts'

/** A handler behind the guard. What the runtime passes beside the request comes after the claims. */
export type GuardedHandler<Rest extends readonly unknown[]> = (
  request: Request,
  token: AccessToken,
  ...rest: Rest
) => Response | Promise<Response>

export type FetchHandler<Rest extends readonly unknown[]> = (request: Request, ...rest: Rest) => Promise<Response>

export function fetchAdapter<Rest extends readonly unknown[]>(
  guarding: Guarding,
  options: AdapterOptions,
  handler: GuardedHandler<Rest>,
): FetchHandler<Rest> {
  return async (request, ...rest) => {
    const { origin, pathname, search } = new URL(request.url)
    const seen = {
      method: request.method,
      target: `${pathname}${search}`,
      origin,
      authorization: request.headers.get('authorization') ?? undefined,
      dpop: request.headers.get('dpop') ?? undefined,
      certificate: options.certificate?.(request),
    }
    const outcome = await decide(guarding, seen, options)
    if (outcome.kind === 'accepted') return handler(request, outcome.token, ...rest)
    if (outcome.kind === 'metadata') return Response.json(outcome.document)
    if (options.errors === 'pass') throw outcome.error
    const { status, headers, body } = outcome.refusal
    return Response.json(body, { status, headers })
  }
}
