// A password that was typed before an end, and a browser that comes back for its session after it: up to an hour later, or while the
// end is just being committed. It gets nothing. Whoever signs in after the end gets in, be it a moment later.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { scopesOfRoles } from '../../config/roles.ts'
import { endAccount } from '../../server/sessions/session-ends.ts'
import { Browser, type Page } from '../support/browser.ts'
import { PARTNER, SPA, type TestClient } from '../support/clients.ts'
import { authorizationRequest, callbackParams, claimsOf, obtainTokens, redeem, refresh, signIn } from '../support/oauth.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { errorLines } from './attempts.ts'

const BY = { actor: 'acc_admin', reason: 'a test', powers: scopesOfRoles(['owner']) }
const PASSWORD = 'a sentence that is long enough 42'
const NEXT = 'quite another sentence 1852'
const ELSEWHERE = 'ses_another_browser'

type Person = Readonly<{ id: string; username: string; password: string }>

let server: TestServer

beforeAll(async () => {
  server = await startServer()
})

afterAll(async () => {
  await server?.stop()
})

const nouns = () => server.latchkey.nouns
const accounts = () => server.latchkey.nouns.events.accounts
const db = () => server.latchkey.stores.db

let people = 0
async function newPerson(): Promise<Person> {
  people += 1
  const username = `under-way-${people}@people.example`
  const { id } = await nouns().accounts.create({ email: username, emailVerified: true, name: 'Somebody', password: PASSWORD })
  return { id, username, password: PASSWORD }
}

/** A browser that can be stopped where it would come back from the sign-in page. */
function stoppingBrowser() {
  const stops = { onTheWay: false }
  const stopAt = ({ pathname, hostname }: URL) =>
    hostname.endsWith('.example') || (stops.onTheWay && pathname.startsWith('/authorize/'))
  const browser = new Browser({ stopAt })
  /** Types the password and stops there; the answer goes on. */
  async function type(person: Person, params: { readonly [name: string]: string } = {}): Promise<() => Promise<Page>> {
    stops.onTheWay = true
    const { url } = await browser.submit(await browser.open(authorizationRequest(server, SPA, params).url), person)
    stops.onTheWay = false
    expect(new URL(url).pathname).toMatch(/^\/authorize\/./)
    return () => browser.open(url)
  }
  return { browser, type }
}

function expectNoWayIn(page: Page): void {
  expect(page).toMatchObject({ status: 400, body: expect.stringContaining('This sign-in has expired') })
  expect(page.headers.location).toBeUndefined()
}

/** Signs in anew, at once. */
async function expectIn(person: Person): Promise<void> {
  const browser = new Browser()
  const page = await browser.open(authorizationRequest(server, SPA).url)
  expect(callbackParams(await signIn(browser, page, person))).toHaveProperty('code')
}

/** What happens to a person's account, and how the person signs in then. */
type Happen = (person: Person) => Promise<Person>

const ENDS_OF_AN_ACCOUNT: [string, Happen][] = [
  [
    'RT13: the account was suspended, and reinstated',
    async (person) => {
      await accounts().suspend(person.id, BY)
      await accounts().reinstate(person.id, BY)
      return person
    },
  ],
  [
    'the password was reset',
    async (person) => {
      await accounts().resetPassword({ accountId: person.id, next: NEXT }, BY)
      return { ...person, password: NEXT }
    },
  ],
  [
    'the person changed the password in another session',
    async (person) => {
      const change = { accountId: person.id, sessionId: ELSEWHERE, current: PASSWORD, next: NEXT, origin: {} }
      expect(await nouns().changePassword(change)).toMatchObject({ outcome: 'changed', ended: { sequence: expect.any(Number) } })
      return { ...person, password: NEXT }
    },
  ],
  [
    'the e-mail address was changed by an operator',
    async (person) => {
      const username = `new-${person.username}`
      await accounts().changeEmail({ accountId: person.id, email: username, verified: true }, BY)
      return { ...person, username }
    },
  ],
  [
    'the person changed the e-mail address in another session',
    async (person) => {
      const username = `new-${person.username}`
      const email = { accountId: person.id, email: username, verified: true, keepSessionId: ELSEWHERE }
      await accounts().changeEmail(email, { actor: person.id, powers: scopesOfRoles([]) })
      return { ...person, username }
    },
  ],
  [
    'the person signed out everywhere',
    async (person) => {
      await nouns().sessions.endAll({ accountId: person.id, origin: {} })
      return person
    },
  ],
  [
    'the person ended all other sessions',
    async (person) => {
      await nouns().sessions.endOthers({ accountId: person.id, keepSessionId: ELSEWHERE, origin: {} })
      return person
    },
  ],
  [
    'every session was ended',
    async (person) => {
      await nouns().endEverySession({})
      return person
    },
  ],
  [
    'everything was ended',
    async (person) => {
      await nouns().endEverything({ cause: 'everything_ended' })
      return person
    },
  ],
]

