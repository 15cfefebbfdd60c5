// Requests and responses of Node's http, as Koa, Express, Fastify and Nest hand them on. Only their shape is known here, so that
// nothing of Node is imported.
import type { AdapterOptions, SeenRequest } from './answering.ts'

/** The part of `http.IncomingMessage` that is used, and what frameworks add to it. */
export interface NodeRequest {
  readonly method?: string | undefined
  readonly url?: string | undefined
  /** Express: the address before routers took their part off. */
  readonly originalUrl?: string
  readonly headers: { readonly [name: string]: string | string[] | undefined }
  readonly socket?: unknown
}

/** The part of `http.ServerResponse` that is used. */
export interface NodeResponse {
  statusCode: number
  setHeader(name: string, value: string): unknown
  end(body?: string): unknown
}

/** What is to be seen of a request. `protocol` is the framework's idea of it, where it has one. */
export function seenRequest(request: NodeRequest, { certificate }: AdapterOptions, protocol?: string): SeenRequest {
  const { headers } = request
  const socket = Object(request.socket) as { encrypted?: boolean; getPeerCertificate?: () => { raw?: Uint8Array } | null }
  const scheme = protocol ?? (socket.encrypted === true ? 'https' : 'http')
  return {
    method: request.method ?? '',
    target: request.originalUrl ?? request.url ?? '/',
    origin: `${scheme}://${only(headers.host) ?? ''}`,
    authorization: only(headers.authorization),
    dpop: headers.dpop,
    certificate: certificate === undefined ? socket.getPeerCertificate?.()?.raw : certificate(request),
  }
}

/** Answers with JSON. */
export function answer(
  response: NodeResponse,
  {
    status,
    headers,
    body,
  }: { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: unknown },
): void {
  response.statusCode = status
  for (const [name, value] of Object.entries({ ...headers, 'Content-Type': 'application/json' })) response.setHeader(name, value)
  response.end(JSON.stringify(body))
}

function only(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0]
}
