// Settings in the console: what is in force and where it came from, and never a secret.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { revocationSettings, settings } from '../../config/settings.ts'
import { startAdminServer } from '../admin-api/api.ts'
import type { TestServer } from '../support/server.ts'
import { atConsole } from './people.ts'

let server: TestServer

const SMTP = 'smtp://mailer:a-password-of-the-mailer@127.0.0.1:1025'

beforeAll(async () => {
  server = await startAdminServer({
    settings: {
      LATCHKEY_ACCESS_TOKEN_TTL: '7m',
      LATCHKEY_SESSION_REVOCATION: 'keep_offline',
      SMTP_URL: SMTP,
      MAIL_FROM: 'Latchkey <no-reply@people.example>',
    },
  })
})

afterAll(() => server?.stop())

/** The row of a setting, as text. */
function rowOf(body: string, variable: string): string {
  const rows = body.split('<tr>').filter((row) => row.includes(`<code>${variable}</code><br>`))
  expect([variable, rows.length]).toEqual([variable, 1])
  return (rows[0] ?? '').replaceAll(/<[^>]+>/g, ' ').replaceAll(/\s+/g, ' ')
}

test('each setting is there once, those of revocation first, with what it is, what it would be, and where that came from', async () => {
  const { page } = await atConsole(server, 'auditor', '/admin/settings')
  expect(page.status).toBe(200)
  for (const { variable } of Object.values(settings)) expect(rowOf(page.body, variable)).not.toBe('')
  const order = Object.values(settings)
    .map(({ variable }) => ({ variable, at: page.body.indexOf(`<code>${variable}</code><br>`) }))
    .sort((one, other) => one.at - other.at)
    .map(({ variable }) => variable)
  expect(order.slice(0, revocationSettings.length)).toEqual(revocationSettings.map(({ variable }) => variable))
  expect(rowOf(page.body, 'LATCHKEY_ACCESS_TOKEN_TTL')).toMatch(/7m 7 minutes .*Environment otherwise 900/)
  expect(rowOf(page.body, 'LATCHKEY_SESSION_REVOCATION')).toMatch(/keep_offline Environment otherwise end_offline/)
  expect(rowOf(page.body, 'LATCHKEY_SIGN_OUT_SCOPE')).toMatch(/session Default/)
  expect(rowOf(page.body, 'MIGRATION_DATABASE_URL')).toMatch(/Not set: DATABASE_URL Nowhere/)
  expect(page.body).toContain('This is a server for test')
  expect(Buffer.byteLength(page.body)).toBeLessThan(60_000)
})

test('AD7: secrets are said to be set, and not shown', async () => {
  const { page } = await atConsole(server, 'owner', '/admin/settings')
  for (const variable of ['DATABASE_URL', 'REDIS_URL', 'ENCRYPTION_KEY', 'COOKIE_KEYS', 'SMTP_URL'])
    expect(rowOf(page.body, variable)).toMatch(/Set and not shown Environment/)
  const { databaseUrl } = server
  for (const text of [SMTP, 'a-password-of-the-mailer', databaseUrl, Buffer.alloc(32, 7).toString('base64url')])
    expect(page.body).not.toContain(text)
})

test('what somebody has set is seen alone', async () => {
  const { page } = await atConsole(server, 'operator', '/admin/settings?set=yes')
  expect(rowOf(page.body, 'LATCHKEY_ACCESS_TOKEN_TTL')).toContain('7m')
  expect(page.body).not.toContain('<code>LATCHKEY_SIGN_OUT_SCOPE</code><br>')
})

test('those who help people do not see them', async () => {
  const { browser } = await atConsole(server, 'helpdesk', '/admin/accounts')
  expect((await browser.open(`${server.issuer}/admin/settings`)).status).toBe(403)
})