describe('a password that was typed before opens nothing afterwards, and one that is typed then does:', () => {
  test.each(ENDS_OF_AN_ACCOUNT)('%s', async (_name, happen) => {
    const person = await newPerson()
    const { browser, type } = stoppingBrowser()
    const goOn = await type(person)
    const afterwards = await happen(person)
    expectNoWayIn(await goOn())
    expectNoWayIn(await goOn())
    expect(await db().session.count({ where: { accountId: person.id } })).toBe(0)
    expect((await browser.open(authorizationRequest(server, SPA).url)).body).toContain('name="password"')
    await expectIn(afterwards)
  })

  test('RT13: the account was contained, and its password reset after that', async () => {
    const person = await newPerson()
    const [early, late] = [stoppingBrowser(), stoppingBrowser()]
    const goOnEarly = await early.type(person)
    const goOnLate = await late.type(person)
    await accounts().contain(person.id, BY)
    expectNoWayIn(await goOnEarly())
    await accounts().resetPassword({ accountId: person.id, next: NEXT }, BY)
    expectNoWayIn(await goOnLate())
    expect(await db().session.count({ where: { accountId: person.id } })).toBe(0)
    await expectIn({ ...person, password: NEXT })
  })

  test('somebody else’s account was contained: nothing happens to this one', async () => {
    const goOn = await stoppingBrowser().type(await newPerson())
    await accounts().contain((await newPerson()).id, BY)
    expect(callbackParams(await goOn())).toHaveProperty('code')
  })
})

describe('a session that is kept when the password is changed', () => {
  const change = (person: Person, sessionId: string) =>
    nouns().changePassword({ accountId: person.id, sessionId, current: PASSWORD, next: NEXT, origin: {} })

  test('goes on, also for apps that were not used in it: only the password that was typed again before is void', async () => {
    const person = await newPerson()
    const { browser, type } = stoppingBrowser()
    const { tokens } = await obtainTokens(server, SPA, { browser, person })
    const { sid } = claimsOf(tokens.body.access_token)
    const goOn = await type(person, { prompt: 'login' })
    expect(await change(person, String(sid))).toMatchObject({ outcome: 'changed', ended: { sessions: 0 } })
    expectNoWayIn(await goOn())
    expect((await refresh(server, SPA, tokens.body.refresh_token ?? '')).status).toBe(200)
    for (const client of [SPA, PARTNER]) expect(await sidOfNextTokens(browser, client)).toBe(sid)
    const again = await type({ ...person, password: NEXT }, { prompt: 'login' })
    expect(callbackParams(await again())).toHaveProperty('code')
  })

  test('goes on from the question that the person was just being asked', async () => {
    const person = await newPerson()
    const browser = new Browser()
    const authorization = authorizationRequest(server, PARTNER)
    const asked = await browser.submit(await browser.open(authorization.url), person)
    expect(asked.body).toContain('Let <bdi>App partner</bdi> in?')
    const [session] = await nouns().sessions.list(person.id)
    expect(await change(person, session?.id ?? '')).toMatchObject({ outcome: 'changed', ended: { sessions: 0 } })
    const { code = '' } = callbackParams(await browser.submit(asked))
    const tokens = await redeem(server, PARTNER, authorization, code)
    expect(claimsOf(tokens.body.access_token).sid).toBe(session?.id)
  })

  /** Without a sign-in, or the browser would not be back. */
  async function sidOfNextTokens(browser: Browser, client: TestClient) {
    const authorization = authorizationRequest(server, client)
    const page = await browser.open(authorization.url)
    const back = page.body.includes('in?</h1>') ? await browser.submit(page) : page
    const tokens = await redeem(server, client, authorization, callbackParams(back).code ?? '')
    return claimsOf(tokens.body.access_token).sid
  }
})

