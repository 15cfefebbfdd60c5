// The server makes no token that its own list covers: whoever asks for one right after an event is kept waiting until it would
// live, and is then given what is right by then (docs/explanation/revocation.md).
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Browser } from '../support/browser.ts'
import { API, SPA, WEB } from '../support/clients.ts'
import {
  authorizationRequest,
  callbackParams,
  claimsOf,
  introspect,
  obtainTokens,
  redeem,
  refresh,
  signIn,
  type TokenAnswer,
} from '../support/oauth.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer

beforeAll(async () => {
  server = await startServer()
})

afterAll(async () => {
  await server?.stop()
})

const BY = { actor: 'system' }

async function accountOf(person: { readonly username: string }): Promise<string> {
  const { accounts } = server.latchkey.nouns
  const found = await accounts.findByEmail(person.username)
  return found?.id ?? ''
}

const giveRoles = async (roles: readonly string[]) =>
  server.latchkey.nouns.events.accounts.changeRoles({ accountId: await accountOf(server.grace), roles }, BY)

describe('right after a role was taken away', () => {
  test('a refresh gets a living token without it', async () => {
    await giveRoles(['auditor', 'helpdesk'])
    const { tokens } = await obtainTokens(server, SPA, { person: server.grace })
    expect(claimsOf(tokens.body.access_token).roles).toEqual(['auditor', 'helpdesk'])
    await giveRoles(['auditor'])
    const next = await refresh(server, SPA, tokens.body.refresh_token ?? '')
    expect(claimsOf(next.body.access_token).roles).toEqual(['auditor'])
    expect(await introspect(server, API, next.body.access_token ?? '')).toMatchObject({ active: true, roles: ['auditor'] })
    expect(await introspect(server, API, tokens.body.access_token ?? '')).toEqual({ active: false })
  })

  test('an opaque token that is asked for lives as well', async () => {
    await giveRoles(['auditor', 'helpdesk'])
    const { tokens } = await obtainTokens(server, WEB, { person: server.grace, params: { scope: 'openid email' } })
    await giveRoles([])
    expect(await introspect(server, WEB, tokens.body.access_token ?? '')).toEqual({ active: false })
    const next = await refresh(server, WEB, tokens.body.refresh_token ?? '')
    const told = await introspect(server, WEB, next.body.access_token ?? '')
    expect(told).toMatchObject({ active: true })
    expect(told.roles).toBeUndefined()
  })

  test('a code that was given before is redeemed for a living token', async () => {
    await giveRoles(['auditor', 'helpdesk'])
    const browser = new Browser()
    const authorization = authorizationRequest(server, SPA)
    const page = await signIn(browser, await browser.open(authorization.url), server.grace)
    await giveRoles(['auditor'])
    const tokens = await redeem(server, SPA, authorization, callbackParams(page).code ?? '')
    expect(await introspect(server, API, tokens.body.access_token ?? '')).toMatchObject({ active: true, roles: ['auditor'] })
  })

  test('no race gives a living token with it, nor a dead one to whoever asks afterwards', async () => {
    const people: TokenAnswer[] = []
    for (let person = 0; person < 6; person += 1) {
      people.push((await obtainTokens(server, SPA, { person: server.grace })).tokens)
    }
    for (let round = 0; round < 3; round += 1) {
      await giveRoles(['auditor', 'helpdesk'])
      const during = people.map(({ body }) => refresh(server, SPA, body.refresh_token ?? ''))
      await giveRoles(['auditor'])
      const afterwards = people.map(({ body }) => refresh(server, SPA, body.refresh_token ?? ''))
      for (const { body } of await Promise.all(during)) {
        const told = await introspect(server, API, body.access_token ?? '')
        if (told.active) expect(told.roles).toEqual(['auditor'])
      }
      for (const { body } of await Promise.all(afterwards)) {
        expect(await introspect(server, API, body.access_token ?? '')).toMatchObject({ active: true, roles: ['auditor'] })
      }
      for (const [index, { body }] of (await Promise.all(afterwards)).entries()) {
        const person = people[index]
        if (person !== undefined) Object.assign(person.body, { refresh_token: body.refresh_token })
      }
    }
  }, 60_000)
})

test('what an entry names for ten seconds is not waited for: the answer is that one may try again', async () => {
  const { tokens } = await obtainTokens(server, SPA, { person: server.grace })
  await server.latchkey.nouns.endings.run('tried', async (ending) => {
    const value = await accountOf(server.grace)
    ending.entries.push({ kind: 'sub', value, issuedUntilNow: true, stillIssuedSeconds: 10 })
  })
  const refused = await refresh(server, SPA, tokens.body.refresh_token ?? '')
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^\d+$/)])
  await server.advance(12)
  const next = await refresh(server, SPA, tokens.body.refresh_token ?? '')
  expect(await introspect(server, API, next.body.access_token ?? '')).toMatchObject({ active: true })
})
