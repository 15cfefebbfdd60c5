// Signing in to our own pages: the account page is a client of the server like any other app, so that people meet one
// sign-in everywhere. It needs no tokens: once the code has come back, the session's cookie says who is there.
import { createHash, randomBytes } from 'node:crypto'
import type { Context } from 'koa'
import type { Provider } from 'oidc-provider'
import { OWN_CALLBACK_PATH, OWN_CLIENT_ID } from '../clients/own-client.ts'

const STATE_COOKIE = 'latchkey_return'

/** Signing in to our own pages. */
export interface AccountSignIn {
  /**
   * Where to send the browser. `returnTo` is a path of ours that has been checked. With `again` the person proves who they are even
   * if they are signed in (OpenID Connect Core §3.1.2.1, `prompt=login`).
   */
  signInUrl(ctx: Context, returnTo: string, how?: { readonly again: boolean }): Promise<string>
  /** Takes the browser back: where to go on, or undefined when this is not the answer to a sign-in that was begun here. */
  comeBack(ctx: Context): Promise<string | undefined>
}

/** Makes it. */
export function createAccountSignIn(deps: {
  readonly issuer: string
  readonly provider: () => Provider
  readonly secureCookies: boolean
}): AccountSignIn {
  const cookie = { signed: true, httpOnly: true, sameSite: 'lax', secure: deps.secureCookies, path: OWN_CALLBACK_PATH } as const
  return {
    async signInUrl(ctx, returnTo, how) {
      const state = randomBytes(16).toString('base64url')
      ctx.cookies.set(STATE_COOKIE, `${state}.${Buffer.from(returnTo).toString('base64url')}`, { ...cookie, maxAge: 3_600_000 })
      const url = new URL('/authorize', deps.issuer)
      url.search = new URLSearchParams({
        client_id: OWN_CLIENT_ID,
        response_type: 'code',
        scope: 'openid',
        redirect_uri: `${deps.issuer}${OWN_CALLBACK_PATH}`,
        state,
        // The code is never redeemed, so nobody needs the verifier.
        code_challenge: createHash('sha256').update(randomBytes(32)).digest('base64url'),
        code_challenge_method: 'S256',
        ...(how?.again === true ? { prompt: 'login' } : {}),
      }).toString()
      return url.href
    },

    async comeBack(ctx) {
      const [state, returnTo] = (ctx.cookies.get(STATE_COOKIE, { signed: true }) ?? '').split('.')
      ctx.cookies.set(STATE_COOKIE, null, cookie)
      const { code, error } = ctx.query
      if (typeof code === 'string') await dropCode(deps.provider(), code)
      if (state === undefined || state === '' || returnTo === undefined || ctx.query.state !== state || error !== undefined)
        return undefined
      return Buffer.from(returnTo, 'base64url').toString()
    },
  }
}

async function dropCode(provider: Provider, code: string): Promise<void> {
  const found = await provider.AuthorizationCode.find(code)
  if (found?.clientId === OWN_CLIENT_ID) await found.destroy()
}
