// Mail to a mail server: handed over at least once, tried for a day, given up in writing; and nothing readable meanwhile.
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { Secret } from '../../config/secrets.ts'
import { createDelivery } from '../../server/mail/delivery.ts'
import { createOutbox, type NewMail } from '../../server/mail/outbox.ts'
import { createSmtpCarrier } from '../../server/mail/smtp.ts'
import { openPostgres } from '../../server/storage/postgres.ts'
import { createSealer } from '../../server/storage/sealing.ts'
import { createDatabase, moveDatabaseClock, PATIENT } from '../support/postgres.ts'
import { freePorts, startProgram } from '../support/program.ts'
import { redisUrl } from '../support/redis.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { type SmtpServer, startSmtpServer } from '../support/smtp-server.ts'

const FROM = 'Latchkey <no-reply@id.example>'
let smtp: SmtpServer
let server: TestServer

beforeAll(async () => {
  smtp = await startSmtpServer()
  server = await startServer({ settings: { SMTP_URL: smtp.url, MAIL_FROM: FROM } })
})

afterEach(async () => {
  smtp.answers = { rcpt: '250 ok', data: '250 ok' }
  smtp.received.length = 0
  await server.latchkey.stores.db.outgoingMail.deleteMany()
})

afterAll(async () => {
  await server?.stop()
  await smtp?.stop()
})

const MAIL: NewMail = {
  kind: 'test',
  accountId: 'acc_1',
  to: 'ada@people.example',
  subject: 'A link for you',
  text: 'Open https://id.example/reset?token=a-secret-that-opens-something\n',
  html: '<p>Open it</p>',
}

async function post(more: Partial<NewMail> = {}): Promise<void> {
  const { mail, stores } = server.latchkey
  await stores.db.$transaction((tx) => mail.outbox.enqueue(tx, { ...MAIL, ...more }))
}

const deliver = () => server.latchkey.mail.delivery.run()
const waiting = () => server.latchkey.mail.outbox.waiting()
const givenUp = () => server.latchkey.stores.db.auditEvent.findMany({ where: { name: 'mail.given_up' }, orderBy: { id: 'asc' } })

test('a mail arrives, with all that it needs, and nothing of it is kept', async () => {
  await post()
  await deliver()
  const [mail] = smtp.received
  expect(mail).toMatchObject({ from: 'no-reply@id.example', to: ['ada@people.example'] })
  expect(mail?.raw).toMatch(/^From: Latchkey <no-reply@id\.example>\r$/m)
  expect(mail?.raw).toMatch(/^To: ada@people\.example\r$/m)
  expect(mail?.raw).toMatch(/^Subject: A link for you\r$/m)
  expect(mail?.raw).toMatch(/^Message-ID: <mail_[\w-]{22}@localhost>\r$/m)
  expect(mail?.raw).toMatch(/^Auto-Submitted: auto-generated\r$/m)
  expect(mail?.raw).toMatch(/^Content-Type: text\/plain/m)
  expect(mail?.raw).toMatch(/^Content-Type: text\/html/m)
  expect(await waiting()).toBe(0)
  await deliver()
  expect(smtp.received).toHaveLength(1)
})

test('what is rolled back is not told of', async () => {
  const { mail, stores } = server.latchkey
  const change = stores.db.$transaction(async (tx) => {
    await mail.outbox.enqueue(tx, MAIL)
    throw new Error('not after all')
  })
  await expect(change).rejects.toThrow('not after all')
  await deliver()
  expect(smtp.received).toEqual([])
})

test('nobody adds a header or a recipient by what stands in a name', async () => {
  await post({ subject: 'Notes\r\nBcc: eve@evil.example\r\n\r\nHello', to: 'ada@people.example, eve@evil.example' })
  await post({ to: 'ada@people.example>\r\nRCPT TO:<eve@evil.example' })
  await post()
  for (let run = 0; run < 3; run += 1) await deliver()
  for (const { to, raw } of smtp.received) {
    expect(to).not.toContain('eve@evil.example')
    expect(raw).not.toMatch(/^Bcc:/im)
  }
  expect(smtp.received.at(-1)?.to).toEqual(['ada@people.example'])
})

test('a mail server that is down, or busy, is asked again: the mail arrives later, once', async () => {
  const port = Number(new URL(smtp.url).port)
  await post()
  await smtp.stop()
  await deliver()
  expect(await waiting()).toBe(1)
  smtp = await startSmtpServer(port)
  await deliver()
  expect(smtp.received).toHaveLength(0)
  await server.advance(8)
  smtp.answers = { rcpt: '451 come again', data: '250 ok' }
  await deliver()
  expect(smtp.received).toHaveLength(0)
  smtp.answers = { rcpt: '250 ok', data: '250 ok' }
  await server.advance(23)
  await deliver()
  expect(smtp.received).toHaveLength(1)
  expect(await waiting()).toBe(0)
})

test('after a day it is given up: that is recorded, and nothing of the mail is kept', async () => {
  smtp.answers = { rcpt: '451 come again', data: '250 ok' }
  await post()
  await deliver()
  await server.advance(86_401)
  await deliver()
  expect(await waiting()).toBe(0)
  expect((await givenUp()).at(-1)).toMatchObject({
    accountId: 'acc_1',
    reason: 'tried for a day',
    detail: { kind: 'test', attempts: 2 },
  })
})

