// PKCE (RFC 7636, RFC 9700 §2.1.1 and §4.8.2).
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { API, SPA, type TestClient, WEB } from '../support/clients.ts'
import { introspect, redeem, refresh, tokenRequest } from '../support/oauth.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { authorize, errorLines, expectErrorAtClient, obtainCode } from './attempts.ts'

/** A confidential client that has been let off PKCE by name. */
const OLD: TestClient = {
  client_id: 'old-app',
  client_secret: 'a-secret-of-the-old-app-that-is-long-enough',
  redirect_uri: 'https://old.example/callback',
  scope: 'openid notes:read',
}

let server: TestServer

beforeAll(async () => {
  const { redirect_uri, ...old } = OLD
  const grants = { grant_types: ['authorization_code', 'refresh_token'], skip_consent: true }
  server = await startServer({
    provision: { clients: [{ ...old, ...grants, redirect_uris: [redirect_uri], client_name: 'Old', require_pkce: false }] },
  })
})

afterAll(async () => {
  await server?.stop()
})

const noChallenge = { code_challenge: undefined, code_challenge_method: undefined }

describe('at the authorization endpoint', () => {
  test('PK1 PK8: no client gets by without a challenge, public or confidential, unless it was let off by name', async () => {
    for (const client of [SPA, WEB]) {
      expectErrorAtClient(server, await authorize(server, client, noChallenge), 'invalid_request')
    }
    const { authorization, code } = await obtainCode(server, OLD, { params: noChallenge })
    const { code_verifier: _, ...params } = codeRequest(OLD, code, authorization.verifier)
    expect((await tokenRequest(server, OLD, params)).status).toBe(200)
  })

  test('PK2: the method plain is refused, by name and by leaving it out, and is not advertised', async () => {
    for (const method of ['plain', undefined, 's256', 'S512', 'S256 plain']) {
      expectErrorAtClient(server, await authorize(server, SPA, { code_challenge_method: method }), 'invalid_request')
    }
    const onlyMethod = await authorize(server, SPA, { code_challenge: undefined })
    expectErrorAtClient(server, onlyMethod, 'invalid_request')
    const discovery = await fetch(new URL('/.well-known/openid-configuration', server.issuer))
    expect(await discovery.json()).toMatchObject({ code_challenge_methods_supported: ['S256'] })
  })

  test.each(['a'.repeat(42), 'a'.repeat(44), 'a'.repeat(129), `${'a'.repeat(42)}=`, `${'a'.repeat(42)}+`, `${'a'.repeat(42)}é`])(
    'PK7: a challenge that no SHA-256 has is refused: %s',
    async (challenge) => {
      expectErrorAtClient(server, await authorize(server, SPA, { code_challenge: challenge }), 'invalid_request')
    },
  )
})

describe('at the token endpoint', () => {
  test('PK3: a code with a challenge is not redeemed without its verifier', async () => {
    for (const client of [SPA, WEB, OLD]) {
      const { authorization, code } = await obtainCode(server, client)
      const { code_verifier: _, ...params } = codeRequest(client, code, authorization.verifier)
      expect((await tokenRequest(server, client, params)).body).toMatchObject({ error: 'invalid_grant' })
      expect((await tokenRequest(server, client, { ...params, code_verifier: '' })).body).toMatchObject({
        error: 'invalid_grant',
      })
    }
  })

  test('PK4: a verifier for a code without a challenge is refused: somebody took the challenge out of the request', async () => {
    const { authorization, code } = await obtainCode(server, OLD, { params: noChallenge })
    expect((await redeem(server, OLD, authorization, code)).body).toMatchObject({ error: 'invalid_grant' })
  })

  test('PK5: wrong verifiers are refused, leave the code to its owner, and end nobody’s tokens', async () => {
    const { authorization, code } = await obtainCode(server, SPA)
    for (let tries = 0; tries < 5; tries += 1) {
      const wrong = await redeem(server, SPA, authorization, code, { code_verifier: 'w'.repeat(43) })
      expect(wrong.body).toMatchObject({ error: 'invalid_grant' })
    }
    const right = await redeem(server, SPA, authorization, code)
    expect(right.status).toBe(200)
    const replay = await redeem(server, SPA, authorization, code, { code_verifier: 'w'.repeat(43) })
    expect(replay.body).toMatchObject({ error: 'invalid_grant' })
    expect(await introspect(server, API, right.body.access_token ?? '')).toMatchObject({ active: true })
    expect((await refresh(server, SPA, right.body.refresh_token ?? '')).status).toBe(200)
  })

  test('PK6: a verifier of a wrong length, or with characters that none has, is refused', async () => {
    const { authorization, code } = await obtainCode(server, SPA)
    for (const verifier of ['v'.repeat(42), 'v'.repeat(129), `${'v'.repeat(43)} `, `${'v'.repeat(43)}+`, 'ä'.repeat(43)]) {
      const answer = await redeem(server, SPA, authorization, code, { code_verifier: verifier })
      expect(answer.status).toBe(400)
      expect(answer.body.error).toMatch(/^invalid_(request|grant)$/)
    }
  })

  test('nothing of it was an error of the server', () => {
    expect(errorLines(server)).toEqual([])
  })
})

function codeRequest(client: TestClient, code: string, verifier: string) {
  return { grant_type: 'authorization_code', code, redirect_uri: client.redirect_uri, code_verifier: verifier }
}
