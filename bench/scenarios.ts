// What is measured: for each kind of work, the steps of its callers and the check that the server really did it.

import { createHash, randomBytes } from 'node:crypto'
import { newBrowserSession } from './browser-session.ts'
import { type Answer, type Connection, openConnection, requestText } from './connection.ts'
import type { Step } from './load.ts'
import { APP, BILLING, MACHINE, NOTES, PEOPLE } from './the-world.ts'

/** The addresses of a server, from its discovery document (RFC 8414). */
export interface Endpoints {
  readonly issuer: string
  readonly authorization_endpoint: string
  readonly token_endpoint: string
}

/** A kind of work. */
export interface Scenario {
  readonly name: string
  readonly what: string
  /** Callers at once, where the work itself says how many; otherwise as many as were asked for. */
  readonly callers?: number
  /** Makes what the callers need, and a step for each of them. */
  prepare(endpoints: Endpoints, callers: number): Promise<Step[]>
}

interface Tokens {
  readonly access_token?: string
  readonly refresh_token?: string
  readonly id_token?: string
}

const DISCOVERY_PATH = '/.well-known/openid-configuration'
const BASIC = `Basic ${Buffer.from(`${MACHINE.clientId}:${MACHINE.clientSecret}`).toString('base64')}`

/** All of them, in the order in which they are run. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'discovery',
    what: 'the discovery document',
    async prepare({ issuer }, callers) {
      const request = requestText('GET', new URL(DISCOVERY_PATH, issuer))
      return same(callers, async (connection) => {
        expectStatus(await connection.send(request), 200)
      })
    },
  },
  {
    name: 'client-credentials-jwt',
    what: 'a JWT access token (ES256) for a client',
    prepare: (endpoints, callers) => clientCredentials(endpoints, callers, NOTES, /"access_token":"[^".]+\.[^".]+\.[^".]+"/),
  },
  {
    name: 'client-credentials-opaque',
    what: 'an opaque access token for a client',
    prepare: (endpoints, callers) => clientCredentials(endpoints, callers, BILLING, /"access_token":"[^".]+"/),
  },
  {
    name: 'refresh',
    what: 'refresh with rotation: JWT access token (ES256) and ID token (RS256), 64 families at once',
    callers: PEOPLE.length,
    prepare: refreshChains,
  },
  {
    name: 'sign-in',
    what: 'the code flow with PKCE and the sign-in page, to the tokens',
    // Each hashes a password, which is slow by design; a server that is asked for more turns people away.
    callers: 8,
    prepare: async (endpoints, callers) =>
      each(callers, (index) => async (connection) => void (await signIn(connection, endpoints, index))),
  },
  {
    name: 'second-app',
    what: 'the code flow in a browser that is signed in, to the tokens',
    prepare: secondApp,
  },
]

/** Reads the discovery document. */
export async function discover(issuer: string): Promise<Endpoints> {
  const response = await fetch(new URL(DISCOVERY_PATH, issuer))
  return (await response.json()) as Endpoints
}

async function clientCredentials(
  endpoints: Endpoints,
  callers: number,
  api: { readonly identifier: string; readonly scope: string },
  wanted: RegExp,
): Promise<Step[]> {
  const form = { grant_type: 'client_credentials', scope: api.scope, resource: api.identifier }
  const request = requestText('POST', new URL(endpoints.token_endpoint), { Authorization: BASIC }, form)
  return same(callers, async (connection) => {
    const answer = await connection.send(request)
    expectStatus(answer, 200)
    if (!wanted.test(answer.body)) throw new Error(`Not the token that was asked for: ${answer.body.slice(0, 100)}`)
  })
}

/** Each caller has a family of its own, of a person of its own, and refreshes it again and again. */
async function refreshChains(endpoints: Endpoints, callers: number): Promise<Step[]> {
  const url = new URL(endpoints.token_endpoint)
  const firsts = await eachInTurn(callers, endpoints, (connection, index) => signIn(connection, endpoints, index))
  return firsts.map((first) => {
    let current = refreshTokenOf(first)
    return async (connection) => {
      const form = { grant_type: 'refresh_token', refresh_token: current, client_id: APP.clientId }
      const tokens = tokensOf(await connection.send(requestText('POST', url, {}, form)))
      const next = refreshTokenOf(tokens)
      if (next === current || tokens.id_token === undefined)
        throw new Error('The refresh token was not rotated, or there is no ID token.')
      current = next
    }
  })
}

async function secondApp(endpoints: Endpoints, callers: number): Promise<Step[]> {
  const sessions = await eachInTurn(callers, endpoints, async (connection, index) => {
    const session = newBrowserSession()
    await signIn(connection, endpoints, index, session)
    return session
  })
  return sessions.map((session, index) => async (connection) => void (await signIn(connection, endpoints, index, session)))
}

/** The code flow (RFC 6749 §4.1 with RFC 7636), signing in if the browser is not signed in yet. */
async function signIn(
  connection: Connection,
  endpoints: Endpoints,
  index: number,
  browser = newBrowserSession(),
): Promise<Tokens> {
  const verifier = randomBytes(32).toString('base64url')
  const url = new URL(endpoints.authorization_endpoint)
  url.search = new URLSearchParams({
    client_id: APP.clientId,
    redirect_uri: APP.redirectUri,
    response_type: 'code',
    scope: APP.scope,
    state: 'a-state',
    nonce: 'a-nonce',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  }).toString()
  const callback = await browser.authorize(connection, url, PEOPLE[index % PEOPLE.length] ?? { username: '', password: '' })
  const code = callback.searchParams.get('code')
  if (code === null) throw new Error(`No code came back: ${callback.search}`)
  const form = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: APP.redirectUri,
    client_id: APP.clientId,
    code_verifier: verifier,
  }
  return tokensOf(await connection.send(requestText('POST', new URL(endpoints.token_endpoint), {}, form)))
}

function tokensOf(answer: Answer): Tokens {
  expectStatus(answer, 200)
  return JSON.parse(answer.body) as Tokens
}

function refreshTokenOf({ refresh_token: token }: Tokens): string {
  if (token === undefined) throw new Error('There is no refresh token in the answer.')
  return token
}

function expectStatus(answer: Answer, status: number): void {
  if (answer.status !== status) throw new Error(`${answer.status} came back, not ${status}: ${answer.body.slice(0, 300)}`)
}

function same(callers: number, step: Step): Step[] {
  return each(callers, () => step)
}

function each(callers: number, make: (index: number) => Step): Step[] {
  return Array.from({ length: callers }, (_, index) => make(index))
}

/** A few at a time, since each sign-in hashes a password. */
async function eachInTurn<T>(
  count: number,
  endpoints: Endpoints,
  work: (connection: Connection, index: number) => Promise<T>,
): Promise<T[]> {
  const results: T[] = []
  let next = 0
  const worker = async () => {
    const connection = await openConnection(endpoints.issuer)
    while (next < count) {
      const index = next++
      results[index] = await work(connection, index)
    }
    connection.close()
  }
  await Promise.all(Array.from({ length: 4 }, worker))
  return results
}
