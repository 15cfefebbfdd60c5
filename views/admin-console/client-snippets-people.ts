// Snippets for apps that people sign in to.
import { clientAuth, discovery, lines, type MakeSnippet, pathOf, quoted, type SnippetFacts } from './client-snippets-text.ts'

const openidClient: MakeSnippet = (facts) => {
  const { redirectUris, resource } = facts
  const signsIn = facts.scopes.includes('openid')
  return {
    title: 'Node: openid-client 6',
    code: lines(
      "import * as client from 'openid-client'",
      '',
      ...discovery(facts, clientAuth(facts)),
      '',
      '/** Keep `session` with the browser’s own, and send the browser to `address`. */',
      'export async function begin() {',
      '  const session = {',
      '    pkceCodeVerifier: client.randomPKCECodeVerifier(),',
      '    expectedState: client.randomState(),',
      signsIn && '    expectedNonce: client.randomNonce(),',
      '  }',
      '  const address = client.buildAuthorizationUrl(server, {',
      `    redirect_uri: ${quoted(redirectUris[0])},`,
      `    scope: ${quoted(scopeOf(facts))},`,
      resource !== undefined && `    resource: ${quoted(resource)},`,
      asksAgain(facts) && "    prompt: 'consent', // without it, offline_access is passed over",
      '    code_challenge: await client.calculatePKCECodeChallenge(session.pkceCodeVerifier),',
      "    code_challenge_method: 'S256',",
      '    state: session.expectedState,',
      signsIn && '    nonce: session.expectedNonce,',
      '  })',
      '  return { session, address: address.href }',
      '}',
      '',
      '/** `url` is the whole address to which the browser came back. It checks state, nonce, issuer and ID token. */',
      'export async function end(url, session) {',
      '  const tokens = await client.authorizationCodeGrant(server, new URL(url), session)',
      signsIn ? '  return { sub: tokens.claims().sub, tokens }' : '  return { tokens }',
      '}',
    ),
  }
}

const AUTH_JS_PATH = '/api/auth/callback/latchkey'

const authJs: MakeSnippet = (facts) => {
  const { issuer, clientId, redirectUris, resource, authMethod } = facts
  const known = redirectUris.some((uri) => pathOf(uri) === AUTH_JS_PATH)
  return {
    title: 'Next.js: Auth.js 5',
    ...(known ? {} : { note: `Auth.js comes back to ${AUTH_JS_PATH} of your app: register that as a redirect URI as well.` }),
    code: lines(
      "import NextAuth from 'next-auth'",
      '',
      'export const { handlers, auth, signIn, signOut } = NextAuth({',
      '  providers: [',
      '    {',
      "      id: 'latchkey',",
      "      name: 'Latchkey',",
      "      type: 'oidc',",
      `      issuer: ${quoted(issuer)},`,
      `      clientId: ${quoted(clientId)},`,
      '      clientSecret: process.env.CLIENT_SECRET,',
      `      client: { token_endpoint_auth_method: ${quoted(authMethod)} },`,
      "      checks: ['pkce', 'state', 'nonce'],",
      '      authorization: {',
      '        params: {',
      `          scope: ${quoted(scopeOf(facts))},`,
      resource !== undefined && `          resource: ${quoted(resource)},`,
      asksAgain(facts) && "          prompt: 'consent',",
      '        },',
      '      },',
      '    },',
      '  ],',
      '})',
    ),
  }
}

const spring: MakeSnippet = ({ issuer, clientId, redirectUris, scopes, authMethod }) => ({
  title: 'Java: Spring Security',
  note: 'The first part is application.yml. The second turns PKCE on, which this server asks for, and which older versions leave out.',
  code: lines(
    'spring:',
    '  security:',
    '    oauth2:',
    '      client:',
    '        registration:',
    '          latchkey:',
    `            client-id: ${quoted(clientId)}`,
    `            client-secret: "\${CLIENT_SECRET}"`,
    `            client-authentication-method: ${quoted(authMethod)}`,
    '            authorization-grant-type: authorization_code',
    `            redirect-uri: ${quoted(redirectUris[0])}`,
    `            scope: [${scopes.map(quoted).join(', ')}]`,
    '        provider:',
    '          latchkey:',
    `            issuer-uri: ${quoted(issuer)}`,
    '',
    '@Bean',
    'SecurityFilterChain security(HttpSecurity http, ClientRegistrationRepository registrations) throws Exception {',
    '  var resolver = new DefaultOAuth2AuthorizationRequestResolver(registrations, "/oauth2/authorization");',
    '  resolver.setAuthorizationRequestCustomizer(OAuth2AuthorizationRequestCustomizers.withPkce());',
    '  return http',
    '      .authorizeHttpRequests(requests -> requests.anyRequest().authenticated())',
    '      .oauth2Login(login -> login',
    '          .authorizationEndpoint(endpoint -> endpoint.authorizationRequestResolver(resolver))',
    `          .redirectionEndpoint(endpoint -> endpoint.baseUri(${quoted(pathOf(redirectUris[0]))})))`,
    '      .build();',
    '}',
  ),
})