describe('a session that is being recorded while an end is not committed yet is not recorded afterwards:', () => {
  test('an end of all that the account has', async () => {
    const record = await aboutToRecord()
    let recorded: Promise<boolean> | undefined
    await nouns().endings.run('test', async (ending) => {
      await endAccount(ending, record.accountId)
      recorded ??= nouns().sessions.record(record)
      await untilBlocked(1)
    })
    expect(await recorded).toBe(false)
    expect(await nouns().sessions.record(record)).toBe(false)
  })

  test('the browser gets no code, and a plain page', async () => {
    const person = await newPerson()
    const { browser, type } = stoppingBrowser()
    const goOn = await type(person)
    let page: Promise<Page> | undefined
    await nouns().endings.run('test', async (ending) => {
      await endAccount(ending, person.id)
      page ??= goOn()
      await untilBlocked(1)
    })
    if (page !== undefined) expectNoWayIn(await page)
    expect((await browser.open(authorizationRequest(server, SPA).url)).body).toContain('name="password"')
    await expectIn(person)
  })

  test('nor where the password was typed again in the session that is kept', async () => {
    const person = await newPerson()
    const { browser, type } = stoppingBrowser()
    const { tokens } = await obtainTokens(server, SPA, { browser, person })
    const goOn = await type(person, { prompt: 'login' })
    let page: Promise<Page> | undefined
    await nouns().endings.run('test', async (ending) => {
      await endAccount(ending, person.id, String(claimsOf(tokens.body.access_token).sid))
      page ??= goOn()
      await untilBlocked(1)
    })
    if (page !== undefined) expectNoWayIn(await page)
    expect((await refresh(server, SPA, tokens.body.refresh_token ?? '')).status).toBe(200)
    await expectIn(person)
  })

  test('an end of every session', async () => {
    const record = await aboutToRecord()
    let ended: Promise<unknown> | undefined
    let recorded: Promise<boolean> | undefined
    await db().$transaction(async (tx) => {
      await tx.$queryRaw`SELECT 1 FROM revocation_counter FOR UPDATE`
      ended = nouns().endEverySession({})
      await untilBlocked(1)
      recorded = nouns().sessions.record(record)
      await untilBlocked(2)
    })
    await ended
    expect(await recorded).toBe(false)
  })

  test('and one that does not say after which end it begins is never recorded, only added to', async () => {
    const record = await aboutToRecord()
    expect(await nouns().sessions.record({ ...record, afterEnd: undefined })).toBe(false)
    expect(await nouns().sessions.record({ ...record, afterEnd: '' })).toBe(false)
    expect(await nouns().sessions.record(record)).toBe(true)
    expect(await nouns().sessions.record({ ...record, afterEnd: undefined })).toBe(true)
  })

  async function aboutToRecord() {
    const person = await newPerson()
    const signedIn = await nouns().signIn.signIn({ ...person, origin: {} })
    if (signedIn.outcome !== 'ok') throw new Error('the sign-in was refused')
    const session = { id: `ses_${person.id}`, methods: ['pwd'], lifeSeconds: 600, origin: {}, clients: [] }
    return { ...session, accountId: person.id, afterEnd: signedIn.afterEnd }
  }

  /** Until so many statements wait for a lock. */
  async function untilBlocked(count: number): Promise<void> {
    for (;;) {
      const [row] = await db().$queryRaw<{ blocked: bigint }[]>`
        SELECT count(*) AS blocked FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
      if (Number(row?.blocked) >= count) return
    }
  }
})

test('nothing of it was an error of the server', () => {
  expect(errorLines(server)).toEqual([])
})
