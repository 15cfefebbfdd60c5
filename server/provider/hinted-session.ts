// The session that an app means when it sends a person to sign out (`id_token_hint`, OpenID Connect RP-Initiated Logout 1.0 §2): the
// one that its ID token came from. The browser may know nothing of it any more, and the session goes on all the same.
import { decodeJwt } from 'jose'
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { Sessions } from '../sessions/sessions.ts'
import { uidOf } from './session-ids.ts'

/** A session that lives. */
export interface HintedSession {
  readonly uid: string
  readonly accountId: string
  /** Whose ID token it is. */
  readonly clientId: string
}

/** Finds the one that a request's hint names; undefined where it names none that lives. */
export type FindHintedSession = (ctx: KoaContextWithOIDC) => Promise<HintedSession | undefined>

/** Makes the finder. */
export function createHintedSessions(deps: {
  readonly sessions: Sessions
  /** Which sessions a client calls so. */
  readonly findClientSession: (sid: string) => Promise<readonly { readonly sessionId: string; readonly clientId: string }[]>
}): FindHintedSession {
  return async (ctx) => {
    const hint = hintOf(ctx)
    const claims = hint === undefined ? undefined : await readHint(ctx, hint)
    if (claims === undefined) return undefined
    const known = await deps.findClientSession(claims.sid)
    const sessionId = known.find(({ clientId }) => clientId === claims.aud)?.sessionId
    const live = sessionId === undefined ? undefined : await deps.sessions.findLive(sessionId)
    if (live === undefined || live.account.id !== claims.sub) return undefined
    return { uid: uidOf(live.id), accountId: claims.sub, clientId: claims.aud }
  }
}

/** In the request of the app, or in the form that asked the person. */
export function hintOf({ oidc }: KoaContextWithOIDC): string | undefined {
  const hint = oidc.params?.id_token_hint ?? oidc.body?.id_token_hint
  return typeof hint === 'string' ? hint : undefined
}

/** What it says, if this server has signed it for that client; how old it is does not matter. */
async function readHint({ oidc }: KoaContextWithOIDC, hint: string) {
  try {
    const { aud, sub, sid } = decodeJwt(hint)
    if (typeof aud !== 'string' || typeof sub !== 'string' || typeof sid !== 'string') return undefined
    const client = await oidc.provider.Client.find(aud)
    if (client === undefined) return undefined
    await oidc.provider.IdToken.validate(hint, client)
    return { aud, sub, sid }
  } catch {
    return undefined
  }
}
