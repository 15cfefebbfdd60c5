// The end of a session as the library sees it: the person signed out, or another one signs in over them. With it ends the one that
// the app's hint names.
import type { KoaContextWithOIDC } from 'oidc-provider'
import { originOf } from '../http/request-context.ts'
import type { Sessions } from '../sessions/sessions.ts'
import type { LiveStore } from '../storage/live-store.ts'
import type { SessionClients } from './front-channel-logout.ts'
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

/** A session that the library destroys. */
export interface DestroyedSession {
  readonly uid: string
  readonly accountId: string | undefined
  readonly authorizations: SessionClients
}

/** Makes what `Session.prototype.destroy` does first; it returns what the apps of the sessions that ended have there. */
export function createSignOut(deps: SignOutDeps): (session: DestroyedSession) => Promise<SessionClients> {
  return async ({ uid, accountId, authorizations }) => {
    const ctx = currentContext()
    const hinted = ctx === undefined ? undefined : await deps.hinted(ctx)
    const other = hinted?.uid === uid ? undefined : hinted
    // The record first: once it says so, the session is dead whatever becomes of its live state.
    if (accountId !== undefined) await endRecord(deps, { sessionId: sessionIdOf(uid), accountId, ctx, here: true })
    await deps.store.endSession(uid)
    if (other === undefined) return authorizations
    await endRecord(deps, { sessionId: sessionIdOf(other.uid), accountId: other.accountId, ctx, here: false })
    await deps.store.endSession(other.uid)
    return { ...other.authorizations, ...authorizations }
  }
}

/** `here`: whether it is the session of this browser. An ID token alone ends no more than the session that it came from. */
async function endRecord(deps: SignOutDeps, { sessionId, accountId, ctx, here }: Ended): Promise<void> {
  const origin = ctx === undefined ? {} : originOf(ctx)
  const replaced = ctx !== undefined && continuesSignIn(ctx)
  if (!replaced && (deps.signOutScope === 'account' || (here && ctx?.oidc.body?.scope === 'account'))) {
    await deps.sessions.endAll({ accountId, origin })
    return
  }
  await deps.sessions.signOut({ accountId, sessionId, origin, how: replaced ? 'replaced' : 'signed_out' })
}

interface Ended {
  readonly sessionId: string
  readonly accountId: string
  readonly ctx: KoaContextWithOIDC | undefined
  readonly here: boolean
}

/** The library signs the old person out in the middle of the new one's sign-in, and then goes on with that. */
function continuesSignIn(ctx: KoaContextWithOIDC): boolean {
  const next = ctx.oidc.session?.state?.postLogoutRedirectUri
  return typeof next === 'string' && next.startsWith(`${ctx.oidc.issuer}/authorize/`)
}
