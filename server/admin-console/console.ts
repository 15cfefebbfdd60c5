// The console: its pages behind one door, which is the same for each of them. The order is policy, so all of it stands here.
import Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import { powersOf } from '../../config/access.ts'
import { type AccessRule, type Powers, scopesOfRoles, whatIsMissing } from '../../config/roles.ts'
import { type ConsoleBody, type ConsoleFrame, consolePage } from '../../views/admin-console/console-page.ts'
import type { Account } from '../accounts/accounts.ts'
import type { Change } from '../audit/change.ts'
import type { Csrf } from '../http/csrf.ts'
import { leadOn } from '../http/error-pages.ts'
import { type Form, readForm } from '../http/form.ts'
import type { KeptForms } from '../http/kept-forms.ts'
import { HttpProblem } from '../http/problems.ts'
import { render } from '../http/render.ts'
import { originOf } from '../http/request-context.ts'
import { safeReturnPath } from '../http/return-path.ts'
import { routesOf } from '../http/routes.ts'
import { readUpload } from '../http/upload.ts'
import { takeNotice } from './notices.ts'
import { SECTIONS } from './sections.ts'

/** Where it is. */
export const CONSOLE_PATH = '/admin'

/** Somebody who may see a page. */
export interface ConsoleVisit {
  readonly account: Account
  readonly powers: Powers
  /** Of the forms of the page, all of which are the console's. */
  readonly csrf: string
  /** What is written to the audit log of what the person does. */
  change(reason?: string): Change
  /** Whether the person may use something that has another rule than the page. */
  may(rule: AccessRule): boolean
  /** Refuses what has another rule than the page, and is asked for nevertheless. @throws HttpProblem 403 */
  insist(rule: AccessRule): void
  /** Asks once more, for an answer that takes long. @throws HttpProblem when the person may not see it any more */
  readonly stillAllowed: () => Promise<void>
  /** Shows a page. */
  show(body: ConsoleBody, status?: number): void
}

/** Looks at a page. */
export interface ConsolePage {
  readonly method: 'get'
  /** Below `/admin`. */
  readonly path: string
  readonly access: AccessRule
  /** For what may end much, or show a secret: the person has just proved who they are. */
  readonly fresh?: boolean
  handle(ctx: Context, visit: ConsoleVisit): Promise<void>
}

/** Does something. */
export interface ConsoleAction extends Omit<ConsolePage, 'method' | 'handle'> {
  readonly method: 'post'
  /** The most that the form may weigh; left out: as much as other forms. */
  readonly mostBytes?: number
  /** The field for which a file may be sent; it has the file's text. Left out: no file is taken. */
  readonly file?: string
  /**
   * The page on which the form stands, with what was filled in: when the person has to sign in first, they come back to it, and
   * nothing is lost.
   */
  readonly back: (ctx: Context, form: Form) => string
  /** What is filled in goes into no address: it is always kept apart. */
  readonly keptApart?: boolean
  handle(ctx: Context, visit: ConsoleVisit, form: Form): Promise<void>
}

/** A page or an action. */
export type ConsoleRoute = ConsolePage | ConsoleAction

/** The session of the browser that asks, as the provider knows it. */
export interface ConsoleSession {
  readonly sessionId: string
  readonly accountId: string
  /** When the person last proved who they are, in seconds since the epoch. */
  readonly authTime: number
}

/** Why somebody who is signed in was not let do something, for the audit log. */
export type RefusedVisit = 'insufficient_role' | 'out_of_reach' | 'forged_form' | 'stale_sign_in'

/** What the door needs. */
export interface ConsoleDoor {
  readonly csrf: Csrf
  readonly keptForms: KeptForms
  readonly currentSession: (ctx: Context) => Promise<ConsoleSession | undefined>
  readonly findAccount: (id: string) => Promise<Account | undefined>
  /** Where to sign in; `again` even for somebody who is signed in. */
  readonly signInUrl: (ctx: Context, returnTo: string, how?: { readonly again: boolean }) => Promise<string>
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  /** Counts requests of each person by themselves; `ctx.state.caller` names them. */
  readonly limit: Middleware
  /** Told that somebody was refused something. */
  readonly refused: (ctx: Context, route: ConsoleRoute, accountId: string, why: RefusedVisit) => void
}

/** How long somebody has just proved who they are. */
export const FRESH_SECONDS = 300

