// What was filled in, kept for somebody who has to sign in before it can be sent: for as long as that takes, sealed, for the browser
// that sent it alone, and given back once.
import { randomBytes } from 'node:crypto'
import type { Context } from 'koa'
import type { LiveStore } from '../storage/live-store.ts'
import type { Csrf } from './csrf.ts'

/** What is kept. */
export interface KeptForm {
  /** The page that shows it, with all that was filled in: longer than any address. */
  readonly path: string
  /** Whose it is; undefined: nobody was signed in when it came. */
  readonly accountId?: string | undefined
}

/** Keeps forms. */
export interface KeptForms {
  /** Takes it, and tells what it is found by. */
  keep(ctx: Context, form: KeptForm): Promise<string>
  /** Gives it back; undefined when it is not there, was given back already, or is of another browser or person. */
  take(ctx: Context, id: string, accountId: string): Promise<string | undefined>
}

/** Long enough to sign in, with a second factor, and a password that was forgotten. */
const KEPT_SECONDS = 1800

const MODEL = 'KeptForm'

/** Makes it. */
export function createKeptForms(deps: {
  readonly live: Pick<LiveStore, 'put' | 'find' | 'consume' | 'destroy'>
  readonly csrf: Pick<Csrf, 'token'>
}): KeptForms {
  const { live, csrf } = deps
  const browserOf = (ctx: Context, id: string) => csrf.token(ctx, `kept form ${id}`)
  return {
    async keep(ctx, { path, accountId = null }) {
      const id = randomBytes(16).toString('base64url')
      const payload = { path, accountId, browser: browserOf(ctx, id) }
      await live.put({ model: MODEL, id, payload, ttlSeconds: KEPT_SECONDS })
      return id
    },

    async take(ctx, id, accountId) {
      const found = await live.find(MODEL, id)
      if (found === undefined || found.browser !== browserOf(ctx, id)) return undefined
      if (found.accountId !== null && found.accountId !== accountId) return undefined
      if (!(await live.consume(MODEL, id))) return undefined
      // It may be large, and nobody asks for it again.
      await live.destroy(MODEL, id)
      return String(found.path)
    },
  }
}
