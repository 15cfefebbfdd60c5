// Standard client libraries work as they come: openid-client and oauth4webapi, from discovery to sign-out.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import { Browser } from '../support/browser.ts'
import { API, MACHINE, NOTES, SPA, WEB } from '../support/clients.ts'
import { callbackParams, signIn } from '../support/oauth.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer

beforeAll(async () => {
  server = await startServer()
})

afterAll(async () => {
  await server?.stop()
})

test('openid-client: sign-in, userinfo, refresh, introspection, revocation and sign-out of a web app', async () => {
  const config = await client.discovery(
    new URL(server.issuer),
    WEB.client_id,
    { client_secret: WEB.client_secret ?? '' },
    client.ClientSecretBasic(WEB.client_secret ?? ''),
    { execute: [client.allowInsecureRequests] },
  )
  const verifier = client.randomPKCECodeVerifier()
  const state = client.randomState()
  const nonce = client.randomNonce()
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: WEB.redirect_uri,
    scope: 'openid email notes:read',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  })
  const browser = new Browser()
  const back = await signIn(browser, await browser.open(url), server.ada)
  const tokens = await client.authorizationCodeGrant(config, new URL(back.url), {
    pkceCodeVerifier: verifier,
    expectedState: state,
    expectedNonce: nonce,
    idTokenExpected: true,
  })
  const subject = tokens.claims()?.sub ?? ''
  expect(await client.fetchUserInfo(config, tokens.access_token, subject)).toMatchObject({ email: server.ada.username })
  const next = await client.refreshTokenGrant(config, tokens.refresh_token ?? '')
  expect(next.refresh_token).not.toBe(tokens.refresh_token)
  expect(await client.tokenIntrospection(config, next.access_token)).toMatchObject({ active: true, aud: NOTES, sub: subject })
  await client.tokenRevocation(config, next.access_token)
  expect(await client.tokenIntrospection(config, next.access_token)).toEqual({ active: false })
  const out = client.buildEndSessionUrl(config, {
    id_token_hint: next.id_token ?? '',
    post_logout_redirect_uri: 'https://web.example/',
  })
  expect((await browser.submit(await browser.open(out))).url).toBe('https://web.example/')
  await expect(client.refreshTokenGrant(config, next.refresh_token ?? '')).rejects.toMatchObject({ error: 'invalid_grant' })
})

test('openid-client: client credentials for an API', async () => {
  const config = await client.discovery(new URL(server.issuer), MACHINE.client_id, MACHINE.client_secret, undefined, {
    execute: [client.allowInsecureRequests],
  })
  const tokens = await client.clientCredentialsGrant(config, { scope: 'notes:read', resource: NOTES })
  expect(tokens).toMatchObject({ token_type: 'bearer', expires_in: 900, scope: 'notes:read' })
})

test('oauth4webapi: a public client by pushed request, and an API that checks the JWT as RFC 9068 says', async () => {
  const insecure = { [oauth.allowInsecureRequests]: true }
  const issuer = new URL(server.issuer)
  const metadata = await oauth.processDiscoveryResponse(
    issuer,
    await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure }),
  )
  const app: oauth.Client = { client_id: SPA.client_id }
  const verifier = oauth.generateRandomCodeVerifier()
  const request = new URLSearchParams({
    client_id: SPA.client_id,
    redirect_uri: SPA.redirect_uri,
    response_type: 'code',
    scope: SPA.scope,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  })
  const pushed = await oauth.processPushedAuthorizationResponse(
    metadata,
    app,
    await oauth.pushedAuthorizationRequest(metadata, app, oauth.None(), request, insecure),
  )
  const url = new URL(metadata.authorization_endpoint ?? '')
  url.search = new URLSearchParams({ client_id: SPA.client_id, request_uri: pushed.request_uri }).toString()
  const browser = new Browser()
  const back = await signIn(browser, await browser.open(url), server.ada)
  callbackParams(back)
  const params = oauth.validateAuthResponse(metadata, app, new URL(back.url), oauth.expectNoState)
  const response = await oauth.authorizationCodeGrantRequest(
    metadata,
    app,
    oauth.None(),
    params,
    SPA.redirect_uri,
    verifier,
    insecure,
  )
  const tokens = await oauth.processAuthorizationCodeResponse(metadata, app, response)
  const call = new Request(NOTES, { headers: { authorization: `Bearer ${tokens.access_token}` } })
  const claims = await oauth.validateJwtAccessToken(metadata, call, NOTES, insecure)
  expect(claims).toMatchObject({ client_id: SPA.client_id, scope: 'notes:read notes:write' })
  // The API is a client too, and may ask about the tokens that are for it.
  const asked = await oauth.introspectionRequest(
    metadata,
    { client_id: API.client_id },
    oauth.ClientSecretBasic(API.client_secret),
    tokens.access_token,
    insecure,
  )
  expect(await oauth.processIntrospectionResponse(metadata, { client_id: API.client_id }, asked)).toMatchObject({ active: true })
})
