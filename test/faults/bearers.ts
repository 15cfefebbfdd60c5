// Clients of a run with guards: they get access tokens, go on for a while, and give some of them back, by every way there is. What
// they know of each token is written down, for guards to be held against.
import { setTimeout as wait } from 'node:timers/promises'
import { decodeJwt } from 'jose'
import { Browser } from '../support/browser.ts'
import { API, type TestClient } from '../support/clients.ts'
import { authorizationRequest, callbackParams, signIn } from '../support/oauth.ts'
import type { Dice } from './dice.ts'
import type { Answer } from './history.ts'
import { APPS } from './people.ts'
import type { From, Requests } from './requests.ts'

/** How a token may be ended. */
export type Way = 'access token' | 'refresh token' | 'sign-out'

/** What is known of an access token. Times are those of `performance.now()`. */
export interface Borne {
  readonly token: string
  /** When somebody began to end it; undefined while nobody has, and then it lives. */
  asked?: number
  /** When it was answered that it is ended. */
  answered?: number
  way?: Way
}

interface Family {
  readonly app: TestClient
  refresh: string
  readonly borne: Borne[]
}

/** Goes on until it is told to stop. `register` is handed each token as soon as there is one. */
export async function bearTokens(deps: {
  readonly name: string
  readonly issuer: string
  readonly size: number
  readonly person: { readonly username: string; readonly password: string }
  readonly dice: Dice
  readonly requests: Requests
  readonly register: (borne: Borne) => void
  readonly until: AbortSignal
}): Promise<void> {
  const { dice, requests, until } = deps
  const anywhere = (): From => ({ who: deps.name, address: '10.0.0.1', at: dice.between(1, deps.size) })

  async function take(families: Family[], app: TestClient, ask: () => Promise<Answer | null>, known?: Family): Promise<void> {
    const answer = await ask()
    if (answer?.status !== 200 || answer.access === undefined || answer.refresh === undefined) return
    const family = known ?? { app, refresh: answer.refresh, borne: [] }
    if (known === undefined) families.push(family)
    family.refresh = answer.refresh
    const borne: Borne = { token: answer.access }
    family.borne.push(borne)
    deps.register(borne)
  }

  async function signInTo(browser: Browser, app: TestClient, families: Family[]): Promise<void> {
    const authorization = authorizationRequest({ issuer: deps.issuer, ada: deps.person }, app)
    const { code } = callbackParams(await signIn(browser, await browser.open(authorization.url), deps.person))
    if (code === undefined) throw new Error('no code')
    const { verifier } = authorization
    const params = { grant_type: 'authorization_code', code, redirect_uri: app.redirect_uri, code_verifier: verifier }
    await take(families, app, () => requests.token(anywhere(), app, params, { code, app: app.client_id }))
  }

  async function refresh(families: Family[], family: Family): Promise<void> {
    const params = { grant_type: 'refresh_token', refresh_token: family.refresh }
    const sent = { token: family.refresh, app: family.app.client_id }
    await take(families, family.app, () => requests.token(anywhere(), family.app, params, sent), family)
  }

  /** Whoever wants something ended asks until it is. */
  async function revoke(app: TestClient, token: string, ends: readonly Borne[], way: Way): Promise<void> {
    begin(ends)
    for (let tries = 0; tries < 20; tries += 1) {
      const answer = await requests.revoke(anywhere(), app, token)
      if (answer?.status === 200) return note(ends, way)
      await wait(200)
    }
  }

  /** A browser whose session Redis has lost signs out of nothing: whether it did, the server says. */
  async function leave(browser: Browser, ends: readonly Borne[]): Promise<void> {
    begin(ends)
    const page = await browser.open(new URL('/logout', deps.issuer))
    if (!page.body.includes('/logout/confirm')) return
    await browser.submit(page)
    const at = performance.now()
    const [last] = ends.filter(({ answered }) => answered === undefined).slice(-1)
    if (last === undefined) return
    const asked = await requests.introspect(anywhere(), API, last.token)
    if (asked?.status === 200 && asked.active === false) note(ends, 'sign-out', at)
  }

  async function sit(): Promise<void> {
    const families: Family[] = []
    const browser = new Browser({ send: requests.browser(anywhere, () => ({ account: deps.person.username })) })
    for (const app of APPS) await signInTo(browser, app, families)
    for (const family of families) {
      await refresh(families, family)
      await wait(dice.between(20, 120))
    }
    const [first, second] = families
    const [one] = first?.borne ?? []
    if (first !== undefined && one !== undefined) await revoke(first.app, one.token, [one], 'access token')
    await wait(dice.between(20, 120))
    // What nobody ends must stay good to the last.
    const next = dice.weighted({ refresh: 2, leave: 2, stay: 1 })
    if (next === 'refresh' && second !== undefined) await revoke(second.app, second.refresh, second.borne, 'refresh token')
    if (next === 'leave') {
      const all = families.flatMap(({ borne }) => borne)
      await leave(browser, all)
    }
  }

  while (!until.aborted) {
    await sit().catch(() => undefined)
    await wait(dice.between(20, 200))
  }
}

function begin(ends: readonly Borne[]): void {
  for (const borne of ends) borne.asked ??= performance.now()
}

function note(ends: readonly Borne[], way: Way, at = performance.now()): void {
  for (const borne of ends) {
    if (borne.answered !== undefined) continue
    borne.answered = at
    borne.way = way
  }
}

/** By what a token is told from others, for messages: never the token itself. */
export function nameOf({ token }: Borne): string {
  return String(decodeJwt(token).jti)
}