const aspNet: MakeSnippet = ({ issuer, clientId, redirectUris, logoutUri, scopes, resource, authMethod }) => ({
  title: '.NET: ASP.NET Core',
  ...(authMethod === 'client_secret_basic'
    ? {
        note: 'ASP.NET sends the secret in the body, and this app is registered to send it in a header: change that first, by “Change…”.',
      }
    : {}),
  code: lines(
    'builder.Services',
    '    .AddAuthentication(options =>',
    '    {',
    '        options.DefaultScheme = CookieAuthenticationDefaults.AuthenticationScheme;',
    '        options.DefaultChallengeScheme = OpenIdConnectDefaults.AuthenticationScheme;',
    '    })',
    '    .AddCookie()',
    '    .AddOpenIdConnect(options =>',
    '    {',
    `        options.Authority = ${quoted(issuer)};`,
    issuer.startsWith('http:') && '        options.RequireHttpsMetadata = false; // on your own machine only',
    `        options.ClientId = ${quoted(clientId)};`,
    '        options.ClientSecret = Environment.GetEnvironmentVariable("CLIENT_SECRET");',
    '        options.ResponseType = "code";',
    '        options.ResponseMode = "query";',
    '        options.UsePkce = true;',
    `        options.CallbackPath = ${quoted(pathOf(redirectUris[0]))};`,
    logoutUri !== undefined && `        options.SignedOutCallbackPath = ${quoted(pathOf(logoutUri))};`,
    resource !== undefined && `        options.Resource = ${quoted(resource)};`,
    '        options.SaveTokens = true;',
    '        options.GetClaimsFromUserInfoEndpoint = true;',
    '        options.Scope.Clear();',
    ...scopes.map((scope) => `        options.Scope.Add(${quoted(scope)});`),
    '    });',
  ),
})

const oidcClientTs: MakeSnippet = (facts) => {
  const { issuer, clientId, redirectUris, logoutUri, resource } = facts
  return {
    title: 'Browser: oidc-client-ts 3',
    code: lines(
      "import { UserManager, WebStorageStateStore } from 'oidc-client-ts'",
      '',
      'export const manager = new UserManager({',
      `  authority: ${quoted(issuer)},`,
      `  client_id: ${quoted(clientId)},`,
      `  redirect_uri: ${quoted(redirectUris[0])},`,
      logoutUri !== undefined && `  post_logout_redirect_uri: ${quoted(logoutUri)},`,
      `  scope: ${quoted(scopeOf(facts))},`,
      resource !== undefined && `  resource: ${quoted(resource)},`,
      asksAgain(facts) && "  prompt: 'consent', // without it, offline_access is passed over",
      '  // This tab only, and it survives a reload.',
      '  userStore: new WebStorageStateStore({ store: sessionStorage }),',
      '})',
      '',
      `if (location.pathname === ${quoted(pathOf(redirectUris[0]))}) {`,
      '  await manager.signinCallback()',
      "  history.replaceState(null, '', '/')",
      '}',
      '',
      '// To sign in and out, by a button each:',
      '//   manager.signinRedirect()',
      '//   manager.signoutRedirect()',
      'export const user = await manager.getUser() // null: nobody. user.access_token is for the API.',
    ),
  }
}

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
export const WEB_SNIPPETS: readonly MakeSnippet[] = [openidClient, authJs, spring, aspNet]
export const SPA_SNIPPETS: readonly MakeSnippet[] = [oidcClientTs]
export const NATIVE_SNIPPETS: readonly MakeSnippet[] = [appAuthIos, appAuthAndroid, loopback]

function scopeOf({ scopes }: SnippetFacts): string {
  return scopes.join(' ')
}

/** OIDC Core §11: offline_access needs consent each time. */
function asksAgain({ scopes }: SnippetFacts): boolean {
  return scopes.includes('offline_access')
}

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
