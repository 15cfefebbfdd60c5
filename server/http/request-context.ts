// Who is asking: the request's id, the client's address and its user agent, found once at the door and read by
// whoever writes a log line or an audit event about the request.
import type { IncomingMessage } from 'node:http'

/** What is known of a request before anything of it is believed. */
export interface RequestInfo {
  readonly requestId: string
  /** The client's address, after trusted proxies have been taken into account. */
  readonly address: string
  readonly userAgent?: string
}

const infos = new WeakMap<IncomingMessage, RequestInfo>()

/** Remembers what the door found out about a request. */
export function setRequestInfo(request: IncomingMessage, info: RequestInfo): void {
  infos.set(request, info)
}

/** What is known of a request. A request that did not come through the door has the address of its socket and no id. */
export function requestInfo(request: IncomingMessage): RequestInfo {
  return infos.get(request) ?? { requestId: '', address: request.socket.remoteAddress ?? '' }
}

/** The same for a Koa context: what audit events carry. */
export function originOf(ctx: { readonly req: IncomingMessage }): RequestInfo {
  return requestInfo(ctx.req)
}
