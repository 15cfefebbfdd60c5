// What an attacker does, in few words, for the attack tests: authorization requests by hand, and reading how they ended.
import { expect } from '@jest/globals'
import { Browser, type Page } from '../support/browser.ts'
import type { TestClient } from '../support/clients.ts'
import { type Authorization, authorizationRequest, callbackParams, signIn } from '../support/oauth.ts'
import type { TestServer } from '../support/server.ts'

/** Gets a code for a person who signs in, without redeeming it. */
export async function obtainCode(
  server: TestServer,
  client: TestClient,
  options: {
    readonly browser?: Browser
    readonly params?: { readonly [name: string]: string | undefined }
    readonly person?: { readonly username: string; readonly password: string }
  } = {},
): Promise<{ readonly browser: Browser; readonly authorization: Authorization; readonly code: string }> {
  const browser = options.browser ?? new Browser()
  const authorization = authorizationRequest(server, client, options.params)
  const page = await signIn(browser, await browser.open(authorization.url), options.person ?? server.ada)
  const { code } = callbackParams(page)
  if (code === undefined) throw new Error(`no code in ${page.url}`)
  return { browser, authorization, code }
}

/** Sends a browser, a fresh one unless given, to `/authorize`. */
export function authorize(
  server: TestServer,
  client: TestClient,
  params: { readonly [name: string]: string | undefined },
  browser: Browser = new Browser(),
): Promise<Page> {
  return browser.open(authorizationRequest(server, client, params).url)
}

/** Expects that the error went back to the client, with `iss` (RFC 9207 §2) and without a code. */
export function expectErrorAtClient(server: TestServer, page: Page, error: string): void {
  const params = callbackParams(page)
  expect({ error: params.error, iss: params.iss, code: params.code }).toEqual({ error, iss: server.issuer, code: undefined })
}

/** Expects a page of the server's own that says what is wrong, and that sends the browser nowhere. */
export function expectErrorPage(server: TestServer, page: Page): void {
  expect({ status: page.status, at: new URL(page.url).origin }).toEqual({ status: 400, at: server.issuer })
  expect(page.headers.location).toBeUndefined()
  expect(page.headers.refresh).toBeUndefined()
  expect(page.body).toContain('That did not work')
  expect(page.body).not.toMatch(/<form/)
}

/** The lines of the log that tell of an error nobody expected. */
export function errorLines(server: TestServer): readonly object[] {
  return server.log.lines.filter((line) => Number(line.level) >= 50)
}
