// The system in the console: what is checked, what runs, how far each process has come with the revocations, and what goes on besides.
import { hostname } from 'node:os'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import manifest from '../../package.json' with { type: 'json' }
import { startAdminServer } from '../admin-api/api.ts'
import type { Browser } from '../support/browser.ts'
import { run } from '../support/postgres.ts'
import { ACCEPT, type Receiver, startReceiver, withStatus } from '../support/receiver.ts'
import { redisUrl } from '../support/redis.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { atConsole, send } from './people.ts'

let server: TestServer
let receiver: Receiver
/** Of both servers, as in production. */
let redis: string

beforeAll(async () => {
  receiver = await startReceiver()
  redis = redisUrl()
  server = await startAdminServer({ redisUrl: redis })
})

afterAll(async () => {
  await server?.stop()
  await receiver?.stop()
})

const open = async (browser: Browser) => (await browser.open(`${server.issuer}/admin/system`)).body

/** The page as somebody reads it. */
function textOf(body: string): string {
  return body.replaceAll(/<[^>]+>/g, ' ').replaceAll(/\s+/g, ' ')
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 20_000
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error('it did not come')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

test('what runs is said, by version, with how long the stores take', async () => {
  const { page } = await atConsole(server, 'auditor', '/admin/system')
  const text = textOf(page.body)
  expect(page.status).toBe(200)
  expect(text).toContain(`Latchkey ${manifest.version}, for test`)
  expect(text).toContain(`Node ${process.versions.node}`)
  expect(text).toMatch(/PostgreSQL 1\d\.[^,]*, answers in \d+\.\d ms/)
  expect(text).toMatch(/Redis \d+\.[^,]*, standalone, answers in \d+\.\d ms/)
  const [row] = await run(server.databaseUrl, 'SELECT count(*)::int AS many FROM _prisma_migrations')
  expect(text).toContain(`${row?.many} applied, the last`)
  expect(text).toContain('Migrations Right All are applied.')
  expect(text).toMatch(/Clocks Right This process and PostgreSQL are \d\.\d s apart/)
  expect(Buffer.byteLength(page.body)).toBeLessThan(60_000)
})

test('each process of the server is seen, with how far it has come', async () => {
  const { browser } = await atConsole(server, 'owner')
  const other = await startServer({ databaseUrl: server.databaseUrl, redisUrl: redis, settings: { ISSUER: server.issuer } })
  try {
    // In one test both have the same number; each is one of its own by its id.
    const process_ = `${process.pid} on ${hostname()}`
    await until(async () => textOf(await open(browser)).split(process_).length === 3)
    const text = textOf(await open(browser))
    expect(text).toMatch(new RegExp(`${process_} This one ${manifest.version} [^U]*UTC Up to date now`))
    expect(text).toMatch(/Processes (Right 2, which know all revocations|Look)/)
  } finally {
    await other.stop()
  }
  await until(async () => !/\d s ago/.test(textOf(await open(browser))))
})

test('guards of APIs are counted, and those that are silent are pointed out', async () => {
  const { browser } = await atConsole(server, 'operator')
  expect(textOf(await open(browser))).toContain('No guard of an API was heard in the last day.')
  await run(
    server.databaseUrl,
    `INSERT INTO revocation_acknowledgements (client_id, instance, sequence, acknowledged_at)
     VALUES ('notes-api', 'one', 1000, latchkey_now()), ('notes-api', 'two', 0, latchkey_now() - interval '10 minutes')`,
  )
  const text = textOf(await open(browser))
  expect(text).toContain('1 of 2 guards were not heard for more than a minute and a half: notes-api.')
  expect(text).toMatch(/Of 2 guards of APIs that were heard in the last day, \d (has|have) applied all of them/)
})

test('background work says when it was last done, and why it fails', async () => {
  const { browser } = await atConsole(server, 'owner')
  await until(async () => /registry every second Done/.test(textOf(await open(browser))))
  expect(textOf(await open(browser))).toContain('Background work Right Nothing fails in this process.')
  await run(server.databaseUrl, 'ALTER TABLE mail_outbox RENAME TO mail_away')
  try {
    await until(async () => /mail every 2 seconds Fails/.test(textOf(await open(browser))))
    expect(textOf(await open(browser))).toMatch(/Background work Wrong It fails: [^.]*mail/)
  } finally {
    await run(server.databaseUrl, 'ALTER TABLE mail_away RENAME TO mail_outbox')
  }
  await until(async () => /mail every 2 seconds Done/.test(textOf(await open(browser))))
})

test('a database that a newer program has migrated is pointed out', async () => {
  const { browser } = await atConsole(server, 'owner')
  await run(
    server.databaseUrl,
    "INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at) VALUES ('later', '', '9999_later', now())",
  )
  try {
    expect(textOf(await open(browser))).toMatch(/Migrations Wrong [^.]*9999_later[^.]*: start the newer version/)
  } finally {
    await run(server.databaseUrl, "DELETE FROM _prisma_migrations WHERE id = 'later'")
  }
})

test('what is due or fails elsewhere is pointed out, with the way there', async () => {
  const { browser } = await atConsole(server, 'owner')
  expect(textOf(await open(browser))).toContain('Webhooks Right None fails.')
  receiver.answer = withStatus(500)
  const form = await browser.open(`${server.issuer}/admin/webhooks/new`)
  const made = await send(browser, form, '/admin/webhooks', { url: receiver.url, of_client: 'on' })
  const [, path = ''] = /href="(\/admin\/webhooks\/wh_[\w-]+)">To the webhook/.exec(made.body) ?? []
  await send(browser, await browser.open(`${server.issuer}${path}`), `${path}/test`)
  await until(async () => textOf(await open(browser)).includes('One does not take what it is told.'))
  receiver.answer = ACCEPT
  expect(await open(browser)).toContain('<div class="row-end"><a href="/admin/webhooks">')
  expect(textOf(await open(browser))).toContain('Owners Right 2 accounts own the server.')
  expect(textOf(await open(browser))).toContain('Signing keys Right None is due.')
  await server.advance(91 * 86_400)
  const later = await atConsole(server, 'owner', '/admin/system')
  expect(textOf(later.page.body)).toMatch(/Signing keys Look \d should have been replaced\./)
})

test('those who help people do not see it', async () => {
  const { browser } = await atConsole(server, 'helpdesk', '/admin/accounts')
  expect((await browser.open(`${server.issuer}/admin/system`)).status).toBe(403)
})
