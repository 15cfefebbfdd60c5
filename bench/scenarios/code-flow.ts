// The code flow with PKCE, as a person's browser and an app go through it together.

import { createHash, randomBytes } from 'node:crypto'
import { newBrowserSession } from '../load/browser-session.ts'
import { type Answer, type Connection, requestText } from '../load/connection.ts'
import type { Work } from '../load/steps.ts'
import { APP, type GUEST, PEOPLE, type Person, personAt } from '../the-world.ts'
import { type Endpoints, expectStatus, type Scenario, type Server, several } from './scenario.ts'

/** What the token endpoint answers. */
export interface Tokens {
  readonly access_token?: string
  readonly refresh_token?: string
  readonly id_token?: string
}

/** How to sign in, beyond who. */
export interface Flow {
  readonly app?: typeof APP | typeof GUEST
  readonly scope?: string
  /** The API that the access token is for. */
  readonly resource?: string
  readonly prompt?: 'consent'
  /** A browser that may be signed in already. */
  readonly browser?: ReturnType<typeof newBrowserSession>
}

const SCOPE = 'openid email notes:read'

/** RFC 6749 §4.1 with RFC 7636, signing in where asked, to the tokens. */
export async function signIn(connection: Connection, endpoints: Endpoints, person: Person, flow: Flow = {}): Promise<Tokens> {
  return tokensOf(await connection.send((await authorize(connection, endpoints, person, flow)).redemption))
}

/** The flow up to the code, and the request that redeems it. */
export async function authorize(
  connection: Connection,
  endpoints: Endpoints,
  person: Person,
  { app = APP, scope = SCOPE, resource, prompt, browser = newBrowserSession() }: Flow = {},
): Promise<{ readonly redemption: string }> {
  const verifier = randomBytes(32).toString('base64url')
  const url = new URL(endpoints.authorization_endpoint)
  url.search = new URLSearchParams({
    client_id: app.clientId,
    redirect_uri: app.redirectUri,
    response_type: 'code',
    scope,
    state: 'a-state',
    nonce: 'a-nonce',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...(resource === undefined ? {} : { resource }),
    ...(prompt === undefined ? {} : { prompt }),
  }).toString()
  const callback = await browser.authorize(connection, url, person)
  const code = callback.searchParams.get('code')
  if (code === null) throw new Error(`No code came back: ${callback.search}`)
  const form = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: app.redirectUri,
    client_id: app.clientId,
    code_verifier: verifier,
  }
  return { redemption: requestText('POST', new URL(endpoints.token_endpoint), {}, form) }
}

/** The tokens of an answer that must be a success. */
export function tokensOf(answer: Answer): Tokens {
  expectStatus(answer, 200)
  return JSON.parse(answer.body) as Tokens
}

/** @throws Error when there is none */
export function refreshTokenOf({ refresh_token: token }: Tokens): string {
  if (token === undefined) throw new Error('There is no refresh token in the answer.')
  return token
}

/** A refresh, as a request. */
export function refreshRequest(endpoints: Endpoints, token: string): string {
  const form = { grant_type: 'refresh_token', refresh_token: token, client_id: APP.clientId }
  return requestText('POST', new URL(endpoints.token_endpoint), {}, form)
}

/** Signing in, each caller again and again as somebody of his own. */
export function signInScenario(about: Omit<Scenario, 'prepare'>, people: readonly Person[], flow: Flow): Scenario {
  return {
    ...about,
    prepare: async ({ endpoints }, callers) => ({
      steps: Array.from({ length: callers }, (_, index) => async (connection) => {
        await signIn(connection, endpoints, personAt(people, index), flow)
      }),
    }),
  }
}

/** Each caller has a browser that is signed in, and opens an app in it. */
export async function secondApp({ endpoints }: Server, callers: number): Promise<Work> {
  const browsers = await several(callers, endpoints.issuer, async (connection, index) => {
    const browser = newBrowserSession()
    await signIn(connection, endpoints, personAt(PEOPLE, index), { browser })
    return browser
  })
  return {
    steps: browsers.map((browser, index) => async (connection) => {
      await signIn(connection, endpoints, personAt(PEOPLE, index), { browser })
    }),
  }
}

/** Each caller has a family of its own, of a person of its own, and refreshes it again and again. */
export async function refreshChains({ endpoints }: Server, callers: number): Promise<Work> {
  const firsts = await several(callers, endpoints.issuer, (connection, index) =>
    signIn(connection, endpoints, personAt(PEOPLE, index)),
  )
  return {
    steps: firsts.map((first) => {
      let current = refreshTokenOf(first)
      return async (connection) => {
        const tokens = tokensOf(await connection.send(refreshRequest(endpoints, current)))
        const next = refreshTokenOf(tokens)
        if (next === current || tokens.id_token === undefined)
          throw new Error('The refresh token was not rotated, or there is no ID token.')
        current = next
      }
    }),
  }
}
