// The first of all middlewares: a request for another host than ours is refused before anything looks at it, and what
// the client says about host and protocol is replaced by the configuration. Whatever builds an address from a request
// (the library does, for discovery) can then only build ours.
import type { IncomingMessage } from 'node:http'
import type { Middleware } from 'koa'

/** 421: the request reached a server that does not answer for that host (RFC 9110 §15.5.20). */
const MISDIRECTED = 421

/** Makes the middleware. `aliases` are further `Host` values that are answered. */
export function createHostPinning({
  issuer,
  aliases,
}: {
  readonly issuer: string
  readonly aliases: readonly string[]
}): Middleware {
  const { host, protocol } = new URL(issuer)
  const known = new Set([host, ...aliases].map((name) => name.toLowerCase()))
  return async (ctx, next) => {
    const { req } = ctx
    if (!(req.url ?? '').startsWith('/') || hosts(req).length !== 1 || !known.has(hosts(req)[0] ?? '')) {
      ctx.status = MISDIRECTED
      ctx.type = 'text/plain; charset=utf-8'
      ctx.set('Cache-Control', 'no-store')
      ctx.body = `This server answers for ${host} only. If the address is right, name it in ISSUER or LATCHKEY_HOST_ALIASES.\n`
      return
    }
    for (const name of Object.keys(req.headers)) {
      if (name === 'forwarded' || (name.startsWith('x-forwarded-') && name !== 'x-forwarded-for')) delete req.headers[name]
    }
    req.headers.host = host
    req.headers['x-forwarded-host'] = host
    req.headers['x-forwarded-proto'] = protocol.slice(0, -1)
    await next()
  }
}

/** All `Host` headers: Node keeps the first of several, a proxy in front may have believed another (RFC 9112 §3.2). */
function hosts(req: IncomingMessage): string[] {
  const { rawHeaders } = req
  const found: string[] = []
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() === 'host') found.push((rawHeaders[index + 1] ?? '').toLowerCase())
  }
  return found
}
