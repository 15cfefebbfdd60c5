// DS1: forms of our own pages beyond the limits are refused, and those within are read as they were sent.
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { readForm } from '../../server/http/form.ts'
import { Browser } from '../support/browser.ts'
import { type SmallApp, startSmallApp } from './small-app.ts'

let app: SmallApp
/** Bytes that had been read from the connection when the last form was accepted or refused. */
let takenIn = 0

beforeAll(async () => {
  app = await startSmallApp(() => [
    async (ctx, next) => {
      try {
        await next()
      } finally {
        takenIn = ctx.req.socket.bytesRead
      }
    },
    async (ctx) => {
      const form = await readForm(ctx)
      ctx.body = { name: form.get('name'), deny: form.has('deny'), missing: form.get('missing') }
    },
  ])
})

afterAll(() => app.stop())

const send = (body: string, headers: { readonly [name: string]: string } = {}) =>
  new Browser().fetch(`${app.url}/`, { body, headers: { accept: 'application/json', ...headers } })

describe('what is read', () => {
  test.each([
    ['is not trimmed', 'name=+%20a%20+', '  a  '],
    ['may be of any script', `name=${encodeURIComponent('пароль 密码 🔑')}`, 'пароль 密码 🔑'],
    ['may be sent unencoded', 'name=пароль', 'пароль'],
    ['may be empty', 'name=', ''],
    ['may be missing', 'other=1', ''],
    ['may hold a broken escape, which stays as it is', 'name=%zz%', '%zz%'],
    ['may have names that objects have', 'name=a&__proto__=b&constructor=c&toString=d', 'a'],
  ])('a field %s', async (_what, body, name) => {
    const page = await send(body)
    expect(page.status).toBe(200)
    expect(JSON.parse(page.body)).toMatchObject({ name, missing: '' })
  })

  test('a button that was pressed is there, without a value too', async () => {
    expect(JSON.parse((await send('name=a&deny=')).body)).toMatchObject({ deny: true })
    expect(JSON.parse((await send('name=a')).body)).toMatchObject({ deny: false })
  })
})

describe('DS1: what is refused', () => {
  test.each<[what: string, status: number, body: string, type?: string]>([
    ['more than 56 KiB', 413, `name=${'a'.repeat(56 * 1024)}`],
    ['10 MB', 413, `name=${'a'.repeat(10_000_000)}`],
    ['10,000 fields', 400, Array.from({ length: 10_000 }, (_, index) => index.toString(36)).join('&')],
    ['101 fields', 400, Array.from({ length: 101 }, (_, index) => `f${index}=`).join('&')],
    ['a field twice', 400, 'name=a&name=b'],
    ['a field twice, once escaped', 400, 'name=a&n%61me=b'],
    ['a NUL in a value', 400, 'name=a%00b'],
    ['a NUL in a name', 400, 'na%00me=a'],
    ['JSON', 415, '{"name":"a"}', 'application/json'],
    ['JSON a thousand deep', 415, '['.repeat(1000), 'application/json'],
    ['a form with files', 415, 'x', 'multipart/form-data; boundary=x'],
    ['text', 415, 'name=a', 'text/plain'],
    ['no type', 415, 'name=a', ''],
  ])('%s', async (...[, status, body, type]) => {
    const page = await send(body, type === undefined ? {} : { 'content-type': type })
    expect([page.status, page.headers['content-type']]).toEqual([status, 'application/problem+json'])
  })

  test('exactly 56 KiB is read', async () => {
    expect((await send(`name=${'a'.repeat(56 * 1024 - 5)}`)).status).toBe(200)
  })

  test('a body without end is cut off, although its length was not told', async () => {
    expect(await sendInChunks(100, 10_000)).toBe(413)
  })

  test('a header beyond 16 KiB is refused by the server itself', async () => {
    expect((await send('name=a', { 'x-long': 'a'.repeat(20_000) })).status).toBe(431)
    // With so much more the connection may be gone before the answer can be read.
    const outcome = await send('name=a', { 'x-long': 'a'.repeat(10_000_000) }).then(
      ({ status }) => String(status),
      (error: { readonly code?: string }) => error.code,
    )
    expect(outcome).toMatch(/^(?:431|ECONNRESET|EPIPE)$/)
  })

  test.each([
    ['whose length is told', () => send(`name=${'a'.repeat(10_000_000)}`)],
    ['whose length is not', () => sendInChunks(1000, 10_000)],
  ])('of 10 MB %s no more is taken in than what fits, so the program does not grow', async (_what, sendIt) => {
    takenIn = 0
    await sendIt()
    expect(takenIn).toBeGreaterThan(0)
    // The form, and what the socket reads at a time.
    expect(takenIn).toBeLessThan(56 * 1024 + 3 * 64 * 1024)
  })
})

function sendInChunks(chunks: number, bytes: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'transfer-encoding': 'chunked' }
    const sent = request(`${app.url}/`, { method: 'POST', headers, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode)
      sent.destroy()
    })
    sent.on('error', reject)
    sent.write('name=')
    for (let index = 0; index < chunks; index += 1) sent.write('a'.repeat(bytes))
  })
}
