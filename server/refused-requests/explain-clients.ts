// Explains why an app was not taken for the one that it says it is.
import { matchesClientSecret } from '../clients/client-secrets.ts'
import {
  type Explanation,
  type Explanations,
  type Known,
  listOf,
  type Members,
  membersOf,
  signsNobodyIn,
  textOf,
  timeText,
} from './explanation.ts'
import type { Refusal } from './refusal.ts'

/** The explanations. */
export const OF_CLIENTS: Explanations = {
  client_unknown: (refusal, { client, exchanged }) => {
    if (exchanged === true)
      return { cause: 'client_secret_as_id', expected: 'the client_id', received: 'the secret in its place, and the other way' }
    if (client?.status === 'suspended')
      return { cause: 'client_suspended', expected: 'an app that is active', received: `${client.id}, which is suspended` }
    return { expected: 'the client_id of an app that is registered', received: refusal.clientId ?? 'nothing' }
  },
  client_auth_method: ({ shownBy }, { client }) => ({
    expected: client?.metadata.token_endpoint_auth_method ?? 'the registered method',
    received: shownBy,
    reasons:
      shownBy === 'none' && client !== undefined && client.metadata.token_endpoint_auth_method.startsWith('client_secret')
        ? ['no secret came with the request']
        : [],
  }),
  client_auth_header: () => ({ expected: 'Basic, a space, and base64(client_id:secret)', received: 'another header' }),
  client_auth_twice: () => ({ expected: 'one of: the Authorization header, client_secret, client_assertion' }),
  client_auth_missing: () => ({ expected: 'client_id, and what shows that it is the app' }),
  client_id_mismatch: ({ params }) => ({
    expected: 'one client_id',
    received: `${params.client_id ?? 'nothing'} in the body, and another one`,
  }),
  secret_wrong: explainSecret,
  assertion_clock: explainAssertionClock,
  assertion_audience: (refusal, { issuer }) => ({
    expected: issuer,
    received: `aud: ${textOf(assertionOf(refusal).claims.aud)}`,
  }),
  assertion_issuer: (refusal) => {
    const { iss, sub } = assertionOf(refusal).claims
    return { expected: 'iss and sub: the client_id', received: `iss: ${textOf(iss)}, sub: ${textOf(sub)}` }
  },
  assertion_algorithm: (refusal, { client }) => ({
    expected: client?.metadata.token_endpoint_auth_signing_alg ?? 'ES256, RS256, PS256 or EdDSA',
    received: textOf(assertionOf(refusal).header.alg),
  }),
  assertion_signature: (refusal, { client }) => {
    const { kid, alg } = assertionOf(refusal).header
    return { expected: expectedKeys(client), received: `kid: ${textOf(kid)}, alg: ${textOf(alg)}` }
  },
  assertion_malformed: ({ params }) => ({
    expected: 'client_assertion_type: urn:ietf:params:oauth:client-assertion-type:jwt-bearer, and a JWT',
    received: `client_assertion_type: ${params.client_assertion_type ?? 'nothing'}`,
  }),
  certificate: (_refusal, { client }) => ({
    expected: `a certificate (${client?.metadata.token_endpoint_auth_method ?? 'as registered'})`,
  }),
  origin_not_allowed: ({ origin = 'none' }, known) =>
    signsNobodyIn(known, `a page of ${origin}`) ?? { expected: `one of: ${listOf(originsOf(known.client))}`, received: origin },
  content_type: ({ contentType }) => ({
    expected: 'Content-Type: application/x-www-form-urlencoded',
    received: `Content-Type: ${contentType ?? 'none'}`,
  }),
}

