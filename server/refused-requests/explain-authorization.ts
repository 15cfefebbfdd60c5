// Explains why an authorization request was refused, or a sign-out.
import {
  cameAs,
  type Explanation,
  type Explanations,
  type Known,
  lengthOf,
  listOf,
  scopeReasons,
  signsNobodyIn,
} from './explanation.ts'

/** The explanations. */
export const OF_AUTHORIZATION: Explanations = {
  redirect_uri: (refusal, known) =>
    signsNobodyIn(known, cameAs(refusal, 'redirect_uri')) ??
    explainUri(refusal.params.redirect_uri, known.client?.metadata.redirect_uris, known),
  post_logout_redirect_uri: (refusal, known) =>
    explainUri(refusal.params.post_logout_redirect_uri, known.client?.metadata.post_logout_redirect_uris, known),
  parameter_missing: ({ error, params }) => ({
    expected: (error.description ?? '').replace(/^missing required parameters?(?:\(s\))? /, ''),
    received: listOf(Object.keys(params).filter((name) => params[name] !== undefined)),
  }),
  parameter_repeated: ({ error }) => ({
    expected: 'once',
    received: `twice: ${(error.description ?? '').split(' parameter')[0]}`,
  }),
  pkce_missing: () => ({ expected: 'code_challenge, and code_challenge_method=S256', received: 'neither' }),
  pkce_method: ({ params }) => ({
    expected: 'code_challenge_method: S256, beside code_challenge',
    received: `code_challenge_method: ${params.code_challenge_method ?? 'nothing'}, code_challenge: ${lengthOf(params.code_challenge)}`,
  }),
  pkce_challenge_malformed: ({ params }) => ({
    expected: '43 characters: letters, digits, - and _',
    received: lengthOf(params.code_challenge),
    reasons: challengeReasons(params.code_challenge ?? ''),
  }),
  response_type: (refusal, known) =>
    signsNobodyIn(known, `response_type: ${cameAs(refusal, 'response_type')}`) ?? {
      expected: listOf(known.client?.metadata.response_types ?? [], 'code'),
      received: cameAs(refusal, 'response_type'),
    },
  response_mode: (refusal) => ({ expected: 'query or form_post', received: cameAs(refusal, 'response_mode') }),
  scope_malformed: (refusal) => ({ expected: 'words, with one space between them', received: cameAs(refusal, 'scope') }),
  scope_not_allowed: (refusal, { client }) => ({
    expected: `some of: ${client?.metadata.scope ?? 'openid'}`,
    received: cameAs(refusal, 'scope'),
    reasons: scopeReasons(refusal),
  }),
  resource_unknown: (refusal, { apis = [], client }) => ({
    expected: listOf(
      apis.filter(({ scopes }) => shares(scopes, client)).map(({ identifier }) => identifier),
      'an API of which the app may have a scope: there is none',
    ),
    received: cameAs(refusal, 'resource'),
    reasons: nearApi(refusal.params.resource, apis),
  }),
  resource_not_allowed: (refusal, { apis = [], client }) => {
    const scopes = apis
      .filter(({ identifier }) => namesOf(refusal.params.resource).includes(identifier))
      .flatMap((api) => api.scopes)
    return {
      expected: `scope of the registration: one of ${listOf(scopes)}`,
      received: `scope of the registration: ${client?.metadata.scope ?? 'nothing'}`,
      reasons: [`resource: ${cameAs(refusal, 'resource')}`],
    }
  },
  resource_malformed: (refusal) => ({ expected: 'an absolute URI', received: cameAs(refusal, 'resource') }),
  resource_several: (refusal) => ({ expected: 'one resource', received: cameAs(refusal, 'resource') }),
  resource_not_granted: (refusal) => ({
    expected: 'a resource of the authorization request',
    received: cameAs(refusal, 'resource'),
  }),
  openid_missing: (refusal) => ({ expected: 'scope: openid …', received: `scope: ${cameAs(refusal, 'scope')}` }),
  prompt: (refusal) => ({ expected: 'login, consent, or none alone', received: cameAs(refusal, 'prompt') }),
  max_age: (refusal) => ({ expected: 'seconds', received: cameAs(refusal, 'max_age') }),
  not_supported: ({ params }) => ({
    expected: 'none of request, request_uri, registration',
    received: listOf(['request', 'request_uri', 'registration'].filter((name) => params[name] !== undefined)),
  }),
  pushed_request_spent: () => ({ expected: 'a request_uri that /par gave within the last minute', received: 'another one' }),
  login_required: (refusal) => ({ expected: 'somebody who is signed in', received: `prompt: ${cameAs(refusal, 'prompt')}` }),
  consent_required: (refusal) => ({ expected: 'that the person has agreed', received: `scope: ${cameAs(refusal, 'scope')}` }),
}

/** The redirect-URI tester of the console says the same. */
function explainUri(
  uri: string | undefined,
  registered: readonly string[] | undefined,
  { client, testRedirectUri }: Known,
): Explanation {
  if (client === undefined || uri === undefined) return { received: uri ?? 'nothing' }
  const all = registered ?? []
  const verdict = testRedirectUri(uri, { redirect_uris: all, application_type: client.metadata.application_type })
  const others = all.filter((one) => one !== verdict.registered)
  return {
    expected: verdict.registered ?? listOf(all, 'a registered one: there is none'),
    received: uri,
    reasons: [...verdict.reasons, ...(others.length === 0 ? [] : [`also registered: ${others.slice(0, 5).join(' ')}`])],
  }
}

function challengeReasons(challenge: string): string[] {
  if (/^[0-9a-f]{64}$/i.test(challenge)) return ['it is of hexadecimal digits']
  if (/[+/=]/.test(challenge)) return ['it is base64, and not base64url without padding']
  return []
}

function shares(scopes: readonly string[], client: Known['client']): boolean {
  const allowed = (client?.metadata.scope ?? '').split(' ')
  return scopes.some((scope) => allowed.includes(scope))
}

function nearApi(resource: string | undefined, apis: NonNullable<Known['apis']>): string[] {
  const plain = (uri: string) => uri.toLowerCase().replace(/\/+$/, '')
  const near = namesOf(resource).flatMap((name) => apis.filter(({ identifier }) => plain(identifier) === plain(name)))
  return near.map(({ identifier }) => `registered as ${identifier}: identifiers are compared as they are written`)
}

/** Several came with a space between them. */
function namesOf(resource: string | undefined): string[] {
  return (resource ?? '').split(' ')
}
