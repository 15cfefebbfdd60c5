// The end of a session as the library sees it: the person signed out, or another one signs in over them. With it ends the one that
// the app's hint names.
import type { KoaContextWithOIDC } from 'oidc-provider'
import { originOf } from '../http/request-context.ts'
import type { Sessions } from '../sessions/sessions.ts'
import type { LiveStore } from '../storage/live-store.ts'
import type { FindHintedSession } from './hinted-session.ts'
import { currentContext } from './request-state.ts'
import { sessionIdOf } from './session-ids.ts'

/** What signing out needs. */
export interface SignOutDeps {
  readonly sessions: Sessions
  readonly store: LiveStore
  readonly signOutScope: 'session' | 'account'
  readonly hinted: FindHintedSession
}

/** Makes what `Session.prototype.destroy` does first. */
export function createSignOut(
  deps: SignOutDeps,
): (session: { readonly uid: string; readonly accountId: string | undefined }) => Promise<void> {
  return async ({ uid, accountId }) => {
    const ctx = currentContext()
    const replaced = ctx !== undefined && continuesSignIn(ctx)
    // The record first: once it says so, the session is dead whatever becomes of its live state.
    if (accountId !== undefined) await endRecord(deps, { sessionId: sessionIdOf(uid), accountId, ctx, replaced })
    await deps.store.endSession(uid)
    // Who signs in over another person was sent by no app.
    if (ctx !== undefined && !replaced) await endHinted(deps, ctx, accountId)
  }
}

async function endRecord(deps: SignOutDeps, { sessionId, accountId, ctx, replaced }: SessionToEnd): Promise<void> {
  const origin = ctx === undefined ? {} : originOf(ctx)
  if (!replaced && (deps.signOutScope === 'account' || ctx?.oidc.body?.scope === 'account')) {
    await deps.sessions.endAll({ accountId, origin })
    return
  }
  await deps.sessions.signOut({ accountId, sessionId, origin, how: replaced ? 'replaced' : 'signed_out' })
}

interface SessionToEnd {
  readonly sessionId: string
  readonly accountId: string
  readonly ctx: KoaContextWithOIDC | undefined
  readonly replaced: boolean
}

/**
 * Ends the session that the app means, where that is not the one of this browser. An ID token alone ends no more than what it came
 * from, whatever a sign-out ends by the settings or the form: it does not show who sits there.
 */
async function endHinted(deps: SignOutDeps, ctx: KoaContextWithOIDC, actor: string | undefined): Promise<void> {
  const hinted = await deps.hinted(ctx)
  if (hinted === undefined) return
  const { uid, accountId, clientId } = hinted
  const sessionId = sessionIdOf(uid)
  await deps.sessions.signOut({ accountId, sessionId, origin: originOf(ctx), how: 'signed_out', byHint: { clientId, actor } })
  await deps.store.endSession(uid)
}

/** The library signs the old person out in the middle of the new one's sign-in, and then goes on with that. */
function continuesSignIn(ctx: KoaContextWithOIDC): boolean {
  const next = ctx.oidc.session?.state?.postLogoutRedirectUri
  return typeof next === 'string' && next.startsWith(`${ctx.oidc.issuer}/authorize/`)
}
