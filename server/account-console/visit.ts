// Who is at the account page: the account page is for people who are signed in, and sends others to sign in first.
import type { Context } from 'koa'
import type { Account, Accounts } from '../accounts/accounts.ts'
import { safeReturnPath } from '../http/return-path.ts'

/** The session of the browser that asks, as the provider knows it. */
export interface CurrentSession {
  readonly sessionId: string
  readonly accountId: string
  /** Gives the session a new cookie; the old one no longer opens it. */
  rotateId(): Promise<void>
}

/** Somebody who is signed in. */
export interface Visit {
  readonly session: CurrentSession
  readonly account: Account
}

/** Who is there; when nobody is, the answer has been set and leads to the sign-in page. */
export type Visitor = (ctx: Context) => Promise<Visit | undefined>

/** Makes the question. */
export function createVisitor(deps: {
  readonly accounts: Pick<Accounts, 'findById'>
  readonly currentSession: (ctx: Context) => Promise<CurrentSession | undefined>
  readonly signInUrl: (ctx: Context, returnTo: string) => Promise<string>
}): Visitor {
  return async (ctx) => {
    const session = await deps.currentSession(ctx)
    const account = session === undefined ? undefined : await deps.accounts.findById(session.accountId)
    if (session !== undefined && account?.status === 'active') return { session, account }
    // What a form wanted is not done after signing in: the person comes back to the page and looks again.
    const wanted = ctx.method === 'GET' ? safeReturnPath(ctx.url) : undefined
    ctx.redirect(await deps.signInUrl(ctx, wanted ?? '/account'))
    ctx.status = 303
    return undefined
  }
}
