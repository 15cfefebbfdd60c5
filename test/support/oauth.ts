// What a client does, in few words, for the flow tests: authorization requests, token requests, and reading the answers.
import { createHash, randomBytes } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose'
import { Browser, type Page } from './browser.ts'
import type { TestClient } from './clients.ts'
import type { TestServer } from './server.ts'

/** A server, as far as a client knows it. */
export type Reachable = Pick<TestServer, 'issuer' | 'ada'>

/** The answer of the token endpoint. */
export interface TokenAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: {
    readonly access_token?: string
    readonly refresh_token?: string
    readonly id_token?: string
    readonly expires_in?: number
    readonly token_type?: string
    readonly scope?: string
    readonly error?: string
    readonly error_description?: string
  }
}

/** An authorization request that has been sent, and what is needed to redeem its code. */
export interface Authorization {
  readonly url: string
  readonly verifier: string
  readonly state: string
  readonly nonce: string
}

/** Makes an authorization request with PKCE. `undefined` as a value leaves a parameter out. */
export function authorizationRequest(
  server: Reachable,
  client: TestClient,
  params: { readonly [name: string]: string | undefined } = {},
): Authorization {
  const verifier = randomBytes(32).toString('base64url')
  const state = randomBytes(12).toString('base64url')
  const nonce = randomBytes(12).toString('base64url')
  const all: { [name: string]: string | undefined } = {
    client_id: client.client_id,
    redirect_uri: client.redirect_uri,
    response_type: 'code',
    scope: client.scope,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    state,
    nonce,
    ...params,
  }
  const url = new URL('/authorize', server.issuer)
  for (const [name, value] of Object.entries(all)) if (value !== undefined) url.searchParams.set(name, value)
  return { url: url.href, verifier, state: all.state ?? '', nonce: all.nonce ?? '' }
}

/** Signs in on the page that is shown, and agrees to what is asked, until the browser stops at the client. */
export async function signIn(
  browser: Browser,
  page: Page,
  person: { readonly username: string; readonly password: string },
): Promise<Page> {
  let next = page
  for (let pages = 0; pages < 3 && !isCallback(next); pages += 1) {
    next = /name="password"/.test(next.body) ? await browser.submit(next, person) : await browser.submit(next)
  }
  return next
}

/** The parameters that came back to the client. */
export function callbackParams(page: Page): { readonly [name: string]: string } {
  if (!isCallback(page)) throw new Error(`not back at the client: ${page.status} ${page.url}\n${page.body.slice(0, 1500)}`)
  return Object.fromEntries(new URL(page.url).searchParams)
}

/** The whole code flow of a person in a browser: sign-in where needed, consent, and the exchange of the code. */
export async function obtainTokens(
  server: Reachable,
  client: TestClient,
  options: {
    readonly browser?: Browser
    readonly person?: { readonly username: string; readonly password: string }
    readonly params?: { readonly [name: string]: string | undefined }
    readonly token?: { readonly [name: string]: string }
  } = {},
): Promise<{
  readonly browser: Browser
  readonly authorization: Authorization
  readonly code: string
  readonly tokens: TokenAnswer
}> {
  const browser = options.browser ?? new Browser()
  const authorization = authorizationRequest(server, client, options.params)
  const page = await signIn(browser, await browser.open(authorization.url), options.person ?? server.ada)
  const { code } = callbackParams(page)
  if (code === undefined) throw new Error(`no code in ${page.url}`)
  const tokens = await redeem(server, client, authorization, code, options.token)
  return { browser, authorization, code, tokens }
}

/** Redeems a code. */
export function redeem(
  server: Reachable,
  client: TestClient,
  authorization: Authorization,
  code: string,
  more: { readonly [name: string]: string } = {},
): Promise<TokenAnswer> {
  return tokenRequest(server, client, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: client.redirect_uri,
    code_verifier: authorization.verifier,
    ...more,
  })
}

/** Refreshes. */
export function refresh(
  server: Reachable,
  client: TestClient,
  refreshToken: string,
  more: { readonly [name: string]: string } = {},
): Promise<TokenAnswer> {
  return tokenRequest(server, client, { grant_type: 'refresh_token', refresh_token: refreshToken, ...more })
}

/** A request to the token endpoint, with the client's own authentication. */
export async function tokenRequest(
  server: Reachable,
  client: Pick<TestClient, 'client_id' | 'client_secret'>,
  params: { readonly [name: string]: string },
  headers: { readonly [name: string]: string } = {},
): Promise<TokenAnswer> {
  const response = await clientRequest(server, '/token', client, params, headers)
  return { status: response.status, headers: response.headers, body: await jsonOf(response) }
}

/** A request to an endpoint where clients authenticate: `client_secret_basic`, or only the `client_id` of a public client. */
export function clientRequest(
  server: Reachable,
  path: string,
  client: Pick<TestClient, 'client_id' | 'client_secret'>,
  params: { readonly [name: string]: string },
  more: { readonly [name: string]: string } = {},
): Promise<Response> {
  const body = new URLSearchParams(params)
  const headers: { [name: string]: string } = { accept: 'application/json', ...more }
  if (client.client_secret === undefined) body.set('client_id', client.client_id)
  else headers.authorization = basic(client.client_id, client.client_secret)
  return fetch(new URL(path, server.issuer), { method: 'POST', body, headers })
}

/** The `Authorization` of `client_secret_basic` (RFC 6749 §2.3.1). */
export function basic(id: string, secret: string): string {
  return `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`
}

/** Introspects a token. */
export async function introspect(
  server: Reachable,
  client: Pick<TestClient, 'client_id' | 'client_secret'>,
  token: string,
): Promise<{ readonly active: boolean; readonly [claim: string]: unknown }> {
  const response = await clientRequest(server, '/introspect', client, { token })
  return (await response.json()) as { active: boolean }
}

/** The claims of a JWT, unverified. */
export function claimsOf(token: string | undefined): JWTPayload & { readonly [claim: string]: unknown } {
  return decodeJwt(token ?? '')
}

/** The header of a JWT, unverified. */
export function headerOf(token: string | undefined): { readonly [name: string]: unknown } {
  return decodeProtectedHeader(token ?? '')
}

async function jsonOf(response: Response): Promise<TokenAnswer['body']> {
  const text = await response.text()
  return text === '' ? {} : (JSON.parse(text) as TokenAnswer['body'])
}

function isCallback(page: Page): boolean {
  return new URL(page.url).hostname.endsWith('.example')
}