/** Scripts of our own files only, and none that make HTML out of text. */
export const CONSOLE_POLICY =
  "default-src 'none';style-src 'self';script-src 'self';connect-src 'self';img-src 'self' data:;form-action 'self';frame-ancestors 'none';base-uri 'none';require-trusted-types-for 'script';trusted-types 'none'"

/** One purpose for all forms of the console. */
const CSRF_PURPOSE = 'console'

/** Where forms come back that were kept: below it their ids. */
const KEPT_PATH = '/filled-in'

/** Makes the middleware. */
export function createConsole(routes: readonly ConsoleRoute[], door: ConsoleDoor): Middleware {
  const router = new Router({ prefix: CONSOLE_PATH })
  for (const route of routes) router.register(route.path, [route.method], (ctx: Context) => pass(route, door, ctx))
  const pages = routesOf(router)
  const kept = new Router({ prefix: CONSOLE_PATH })
  kept.get(`${KEPT_PATH}/:id`, (ctx: Context, next) => comeBack(door, ctx, () => pages(ctx, next)))
  const comingBack = routesOf(kept)
  return (ctx, next) => comingBack(ctx, () => pages(ctx, next))
}

/** Shows the page on which a form stands as if it had been asked for with all that was filled in. */
async function comeBack(door: ConsoleDoor, ctx: Context, show: () => Promise<unknown>): Promise<void> {
  const account = await signedIn(door, ctx)
  if (account === undefined) return signIn(door, ctx, { wanted: safeReturnPath(ctx.url) ?? CONSOLE_PATH })
  const path = await door.keptForms.take(ctx, String(ctx.params.id), account.id)
  const { page } = ctx.query
  // It comes back once. After that there is the page.
  if (path === undefined) {
    ctx.redirect((typeof page === 'string' ? safeReturnPath(page) : undefined) ?? CONSOLE_PATH)
    ctx.status = 303
    return
  }
  ctx.url = path
  ctx.state.filledIn = true
  await show()
}

async function signedIn(door: ConsoleDoor, ctx: Context): Promise<Account | undefined> {
  const session = await door.currentSession(ctx)
  const account = session === undefined ? undefined : await door.findAccount(session.accountId)
  return account?.status === 'active' ? account : undefined
}

async function pass(route: ConsoleRoute, door: ConsoleDoor, ctx: Context): Promise<void> {
  ctx.set('Content-Security-Policy', CONSOLE_POLICY)
  // Whatever the answer is, a way on or a file too: it is about people, for one person.
  ctx.set('Cache-Control', 'no-store')
  const form = route.method === 'post' ? await formOf(ctx, route) : undefined
  // 1. Who is there.
  const session = await door.currentSession(ctx)
  const account = session === undefined ? undefined : await door.findAccount(session.accountId)
  if (session === undefined || account?.status !== 'active')
    return signIn(door, ctx, { wanted: await wayBack(door, ctx, route, { form }) })
  const refused = (why: RefusedVisit) => door.refused(ctx, route, account.id, why)
  if (account.roles.length > 0) leadOn(ctx, { href: CONSOLE_PATH, label: 'Go to the console' })
  // 2. Whether the form is one of ours.
  if (form !== undefined && !door.csrf.isOurs(ctx, form, CSRF_PURPOSE)) refused('forged_form')
  if (form !== undefined) door.csrf.check(ctx, form, CSRF_PURPOSE)
  // 3. Whether they may.
  const powers = { scopes: scopesOfRoles(account.roles), roles: account.roles }
  const insist = (rule: AccessRule) => {
    if (whatIsMissing(rule, powers) !== undefined) refused('insufficient_role')
    refuse(rule, powers)
  }
  insist(route.access)
  // 4. Whether it is they, for what weighs much. To be asked before a page is shown is the way there; a deed was held back.
  if (route.fresh === true && door.clock() / 1000 - session.authTime > FRESH_SECONDS) {
    if (form !== undefined) refused('stale_sign_in')
    return signIn(door, ctx, { wanted: await wayBack(door, ctx, route, { form, account }), again: true })
  }
  // 5. How often.
  ctx.state.caller = account.id
  await door.limit(ctx, async () => {
    const visit = visitOf(door, ctx, { account, powers, route, insist })
    try {
      if (route.method === 'get') await route.handle(ctx, visit)
      else if (form !== undefined) await route.handle(ctx, visit, form)
    } catch (error) {
      // What `insist` refuses was told already.
      if (error instanceof HttpProblem && error.type === 'out-of-reach') refused('out_of_reach')
      throw error
    }
  })
}