test('a recipient who is refused for good is not tried again, and holds up nobody', async () => {
  smtp.answers = { rcpt: '550 no such mailbox', data: '250 ok' }
  await post()
  await post()
  await deliver()
  expect(await waiting()).toBe(0)
  expect((await givenUp()).slice(-2)).toMatchObject([{ reason: 'refused' }, { reason: 'refused' }])
})

test('ST1 ST2: in the outbox a mail cannot be read, and one put in the place of another is not opened', async () => {
  const { db } = server.latchkey.stores
  await post()
  await post({ to: 'grace@people.example' })
  const [first, second] = await db.outgoingMail.findMany()
  const dump = [first, second].map((row) => `${Buffer.from(row?.sealed ?? []).toString('latin1')}${JSON.stringify(row)}`).join()
  for (const word of ['people.example', 'a-secret-that-opens-something', 'A link for you']) expect(dump).not.toContain(word)
  await db.outgoingMail.update({ where: { id: first?.id ?? '' }, data: { sealed: second?.sealed ?? Buffer.of() } })
  await deliver()
  expect(smtp.received.map(({ to }) => to)).toEqual([['grace@people.example']])
  expect((await givenUp()).at(-1)).toMatchObject({ reason: 'it cannot be opened' })
})

test('of many who deliver at once each mail is sent by one', async () => {
  for (let mails = 0; mails < 20; mails += 1) await post()
  const { outbox } = server.latchkey.mail
  const carrier = createSmtpCarrier({ url: new Secret(smtp.url), from: FROM, issuer: server.issuer })
  const deliveries = Array.from({ length: 8 }, () => createDelivery({ outbox, carrier, tried: () => undefined }))
  await Promise.all(deliveries.map((delivery) => delivery.run()))
  expect(smtp.received).toHaveLength(20)
  expect(new Set(smtp.received.map(({ raw }) => /^Message-ID: .*$/m.exec(raw)?.[0])).size).toBe(20)
})

test('a server on another machine must offer TLS, unless the URL lets it off', async () => {
  // This address leads to this machine, and is not known to.
  const elsewhere = smtp.url.replace('127.0.0.1', '0.0.0.0')
  const carry = (url: string) =>
    createSmtpCarrier({ url: new Secret(url), from: FROM, issuer: server.issuer }).carry(
      { ...MAIL, id: 'mail_1', createdAt: new Date(0) },
      AbortSignal.timeout(5000),
    )
  await expect(carry(elsewhere)).rejects.toMatchObject({ code: 'ETLS' })
  expect(smtp.received).toEqual([])
  await carry(`${elsewhere}?requireTLS=false`)
  expect(smtp.received).toHaveLength(1)
})

test('where no mail is sent, none is written', async () => {
  const { db, sealer } = server.latchkey.stores
  const off = createOutbox({ db, sealer, enabled: false, recordGivenUp: async () => undefined })
  await db.$transaction((tx) => off.enqueue(tx, MAIL))
  expect(await waiting()).toBe(0)
})

test('a process that dies after it claimed a mail, and before it sent it, has it sent by the next one', async () => {
  const database = await createDatabase()
  const key = Buffer.alloc(32, 3).toString('base64url')
  const settings = {
    DATABASE_URL: database.url,
    REDIS_URL: redisUrl(),
    ENCRYPTION_KEY: key,
    SMTP_URL: smtp.url,
    MAIL_FROM: FROM,
  }
  // It takes the text, and does not say whether it has it.
  smtp.answers = { rcpt: '250 ok', data: 'nothing' }
  const seen = smtp.seen
  const first = await startProgram(await freePorts(), settings)
  await enqueueAt(database.url, key)
  await until(() => smtp.seen > seen)
  await first.kill()
  smtp.answers = { rcpt: '250 ok', data: '250 ok' }
  const second = await startProgram(await freePorts(), settings)
  expect(smtp.received).toEqual([])
  await moveDatabaseClock(database.url, 61)
  await until(() => smtp.received.length > 0)
  await second.kill()
  await database.drop()
  expect(smtp.received).toHaveLength(1)
}, 60_000)

test('a mail that is being sent does not hold up the end of the program', async () => {
  const ports = await freePorts()
  const database = await createDatabase()
  const key = Buffer.alloc(32, 3).toString('base64url')
  smtp.answers = { rcpt: '250 ok', data: 'nothing' }
  const seen = smtp.seen
  const program = await startProgram(ports, {
    DATABASE_URL: database.url,
    REDIS_URL: redisUrl(),
    ENCRYPTION_KEY: key,
    SMTP_URL: smtp.url,
    MAIL_FROM: FROM,
  })
  await enqueueAt(database.url, key)
  await until(() => smtp.seen > seen)
  expect(await program.end()).toBe(0)
  await database.drop()
}, 60_000)

async function enqueueAt(databaseUrl: string, key: string): Promise<void> {
  const { db, close } = await openPostgres({ url: databaseUrl, poolSize: 1, ...PATIENT })
  const outbox = createOutbox({
    db,
    sealer: createSealer([new Secret(key)]),
    enabled: true,
    recordGivenUp: async () => undefined,
  })
  await db.$transaction((tx) => outbox.enqueue(tx, MAIL))
  await close()
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!holds()) {
    if (performance.now() > deadline) throw new Error('it does not come to that')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
