// Where the console's pages lead: nobody is shown a link, or a form, that they may not follow, and no link leads to a page that there is not.
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { ROLES } from '../../config/roles.ts'
import type { ConsoleRoute } from '../../server/admin-console/console.ts'
import { ask, robotToken, startAdminServer } from '../admin-api/api.ts'
import { claimsOf, obtainTokens } from '../support/oauth.ts'
import type { TestServer } from '../support/server.ts'
import { type Tag, tagsOf } from '../views/page-markup.ts'
import { atConsole } from './people.ts'

const TOLD = {
  client_id: 'told',
  client_secret: 'a-secret-of-the-app-that-is-told-0001',
  redirect_uri: 'https://told.example/callback',
  scope: 'openid notes:read',
}

let server: TestServer

beforeAll(async () => {
  const { redirect_uri: uri, ...app } = TOLD
  server = await startAdminServer({
    provision: {
      clients: [
        { ...app, redirect_uris: [uri], skip_consent: true, backchannel_logout_uri: 'https://told.example/backchannel-logout' },
      ],
    },
  })
})

afterAll(() => server?.stop())

test.each(ROLES)(
  '%s is led only where the role may go',
  async (role) => {
    const routes = server.latchkey.administration.consoleRoutes
    // One session that lives, one that is over, and one whose grant is over: of both an app is told.
    const person = server.grace
    const { tokens } = await obtainTokens(server, TOLD, { person })
    const over = await obtainTokens(server, TOLD, { person })
    const { sub, sid } = claimsOf(tokens.body.access_token)
    const { sid: ended, grant_id: grant } = claimsOf(over.tokens.body.access_token)
    await server.latchkey.nouns.sessions.end({ accountId: String(sub), sessionId: String(ended), origin: {} })
    const taken = claimsOf((await obtainTokens(server, TOLD, { person })).tokens.body.access_token).grant_id
    const { body } = await ask(server, await robotToken(server), `DELETE /grants/${taken}`)
    expect(body.logout_notifications).toBe(1)
    const { browser } = await atConsole(server, role)
    const starts = ['', `/accounts/${sub}`, `/sessions/${sid}`, `/sessions/${ended}`, `/grants/${grant}`, '/sessions?state=live']
    const waiting = starts.map((path) => `/admin${path}`)
    const seen = new Set<string>()
    const wrong: unknown[] = []
    for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
      const route = routeOf(routes, path, 'get')
      // Of each page one, but for those that it begins with: what is over has other links than what lives.
      const key = starts.includes(path.replace(/^\/admin/, '')) ? path : (route?.path ?? path)
      if (seen.has(key) || /\/stream\b/.test(path)) continue
      seen.add(key)
      const page = await browser.fetch(`${server.issuer}${path}`)
      if (starts.includes(path.replace(/^\/admin/, '')) && page.status === 403) continue
      if (page.status !== 200) wrong.push({ page: path, status: page.status })
      for (const [to, method] of tagsOf(page.body).flatMap(leadsTo)) {
        const next = routeOf(routes, to, method)
        if (next === undefined) wrong.push({ page: path, to, method, route: 'none' })
        else if (!(next.access.roles as readonly string[]).includes(role)) wrong.push({ page: path, to, method })
        else if (method === 'get') waiting.push(to)
      }
    }
    expect(seen.size).toBeGreaterThan(8)
    expect(wrong).toEqual([])
  },
  60_000,
)

/** The route of an address of the console. */
function routeOf(routes: readonly ConsoleRoute[], address: string, method: string): ConsoleRoute | undefined {
  const below = (address.split(/[?#]/)[0] ?? '').replace(/^\/admin/, '') || '/'
  return routes.find((route) => route.method === method && new RegExp(`^${route.path.replace(/:\w+/g, '[^/]+')}$`).test(below))
}

function leadsTo({ name, attributes }: Tag): (readonly [to: string, method: string])[] {
  const to = attributes.get(name === 'form' ? 'action' : 'href') ?? ''
  if (!['a', 'form'].includes(name) || !/^\/admin(\/|\?|$)/.test(to) || to.startsWith('/admin/api')) return []
  return [[to, name === 'form' ? (attributes.get('method') ?? 'get') : 'get']]
}
