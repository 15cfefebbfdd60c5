// Snippets for apps that people install: on a phone, on the desktop, on the command line.
import { asksAgain, discovery, lines, type MakeSnippet, quoted, type SnippetFacts, scopeOf } from './client-snippets-text.ts'

const appAuthIos: MakeSnippet = (facts) => ({
  title: 'iOS and macOS: AppAuth',
  code: lines(
    'import AppAuth',
    '',
    `let issuer = URL(string: ${quoted(facts.issuer)})!`,
    'OIDAuthorizationService.discoverConfiguration(forIssuer: issuer) { configuration, error in',
    '  guard let configuration else { return print(error as Any) }',
    '  let request = OIDAuthorizationRequest(',
    '    configuration: configuration,',
    `    clientId: ${quoted(facts.clientId)},`,
    '    clientSecret: nil,',
    `    scopes: [${facts.scopes.map(quoted).join(', ')}],`,
    `    redirectURL: URL(string: ${quoted(phoneUri(facts))})!,`,
    '    responseType: OIDResponseTypeCode,',
    `    additionalParameters: ${swiftParameters(facts)}`,
    '  )',
    '  // PKCE is done by itself. appDelegate passes the address with which it is opened to this session.',
    '  appDelegate.currentAuthorizationFlow =',
    '    OIDAuthState.authState(byPresenting: request, presenting: self) { authState, error in',
    '      self.authState = authState // keep it in the keychain',
    '    }',
    '}',
  ),
})

const appAuthAndroid: MakeSnippet = (facts) => ({
  title: 'Android: AppAuth',
  note: 'With a scheme of its own, build.gradle needs manifestPlaceholders["appAuthRedirectScheme"] = the scheme.',
  code: lines(
    `AuthorizationServiceConfiguration.fetchFromIssuer(Uri.parse(${kotlin(facts.issuer)})) { configuration, error ->`,
    '  if (configuration == null) throw error!!',
    '  val request = AuthorizationRequest.Builder(',
    '      configuration,',
    `      ${kotlin(facts.clientId)},`,
    '      ResponseTypeValues.CODE,',
    `      Uri.parse(${kotlin(phoneUri(facts))}),`,
    '  )',
    `      .setScope(${kotlin(scopeOf(facts))})`,
    asksAgain(facts) && '      .setPrompt("consent") // without it, offline_access is passed over',
    facts.resource !== undefined && `      .setAdditionalParameters(mapOf("resource" to ${kotlin(facts.resource)}))`,
    '      .build()',
    '  // PKCE is done by itself. onActivityResult gets the answer, for performTokenRequest.',
    '  startActivityForResult(AuthorizationService(this).getAuthorizationRequestIntent(request), SIGN_IN)',
    '}',
  ),
})

const loopback: MakeSnippet = (facts) => {
  const signsIn = facts.scopes.includes('openid')
  return {
    title: 'Command line: openid-client 6',
    code: lines(
      "import { once } from 'node:events'",
      "import { createServer } from 'node:http'",
      "import * as client from 'openid-client'",
      '',
      ...discovery(facts, 'client.None()'),
      '',
      "const listener = createServer().listen(0, '127.0.0.1')",
      "await once(listener, 'listening')",
      '// Any port of this machine is taken.',
      `const redirect = new URL(${quoted(deskUri(facts))})`,
      'redirect.port = listener.address().port',
      '',
      'const pkceCodeVerifier = client.randomPKCECodeVerifier()',
      'const expectedState = client.randomState()',
      'const address = client.buildAuthorizationUrl(server, {',
      '  redirect_uri: redirect.href,',
      `  scope: ${quoted(scopeOf(facts))},`,
      facts.resource !== undefined && `  resource: ${quoted(facts.resource)},`,
      asksAgain(facts) && "  prompt: 'consent', // without it, offline_access is passed over",
      '  code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),',
      "  code_challenge_method: 'S256',",
      '  state: expectedState,',
      '})',
      "console.log('Open this address to sign in:', address.href)",
      '',
      "const [request, response] = await once(listener, 'request')",
      "response.end('Go back to the terminal.')",
      'listener.close()',
      'const tokens = await client.authorizationCodeGrant(server, new URL(request.url, redirect), { pkceCodeVerifier, expectedState })',
      signsIn && "console.log('Signed in as', tokens.claims().sub)",
    ),
  }
}

/** In the order in which they are shown; the first one is open. */
export const NATIVE_SNIPPETS: readonly MakeSnippet[] = [appAuthIos, appAuthAndroid, loopback]

function isDeskUri(uri: string): boolean {
  return uri.startsWith('http://')
}

function phoneUri({ redirectUris }: SnippetFacts): string {
  return redirectUris.find((uri) => !isDeskUri(uri)) ?? redirectUris[0] ?? ''
}

function deskUri({ redirectUris }: SnippetFacts): string {
  return redirectUris.find(isDeskUri) ?? 'http://127.0.0.1/callback'
}

function swiftParameters(facts: SnippetFacts): string {
  const parameters = [
    ...(asksAgain(facts) ? ['"prompt": "consent"'] : []),
    ...(facts.resource === undefined ? [] : [`"resource": ${quoted(facts.resource)}`]),
  ]
  return parameters.length === 0 ? 'nil' : `[${parameters.join(', ')}]`
}

/** `$` begins a value in its strings. */
function kotlin(text: string): string {
  return quoted(text).replaceAll('$', '\\$')
}
