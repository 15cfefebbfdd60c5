// The account page over HTTP, in front of nouns that note what they are asked.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import Koa from 'koa'
import { type AccountConsoleDependencies, createAccountConsole } from '../../server/account-console/routes.ts'
import { type Account, InvalidAccount } from '../../server/accounts/accounts.ts'
import type { PasswordChangeOutcome } from '../../server/accounts/password-change.ts'
import type { AccountConsent } from '../../server/grants/consents.ts'
import { createCsrf } from '../../server/http/csrf.ts'
import { HttpProblem } from '../../server/http/problems.ts'
import type { SessionEntry } from '../../server/sessions/sessions.ts'
import type { Ended } from '../../server/tokens/ending.ts'
import { Browser, formsOf, type Page } from '../support/browser.ts'

const ADA: Account = {
  id: 'acc_ada',
  email: 'ada@example.com',
  emailVerified: true,
  name: 'Ada <b>Lovelace</b>',
  profile: {},
  roles: [],
  status: 'active',
}

function session(id: string, more: Partial<SessionEntry> = {}): SessionEntry {
  return {
    id,
    device: 'Chrome on Windows',
    address: '192.0.2.7',
    startedAt: new Date('2026-11-24T08:05:00Z'),
    lastUsedAt: new Date('2026-11-24T09:30:00Z'),
    expiresAt: new Date('2026-11-25T08:05:00Z'),
    clients: [{ clientId: 'notes', name: 'Notes & more' }],
    ...more,
  }
}

const AGREED: AccountConsent = {
  clientId: 'a & b',
  clientName: '<b>Partner</b>',
  givenAt: new Date('2026-11-24T08:05:00Z'),
  openid: ['openid', 'email'],
  resources: { 'https://notes.example/api': ['notes:read'] },
}

const API_ID = 'https://notes.example/api'
const API_SCOPES = { [API_ID]: ['notes:read', 'notes:write'] }

let server: Server
let base: string
let asked: { readonly [name: string]: unknown }[]
let signedInAs: Account | undefined
let passwordOutcome: PasswordChangeOutcome
let sessions: SessionEntry[]
let consents: AccountConsent[]
let problem: unknown
const NOTHING = { sessions: 0, grants: 0, refresh_families: 0, logout_notifications: 0, sequence: 1 }
let ended: Ended

function dependencies(issuer: string): AccountConsoleDependencies {
  return {
    accounts: {
      findById: async () => signedInAs,
      async rename(request) {
        if (request.name === 'bad') throw new InvalidAccount('a name is not that')
        asked.push({ call: 'rename', ...request })
      },
    },
    consentsOf: async () => consents,
    apisOf: () => ({ 'https://notes.example/api': { name: 'The Notes', scopes: { 'notes:read': 'Read your <i>notes</i>' } } }),
    async narrowConsent(of, change) {
      asked.push({ call: 'narrow', ...of, actor: change.actor })
      return ended
    },
    async withdrawConsent(of, change) {
      asked.push({ call: 'withdraw', ...of, actor: change.actor })
      return ended
    },
    sessions: {
      list: async () => sessions,
      async end(request) {
        asked.push({ call: 'end', ...request })
        return ended
      },
      async endOthers(request) {
        asked.push({ call: 'endOthers', ...request })
        return ended
      },
    },
    async changePassword(request) {
      asked.push({ call: 'changePassword', ...request })
      return passwordOutcome
    },
    policy: { minLength: 12, maxLength: 256, history: 5 },
    csrf: createCsrf({ key: Buffer.alloc(32, 1), issuer }),
    currentSession: async () =>
      signedInAs === undefined
        ? undefined
        : { sessionId: 'ses_here', accountId: signedInAs.id, rotateId: async () => void asked.push({ call: 'rotateId' }) },
    signInUrl: async (_ctx, returnTo) => `https://sign-in.example/?return=${encodeURIComponent(returnTo)}`,
  }
}

