// Tokens that machines ask for, ask about and end.

import { type Connection, requestText } from '../load/connection.ts'
import type { Work } from '../load/steps.ts'
import { BILLING, NOTES, PEOPLE, personAt } from '../the-world.ts'
import { signIn, tokensOf } from './code-flow.ts'
import { type Endpoints, expectStatus, MACHINE_AUTHORIZATION, type Server, same, several } from './scenario.ts'

type Api = typeof NOTES | typeof BILLING

const FORMS = { jwt: /"access_token":"[^".]+\.[^".]+\.[^".]+"/, opaque: /"access_token":"[^".]+"/ }

/** A token for a client that acts for itself. */
export async function clientCredentials({ endpoints }: Server, callers: number, api: Api): Promise<Work> {
  const request = clientCredentialsRequest(endpoints, api)
  return same(callers, async (connection) => {
    const answer = await connection.send(request)
    expectStatus(answer, 200)
    if (!FORMS[api.format].test(answer.body)) throw new Error(`Not the token that was asked for: ${answer.body.slice(0, 100)}`)
  })
}

/** The request of RFC 6749 §4.4.2. */
export function clientCredentialsRequest(endpoints: Endpoints, api: Api): string {
  const form = { grant_type: 'client_credentials', scope: api.scope, resource: api.identifier }
  return requestText('POST', new URL(endpoints.token_endpoint), { Authorization: MACHINE_AUTHORIZATION }, form)
}

/** An API asks whether the token that it was shown, of a person and an app, is any good. */
export async function introspection(server: Server, callers: number, api: Api): Promise<Work> {
  const { endpoints } = server
  const shown = server.answersForJwts ? api : BILLING
  const tokens = await peoplesTokens(endpoints, callers, { scope: `openid ${shown.scope}`, resource: shown.identifier })
  const url = new URL(endpoints.introspection_endpoint)
  const requests = tokens.map((token) => requestText('POST', url, { Authorization: MACHINE_AUTHORIZATION }, { token }))
  return asking(requests, /"active":true/)
}

/** An app asks who signed in, with a token that is for this only (opaque), or one that is for an API as well (JWT). */
export async function userinfo(server: Server, callers: number, format: 'jwt' | 'opaque'): Promise<Work> {
  const { endpoints } = server
  const wants = format === 'jwt' && server.answersForJwts ? { scope: 'openid email notes:read' } : { scope: 'openid email' }
  const tokens = await peoplesTokens(endpoints, callers, wants)
  const url = new URL(endpoints.userinfo_endpoint)
  return asking(
    tokens.map((token) => requestText('GET', url, { Authorization: `Bearer ${token}` })),
    /"email":"person-/,
  )
}

/** A client ends tokens of its own; each can be ended once, so there must be as many as a round will need. */
export async function revocation(server: Server, callers: number): Promise<Work> {
  const { endpoints } = server
  const get = clientCredentialsRequest(endpoints, server.answersForJwts ? NOTES : BILLING)
  const url = new URL(endpoints.revocation_endpoint)
  const stock: string[] = []
  const step = async (connection: Connection) => {
    const token = stock.pop()
    if (token === undefined) return false
    expectStatus(await connection.send(requestText('POST', url, { Authorization: MACHINE_AUTHORIZATION }, { token })), 200)
    return true
  }
  return {
    ...same(callers, step),
    async stock(howMany) {
      const wanted = Math.max(0, howMany - stock.length)
      const fresh = await several(wanted, endpoints.issuer, async (connection) => tokensOf(await connection.send(get)))
      stock.push(...fresh.map(accessTokenOf))
    },
  }
}

async function peoplesTokens(
  endpoints: Endpoints,
  count: number,
  flow: { readonly scope: string; readonly resource?: string },
): Promise<string[]> {
  const tokens = await several(count, endpoints.issuer, (connection, index) =>
    signIn(connection, endpoints, personAt(PEOPLE, index), flow),
  )
  return tokens.map(accessTokenOf)
}

function accessTokenOf({ access_token: token }: { readonly access_token?: string }): string {
  if (token === undefined) throw new Error('There is no access token in the answer.')
  return token
}

/** Each caller sends a request of its own, again and again. */
function asking(requests: readonly string[], wanted: RegExp): Work {
  return {
    steps: requests.map((request) => async (connection) => {
      const answer = await connection.send(request)
      expectStatus(answer, 200)
      if (!wanted.test(answer.body)) throw new Error(`Not the answer that was expected: ${answer.body.slice(0, 200)}`)
    }),
  }
}
