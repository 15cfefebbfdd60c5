// The end of a session as the library sees it: the person signed out, or another one signs in over them.
import type { KoaContextWithOIDC } from 'oidc-provider'
import { originOf } from '../http/request-context.ts'
import type { Sessions } from '../sessions/sessions.ts'
import type { LiveStore } from '../storage/live-store.ts'
import { currentContext } from './request-state.ts'
import { sessionIdOf } from './session-ids.ts'

/** Makes what `Session.prototype.destroy` does first. */
export function createSignOut(deps: {
  readonly sessions: Sessions
  readonly store: LiveStore
  readonly signOutScope: 'session' | 'account'
}): (session: { readonly uid: string; readonly accountId: string | undefined }) => Promise<void> {
  return async ({ uid, accountId }) => {
    // The record first: once it says so, the session is dead whatever becomes of its live state.
    if (accountId !== undefined) await endRecord(deps, sessionIdOf(uid), accountId)
    await deps.store.endSession(uid)
  }
}

async function endRecord(
  deps: { readonly sessions: Sessions; readonly signOutScope: 'session' | 'account' },
  sessionId: string,
  accountId: string,
): Promise<void> {
  const ctx = currentContext()
  const origin = ctx === undefined ? {} : originOf(ctx)
  const replaced = ctx !== undefined && continuesSignIn(ctx)
  if (!replaced && (deps.signOutScope === 'account' || ctx?.oidc.body?.scope === 'account')) {
    await deps.sessions.endAll({ accountId, origin })
    return
  }
  await deps.sessions.signOut({ accountId, sessionId, origin, how: replaced ? 'replaced' : 'signed_out' })
}

/** The library signs the old person out in the middle of the new one's sign-in, and then goes on with that. */
function continuesSignIn(ctx: KoaContextWithOIDC): boolean {
  const next = ctx.oidc.session?.state?.postLogoutRedirectUri
  return typeof next === 'string' && next.startsWith(`${ctx.oidc.issuer}/authorize/`)
}