beforeEach(async () => {
  asked = []
  signedInAs = ADA
  ended = { ...NOTHING, sessions: 1 }
  passwordOutcome = { outcome: 'changed', ended }
  sessions = [session('ses_here'), session('ses_phone', { device: 'Safari on iPhone', clients: [] })]
  consents = [AGREED]
  problem = undefined
  server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const app = new Koa()
  app.keys = ['a key for the cookies of this test only']
  app.use(async (ctx, next) => {
    try {
      await next()
    } catch (error) {
      problem = error
      ctx.status = error instanceof HttpProblem ? error.status : 500
    }
  })
  app.use(createAccountConsole(dependencies(base)))
  server.on('request', app.callback())
})

afterEach(() => new Promise((resolve) => server.close(resolve)))

/** Sends the page's form with that action. */
function send(
  browser: Browser,
  page: Page,
  action: string,
  values: { [name: string]: string } = {},
  headers = {},
  unticked: readonly string[] = [],
): Promise<Page> {
  const form = formsOf(page).find((candidate) => candidate.action === action)
  if (form === undefined) throw new Error(`no form for ${action}`)
  const body = new URLSearchParams({ ...form.fields, ...values })
  for (const name of unticked) body.delete(name)
  return browser.fetch(`${base}${action}`, { body: body.toString(), headers })
}

describe('what the page shows', () => {
  test('SE6: each session with device, address, times and apps, and which one this is', async () => {
    const { body, status, headers } = await new Browser().open(`${base}/account`)
    expect(status).toBe(200)
    expect(headers['cache-control']).toBe('no-store')
    for (const text of [
      'ada@example.com',
      'Chrome on Windows',
      'Safari on iPhone',
      '192.0.2.7',
      '24 Nov 2026, 08:05',
      '24 Nov 2026, 09:30',
    ]) {
      expect(body).toContain(text)
    }
    expect(body).toContain('Notes &amp; more')
    expect(body.match(/This device/g)).toHaveLength(1)
  })

  test('what people write is text', async () => {
    const { body } = await new Browser().open(`${base}/account`)
    expect(body).not.toContain('<b>Lovelace')
    expect(body).toContain('Ada &lt;b&gt;Lovelace')
  })

  test('without other sessions there is nothing to end', async () => {
    sessions = [session('ses_here')]
    consents = []
    expect(formsOf(await new Browser().open(`${base}/account`)).map(({ action }) => action)).toEqual(['/account/name'])
  })
})

describe('who is not signed in', () => {
  test.each(['/account', '/account/password', '/account?x=1'])('is sent to sign in, and comes back to %s', async (path) => {
    signedInAs = undefined
    const page = await new Browser().fetch(`${base}${path}`)
    expect(page.status).toBe(303)
    expect(page.headers.location).toBe(`https://sign-in.example/?return=${encodeURIComponent(path)}`)
  })

  test('RU13: comes back to a page of ours only', async () => {
    signedInAs = undefined
    const page = await new Browser().fetch(`${base}/account/password`, { method: 'POST' })
    expect(page.headers.location).toBe('https://sign-in.example/?return=%2Faccount')
  })

  test('nor is a suspended account, whatever its session says', async () => {
    const browser = new Browser()
    const page = await browser.open(`${base}/account`)
    signedInAs = { ...ADA, status: 'suspended' }
    expect((await send(browser, page, '/account/sessions/others/revocation')).status).toBe(303)
    expect(asked).toEqual([])
  })
})

