// What a person is told when a spent refresh token of theirs comes back, read in the mailbox of development.
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { metricsText } from '../../server/http/metrics.ts'
import { SPA, WEB } from '../support/clients.ts'
import { samplesOf } from '../support/metrics.ts'
import { claimsOf, obtainTokens, refresh } from '../support/oauth.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer

beforeAll(async () => {
  server = await startServer()
})

afterEach(async () => {
  await server.advance(0)
})

afterAll(async () => {
  await server?.stop()
})

async function mails() {
  await server.latchkey.mail.delivery.run()
  return (await server.latchkey.mail.mailbox?.list()) ?? []
}

async function reused(): Promise<number> {
  const samples = samplesOf(await metricsText([await server.latchkey.metrics.figures()]))
  return samples.get('latchkey_refreshes_total{outcome="reused"}') ?? 0
}

const auditRows = () => server.latchkey.stores.db.auditEvent.findMany({ where: { name: 'refresh_token.reused' } })

test('a late reuse is told once: a mail to the account, a row in the audit log, and a count', async () => {
  const before = { mails: await mails(), rows: await auditRows(), count: await reused() }
  const { tokens } = await obtainTokens(server, WEB, { person: server.grace })
  const old = tokens.body.refresh_token ?? ''
  const next = await refresh(server, WEB, old)
  await server.advance(16)
  for (let uses = 0; uses < 3; uses += 1) expect((await refresh(server, WEB, old)).body.error).toBe('invalid_grant')

  const [mail, ...older] = await mails()
  expect(older).toHaveLength(before.mails.length)
  expect(mail).toMatchObject({ to: 'grace@people.example', subject: `You were signed out of App ${WEB.client_id}` })
  for (const body of [mail?.text ?? '', mail?.html ?? '']) {
    expect(body).toContain(`App ${WEB.client_id}`)
    expect(body).toContain('127.0.0.1')
    expect(body).toContain(`${server.issuer}/account/password`)
    for (const secret of [old, next.body.refresh_token ?? '', next.body.access_token ?? ''])
      expect(body).not.toContain(secret.slice(3, 25))
  }
  const rows = await auditRows()
  expect(rows).toHaveLength(before.rows.length + 1)
  expect(rows.at(-1)).toMatchObject({ grantId: claimsOf(next.body.access_token).grant_id })
  // What comes after belongs to no live family.
  expect(await reused()).toBe(before.count + 1)
})

test('fifty late uses at once are told once', async () => {
  const before = (await mails()).length
  const { tokens } = await obtainTokens(server, SPA)
  const old = tokens.body.refresh_token ?? ''
  await refresh(server, SPA, old)
  await server.advance(16)
  const answers = await Promise.all(Array.from({ length: 50 }, () => refresh(server, SPA, old)))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([400]))
  expect(await mails()).toHaveLength(before + 1)
})

test('a routine refresh, a replay in the window and a stranger’s try are not told', async () => {
  const before = { mails: (await mails()).length, rows: await server.latchkey.stores.db.auditEvent.count() }
  const { tokens } = await obtainTokens(server, SPA, { person: server.grace })
  const signedIn = await server.latchkey.stores.db.auditEvent.count()
  const old = tokens.body.refresh_token ?? ''
  await refresh(server, SPA, old)
  await refresh(server, SPA, old)
  await refresh(server, WEB, old)
  expect(await mails()).toHaveLength(before.mails)
  expect(await server.latchkey.stores.db.auditEvent.count()).toBe(signedIn)
})
