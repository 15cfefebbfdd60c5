// The cookie that a browser had before its person signed in. It must not open the session afterwards (whoever planted it
// would be signed in, CVE-2024-7341); but of two tabs that sign in at once the second still sends it, and must find the
// session of the first, or one of the two apps would be missing from it. So the session remembers such cookies, by digest,
// and one of them is let in only together with a sign-in of the same person.
import { createHash } from 'node:crypto'
import type { AdapterPayload, KoaContextWithOIDC } from 'oidc-provider'
import type { LiveStore } from '../storage/live-store.ts'
import { currentContext } from './request-state.ts'

/** A session as it is stored. */
export type StoredSession = AdapterPayload & { readonly retired?: readonly string[] }

/** As many are remembered: tabs that sign in at once are few. */
const MOST_RETIRED = 8

/** The list with one more. */
export function retire(known: readonly string[] | undefined, cookieId: string): readonly string[] {
  return [...new Set([...(known ?? []), digestOf(cookieId)])].slice(-MOST_RETIRED)
}

/** Whether a cookie opens the session now: by itself, or together with the sign-in that this request brings back. */
export async function opens(
  store: LiveStore,
  cookieId: string,
  session: StoredSession,
): Promise<'by itself' | 'with this sign-in' | 'not at all'> {
  if (session.retired?.includes(digestOf(cookieId)) !== true) return 'by itself'
  const ctx = currentContext()
  const together = ctx?.oidc.route === 'resume' && (await signedInAs(store, ctx)) === session.accountId
  return together ? 'with this sign-in' : 'not at all'
}

/** Who has just signed in, in the interaction that the browser comes back from. */
async function signedInAs(store: LiveStore, ctx: KoaContextWithOIDC): Promise<string | undefined> {
  const uid = ctx.cookies.get(ctx.oidc.provider.cookieName('resume'), { signed: true })
  if (uid === undefined) return undefined
  const interaction = (await store.find('Interaction', uid)) as AdapterPayload | undefined
  return interaction?.result?.login?.accountId
}

function digestOf(cookieId: string): string {
  return createHash('sha256').update(cookieId).digest('base64url')
}