describe('sessions', () => {
  test('SE6: ending one ends just it, of this account', async () => {
    const browser = new Browser()
    const done = await send(browser, await browser.open(`${base}/account`), '/account/sessions/ses_phone/revocation')
    expect(done.status).toBe(303)
    expect(asked).toMatchObject([{ call: 'end', accountId: 'acc_ada', sessionId: 'ses_phone', origin: { address: '127.0.0.1' } }])
    const after = await browser.open(`${base}/account`)
    expect(after.body).toContain('That device has been signed out.')
    expect((await browser.open(`${base}/account`)).body).not.toContain('That device has been signed out.')
  })

  test('SE6: whichever id is asked for, only sessions of this account are looked for', async () => {
    const browser = new Browser()
    const page = await browser.open(`${base}/account`)
    const csrf = formsOf(page).find(({ action }) => action.startsWith('/account/sessions'))?.fields.csrf ?? ''
    await browser.fetch(`${base}/account/sessions/ses_of_somebody_else/revocation`, {
      body: new URLSearchParams({ csrf }).toString(),
    })
    expect(asked).toMatchObject([{ call: 'end', accountId: 'acc_ada', sessionId: 'ses_of_somebody_else' }])
  })

  test('ending all others keeps this one', async () => {
    const browser = new Browser()
    await send(browser, await browser.open(`${base}/account`), '/account/sessions/others/revocation')
    expect(asked).toMatchObject([{ call: 'endOthers', accountId: 'acc_ada', keepSessionId: 'ses_here' }])
  })

  test('what was over already is not said to have ended now', async () => {
    ended = NOTHING
    const browser = new Browser()
    for (const [which, words] of [
      ['ses_phone', 'That device was signed out already.'],
      ['others', 'You were signed in on no other device.'],
    ] as const) {
      await send(browser, await browser.open(`${base}/account`), `/account/sessions/${which}/revocation`)
      expect((await browser.open(`${base}/account`)).body).toContain(words)
    }
  })
})

describe('apps that were let in', () => {
  test('CN2: are listed with what they may do, and lose it by one button', async () => {
    const browser = new Browser()
    const page = await browser.open(`${base}/account`)
    expect(page.body).toContain('<bdi>&lt;b&gt;Partner&lt;/b&gt;</bdi>')
    expect(page.body).toContain('<code>openid</code> <code>email</code> <code>notes:read</code>')
    const done = await send(browser, page, '/account/apps/revocation')
    expect([done.status, done.headers.location]).toEqual([303, '/account'])
    expect(asked).toEqual([{ call: 'withdraw', accountId: ADA.id, clientId: 'a & b', actor: ADA.id }])
    consents = []
    const after = await browser.open(`${base}/account`)
    expect(after.body).toContain('That app can no longer use your account.')
    expect(after.body).not.toContain('Apps that you have let in')
  })
})

describe('what an app may do', () => {
  const PATH = `/account/apps?client_id=${encodeURIComponent(AGREED.clientId)}`

  test('is shown in the words of the consent page, once each, and all of it is ticked', async () => {
    consents = [{ ...AGREED, openid: [...AGREED.openid, 'notes:read', 'notes:write'], resources: API_SCOPES }]
    const page = await new Browser().open(`${base}${PATH}`)
    for (const words of ['See your e-mail address', 'The Notes', 'Read your &lt;i&gt;notes&lt;/i&gt;', 'notes:write'])
      expect(page.body).toContain(words)
    expect([...page.body.matchAll(/type="checkbox" name="([^"]+)" value="on" checked/g)].map(([, name]) => name)).toEqual([
      'keep email ',
      'keep notes:read https://notes.example/api',
      'keep notes:write https://notes.example/api',
    ])
  })

  test.each([
    [['email', 'notes:read'], { openid: ['openid', 'email', 'notes:read'], resources: { [API_ID]: ['notes:read'] } }],
    [['notes:write'], { openid: ['openid', 'notes:write'], resources: { [API_ID]: ['notes:write'] } }],
    [[], { openid: ['openid'], resources: { [API_ID]: [] } }],
  ])('of which %j is left', async (left, consent) => {
    consents = [{ ...AGREED, openid: [...AGREED.openid, 'notes:read', 'notes:write'], resources: API_SCOPES }]
    const browser = new Browser()
    const page = await browser.open(`${base}${PATH}`)
    const unticked = ['email', 'notes:read', 'notes:write'].filter((scope) => !left.includes(scope))
    const without = unticked.map((scope) => (scope === 'email' ? 'keep email ' : `keep ${scope} ${API_ID}`))
    const done = await send(browser, page, '/account/apps/narrowing', {}, {}, without)
    expect([done.status, done.headers.location]).toEqual([303, '/account'])
    expect(asked).toEqual([{ call: 'narrow', accountId: ADA.id, clientId: AGREED.clientId, consent, actor: ADA.id }])
    expect((await browser.open(`${base}/account`)).body).toContain('That app may do less with your account now.')
  })

  test('is left as it is when all is still ticked', async () => {
    const browser = new Browser()
    await send(browser, await browser.open(`${base}${PATH}`), '/account/apps/narrowing')
    expect(asked).toEqual([])
    expect((await browser.open(`${base}/account`)).body).toContain('Nothing was changed.')
  })

  test('an app that knows who somebody is and no more has nothing that could be unticked', async () => {
    consents = [{ ...AGREED, openid: ['openid'], resources: {} }]
    const page = await new Browser().open(`${base}${PATH}`)
    expect(page.body).toContain('It knows who you are, and nothing else.')
    expect(page.body).not.toContain('checkbox')
  })

  test.each(['/account/apps', '/account/apps?client_id=nobody'])('%s: there is no such app', async (path) => {
    expect((await new Browser().open(`${base}${path}`)).status).toBe(404)
  })
})

