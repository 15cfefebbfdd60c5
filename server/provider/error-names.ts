// Where the library gives an error another name than the specification does, the client is told the specification's.
import type { KoaContextWithOIDC } from 'oidc-provider'

/** A middleware for `provider.use`. */
export async function nameErrors(ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> {
  await next()
  const { body } = ctx
  if (ctx.oidc?.route !== 'token' || ctx.status !== 400 || typeof body !== 'object' || body === null) return
  // RFC 6749 §5.2: the client is authenticated, and not authorized for this grant type.
  if ('error_description' in body && body.error_description === 'requested grant type is not allowed for this client') {
    Object.assign(body, { error: 'unauthorized_client' })
  }
}
