// Forged requests: a form of ours is believed only when it carries a token that another site cannot know, and when the
// browser does not say that it comes from elsewhere.
import { createHmac, createSecretKey, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Context } from 'koa'
import type { Form } from './form.ts'
import { HttpProblem } from './problems.ts'

/** Guards forms. */
export interface Csrf {
  /**
   * The token for a form; `purpose` says which, so that one form's token is no good for another. It is bound to a secret in
   * a cookie of the browser; `held` stands for it where the caller has already seen that the browser holds something that
   * nobody else does. (Of two pages that are opened at once each would set the cookie, and one would be left without.)
   */
  token(ctx: Context, purpose: string, held?: string): string
  /** Whether the form is one of ours, for what is done before anybody is told. */
  isOurs(ctx: Context, form: Form, purpose: string, held?: string): boolean
  /** @throws HttpProblem 403 when the form is not one of ours */
  check(ctx: Context, form: Form, purpose: string, held?: string): void
}

/** Makes the guard. `key` is a key of the server that is used for nothing else. */
export function createCsrf(deps: { readonly key: Uint8Array; readonly issuer: string }): Csrf {
  const { origin, protocol } = new URL(deps.issuer)
  const secure = protocol === 'https:'
  const name = secure ? '__Host-latchkey_csrf' : 'latchkey_csrf'
  // As an object, since Node takes several times as long for a key that comes as bytes.
  const key = createSecretKey(deps.key)
  const tokenOf = (secret: string, purpose: string) =>
    createHmac('sha256', key).update(`${secret}\0${purpose}`).digest('base64url')
  return {
    token(ctx, purpose, held) {
      if (held !== undefined) return tokenOf(held, purpose)
      const known = ctx.cookies.get(name, { signed: true })
      // Several forms on a page share the browser's secret, also when it has just been made.
      const secret = known ?? fresh.get(ctx) ?? randomBytes(16).toString('base64url')
      if (known === undefined && !fresh.has(ctx)) {
        fresh.set(ctx, secret)
        ctx.cookies.set(name, secret, { signed: true, httpOnly: true, sameSite: 'lax', secure, path: '/', overwrite: true })
      }
      return tokenOf(secret, purpose)
    },

    isOurs,

    check(ctx, form, purpose, held) {
      if (isOurs(ctx, form, purpose, held)) return
      throw new HttpProblem(
        403,
        'Please try again',
        'This form has been open for too long, or it was not sent from this site. Go back, reload the page, and send it again.',
      )
    },
  }

  function isOurs(ctx: Context, form: Form, purpose: string, held?: string): boolean {
    const site = ctx.get('Sec-Fetch-Site')
    const from = ctx.get('Origin')
    const secret = held ?? ctx.cookies.get(name, { signed: true })
    return (
      (site === '' || site === 'same-origin' || site === 'none') &&
      // Under our referrer policy browsers send `Origin: null` with their own forms (Fetch §3.2); where they come from they
      // say in the other header, which no page can set.
      (from === '' || from === origin || (from === 'null' && site === 'same-origin')) &&
      secret !== undefined &&
      same(form.get('csrf'), tokenOf(secret, purpose))
    )
  }
}

const fresh = new WeakMap<Context, string>()

function same(a: string, b: string): boolean {
  const left = Buffer.from(a)
  const right = Buffer.from(b)
  return left.length === right.length && timingSafeEqual(left, right)
}