function formOf(ctx: Context, { file, mostBytes }: ConsoleAction): Promise<Form> {
  const isUpload = file !== undefined && ctx.is('multipart/form-data') === 'multipart/form-data'
  return isUpload ? readUpload(ctx, { file, mostBytes }) : readForm(ctx, mostBytes)
}

/** Where the person goes on after signing in: to the page, or the page on which the form stands, with what was filled in. */
async function wayBack(
  door: ConsoleDoor,
  ctx: Context,
  route: ConsoleRoute,
  { form, account }: { readonly form: Form | undefined; readonly account?: Account },
): Promise<string> {
  const back = form === undefined || route.method === 'get' ? ctx.url : route.back(ctx, form)
  const isApart = (route.method === 'post' && route.keptApart === true) || ctx.state.filledIn === true
  const short = isApart ? undefined : safeReturnPath(back)
  if (short !== undefined) return short
  const page = safeReturnPath(back.split('?')[0] ?? '') ?? CONSOLE_PATH
  // Nobody who never was here has anything kept: it would be a way to fill the store. What was ticked in a list is an address, of which
  // nobody can say whose it is but by who asks.
  const isOurs =
    form === undefined ? account !== undefined || ctx.state.filledIn === true : door.csrf.isOurs(ctx, form, CSRF_PURPOSE)
  const path = isOurs ? safeReturnPath(back, Number.POSITIVE_INFINITY) : undefined
  if (path === undefined) return page
  const id = await door.keptForms.keep(ctx, { path, accountId: account?.id })
  return `${CONSOLE_PATH}${KEPT_PATH}/${id}?${new URLSearchParams({ page }).toString()}`
}

async function signIn(
  door: ConsoleDoor,
  ctx: Context,
  { wanted, again = false }: { readonly wanted: string; readonly again?: boolean },
): Promise<void> {
  ctx.redirect(await door.signInUrl(ctx, wanted, { again }))
  ctx.status = 303
}

/** What is thrown is an answer only as long as nothing was answered. */
async function confirm(door: ConsoleDoor, ctx: Context, { access }: ConsoleRoute): Promise<void> {
  const account = await signedIn(door, ctx)
  if (account === undefined) throw new HttpProblem(401, 'Signed out', 'Sign in again.')
  refuse(access, { scopes: scopesOfRoles(account.roles), roles: account.roles })
}

function refuse(rule: AccessRule, powers: Powers): void {
  if (whatIsMissing(rule, powers) === undefined) return
  const role =
    powers.roles?.length === 0
      ? 'Your account has no role on this server.'
      : `This takes one of the roles ${rule.roles.join(', ')}.`
  throw new HttpProblem(403, 'Not for your account', `${role} An owner can give you one.`)
}

function visitOf(
  door: ConsoleDoor,
  ctx: Context,
  {
    account,
    powers,
    route,
    insist,
  }: {
    readonly account: Account
    readonly powers: Powers
    readonly route: ConsoleRoute
    readonly insist: ConsoleVisit['insist']
  },
): ConsoleVisit {
  const csrf = door.csrf.token(ctx, CSRF_PURPOSE)
  const may = (rule: AccessRule) => whatIsMissing(rule, powers) === undefined
  return {
    account,
    powers,
    csrf,
    may,
    insist,
    stillAllowed: () => confirm(door, ctx, route),
    change: (reason) => ({
      actor: account.id,
      powers: powersOf(powers),
      origin: originOf(ctx),
      ...(reason === undefined || reason === '' ? {} : { reason }),
    }),
    show(body, status = 200) {
      const notice = takeNotice(ctx)
      // Only what was kept: an address must not say what stands in the box.
      const searched = ctx.state.filledIn === true ? ctx.query.q : undefined
      const frame: ConsoleFrame = {
        email: account.email,
        sections: SECTIONS.filter(({ access }) => may(access)),
        searchCsrf: csrf,
        ...(typeof searched === 'string' ? { searched } : {}),
        ...(notice === undefined ? {} : { notice }),
      }
      render(ctx, consolePage(frame, body), status)
    },
  }
}
