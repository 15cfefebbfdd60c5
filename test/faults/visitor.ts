// One client of a fault run: signs a person in, keeps tokens, uses them in every way there is, and gives them back.
import { setTimeout as wait } from 'node:timers/promises'
import { Browser } from '../support/browser.ts'
import { API, type TestClient } from '../support/clients.ts'
import { authorizationRequest, callbackParams, signIn } from '../support/oauth.ts'
import type { Dice } from './dice.ts'
import type { Answer, Sent } from './history.ts'
import { APPS, HASTY, REPLAY_WINDOWS } from './people.ts'
import type { From, Requests } from './requests.ts'

/** Tokens that a client holds: the newest of a family, and those it had before. */
interface Held {
  readonly app: TestClient
  newest: string
  readonly spent: string[]
  readonly access: string[]
}

/** Tokens that should be dead, for everybody to try. */
export type Graveyard = { readonly app: TestClient; readonly token: string; readonly kind: 'refresh' | 'access' }[]

/** A client. */
export interface Visitor {
  /** Signs in, so that there is something to lose. */
  begin(): Promise<void>
  /** Does one thing after the other until it is told to stop. */
  visit(until: AbortSignal): Promise<void>
  /** Tries what is held, and what was spent, when all is well again. */
  present(): Promise<void>
}

/** What a client needs. */
export interface VisitorDeps {
  readonly name: string
  readonly issuer: string
  readonly size: number
  readonly person: { readonly username: string; readonly password: string }
  readonly dice: Dice
  readonly requests: Requests
  readonly graveyard: Graveyard
}

/** Sessions are told apart by the sign-in that began them. */
interface Sitting {
  readonly browser: Browser
  session: string
  leavesEverywhere: boolean
}

/** How often what is done. */
const HABITS = { signIn: 14, refresh: 34, refreshAtOnce: 12, repeat: 6, late: 3, ask: 20, revoke: 5, leave: 3, bury: 10 }
const MOST_HELD = 3
const MOST_TRIES = 8

