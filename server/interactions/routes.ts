// What a browser meets between `/authorize` and the code: the sign-in page and the consent page.
import Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import { signInExpiredPage } from '../../views/errors/sign-in-expired.ts'
import { consentPage } from '../../views/interactions/consent.ts'
import { continuePage } from '../../views/interactions/continue.ts'
import { loginPage } from '../../views/interactions/login.ts'
import { HashingBusy } from '../accounts/hashing-pool.ts'
import type { Csrf } from '../http/csrf.ts'
import { readForm } from '../http/form.ts'
import { render } from '../http/render.ts'
import { originOf, requestInfo } from '../http/request-context.ts'
import { InteractionNotFound, type InteractionPort, type PendingInteraction, type SignIn } from './interaction-port.ts'

/** What the pages need. */
export interface InteractionDeps {
  readonly port: InteractionPort
  readonly signIn: SignIn
  /** Told that somebody is about to type a password. */
  readonly passwordComes: () => void
  /** Told of a browser that is in no such interaction, or no longer: it may say why to those who are asked by the id on the page. */
  readonly lost: (ctx: Context) => void
  readonly csrf: Csrf
}

/** Longer than any password may be: what is longer is refused before it is hashed. */
const LONGEST_INPUT = 1024

/** The forms of an interaction are bound to it: its name is in a cookie that only the browser that began it has. */
const FORM = 'interaction'

/** Makes the routes. */
export function createInteractionRoutes(deps: InteractionDeps): Router {
  const router = new Router({ prefix: '/interactions/:uid' })
  router.use(expiredPage(deps))
  router.get('/', (ctx) => show(ctx, deps, uidOf(ctx)))
  router.post('/login', (ctx) => login(ctx, deps, uidOf(ctx)))
  router.post('/consent', async (ctx) => {
    await pendingFor(ctx, deps, uidOf(ctx), 'consent')
    await checkedForm(ctx, deps, uidOf(ctx))
    goOn(ctx, await deps.port.completeConsent(ctx, uidOf(ctx)))
  })
  router.post('/abort', async (ctx) => {
    await deps.port.find(ctx, uidOf(ctx))
    await checkedForm(ctx, deps, uidOf(ctx))
    goOn(ctx, await deps.port.deny(ctx, uidOf(ctx)))
  })
  return router
}

async function show(ctx: Context, deps: InteractionDeps, uid: string): Promise<void> {
  const pending = await deps.port.find(ctx, uid)
  if (pending.prompt === 'login') {
    deps.passwordComes()
    return showLogin(ctx, deps, pending, { username: pending.loginHint ?? pending.email })
  }
  render(
    ctx,
    consentPage({
      action: `/interactions/${uid}/consent`,
      abortAction: `/interactions/${uid}/abort`,
      csrf: deps.csrf.token(ctx, FORM, uid),
      client: pending.client,
      redirectHost: pending.redirectHost,
      email: pending.email ?? '',
      ...pending.missing,
      ...(pending.apis === undefined ? {} : { apis: pending.apis }),
    }),
  )
}

async function login(ctx: Context, deps: InteractionDeps, uid: string): Promise<void> {
  const pending = await pendingFor(ctx, deps, uid, 'login')
  const form = await checkedForm(ctx, deps, uid)
  const username = form.get('username')
  const password = form.get('password')
  const result = await tryPassword(ctx, deps, username, password)
  if (result.outcome === 'ok') {
    // RFC 8176: `pwd`, a password.
    const { account, afterEnd } = result
    goOn(ctx, await deps.port.completeLogin(ctx, uid, { accountId: account.id, amr: ['pwd'], afterEnd }))
    return
  }
  const { outcome, retryAfterSeconds } = result
  showLogin(ctx, deps, pending, {
    username: username.slice(0, LONGEST_INPUT),
    problem: outcome === 'refused' && retryAfterSeconds !== undefined ? 'too_many' : outcome,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  })
}

type Tried = Awaited<ReturnType<SignIn>> | { readonly outcome: 'busy'; readonly retryAfterSeconds: number }

async function tryPassword(ctx: Context, { signIn }: InteractionDeps, username: string, password: string): Promise<Tried> {
  if (username.length > LONGEST_INPUT || Buffer.byteLength(password) > LONGEST_INPUT) return { outcome: 'refused' }
  try {
    return await signIn({ username, password, origin: originOf(ctx) })
  } catch (error) {
    // The page stays, with what was typed: the person sends it again in a moment.
    if (error instanceof HashingBusy) return { outcome: 'busy', retryAfterSeconds: error.retryAfterSeconds }
    throw error
  }
}

/** A wrong password is an ordinary page: 401 would make browsers and proxies ask for HTTP authentication. */
const STATUS = { refused: 200, too_many: 429, busy: 503 } as const

function showLogin(
  ctx: Context,
  { csrf }: InteractionDeps,
  pending: PendingInteraction,
  more: {
    readonly username?: string | undefined
    readonly problem?: keyof typeof STATUS
    readonly retryAfterSeconds?: number
  },
): void {
  const { username, ...rest } = more
  const page = loginPage({
    action: `/interactions/${pending.uid}/login`,
    abortAction: `/interactions/${pending.uid}/abort`,
    csrf: csrf.token(ctx, FORM, pending.uid),
    clientName: pending.client.name,
    redirectHost: pending.redirectHost,
    reauthentication: pending.reauthentication,
    ...(username === undefined ? {} : { username }),
    ...rest,
  })
  const { problem, retryAfterSeconds } = more
  if (retryAfterSeconds !== undefined) ctx.set('Retry-After', String(retryAfterSeconds))
  render(ctx, page, problem === undefined ? 200 : STATUS[problem])
}

/** The interaction, if it is at the step that the form is of: nobody tries passwords on a page that asks for none. */
async function pendingFor(
  ctx: Context,
  { port }: InteractionDeps,
  uid: string,
  prompt: PendingInteraction['prompt'],
): Promise<PendingInteraction> {
  const pending = await port.find(ctx, uid)
  if (pending.prompt !== prompt) throw new InteractionNotFound('the interaction is at another step')
  return pending
}

/** 200 and `Refresh` instead of a redirect, which Chromium would hold to the `form-action` of this site. */
function goOn(ctx: Context, url: string): void {
  ctx.set('Refresh', `0;url=${url}`)
  render(ctx, continuePage({ url }))
}

async function checkedForm(ctx: Context, { csrf }: InteractionDeps, uid: string) {
  const form = await readForm(ctx)
  csrf.check(ctx, form, FORM, uid)
  return form
}

function uidOf(ctx: Context & { params: { [name: string]: string } }): string {
  return ctx.params.uid ?? ''
}

/** Expired, finished, or begun in another browser: the page says the same, and nothing of whose sign-in it was. */
function expiredPage({ lost }: Pick<InteractionDeps, 'lost'>): Middleware {
  return async (ctx, next) => {
    try {
      await next()
    } catch (error) {
      if (!(error instanceof InteractionNotFound)) throw error
      lost(ctx)
      render(ctx, signInExpiredPage({ requestId: requestInfo(ctx.req).requestId }), 400)
    }
  }
}
