// Everything that is measured, in the order in which it is run.

import { requestText } from '../load/connection.ts'
import type { Work } from '../load/steps.ts'
import { BILLING, GUEST, HASHED_PEOPLE, NOTES, PEOPLE } from '../the-world.ts'
import { refreshChains, secondApp, signInScenario } from './code-flow.ts'
import { DISCOVERY_PATH, expectStatus, type Scenario, same } from './scenario.ts'
import { clientCredentials, introspection, revocation, userinfo } from './tokens.ts'

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'client-credentials-jwt',
    main: true,
    what: 'a JWT access token (ES256) for a client',
    prepare: (server, callers) => clientCredentials(server, callers, NOTES),
  },
  {
    name: 'client-credentials-opaque',
    what: 'an opaque access token for a client',
    prepare: (server, callers) => clientCredentials(server, callers, BILLING),
  },
  {
    name: 'refresh',
    main: true,
    what: 'refresh with rotation: JWT access token (ES256) and ID token (RS256), 64 families at once',
    callers: PEOPLE.length,
    prepare: refreshChains,
  },
  signInScenario(
    {
      name: 'sign-in',
      main: true,
      what: 'the code flow with PKCE, the sign-in page and the consent page, to the tokens; without the hash',
    },
    PEOPLE,
    { app: GUEST, prompt: 'consent' },
  ),
  signInScenario(
    { name: 'sign-in-first-party', what: 'the same for an app of the house, without the consent page; without the hash' },
    PEOPLE,
    {},
  ),
  signInScenario(
    {
      name: 'sign-in-hashed',
      main: true,
      what: 'the same with the hash (argon2id, 19 MiB, 2 passes)',
      // Each hashes a password, which is slow by design; a server that is asked for more turns people away.
      callers: 8,
      latchkeyOnly: true,
    },
    HASHED_PEOPLE,
    {},
  ),
  { name: 'second-app', main: true, what: 'the code flow in a browser that is signed in, to the tokens', prepare: secondApp },
  {
    name: 'introspection-jwt',
    main: true,
    what: "an API asks about a person's JWT access token",
    bareInstead: 'an opaque token',
    prepare: (server, callers) => introspection(server, callers, NOTES),
  },
  {
    name: 'introspection-opaque',
    what: "an API asks about a person's opaque access token",
    prepare: (server, callers) => introspection(server, callers, BILLING),
  },
  {
    name: 'userinfo',
    main: true,
    what: 'who signed in, by an opaque access token',
    prepare: (server, callers) => userinfo(server, callers, 'opaque'),
  },
  {
    name: 'userinfo-jwt',
    what: 'who signed in, by a JWT access token',
    bareInstead: 'an opaque token',
    prepare: (server, callers) => userinfo(server, callers, 'jwt'),
  },
  {
    name: 'revocation',
    main: true,
    what: 'a client ends a JWT access token of its own; getting the tokens is not counted',
    bareInstead: 'an opaque token',
    prepare: revocation,
  },
  {
    name: 'discovery',
    what: 'the discovery document',
    prepare: async ({ endpoints }, callers) => fetching(new URL(DISCOVERY_PATH, endpoints.issuer), callers),
  },
  {
    name: 'jwks',
    what: 'the public keys',
    prepare: async ({ endpoints }, callers) => fetching(new URL(endpoints.jwks_uri), callers),
  },
]

function fetching(url: URL, callers: number): Work {
  const request = requestText('GET', url)
  return same(callers, async (connection) => expectStatus(await connection.send(request), 200))
}
