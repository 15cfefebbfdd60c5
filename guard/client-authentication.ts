// How this API proves to the authorization server who it is: with its secret, or with an assertion that its key signs.
import { importJWK, SignJWT } from 'jose'
import type { ServerTime } from './clock.ts'
import type { KnownCredentials } from './options.ts'

/** What a request needs to be the client's. */
export interface Authentication {
  readonly headers: Readonly<Record<string, string>>
  readonly parameters: Readonly<Record<string, string>>
}

/** Makes what the next request needs. */
export type ClientAuthentication = () => Promise<Authentication>

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

export function createClientAuthentication(
  client: KnownCredentials,
  { issuer, time }: { readonly issuer: string; readonly time: ServerTime },
): ClientAuthentication {
  if ('secret' in client) {
    // RFC 6749 §2.3.1: both parts are form-encoded before they are joined.
    const authorization = `Basic ${btoa(`${formEncoded(client.id)}:${formEncoded(client.secret)}`)}`
    return async () => ({ headers: { authorization }, parameters: {} })
  }
  return async () => ({
    headers: {},
    parameters: { client_assertion_type: ASSERTION_TYPE, client_assertion: await assertionOf(client, issuer, time) },
  })
}

/** RFC 7523 §3, for the issuer alone and for one minute. */
async function assertionOf(client: Extract<KnownCredentials, { key: unknown }>, issuer: string, time: ServerTime) {
  const { id, key } = client
  const isJwk = 'kty' in key
  const alg = client.alg ?? (isJwk ? key.alg : undefined) ?? 'ES256'
  const kid = client.kid ?? (isJwk ? key.kid : undefined)
  const now = time.seconds()
  return new SignJWT()
    .setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }) })
    .setIssuer(id)
    .setSubject(id)
    .setAudience(issuer)
    .setJti(crypto.randomUUID())
    .setIssuedAt(now)
    .setExpirationTime(now + 60)
    .sign(isJwk ? await importJWK(key, alg) : key)
}

function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1)
}
