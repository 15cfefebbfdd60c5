// A fake of the protocol for tests of the pages: interactions that belong to a browser's cookie, as the provider's do.
import type { Context } from 'koa'
import { InteractionNotFound, type InteractionPort, type PendingInteraction } from '../../server/interactions/interaction-port.ts'

/** An interaction of which the test sets what it likes. */
export type Pending = { -readonly [key in keyof PendingInteraction]: PendingInteraction[key] }

/** What was done, in order. */
export interface FakePort extends InteractionPort {
  readonly calls: string[]
  readonly pending: Map<string, Pending>
  /** Thrown by whatever is asked next. */
  fault: Error | undefined
}

/** The cookie of an interaction, as a browser has it that began it. */
export const COOKIE = 'interaction'

/** Makes the fake with one interaction. */
export function fakePort(first: Pending): FakePort {
  const find = async (ctx: Context, uid: string): Promise<PendingInteraction> => {
    if (port.fault !== undefined) throw port.fault
    const pending = port.pending.get(uid)
    if (pending === undefined || ctx.cookies.get(COOKIE) !== uid)
      throw new InteractionNotFound('the browser is in no such interaction')
    return pending
  }
  const finish = async (ctx: Context, uid: string, call: string): Promise<string> => {
    await find(ctx, uid)
    port.calls.push(call)
    return `https://id.example/authorize/${uid}`
  }
  const port: FakePort = {
    calls: [],
    pending: new Map([[first.uid, first]]),
    fault: undefined,
    find,
    completeLogin: (ctx, uid, { accountId, amr, afterEnd }) =>
      finish(ctx, uid, `login ${uid} ${accountId} ${amr.join()} after ${afterEnd}`),
    completeConsent: (ctx, uid) => finish(ctx, uid, `consent ${uid}`),
    deny: (ctx, uid) => finish(ctx, uid, `deny ${uid}`),
  }
  return port
}

/** A sign-in that nobody has begun yet. */
export function pendingLogin(uid = 'u1'): Pending {
  return {
    uid,
    prompt: 'login',
    client: { id: 'notes', name: 'Notes of the Secret Project' },
    reauthentication: false,
    missing: { openid: [], resources: {} },
    redirectHost: 'notes.example',
  }
}
