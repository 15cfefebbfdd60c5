// Pages of the library that are a form which sends itself: with our policy no script runs, and a person should see what
// goes on. They are answered by pages of ours.
import type { KoaContextWithOIDC } from 'oidc-provider'
import { continuePage } from '../../views/interactions/continue.ts'
import { FORM_POST_SCRIPT_SOURCE, formPostPage } from '../../views/interactions/form-post.ts'
import { continuePostPage } from '../../views/logout/continue-post.ts'
import { leavingPage } from '../../views/logout/leaving.ts'
import { signOutPage } from '../../views/logout/sign-out.ts'
import { render } from '../http/render.ts'
import { FORM_POST_POLICY } from '../http/security-headers.ts'
import type { FindHintedSession } from './hinted-session.ts'
import { signOutForm } from './pages.ts'
import { requestState } from './request-state.ts'

/** What the pages need. */
export interface FormPageDeps {
  /** The session that an app means when it sends somebody to sign out. */
  readonly hinted: FindHintedSession
}

/** Makes a middleware for `provider.use`. */
export function replaceFormPages({ hinted }: FormPageDeps) {
  return async (ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> => {
    await next()
    const route = ctx.oidc?.route
    if (route === 'end_session_confirm' && ctx.status === 303) goOnByPage(ctx)
    if (ctx.status !== 200 || typeof ctx.body !== 'string') return
    if (route === 'end_session' && ctx.oidc.session?.accountId === undefined) {
      if ((await hinted(ctx)) === undefined) leave(ctx)
      else askToSignOut(ctx)
    }
    if (route === 'resume' && ctx.oidc.entities.Interaction?.result?.login !== undefined && changesPerson(ctx)) askToChange(ctx)
  }
}

/** The response mode `form_post`. The form goes to the app, so this page alone may post elsewhere. */
export function respondByFormPost(ctx: KoaContextWithOIDC, action: string, payload: object): void {
  const fields = Object.fromEntries(Object.entries(payload).map(([name, value]) => [name, String(value)]))
  render(ctx, formPostPage({ action, fields }), 'error' in payload ? 400 : 200)
  ctx.set('Content-Security-Policy', `${FORM_POST_POLICY};script-src ${FORM_POST_SCRIPT_SOURCE}`)
}

/**
 * Browsers hold the redirects that follow a form against `form-action`, so the way to an app, and to an authorization
 * that goes on to one, is a page that goes on by itself.
 */
function goOnByPage(ctx: KoaContextWithOIDC): void {
  const url = ctx.response.get('Location')
  ctx.remove('Location')
  const { frontChannelUrls: frames = [] } = requestState(ctx)
  if (frames.length > 0) {
    tellByFrames(ctx, url, frames)
    return
  }
  ctx.set('Refresh', `0;url=${url}`)
  render(ctx, continuePage({ url, title: 'You are signed out' }))
}

/** So long the apps' frames have to load. Nobody waits for one that does not. */
const FRAMES_LOAD_SECONDS = 3

/** The one page that frames others: those apps, and nobody else. */
function tellByFrames(ctx: KoaContextWithOIDC, url: string, frames: readonly string[]): void {
  ctx.set('Refresh', `${FRAMES_LOAD_SECONDS};url=${url}`)
  render(ctx, leavingPage({ url, frames }))
  const origins = new Set(frames.map((frame) => new URL(frame).origin))
  ctx.set('Content-Security-Policy', `${ctx.response.get('Content-Security-Policy')};frame-src ${[...origins].join(' ')}`)
}

/** This browser has lost its session, by a cookie that went or because it is another browser; the session of the app goes on. */
function askToSignOut(ctx: KoaContextWithOIDC): void {
  render(ctx, signOutPage({ ...signOutForm(ctx), elsewhere: true }))
}

/** Nobody is signed in, so there is nothing to ask and nothing to end: on to where the app wants the person to go. */
function leave(ctx: KoaContextWithOIDC): void {
  const { postLogoutRedirectUri, state } = ctx.oidc.session?.state ?? {}
  const url = new URL(typeof postLogoutRedirectUri === 'string' ? postLogoutRedirectUri : ctx.oidc.urlFor('end_session_success'))
  if (typeof postLogoutRedirectUri === 'string' && typeof state === 'string') url.searchParams.set('state', state)
  ctx.body = null
  ctx.status = 303
  ctx.redirect(url.href)
}

function changesPerson(ctx: KoaContextWithOIDC): boolean {
  const { session, entities } = ctx.oidc
  return session?.accountId !== undefined && session.accountId !== entities.Interaction?.result?.login?.accountId
}

/** Another person has signed in over the one who is signed in: the first is signed out before, and is told so. */
function askToChange(ctx: KoaContextWithOIDC): void {
  const secret = ctx.oidc.session?.state?.secret
  render(
    ctx,
    continuePostPage({
      action: ctx.oidc.urlFor('end_session_confirm'),
      fields: { xsrf: typeof secret === 'string' ? secret : '', logout: 'yes' },
      label: 'Sign out the other account and continue',
      explanation: 'Another account is signed in here. It is signed out of its apps in this browser before you go on.',
    }),
  )
}
