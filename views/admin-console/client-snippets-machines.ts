// Snippets for programs without people, and for APIs.
import { clientAuth, discovery, lines, type MakeSnippet, quoted, shellWord } from './client-snippets-text.ts'

const curl: MakeSnippet = ({ issuer, clientId, scopes, resource, authMethod }) => ({
  title: 'Shell: curl',
  ...(authMethod.startsWith('client_secret_')
    ? {}
    : { note: 'With keys of its own, a library makes the client_assertion: see below.' }),
  code: lines(
    `curl -sS ${shellWord(`${issuer}/token`)} \\`,
    authMethod === 'client_secret_basic' && `  -u ${shellWord(encodeURIComponent(clientId))}:"$CLIENT_SECRET" \\`,
    authMethod === 'client_secret_post' &&
      `  --data-urlencode ${shellWord(`client_id=${clientId}`)} -d "client_secret=$CLIENT_SECRET" \\`,
    authMethod === 'private_key_jwt' && '  -d client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer \\',
    authMethod === 'private_key_jwt' && '  -d "client_assertion=$CLIENT_ASSERTION" \\',
    `  -d grant_type=client_credentials --data-urlencode ${shellWord(`scope=${scopes.join(' ')}`)}${resource === undefined ? '' : ' \\'}`,
    resource !== undefined && `  --data-urlencode ${shellWord(`resource=${resource}`)}`,
  ),
})

const openidClient: MakeSnippet = (facts) => ({
  title: 'Node: openid-client 6',
  code: lines(
    "import * as client from 'openid-client'",
    '',
    ...discovery(facts, clientAuth(facts)),
    '',
    'let token',
    'let renewAt = 0',
    '',
    '/** One token for many calls: a new one only when this one is nearly over. */',
    'export async function accessToken() {',
    '  if (Date.now() >= renewAt) {',
    '    const answer = await client.clientCredentialsGrant(server, {',
    `      scope: ${quoted(facts.scopes.join(' '))},`,
    facts.resource !== undefined && `      resource: ${quoted(facts.resource)},`,
    '    })',
    '    token = answer.access_token',
    '    renewAt = Date.now() + (answer.expires_in - 30) * 1000',
    '  }',
    '  return token',
    '}',
  ),
})

const spring: MakeSnippet = ({ issuer, clientId, scopes, authMethod }) => ({
  title: 'Java: Spring Security',
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
    '            authorization-grant-type: client_credentials',
    `            scope: [${scopes.map(quoted).join(', ')}]`,
    '        provider:',
    '          latchkey:',
    `            issuer-uri: ${quoted(issuer)}`,
  ),
})

const UNNAMED = 'https://api.example'

const guard: MakeSnippet = ({ issuer, clientId, actsFor, scopes }) => ({
  title: 'Node: @latchkey/guard',
  note:
    actsFor === undefined
      ? 'The audience is the identifier of the API, which is not known yet.'
      : 'It verifies tokens by itself, and hears within a second what was revoked.',
  code: lines(
    "import { createGuard } from '@latchkey/guard'",
    '',
    'const guard = await createGuard({',
    `  issuer: ${quoted(issuer)},`,
    `  audience: ${quoted(actsFor ?? UNNAMED)},`,
    `  client: { id: ${quoted(clientId)}, secret: process.env.CLIENT_SECRET },`,
    !scopes.includes('revocations:read') && '  // It may not listen: give it the scope revocations:read, by “Change…”.',
    '})',
    '',
    '// Express; Koa, Fastify, Nest and Fetch are the same with guard.koa() and so on.',
    "app.use('/.well-known', guard.express()) // the metadata (RFC 9728), for everybody",
    "app.get('/things', guard.express({ scope: 'things:read' }), (request, response) => response.json({ sub: request.token.sub }))",
  ),
})

const introspection: MakeSnippet = ({ issuer, clientId, authMethod }) => ({
  title: 'Any language: introspection (RFC 7662)',
  note: 'For each token, one request. It answers {"active": false} for every token of an API that does not name this client.',
  code: lines(
    `curl -sS ${shellWord(`${issuer}/introspect`)} \\`,
    authMethod === 'client_secret_post'
      ? `  --data-urlencode ${shellWord(`client_id=${clientId}`)} -d "client_secret=$CLIENT_SECRET" \\`
      : `  -u ${shellWord(encodeURIComponent(clientId))}:"$CLIENT_SECRET" \\`,
    '  --data-urlencode "token=$ACCESS_TOKEN"',
  ),
})

/** In the order in which they are shown; the first one is open. */
export const MACHINE_SNIPPETS: readonly MakeSnippet[] = [curl, openidClient, spring]
export const API_SNIPPETS: readonly MakeSnippet[] = [guard, introspection]