/** Secrets are compared as ever: what matches after a mistake is undone tells which it was. */
function explainSecret(refusal: Refusal, { client, secrets = [] }: Known): Explanation {
  const { secret = '', at, known } = refusal
  const received = secret === '' ? 'an empty secret' : 'something else'
  if (client === undefined) return known ? { expected: GOOD_SECRET, received } : explainBasic(refusal)
  const stored = client.secrets
  const ages = secrets.map(({ createdAt, expiresAt }, index) => {
    const end = expiresAt === undefined ? 'no end' : `good until ${timeText(expiresAt.getTime())}`
    return `secret ${index + 1}: made ${timeText(createdAt.getTime())}, ${end}`
  })
  const matches = (text: string, when = at) => matchesClientSecret(stored, text, when)
  // The process that refused it had not heard of it yet.
  if (known && matches(secret)) return { cause: 'client_just_changed', reasons: ages }
  if (!matches(secret) && matches(secret, Number.NEGATIVE_INFINITY))
    return { cause: 'secret_expired', expected: 'a secret that is good', received: 'one whose time is over', reasons: ages }
  if (!stored.some(({ expiresAt }) => expiresAt === undefined || expiresAt > at))
    return { cause: 'secret_missing', expected: 'a secret that is good', received: 'one, and the app has none', reasons: ages }
  if (secret.trim() !== secret && matches(secret.trim()))
    return { cause: 'secret_with_spaces', expected: 'the secret', received: 'the secret with blank characters', reasons: ages }
  const spellings = [secret, decoded(secret), encodeURIComponent(secret.toWellFormed()), secret.replaceAll(' ', '+')]
  if (spellings.some((text) => matches(text)))
    return { cause: 'secret_encoded', expected: 'the secret', received: 'the secret in another encoding', reasons: ages }
  return { expected: GOOD_SECRET, received, reasons: [...strangeCharacters(refusal), ...ages] }
}

const GOOD_SECRET = 'a secret of the app that is good'

/** What came in a Basic header cannot be told to be any app's. */
function explainBasic(refusal: Refusal): Explanation {
  return {
    cause: 'client_auth_header',
    expected: 'Basic, a space, and base64(client_id:secret), each of the two encoded as in a form',
    received: refusal.secret === '' ? 'an empty secret' : 'a client_id or secret that is not encoded so',
    reasons: strangeCharacters(refusal),
  }
}

/** Which of the two has what neither ever has (RFC 6749 §A.1, §A.2). */
function strangeCharacters({ clientId = '', secret = '' }: Refusal): string[] {
  return Object.entries({ client_id: clientId, client_secret: secret })
    .filter(([, text]) => /[^\x20-\x7e]/.test(text))
    .map(([name]) => `the ${name} has characters that are not printable ASCII, such as a line break`)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const LONGEST_SECONDS = 300

function explainAssertionClock(refusal: Refusal): Explanation {
  const { claims } = assertionOf(refusal)
  const now = Math.floor(refusal.at / 1000)
  const at = (name: string): string[] => {
    const time = claims[name]
    if (typeof time !== 'number' || !Number.isFinite(time)) return []
    const difference = Math.round(Math.abs(time - now))
    return [`${name} is ${timeText(time * 1000)}: ${difference} seconds ${time < now ? 'before' : 'after'} the server’s time`]
  }
  const reasons = ['exp', 'iat', 'nbf'].flatMap(at)
  return {
    expected: `exp within ${LONGEST_SECONDS} seconds after the server’s time, ${timeText(now * 1000)}; iat and nbf not after it`,
    received:
      claims.exp === undefined ? 'no exp' : `exp: ${typeof claims.exp === 'number' ? timeText(claims.exp * 1000) : 'no number'}`,
    reasons,
  }
}

/** Read, and believed in nothing. */
function assertionOf({ params }: Refusal): { readonly header: Members; readonly claims: Members } {
  const [header, claims] = (params.client_assertion ?? '').split('.', 2)
  return { header: membersOf(header), claims: membersOf(claims) }
}

function expectedKeys(client: Known['client']): string {
  const { jwks, jwks_uri: uri } = client?.metadata ?? {}
  if (uri !== undefined) return `a key that is at ${uri}`
  const keys = (jwks?.keys ?? []).map((key: Members) => `${textOf(key.kid)} (${textOf(key.alg ?? key.kty)})`)
  return `one of the registered keys, by kid: ${listOf(keys)}`
}

function originsOf(client: Known['client']): string[] {
  const origins = (client?.metadata.redirect_uris ?? []).map((uri) => URL.parse(uri)?.origin)
  return [...new Set(origins.filter((origin) => origin !== undefined && origin !== 'null'))] as string[]
}
