// Snippets for apps that people sign in to by a browser: with a server, or in the browser alone.
import { asksAgain, clientAuth, discovery, lines, type MakeSnippet, pathOf, quoted, scopeOf } from './client-snippets-text.ts'

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

/** In the order in which they are shown; the first one is open. */
export const WEB_SNIPPETS: readonly MakeSnippet[] = [openidClient, authJs, spring, aspNet]
export const SPA_SNIPPETS: readonly MakeSnippet[] = [oidcClientTs]
