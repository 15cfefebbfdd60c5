// I6: an answer comes in time, whatever a request waits for; what goes on behind it can do no harm.
import { once } from 'node:events'
import { request } from 'node:http'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createDeadline } from '../../server/http/deadline.ts'
import { type SmallApp, startSmallApp } from './small-app.ts'

let app: SmallApp
/** Lets what is late go on. */
let release: () => void

beforeAll(async () => {
  app = await startSmallApp((_url, log) => [
    createDeadline({ log, milliseconds: () => 50 }),
    async (ctx) => {
      const released = new Promise<void>((resolve) => {
        release = resolve
      })
      if (ctx.path === '/begun') {
        ctx.respond = false
        ctx.res.write('the first half, ')
        setTimeout(() => ctx.res.end('the second'), 200)
        await once(ctx.res, 'finish')
        return
      }
      if (ctx.path === '/library') {
        ctx.respond = false
        await released
        if (!ctx.res.writableEnded) ctx.res.end('by itself')
      }
      if (ctx.path === '/late') await released
      if (ctx.path === '/fails') await released.then(() => Promise.reject(new Error('a late error')))
      if (ctx.path === '/upload') for await (const _piece of ctx.req);
      ctx.cookies.set('visited', 'yes')
      ctx.body = 'done'
    },
  ])
})

afterAll(() => app?.stop())

const get = (path: string, accept = 'text/html') => fetch(`${app.url}${path}`, { headers: { accept } })

test('what is done in time is answered as ever', async () => {
  const answer = await get('/soon')
  expect([answer.status, await answer.text()]).toEqual([200, 'done'])
})

test.each(['/late', '/fails', '/library'])('%s: 503, and when to come again; what comes later is not told', async (path) => {
  const answer = await get(path)
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '2'])
  expect(await answer.text()).toContain('Not available right now')
  release()
  expect((await get('/soon')).status).toBe(200)
  const json = await get(path, 'application/json')
  expect(await json.json()).toMatchObject({ status: 503, title: 'Not available right now' })
  release()
})

test('an answer that has begun is finished', async () => {
  expect(await (await get('/begun')).text()).toBe('the first half, the second')
})

test('whoever sends slowly may take longer', async () => {
  const sent = request(`${app.url}/upload`, { method: 'POST' })
  sent.write('half')
  await new Promise((resolve) => setTimeout(resolve, 200))
  sent.end('and half')
  const [answer] = await once(sent, 'response')
  answer.resume()
  expect(answer.statusCode).toBe(200)
})
