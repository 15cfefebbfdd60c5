// The pages that the library asks for: an error that cannot go back to a client, the question whether to sign out, and
// that it is done.
import type { Context } from 'koa'
import type { KoaContextWithOIDC } from 'oidc-provider'
import { messagePage } from '../../views/errors/message.ts'
import { signInExpiredPage } from '../../views/errors/sign-in-expired.ts'
import { signOutPage } from '../../views/logout/sign-out.ts'
import { signedOutPage } from '../../views/logout/signed-out.ts'
import { render } from '../http/render.ts'
import { requestInfo } from '../http/request-context.ts'
import type { ProviderPages } from './features.ts'
import { type FindHintedSession, hintOf } from './hinted-session.ts'
import { isForPrograms } from './protocol-routes.ts'
import { refusedAt } from './refusals.ts'

/** What a person is told for an error of the protocol; the developer's words come after it. */
const IN_PLAIN_WORDS: { readonly [error: string]: string } = {
  access_denied: 'You may not sign in here.',
  invalid_client: 'The app that sent you here is not known to this server.',
  invalid_redirect_uri: 'The app that sent you here asked to send you back to an address that is not registered for it.',
  invalid_request: 'The app that sent you here made a request that this server cannot answer.',
  unauthorized_client: 'The app that sent you here is not allowed to do that.',
}

/** Makes them, with the pages for a store that is out of reach and for a session that ended while it was saved. */
export function createProviderPages(deps: {
  readonly accounts: { findById(id: string): Promise<{ readonly email: string } | undefined> }
  readonly hinted: FindHintedSession
}): ProviderPages & { unavailable(ctx: Context): void; expired(ctx: Context): void } {
  return {
    renderError(ctx, out) {
      if (isForPrograms(ctx.path)) {
        ctx.body = out
        return
      }
      const { requestId } = requestInfo(ctx.req)
      // The library's word for an interaction or a sign-in that is over, or that another browser began.
      if (ctx.oidc?.route !== 'authorization' && out.error === 'invalid_request' && isLost(out.error_description)) {
        expired(ctx)
        return
      }
      const text = IN_PLAIN_WORDS[out.error] ?? 'The request could not be answered.'
      const told = out.error_description === undefined ? out.error : `${out.error}: ${out.error_description}`
      const explained = refusedAt(ctx) !== undefined
      render(ctx, messagePage({ title: 'That did not work', text, detail: told, requestId, explained }), ctx.status)
    },

    async logoutSource(ctx) {
      const { uid, accountId } = ctx.oidc.session ?? {}
      const account = accountId === undefined ? undefined : await deps.accounts.findById(accountId)
      const hinted = await deps.hinted(ctx)
      const another = hinted !== undefined && hinted.uid !== uid
      render(ctx, signOutPage({ ...signOutForm(ctx), ...(account === undefined ? {} : { email: account.email }), another }))
    },

    postLogoutSuccessSource(ctx) {
      const { client } = ctx.oidc
      render(ctx, signedOutPage(client?.clientName === undefined ? {} : { clientName: client.clientName }))
    },

    unavailable,
    expired,
  }
}

/** What the form that asks whether to sign out is made of. */
export function signOutForm(ctx: KoaContextWithOIDC) {
  const { session, client } = ctx.oidc
  const xsrf = session?.state?.secret
  const hint = hintOf(ctx)
  return {
    action: ctx.oidc.urlFor('end_session_confirm'),
    xsrf: typeof xsrf === 'string' ? xsrf : '',
    ...(hint === undefined ? {} : { hint }),
    ...(client?.clientName === undefined ? {} : { clientName: client.clientName }),
  }
}

function expired(ctx: Context): void {
  render(ctx, signInExpiredPage({ requestId: requestInfo(ctx.req).requestId }), 400)
}

function unavailable(ctx: Context): void {
  const { requestId } = requestInfo(ctx.req)
  const text = 'Signing in is not possible at this moment. Nothing is lost. Please try again in a few seconds.'
  render(ctx, messagePage({ title: 'Not available right now', text, requestId }), 503)
}

/** What the library says when an interaction or session is gone (`SessionNotFound`). */
function isLost(description: string | undefined): boolean {
  return /session|expired|interaction/i.test(description ?? '')
}
