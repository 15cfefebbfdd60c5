// Signed answers of introspection (RFC 9701), for resource servers that must be able to show later what they were told. Whoever
// asks for one gets one, signed as its registration says.
import { importJWK, type JWK, SignJWT } from 'jose'
import type { Client, KoaContextWithOIDC } from 'oidc-provider'
import type { Clock } from '../../config/clock.ts'
import type { SigningKeys } from '../keys/signing-keys.ts'

/** RFC 9701 §4 */
const SIGNED = 'application/token-introspection+jwt'

/** RFC 9701 §6: where a client does not say. */
const DEFAULT_ALGORITHM = 'RS256'

/** Signs the answer that a request was given, if it asks for that and has said who it is. */
export type SignIntrospection = (ctx: KoaContextWithOIDC) => Promise<void>

/** Makes it, for the keys that a Provider is built with. */
export function createSignedIntrospection(deps: {
  readonly issuer: string
  readonly keys: SigningKeys
  readonly clock: Clock
}): SignIntrospection {
  const signers = new Map<string, ReturnType<typeof signerOf>>()
  return async (ctx) => {
    const { client } = ctx.oidc
    if (client === undefined || !asksForSigned(ctx) || ctx.status !== 200) return
    // A public client has not shown who it is, and there is nobody whom the answer could name (RFC 9701 §5).
    if (client.clientAuthMethod === 'none') return
    const alg = algorithmOf(client)
    const signer = signers.get(alg) ?? signerOf(deps.keys, alg)
    signers.set(alg, signer)
    const { key, kid } = await signer
    // RFC 9701 §5: `iss`, `aud` (who asked) and `iat`, and all that is said of the token in a claim of its own, so that the answer
    // never passes for an access token.
    ctx.body = await new SignJWT({ token_introspection: ctx.body })
      .setProtectedHeader({ alg, typ: 'token-introspection+jwt', kid })
      .setIssuer(deps.issuer)
      .setAudience(client.clientId)
      .setIssuedAt(Math.floor(deps.clock() / 1000))
      .sign(key)
    ctx.set('Content-Type', SIGNED)
  }
}

function asksForSigned(ctx: KoaContextWithOIDC): boolean {
  return ctx.accepts('application/json', SIGNED) === SIGNED
}

function algorithmOf(client: Client): string {
  const alg = client.introspection_signed_response_alg
  return typeof alg === 'string' ? alg : DEFAULT_ALGORITHM
}

async function signerOf(keys: SigningKeys, alg: string) {
  const jwk: JWK | undefined = keys.privateJwks.keys.find((key) => key.alg === alg)
  if (jwk?.kid === undefined) throw new Error(`there is no key to sign with ${alg}`)
  return { key: await importJWK(jwk, alg), kid: jwk.kid }
}
