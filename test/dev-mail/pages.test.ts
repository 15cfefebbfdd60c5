// The mailbox of development as a person sees it.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createMailbox } from '../../server/mail/mailbox.ts'
import { Browser } from '../support/browser.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer

beforeAll(async () => {
  server = await startServer()
})

afterAll(async () => {
  await server?.stop()
})

const open = (path: string) => new Browser().open(new URL(path, server.issuer))

test('lists mail as soon as it is written, the newest first, and shows each with its links', async () => {
  expect((await open('/dev/mail')).body).toContain('There is no mail yet.')
  const { mail, stores } = server.latchkey
  for (const subject of ['The first', 'The <second>']) {
    await stores.db.$transaction((tx) =>
      mail.outbox.enqueue(tx, {
        kind: 'test',
        accountId: 'acc_1',
        to: 'ada@people.example',
        subject,
        text: `Go to ${server.issuer}/account?a=1&b=2.\n`,
        html: '<p>Go</p>',
      }),
    )
    await server.advance(1)
  }
  const list = await open('/dev/mail')
  expect(list.status).toBe(200)
  expect(list.body.indexOf('The &lt;second&gt;')).toBeLessThan(list.body.indexOf('The first'))
  const [, path = ''] = /href="(\/dev\/mail\/[^"]+)"/.exec(list.body) ?? []
  const shown = await open(path)
  expect(shown.body).toContain('<h1><bdi>The &lt;second&gt;</bdi></h1>')
  const link = `${server.issuer}/account?a=1&amp;b=2`
  expect(shown.body).toContain(`Go to <a href="${link}">${link}</a>.`)
  expect(shown.headers['cache-control']).toBe('no-store')
})

test('says so when there is no such mail', async () => {
  expect((await open('/dev/mail/mail_none')).status).toBe(404)
  expect((await open('/dev/mail/..%2f..%2fsecrets')).status).toBe(404)
})

test('is not there where mail is sent', async () => {
  const sending = await startServer({ settings: { SMTP_URL: 'smtp://127.0.0.1:9', MAIL_FROM: 'no-reply@id.example' } })
  expect((await new Browser().open(new URL('/dev/mail', sending.issuer))).status).toBe(404)
  await sending.stop()
})

test('keeps the last hundred', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'latchkey-mailbox-'))
  const mailbox = createMailbox({ dataDir })
  for (let number = 0; number < 103; number += 1) {
    const content = { to: 'ada@people.example', subject: `Mail ${number}`, text: '', html: '' }
    await mailbox.carry({ id: `mail_${number}`, createdAt: new Date(number * 1000), ...content }, AbortSignal.timeout(1000))
  }
  const subjects = (await mailbox.list()).map(({ subject }) => subject)
  expect([subjects.length, subjects[0], subjects.at(-1)]).toEqual([100, 'Mail 102', 'Mail 3'])
  await rm(dataDir, { recursive: true })
})
