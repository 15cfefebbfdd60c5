// Access tokens of a grant that runs out: none outlives it, on any path. Those that an earlier version issued may, and an end of all
// that their account has ends them as well.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { API, PARTNER } from '../support/clients.ts'
import { claimsOf, introspect, obtainTokens, refresh } from '../support/oauth.ts'
import { startServer, type TestServer } from '../support/server.ts'

const BY = { actor: 'acc_admin', reason: 'a test' }

let server: TestServer

beforeAll(async () => {
  server = await startServer({ settings: { LATCHKEY_STATUS_LISTS: 'on' } })
})

afterAll(async () => {
  await server?.stop()
})

const nouns = () => server.latchkey.nouns
const db = () => server.latchkey.stores.db

async function runOutIn(seconds: number, grantId: string): Promise<void> {
  await db().$executeRaw`UPDATE grants SET expires_at = latchkey_now() + make_interval(secs => ${seconds}) WHERE id = ${grantId}`
}

const OPAQUE = 'openid email offline_access'

/** An app that goes on after the sign-out, with an access token that names no session. */
async function outlived(scope = PARTNER.scope, person = server.ada) {
  const { tokens } = await obtainTokens(server, PARTNER, { params: { prompt: 'consent', scope }, person })
  const asks = scope === OPAQUE ? PARTNER : API
  const first = await introspect(server, asks, tokens.body.access_token ?? '')
  const accountId = String(first.sub)
  await nouns().sessions.signOut({ accountId, sessionId: String(first.sid), how: 'signed_out', origin: {} })
  const { body } = await refresh(server, PARTNER, tokens.body.refresh_token ?? '')
  const { access_token: accessToken = '', refresh_token: refreshToken = '' } = body
  const { grant_id, sid } = await introspect(server, asks, accessToken)
  expect(sid).toBeUndefined()
  return { accountId, clientId: PARTNER.client_id, grantId: String(grant_id), accessToken, refreshToken }
}

describe('an access token of a grant that is about to run out', () => {
  test('a JWT says so itself', async () => {
    const { grantId, refreshToken } = await outlived()
    await runOutIn(100, grantId)
    const { body } = await refresh(server, PARTNER, refreshToken)
    const { exp = 0, grant_id } = claimsOf(body.access_token)
    expect(grant_id).toBe(grantId)
    const { expiresAt } = await db().grant.findUniqueOrThrow({ where: { id: grantId } })
    expect(exp).toBeLessThanOrEqual(expiresAt.getTime() / 1000)
    expect(body.expires_in).toBeLessThanOrEqual(100)
    expect(body.expires_in).toBeGreaterThan(80)
  })

  test('an opaque one is as short', async () => {
    const { grantId, refreshToken } = await outlived(OPAQUE)
    await runOutIn(100, grantId)
    const { body } = await refresh(server, PARTNER, refreshToken)
    expect(body.access_token).toMatch(/^at_/)
    expect(body.expires_in).toBeLessThanOrEqual(100)
    const [row] = await db().accessToken.findMany({ where: { grantId }, orderBy: { expiresAt: 'asc' }, take: 1 })
    const { expiresAt } = await db().grant.findUniqueOrThrow({ where: { id: grantId } })
    expect(Math.floor((row?.expiresAt.getTime() ?? 0) / 1000)).toBeLessThanOrEqual(expiresAt.getTime() / 1000)
  })
})

describe('a grant that has run out before its access token', () => {
  test.each([
    ['JWT', API, PARTNER.scope],
    ['opaque', PARTNER, OPAQUE],
  ])('%s: introspection and userinfo say the same', async (_, asks, scope) => {
    const { grantId, accessToken } = await outlived(scope)
    expect(await introspect(server, asks, accessToken)).toMatchObject({ active: true, grant_id: grantId })
    await runOutIn(-1, grantId)
    expect(await introspect(server, asks, accessToken)).toEqual({ active: false })
    const headers = { authorization: `Bearer ${accessToken}` }
    expect((await fetch(new URL('/userinfo', server.issuer), { headers })).status).toBe(401)
  })

  test('so does its status list', async () => {
    const { grantId, accessToken } = await outlived()
    const { status } = claimsOf(accessToken) as { status?: { status_list: { idx: number; uri: string } } }
    const { idx, uri } = status?.status_list ?? { idx: -1, uri: '' }
    await runOutIn(-1, grantId)
    const list = await nouns().statusLists?.read(uri.split('/').at(-1) ?? '')
    expect(list?.invalid).toContain(idx)
  })

  type Outlived = Awaited<ReturnType<typeof outlived>>
  const consent = { openid: ['openid'], resources: {} }
  test.each<[string, (of: Outlived) => Promise<unknown>]>([
    ['signed out everywhere', ({ accountId }) => nouns().sessions.endAll({ accountId, origin: {} })],
    ['account contained', ({ accountId }) => nouns().events.accounts.contain(accountId, BY)],
    ['consent withdrawn', (of) => nouns().events.grants.withdrawConsent(of, BY)],
    ['consent narrowed', (of) => nouns().events.grants.narrowConsent({ ...of, consent }, BY)],
  ])('%s: APIs are told of what may be out there', async (title, end) => {
    const person = { username: `${title.replaceAll(' ', '-')}@people.example`, password: 'a sentence that is long enough 42' }
    const { password, username: email } = person
    await nouns().accounts.create({ email, emailVerified: true, name: 'Somebody', password })
    const of = await outlived(PARTNER.scope, person)
    await runOutIn(-60, of.grantId)
    const ended = await end(of)
    expect(ended).toMatchObject({ grants: 0 })
    expect(await db().revocation.count({ where: { kind: 'grant_id', value: of.grantId } })).toBe(1)
  })
})
