// The app as a client of the authorization server: the code flow, refreshing, and signing out, by openid-client.
import * as client from 'openid-client'
import type { PendingSignIn, SignedIn } from './sessions.ts'

/** What there is to know about the authorization server, and about this app as its client. */
export interface SignInOptions {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** The API that the access token is for (RFC 8707). */
  readonly resource: string
  /** Where the app is, without a slash at the end. */
  readonly origin: string
}

/** A sign-in did not come about; the message says why. */
export class SignInFailed extends Error {}

/** The refresh token is no longer good: the person must sign in again. */
export class SignInOver extends Error {}

/** The protocol, for one client. */
export interface SignIn {
  /** Where to send the person, what must come back with them, and what to keep until then. */
  begin(): Promise<{ readonly url: string; readonly state: string; readonly pending: PendingSignIn }>
  /** The person is back: checks what they bring and exchanges the code. @throws SignInFailed */
  finish(callback: URL, state: string, pending: PendingSignIn): Promise<SignedIn>
  /** Trades the refresh token for a new pair. @throws SignInOver when it is no longer good */
  refresh(signedIn: SignedIn): Promise<void>
  /** Where to send the person so that their session at the authorization server ends too (RP-Initiated Logout). */
  signOutUrl(signedIn: SignedIn): Promise<string>
  /** Where the authorization server's keys are. */
  keysUrl(): Promise<URL>
}

/** Makes it. */
export function createSignIn({ issuer, clientId, clientSecret, resource, origin }: SignInOptions): SignIn {
  let discovered: Promise<client.Configuration> | undefined

  /** The server's addresses, asked for once; again when asking failed. */
  function server(): Promise<client.Configuration> {
    // http is for trying things on one machine.
    const execute = issuer.startsWith('http:') ? [client.allowInsecureRequests] : []
    const authentication = client.ClientSecretBasic(clientSecret)
    discovered ??= client.discovery(new URL(issuer), clientId, undefined, authentication, { execute }).catch((error) => {
      discovered = undefined
      throw error
    })
    return discovered
  }

  return {
    async begin() {
      const pending = { verifier: client.randomPKCECodeVerifier(), nonce: client.randomNonce() }
      const state = client.randomState()
      const url = client.buildAuthorizationUrl(await server(), {
        redirect_uri: `${origin}/callback`,
        scope: 'openid profile email notes:read notes:write',
        resource,
        code_challenge: await client.calculatePKCECodeChallenge(pending.verifier),
        code_challenge_method: 'S256',
        state,
        nonce: pending.nonce,
      })
      return { url: url.href, state, pending }
    },

    async finish(callback, state, { verifier, nonce }) {
      // Checks `state`, `iss` (RFC 9207), the ID token and its `nonce`.
      const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }
      const tokens = await client.authorizationCodeGrant(await server(), callback, checks, { resource }).catch(explain)
      const claims = tokens.claims()
      if (claims === undefined || tokens.id_token === undefined) throw new SignInFailed('There is no ID token.')
      // Name and e-mail address come from userinfo (OpenID Connect Core §5.3). The app works without them.
      const profile = await client.fetchUserInfo(await server(), tokens.access_token, claims.sub).catch(() => ({}))
      return { claims: { ...profile, ...claims }, idToken: tokens.id_token, ...tokensOf(tokens) }
    },

    async refresh(signedIn) {
      if (signedIn.refreshToken === undefined) throw new SignInOver('there is no refresh token')
      try {
        const tokens = await client.refreshTokenGrant(await server(), signedIn.refreshToken, { resource })
        // A server that does not rotate refresh tokens sends none, and the old one stays good (RFC 6749 §6).
        const { refreshToken = signedIn.refreshToken, ...others } = tokensOf(tokens)
        Object.assign(signedIn, { refreshToken, ...others })
      } catch (error) {
        if (error instanceof client.ResponseBodyError && error.error === 'invalid_grant') throw new SignInOver(error.error)
        throw error
      }
    },

    async signOutUrl({ idToken }) {
      const parameters = { id_token_hint: idToken, post_logout_redirect_uri: `${origin}/` }
      return client.buildEndSessionUrl(await server(), parameters).href
    },

    keysUrl: async () => new URL((await server()).serverMetadata().jwks_uri ?? ''),
  }
}

function tokensOf(tokens: client.TokenEndpointResponse & client.TokenEndpointResponseHelpers) {
  const expiresAt = Date.now() + (tokens.expiresIn() ?? 60) * 1000
  return { accessToken: tokens.access_token, refreshToken: tokens.refresh_token, expiresAt }
}

/** An answer that says no, and one that proves nothing, is the person's to know of; anything else is not. */
function explain(error: unknown): never {
  if (error instanceof client.AuthorizationResponseError || error instanceof client.ResponseBodyError) {
    throw new SignInFailed(error.error_description ?? error.error, { cause: error })
  }
  if (error instanceof client.ClientError && /^OAUTH_(INVALID_RESPONSE|JWT_)/.test(error.code ?? '')) {
    throw new SignInFailed('The answer of the authorization server is not as it must be.', { cause: error })
  }
  throw error
}