describe('the name', () => {
  test('is saved', async () => {
    const browser = new Browser()
    await send(browser, await browser.open(`${base}/account`), '/account/name', { name: 'Ada King' })
    expect(asked).toMatchObject([{ call: 'rename', accountId: 'acc_ada', name: 'Ada King' }])
    expect((await browser.open(`${base}/account`)).body).toContain('Your name has been saved.')
  })

  test('is refused with what was typed', async () => {
    const browser = new Browser()
    const page = await send(browser, await browser.open(`${base}/account`), '/account/name', { name: 'bad' })
    expect(page.status).toBe(422)
    expect(page.body).toContain('A name has 200 characters at most')
    expect(formsOf(page)[0]?.fields.name).toBe('bad')
  })
})

describe('the password', () => {
  const entered = { current_password: ' old one ', new_password: ' new one ', new_password_again: ' new one ' }

  test('PW7: is changed, and this session gets a new cookie', async () => {
    const browser = new Browser()
    const done = await send(browser, await browser.open(`${base}/account/password`), '/account/password', entered)
    expect(done.status).toBe(303)
    expect(asked).toMatchObject([
      { call: 'changePassword', accountId: 'acc_ada', sessionId: 'ses_here', current: ' old one ', next: ' new one ' },
      { call: 'rotateId' },
    ])
    expect((await browser.open(`${base}/account`)).body).toContain('Your password has been changed.')
  })

  test.each([
    [{ sessions: 0, grants: 0 }, 'Your password has been changed.'],
    [{ sessions: 1, grants: 4 }, 'Your password has been changed. You have been signed out of 1 other device.'],
    [{ sessions: 12, grants: 0 }, 'Your password has been changed. You have been signed out of 12 other devices.'],
    [
      { sessions: 0, grants: 1 },
      'Your password has been changed. Apps that went on while you were signed out have to ask you to sign in again.',
    ],
  ])('says what that ended: %j', async (counts, words) => {
    passwordOutcome = { outcome: 'changed', ended: { ...NOTHING, ...counts } }
    const browser = new Browser()
    await send(browser, await browser.open(`${base}/account/password`), '/account/password', entered)
    expect((await browser.open(`${base}/account`)).body).toContain(`<p>${words}</p>`)
    expect((await browser.open(`${base}/account`)).body).not.toContain('Your password has been changed.')
  })

  test('what was changed and what that ended is said by nobody else', async () => {
    const browser = new Browser()
    await send(browser, await browser.open(`${base}/account/password`), '/account/password', entered)
    const cookie = browser.cookie('latchkey_notice') ?? ''
    expect(cookie).toBe('password_changed.1.0')
    const signature = browser.cookie('latchkey_notice.sig')
    const page = await new Browser().fetch(`${base}/account`, {
      headers: { cookie: `latchkey_notice=password_changed.9.0; latchkey_notice.sig=${signature}` },
    })
    expect(page.status).toBe(200)
    expect(page.body).not.toContain('Your password has been changed.')
  })

  test.each([
    ['wrong_current', 'current password is not right'],
    ['too_short', 'at least 12 characters'],
    ['too_long', '256 characters at most'],
    ['common', 'guessed first'],
    ['contains_name', 'your name'],
    ['used_before', 'None of the last 5'],
  ] as const)('PW3: is refused with the reason: %s', async (reason, text) => {
    passwordOutcome = { outcome: 'refused', reason }
    const browser = new Browser()
    const page = await send(browser, await browser.open(`${base}/account/password`), '/account/password', entered)
    expect(page.status).toBe(422)
    expect(page.body).toContain(text)
    expect(page.body).not.toContain('new one')
    expect(asked.map(({ call }) => call)).toEqual(['changePassword'])
  })

  test('typed differently twice is asked again', async () => {
    const browser = new Browser()
    const page = await browser.open(`${base}/account/password`)
    const answer = await send(browser, page, '/account/password', { ...entered, new_password_again: 'another' })
    expect(answer.status).toBe(422)
    expect(answer.body).toContain('not the same')
    expect(asked).toEqual([])
  })

  test('LG12: the fields take any length, may be pasted into, and are named for password managers', async () => {
    const { body } = await new Browser().open(`${base}/account/password`)
    const fields = [...body.matchAll(/<input[^>]*type="password"[^>]*>/g)].map(([tag]) => tag)
    expect(fields).toHaveLength(3)
    expect(fields[0]).toContain('autocomplete="current-password"')
    expect(fields[1]).toContain('autocomplete="new-password"')
    for (const field of fields) expect(field).not.toMatch(/maxlength|onpaste|pattern/)
  })

  test('has a well-known address', async () => {
    const page = await new Browser().fetch(`${base}/.well-known/change-password`)
    expect(page.status).toBe(302)
    expect(page.headers.location).toBe('/account/password')
  })
})

