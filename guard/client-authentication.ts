// How this API proves to the authorization server who it is: with its secret, or with an assertion that its key signs.
import { importJWK, SignJWT } from 'jose'
import type { ServerTime } from './clock.ts'
import type { KnownCredentials } from './options.ts'
import type { Answer } from './requests.ts'

/** What a request needs to be the client's. */
export interface Authentication {
  readonly headers: Readonly<Record<string, string>>
  readonly parameters: Readonly<Record<string, string>>
}

/** Has a request sent that is the client's, and returns the answer. */
export type ClientAuthentication = (send: (authentication: Authentication) => Promise<Answer>) => Promise<Answer>

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

export function createClientAuthentication(
  client: KnownCredentials,
  { issuer, time }: { readonly issuer: string; readonly time: ServerTime },
): ClientAuthentication {
  if ('secret' in client) {
    // RFC 6749 §2.3.1: both parts are form-encoded before they are joined.
    const authorization = `Basic ${btoa(`${formEncoded(client.id)}:${formEncoded(client.secret)}`)}`
    return (send) => send({ headers: { authorization }, parameters: {} })
  }
  const provenAt = async (seconds: number) => ({
    headers: {},
    parameters: { client_assertion_type: ASSERTION_TYPE, client_assertion: await assertionOf(client, issuer, seconds) },
  })
  let aheadSeconds = 0
  return async (send) => {
    const now = time.seconds() + aheadSeconds
    const answer = await send(await provenAt(now))
    // An assertion is judged by the clock of the host that is asked, and before one was taken nothing else tells the time.
    const offSeconds = answer.status === 401 ? Date.parse(answer.headers.get('date') ?? '') / 1000 - now : 0
    if (!(Math.abs(offSeconds) > WORTH_CORRECTING_SECONDS)) return answer
    aheadSeconds += offSeconds
    return send(await provenAt(now + offSeconds))
  }
}

/** An assertion lives for a minute, and none may be of later than in a few seconds. */
const WORTH_CORRECTING_SECONDS = 3

/** RFC 7523 §3, for the issuer alone and for one minute. */
async function assertionOf(client: Extract<KnownCredentials, { key: unknown }>, issuer: string, now: number) {
  const { id, key } = client
  const isJwk = 'kty' in key
  const alg = client.alg ?? (isJwk ? key.alg : undefined) ?? 'ES256'
  const kid = client.kid ?? (isJwk ? key.kid : undefined)
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
