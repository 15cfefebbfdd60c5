// Who is signed in, for our own pages: the session that the browser's cookie opens, as the provider sees it.
import type { Context } from 'koa'
import type { Provider } from 'oidc-provider'
import { sessionIdOf } from './session-ids.ts'

/** The session of the browser that asks. */
export interface CurrentSession {
  readonly sessionId: string
  readonly accountId: string
  /** When the person last proved who they are, in seconds since the epoch. */
  readonly authTime: number
  /** Gives the session a new cookie; the old one no longer opens it. */
  rotateId(): Promise<void>
}

/** Makes the question. */
export function createCurrentSession(deps: {
  readonly provider: () => Provider
  readonly secureCookies: boolean
}): (ctx: Context) => Promise<CurrentSession | undefined> {
  return async (ctx) => {
    const provider = deps.provider()
    const name = provider.cookieName('session')
    const cookie = ctx.cookies.get(name, { signed: true })
    const session = cookie === undefined ? undefined : await provider.Session.find(cookie)
    const { accountId, loginTs } = session ?? {}
    if (session === undefined || accountId === undefined || loginTs === undefined) return undefined
    return {
      sessionId: sessionIdOf(session.uid),
      accountId,
      authTime: loginTs,
      async rotateId() {
        session.resetIdentifier()
        await session.persist()
        ctx.cookies.set(name, session.jti, {
          signed: true,
          httpOnly: true,
          overwrite: true,
          path: '/',
          sameSite: 'lax',
          secure: deps.secureCookies,
          expires: new Date(session.exp * 1000),
        })
      },
    }
  }
}