/** Makes a client. */
export function createVisitor(deps: VisitorDeps): Visitor {
  const { dice, requests, graveyard, person } = deps
  const held: Held[] = []
  let sitting: Sitting | undefined
  let sessions = 0
  let addresses = 0
  let address = ''

  const anywhere = (): From => ({ who: deps.name, address, at: dice.between(1, deps.size) })
  const everywhere = (): From[] => Array.from({ length: deps.size }, (_, index) => ({ ...anywhere(), at: index + 1 }))
  const moveHouse = () => {
    const [, number = '0'] = /(\d+)$/.exec(deps.name) ?? []
    address = `10.${number}.${Math.floor(addresses / 250)}.${(addresses % 250) + 1}`
    addresses += 1
  }
  moveHouse()

  const newSession = () => {
    sessions += 1
    return `${deps.name} session ${sessions}`
  }
  const about = (): Sent => ({
    account: person.username,
    ...(sitting === undefined ? {} : { session: sitting.session, everywhere: sitting.leavesEverywhere }),
  })

  const newSitting = (): Sitting => ({
    browser: new Browser({ send: requests.browser(anywhere, about) }),
    session: newSession(),
    leavesEverywhere: false,
  })

  /** A browser that has met an error is given up: what it is signed in to would be a guess. */
  async function inBrowser<Result>(work: (sitting: Sitting) => Promise<Result>): Promise<Result | undefined> {
    if (sitting === undefined) moveHouse()
    const now = sitting ?? newSitting()
    sitting = now
    try {
      return await work(now)
    } catch {
      sitting = undefined
      return undefined
    }
  }

  async function authorize(app: TestClient) {
    return inBrowser(async (now) => {
      const authorization = authorizationRequest({ issuer: deps.issuer, ada: person }, app)
      const first = await now.browser.open(authorization.url)
      if (first.body.includes('name="password"')) now.session = newSession()
      const { code } = callbackParams(await signIn(now.browser, first, person))
      if (code === undefined) throw new Error('no code')
      return { code, verifier: authorization.verifier, session: now.session }
    })
  }

  async function signInTo(app: TestClient): Promise<void> {
    const begun = await authorize(app)
    if (begun === undefined) return
    const { code, verifier, session } = begun
    const params = { grant_type: 'authorization_code', code, redirect_uri: app.redirect_uri, code_verifier: verifier }
    const sent = { code, app: app.client_id, account: person.username, session }
    const redeem = (from: From) => requests.token(from, app, params, sent)
    // The first tokens are to be held, so that there is something to lose.
    const how = held.length === 0 ? 'once' : dice.weighted({ once: 20, atOnce: 2, again: 1 })
    const answers = how === 'atOnce' ? await Promise.all(everywhere().map(redeem)) : [await redeem(anywhere())]
    if (how === 'again') answers.push(await redeem(anywhere()))
    const tokens = answers.find((answer) => answer?.status === 200)
    if (tokens?.refresh === undefined) return
    const family = { app, newest: tokens.refresh, spent: [], access: tokens.access === undefined ? [] : [tokens.access] }
    // A code that came twice has ended what it gave.
    if (how === 'once') held.push(family)
    else bury(family)
  }

  function refreshOnce(family: Held, token: string, from: From): Promise<Answer | null> {
    // A narrower scope gives an opaque access token, and does not narrow the next one.
    const params = { grant_type: 'refresh_token', refresh_token: token, ...(dice.chance(0.2) ? { scope: 'openid email' } : {}) }
    return requests.token(from, family.app, params, { token, app: family.app.client_id })
  }

  /** Takes the tokens of an answer; false when the family is over. */
  function take(family: Held, answer: Answer | null): boolean {
    if (answer?.status === 400) {
      drop(family)
      return false
    }
    if (answer?.status !== 200) return true
    if (answer.access !== undefined) family.access.push(answer.access)
    if (answer.refresh !== undefined && answer.refresh !== family.newest) {
      family.spent.push(family.newest)
      family.newest = answer.refresh
    }
    return true
  }

  /** As apps do: the same token again, until there is an answer. */
  async function refresh(family: Held): Promise<void> {
    const token = family.newest
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const answer = await refreshOnce(family, token, anywhere())
      if (!take(family, answer) || answer?.status === 200) return
      await wait(dice.between(50, 400))
    }
  }

  async function refreshAtOnce(family: Held): Promise<void> {
    const token = family.newest
    const from = Array.from({ length: dice.between(2, 4) }, anywhere)
    const answers = await Promise.all(from.map((one) => refreshOnce(family, token, one)))
    for (const answer of answers) if (!take(family, answer)) return
  }

  /** The same token again, as if the answer had been lost. */
  async function repeat(family: Held): Promise<void> {
    const token = family.newest
    await refresh(family)
    if (family.newest === token) return
    take(family, await refreshOnce(family, token, anywhere()))
  }

  /** A token that comes back when its window is over: the family is lost, and nothing of it lives. */
  async function late(family: Held): Promise<void> {
    if (family.spent.length === 0) await refresh(family)
    const [token] = family.spent
    if (token === undefined || !held.includes(family)) return
    if (family.app === HASTY) await wait((REPLAY_WINDOWS[HASTY.client_id] ?? 0) * 1000 + 800)
    else await refresh(family)
    await refreshOnce(family, token, anywhere())
    drop(family)
    await lookAfter(family)
  }

  async function ask(family: Held): Promise<void> {
    const token = dice.pick([family.access.at(-1) ?? '', ...family.access])
    if (token !== '') await askAbout(family.app, token, anywhere())
  }

  /** Who may ask about an access token: the API that a JWT is for; of an opaque one, the app itself when it has a secret. */
  async function askAbout(app: TestClient, token: string, from: From): Promise<void> {
    const asker = token.startsWith('at_') ? app : API
    if (asker.client_secret === undefined || dice.chance(0.4)) await requests.userinfo(from, token)
    else await requests.introspect(from, asker, token)
  }

  async function revoke(family: Held): Promise<void> {
    const token = dice.chance(0.5) ? family.newest : dice.pick([family.access.at(-1) ?? '', ...family.access])
    if (token === '') return
    let answer: Answer | null = null
    for (let tries = 0; tries < MOST_TRIES && answer?.status !== 200; tries += 1) {
      answer = await requests.revoke(anywhere(), family.app, token)
      if (answer?.status !== 200) await wait(dice.between(50, 400))
    }
    if (token !== family.newest) {
      family.access.splice(family.access.indexOf(token), 1)
      graveyard.push({ app: family.app, token, kind: 'access' })
      return
    }
    drop(family)
    await lookAfter(family)
  }

  /** Signs out of this browser, or everywhere. */
  async function leave(): Promise<void> {
    if (sitting === undefined) return
    const families = [...held]
    await inBrowser(async (now) => {
      const page = await now.browser.open(new URL('/logout', deps.issuer))
      if (!page.body.includes('/logout/confirm')) throw new Error('nobody is signed in')
      now.leavesEverywhere = dice.chance(0.2)
      await now.browser.submit(page, now.leavesEverywhere ? { scope: 'account' } : {})
    })
    sitting = undefined
    for (const family of families) {
      await refresh(family)
      if (dice.chance(0.5)) await ask(family)
    }
  }

  /** Everybody tries what others have lost. */
  async function dig(): Promise<void> {
    const found = graveyard[Math.floor(dice.roll() * graveyard.length)]
    if (found === undefined) return
    const { app, token, kind } = found
    if (kind === 'access') return askAbout(app, token, anywhere())
    const params = { grant_type: 'refresh_token', refresh_token: token }
    await requests.token(anywhere(), app, params, { token, app: app.client_id })
  }

  /** What has just been ended, at every process. */
  async function lookAfter(family: Held): Promise<void> {
    const access = family.access.at(-1)
    await Promise.all(
      everywhere().map(async (from) => {
        await refreshOnce(family, family.newest, from)
        if (access !== undefined) await askAbout(family.app, access, from)
      }),
    )
  }

  function drop(family: Held): void {
    if (held.includes(family)) held.splice(held.indexOf(family), 1)
    bury(family)
  }

  function bury({ app, newest, access }: Held): void {
    graveyard.push({ app, token: newest, kind: 'refresh' })
    for (const token of access) graveyard.push({ app, token, kind: 'access' })
  }

  async function step(): Promise<void> {
    const family = held[Math.floor(dice.roll() * held.length)]
    const habit = dice.weighted(HABITS)
    if (family === undefined || (habit === 'signIn' && held.length < MOST_HELD)) return signInTo(dice.pick(APPS))
    const habits = { refresh, refreshAtOnce, repeat, late, ask, revoke, signIn: ask, leave, bury: dig }
    await habits[habit](family)
  }

  return {
    async begin() {
      for (let tries = 0; tries < MOST_TRIES && held.length === 0; tries += 1) await signInTo(dice.pick(APPS))
    },
    async visit(until) {
      while (!until.aborted) {
        await step()
        await wait(dice.between(50, 800))
      }
    },
    async present() {
      for (const family of [...held]) {
        await refresh(family)
        await ask(family)
        const [oldest] = family.spent
        // The oldest of three is spent for sure, and takes the family along.
        if (family.spent.length < 2 || oldest === undefined || !held.includes(family)) continue
        await refreshOnce(family, oldest, anywhere())
        await lookAfter(family)
      }
    },
  }
}