describe('PW1: a request that somebody else made this browser send does nothing', () => {
  const actions: [string, string][] = [
    ['/account', '/account/name'],
    ['/account', '/account/sessions/ses_phone/revocation'],
    ['/account', '/account/sessions/others/revocation'],
    ['/account', '/account/apps/revocation'],
    ['/account/apps?client_id=a+%26+b', '/account/apps/narrowing'],
    ['/account/password', '/account/password'],
  ]

  test.each(actions)('from %s to %s', async (path, action) => {
    const browser = new Browser()
    const page = await browser.open(`${base}${path}`)
    const elsewhere = [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'https://evil.example' },
      { origin: 'null', 'sec-fetch-site': 'cross-site' },
    ]
    for (const headers of elsewhere) expect((await send(browser, page, action, {}, headers)).status).toBe(403)
    expect((await send(browser, page, action, { csrf: '' })).status).toBe(403)
    expect((await send(new Browser(), page, action)).status).toBe(403)
    expect(asked).toEqual([])
  })

  test('but browsers hide the origin of our own forms too, under our referrer policy', async () => {
    const browser = new Browser()
    const page = await browser.open(`${base}/account`)
    const headers = { origin: 'null', 'sec-fetch-site': 'same-origin' }
    expect((await send(browser, page, '/account/sessions/others/revocation', {}, headers)).status).toBe(303)
    expect(asked).toHaveLength(1)
  })

  test('nor does the token of another form', async () => {
    const browser = new Browser()
    const csrf = formsOf(await browser.open(`${base}/account`))[0]?.fields.csrf ?? ''
    const body = new URLSearchParams({ csrf, current_password: 'a', new_password: 'b' }).toString()
    expect((await browser.fetch(`${base}/account/password`, { body })).status).toBe(403)
    expect(asked).toEqual([])
  })
})

test('a request of another shape is a problem of the one who sent it', async () => {
  const browser = new Browser()
  await browser.open(`${base}/account/password`)
  const json = await browser.fetch(`${base}/account/password`, { body: '{}', headers: { 'content-type': 'application/json' } })
  expect(json.status).toBe(415)
  expect((await browser.fetch(`${base}/account/password`, { body: 'a=1&a=2' })).status).toBe(400)
  expect((await browser.fetch(`${base}/account/password`, { body: `a=${'x'.repeat(60_000)}` })).status).toBe(413)
  expect(problem).toBeInstanceOf(HttpProblem)
  expect(asked).toEqual([])
})
