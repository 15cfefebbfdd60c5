// Explains why a token request was refused once it was known which app sends it.
import {
  cameAs,
  type Explanation,
  type Explanations,
  type Known,
  lengthOf,
  listOf,
  membersOf,
  scopeReasons,
  textOf,
  timeText,
} from './explanation.ts'
import type { Refusal } from './refusal.ts'

const GRANT_TYPES = 'authorization_code, refresh_token or client_credentials'

/** The explanations. */
export const OF_TOKENS: Explanations = {
  grant_type_unsupported: (refusal) => ({ expected: GRANT_TYPES, received: cameAs(refusal, 'grant_type') }),
  grant_type_not_allowed: (refusal, { client }) => ({
    expected: listOf(client?.metadata.grant_types ?? []),
    received: cameAs(refusal, 'grant_type'),
  }),
  code_unknown: explainCode,
  code_used: () => ({ expected: 'a code that was not redeemed yet', received: 'one that was' }),
  code_redirect_uri: (refusal) => ({
    expected: refusal.code?.redirectUri ?? 'the redirect_uri of the authorization request',
    received: cameAs(refusal, 'redirect_uri'),
  }),
  pkce_verifier_missing: () => ({ expected: 'code_verifier', received: 'nothing' }),
  pkce_verifier_wrong: ({ code, params }) =>
    code?.challenge !== undefined && code.challenge === params.code_verifier
      ? {
          cause: 'pkce_verifier_plain',
          expected: 'code_challenge: BASE64URL(SHA256(code_verifier))',
          received: 'code_challenge: the code_verifier itself',
        }
      : {
          expected: 'the code_verifier whose SHA-256 the code_challenge was',
          received: `another one, of ${lengthOf(params.code_verifier)}`,
        },
  pkce_verifier_malformed: ({ params }) => ({
    expected: '43 to 128 characters: letters, digits, - . _ ~',
    received: lengthOf(params.code_verifier),
  }),
  pkce_verifier_unexpected: () => ({ expected: 'no code_verifier', received: 'one' }),
  other_client: (refusal, { token }) => ({
    expected: `the app that it was given to${nameOf(refusal.code?.clientId ?? token?.ids.clientId)}`,
    received: refusal.clientId ?? 'another one',
  }),
  sender_key: ({ proof, error }) => ({
    expected: /x5t|certificate/i.test(error.detail ?? '') ? 'the certificate that it is bound to' : 'a proof by its key',
    received: proof === undefined ? 'no DPoP proof' : 'a proof by another key',
  }),
  refresh_token_unknown: (refusal, { token }) => {
    const { reason, refresh } = token ?? {}
    const shape =
      token?.kind === 'refresh_token'
        ? []
        : [`what came has not the shape of a refresh token: ${lengthOf(refusal.params.refresh_token)}`]
    return {
      expected: 'a refresh token that is good',
      received: refresh === undefined ? 'one that is not known' : `generation ${refresh.generation} of a family that is over`,
      reasons: token?.kind === 'refresh_token' && reason !== undefined ? [reason] : shape,
    }
  },
  refresh_token_reused: explainReuse,
  scope_not_granted: (refusal, { token }) => ({
    expected: textOf(token?.claims?.scope ?? 'no more than the person has agreed to'),
    received: cameAs(refusal, 'scope'),
    reasons: scopeReasons(refusal),
  }),
  proof_clock: (refusal) => {
    const { iat } = membersOf(refusal.proof?.split('.')[1])
    const received = typeof iat === 'number' ? `iat: ${timeText(iat * 1000)}` : 'no iat'
    return { expected: `iat within five minutes of the server’s time, ${timeText(refusal.at)}`, received }
  },
  proof_malformed: (refusal, { issuer }) => {
    const { htm, htu } = membersOf(refusal.proof?.split('.')[1])
    const path = refusal.endpoint === 'token' ? '/token' : '/par'
    return {
      expected: `htm: POST, htu: ${issuer}${path}`,
      received: `htm: ${textOf(htm)}, htu: ${textOf(htu)}`,
      reasons: refusal.error.detail === undefined ? [] : [refusal.error.description ?? ''].filter((text) => text !== ''),
    }
  },
}

function explainCode(refusal: Refusal, { token }: Known): Explanation {
  const expected = 'a code of this server, redeemed within its minute'
  if (token?.kind !== 'authorization_code') {
    const received = `something of ${lengthOf(refusal.params.code)} that is no code, or none any more`
    const encoded = /%[0-9a-f]{2}|\s/i.test(refusal.params.code ?? '')
    return { expected, received, reasons: encoded ? ['it seems to be encoded once too often'] : [] }
  }
  const times = token.expiresAt === undefined ? [] : [`it was good until ${timeText(token.expiresAt.getTime())}`]
  return { expected, received: 'a code that is over', reasons: [...(token.reason === undefined ? [] : [token.reason]), ...times] }
}

/** The newest one was not used yet: what came in its place has only its number. */
function explainReuse({ refresh }: Refusal): Explanation {
  if (refresh === undefined) return { expected: 'the newest of its family', received: 'one that was spent' }
  const { generation, newest } = refresh
  return generation === newest
    ? {
        cause: 'refresh_token_changed',
        expected: `the refresh token of generation ${newest}, the newest of its family, as it was given`,
        received: `one of generation ${generation} with another secret`,
      }
    : { expected: `generation ${newest}, the newest of its family`, received: `generation ${generation}` }
}

function nameOf(clientId: string | undefined): string {
  return clientId === undefined ? '' : `: ${clientId}`
}
